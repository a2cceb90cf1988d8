"""The operators of filters: for which rows of an indexed column each holds.

An index answers only for rows whose field is set, as SQL's comparisons do: over a null, nothing but
`is_null_` and `exists_` holds. Of a list field, each element is a key, and an empty list counts as
not set.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pyroaring import BitMap

from understudy.index import Index


@dataclass(frozen=True)
class Operator:
    """`rows` are those of an index for which the operator holds with an operand.

    An operator that `ignores_empty` asks nothing where its operand is an empty list or text.
    """

    rows: Callable[[Index, Any], BitMap]
    ignores_empty: bool = False


def like(pattern: str) -> Callable[[str], bool]:
    """SQL's LIKE around `%pattern%` as SQLite reads it.

    `%` stands for any characters, `_` for any one, neither can be escaped, and ASCII letters match
    in either case. https://www.sqlite.org/lang_expr.html#the_like_glob_regexp_match_and_extract_operators

    What stands between two `%` is looked for from left to right, each piece behind the one before:
    the leftmost find is never worse than a later one, so no text takes more than one pass.
    """
    pieces = [
        re.compile(
            "".join("." if letter == "_" else re.escape(letter) for letter in piece),
            re.IGNORECASE | re.ASCII | re.DOTALL,
        )
        for piece in pattern.split("%")
        if piece
    ]

    def matches(text: str) -> bool:
        start = 0
        for piece in pieces:
            found = piece.search(text, start)
            if found is None:
                return False
            start = found.end()
        return True

    return matches


OPERATORS: Mapping[str, Operator] = {
    "any_": Operator(lambda index, keys: index.any_of(keys)),
    "not_any_": Operator(lambda index, keys: index.filled - index.any_of(keys), ignores_empty=True),
    "all_": Operator(lambda index, keys: BitMap.intersection(*map(index.rows, keys)), ignores_empty=True),
    "like_": Operator(lambda index, pattern: index.where(like(pattern)), ignores_empty=True),
    "eq_": Operator(lambda index, key: index.rows(key)),
    "is_null_": Operator(lambda index, wanted: index.nulls if wanted else index.filled),
    "exists_": Operator(lambda index, wanted: index.filled if wanted else index.nulls),
    "before_": Operator(lambda index, key: index.up_to(key)),
    "after_": Operator(lambda index, key: index.starting_at(key)),
    "le_": Operator(lambda index, key: index.up_to(key)),
    "ge_": Operator(lambda index, key: index.starting_at(key)),
}
