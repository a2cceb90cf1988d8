"""Searches for words in a text.

A query has words and "quoted phrases". A text must contain one of those without a prefix, all that have the prefix `+`,
and none that has the prefix `-` or `!`. ASCII letters match in either case. In a phrase, a backslash escapes a quote or
a backslash; a prefix with a space behind it counts for nothing.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

TERM = re.compile(r'([-!+]?)(?:"((?:\\.|[^"\\])*(?:\\\Z)?)(?:"|\Z)|([^\s"]+))', re.DOTALL)
LONE_PREFIX = re.compile(r"[-!+](?=\s|\Z)")
ESCAPED = re.compile(r'\\(["\\])')
LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


class Terms(NamedTuple):
    """What a query looks for, in lower case."""

    included: tuple[str, ...]
    required: tuple[str, ...]
    excluded: tuple[str, ...]


def parse(query: str) -> Terms:
    found: dict[str, list[str]] = {"": [], "+": [], "-": []}
    at = 0
    while at < len(query):
        lone = LONE_PREFIX.match(query, at)
        term = None if lone else TERM.match(query, at)
        if term is not None:
            prefix, phrase, word = term.groups()
            text = word if phrase is None else ESCAPED.sub(r"\1", phrase)
            if text.strip():
                found["-" if prefix == "!" else prefix].append(text.lower())
        at = term.end() if term is not None else at + 1
    return Terms(tuple(found[""]), tuple(found["+"]), tuple(found["-"]))


def search(query: str) -> Callable[[str], bool]:
    """Whether a text has what a query looks for."""
    included, required, excluded = parse(query)

    def matches(text: str) -> bool:
        # The database of the real server knows the case of ASCII letters only.
        text = text.translate(LOWER)
        return (
            (not included or any(term in text for term in included))
            and all(term in text for term in required)
            and not any(term in text for term in excluded)
        )

    return matches


def split(query: str) -> list[str]:
    """The words and phrases of a query by kind: one of these must occur, none of these, all of these. Together they are
    the query.
    """
    terms = parse(query)
    kinds = (("", terms.included), ("-", terms.excluded), ("+", terms.required))
    return [" ".join(f"{prefix}{quoted(term)}" for term in found) for prefix, found in kinds if found]


def quoted(term: str) -> str:
    escaped = term.replace("\\", r"\\").replace('"', r"\"")
    return f'"{escaped}"'
