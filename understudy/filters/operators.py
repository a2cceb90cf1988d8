"""The operators of filters, on an indexed column.

An index only returns rows whose field is set, as SQL's comparisons do: for null, only `is_null_` and `exists_` can
hold. Each element of a list field is a key, and an empty list counts as not set.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pyroaring import BitMap

from understudy.errors import Unprocessable
from understudy.filters.text_search import search, split
from understudy.tables.index import Index

LONGEST_PATTERN = 49_998  # bytes; with a % on either side, as SQLite's SQLITE_MAX_LIKE_PATTERN_LENGTH has it
UNDERSCORES = re.compile("_+")
FLAGS = re.IGNORECASE | re.ASCII | re.DOTALL


@dataclass(frozen=True)
class Operator:
    """`rows` returns the rows of an index for which the operator holds with an operand.

    An operator that `ignores_empty` has no effect if its operand is an empty list or text: every row meets it. One that
    `omits_empty` is then left out, which differs where criteria are combined by `or_`. `split` makes the operands of
    several criteria out of one.
    """

    rows: Callable[[Index, Any], BitMap]
    ignores_empty: bool = False
    omits_empty: bool = False
    split: Callable[[Any], list[Any]] = lambda operand: [operand]


def like(pattern: str) -> Callable[[str], bool]:
    """SQL's LIKE with `%pattern%`."""
    return matcher(f"%{checked(pattern)}%")


def begins(patterns: Iterable[str]) -> Callable[[str], bool]:
    """SQL's LIKE with `pattern%`, for any of some patterns."""
    tests = [matcher(f"{checked(pattern)}%") for pattern in patterns]
    return lambda text: any(matches(text) for matches in tests)


def checked(pattern: str) -> str:
    """Returns a pattern.

    Raises:
        Unprocessable: it is longer than SQLite accepts; the real server fails on it.
    """
    if len(pattern.encode()) > LONGEST_PATTERN:
        raise Unprocessable(f"The pattern is longer than the limit of {LONGEST_PATTERN} bytes.")
    return pattern


def matcher(pattern: str) -> Callable[[str], bool]:
    """SQL's LIKE, as in SQLite.

    `%` matches any characters, `_` any one; neither can be escaped, and ASCII letters match in either case. Texts and
    patterns end at the first NUL.
    https://www.sqlite.org/lang_expr.html#the_like_glob_regexp_match_and_extract_operators

    The pieces between `%` are searched from left to right, each after the one before. The leftmost match is never worse
    than a later one, so each text takes one pass.
    """
    first, *others = until_nul(pattern).split("%")
    beginning, pieces = compiled(first), [compiled(piece) for piece in others[:-1] if piece]
    length = len(others[-1]) if others else 0
    end = compiled(others[-1]) if length else None

    def matches(text: str) -> bool:
        text = until_nul(text)
        found = beginning.match(text)
        if found is None or not others:
            return found is not None and found.end() == len(text)
        start = found.end()
        for piece in pieces:
            found = piece.search(text, start)
            if found is None:
                return False
            start = found.end()
        return end is None or (len(text) - length >= start and end.match(text, len(text) - length) is not None)

    return matches


def compiled(piece: str) -> re.Pattern[str]:
    return re.compile(UNDERSCORES.sub(any_of, re.escape(piece)), FLAGS)


def until_nul(text: str) -> str:
    return text.partition("\0")[0] if "\0" in text else text


def any_of(underscores: re.Match[str]) -> str:
    """A pattern for so many characters, with a count, which is matched in one step."""
    return "." if len(underscores[0]) == 1 else f".{{{len(underscores[0])}}}"


OPERATORS: Mapping[str, Operator] = {
    "any_": Operator(lambda index, keys: index.any_of(keys)),
    "not_any_": Operator(lambda index, keys: index.filled - index.any_of(keys), ignores_empty=True),
    "all_": Operator(lambda index, keys: BitMap.intersection(*map(index.rows, keys)), ignores_empty=True),
    "like_": Operator(lambda index, pattern: index.where(like(pattern)), ignores_empty=True),
    "startswith_": Operator(lambda index, starts: index.where(begins(starts)), omits_empty=True),
    "search_": Operator(lambda index, query: index.where(search(query)), split=split),
    "eq_": Operator(lambda index, key: index.rows(key)),
    "is_null_": Operator(lambda index, wanted: index.nulls if wanted else index.filled),
    "exists_": Operator(lambda index, wanted: index.filled if wanted else index.nulls),
    "before_": Operator(lambda index, key: index.up_to(key)),
    "after_": Operator(lambda index, key: index.starting_at(key)),
    "le_": Operator(lambda index, key: index.up_to(key)),
    "ge_": Operator(lambda index, key: index.starting_at(key)),
}
