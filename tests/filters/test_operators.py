"""Operators one by one: `like_` against SQLite itself."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests import naive
from understudy.errors import Unprocessable
from understudy.filters.operators import begins, like

LETTERS = "aAbkK%_ \0\n\\.*[ßſ\u212aÄä🚀"


@given(st.text(LETTERS, max_size=8), st.text(LETTERS, max_size=6))
@example("ab", "b%a")
@example("aXb", "a_b")
@example("aab", "a%ab")
@example("\u212a", "k")
@example("xa", "a\0b")
@example("xab", "a\0b")
@example("a", "aa\0")
def test_like_matches_as_in_sqlite(text: str, pattern: str) -> None:
    assert like(pattern)(text) == naive.like(text, f"%{pattern}%")
    assert begins([pattern])(text) == naive.like(text, f"{pattern}%")


@pytest.mark.parametrize("pattern", ["%a" * 5000, "a%" * 5000, "_%" * 5000, "%" * 40_000])
def test_like_takes_linear_time(pattern: str) -> None:
    """Patterns on which a backtracking search would not end."""
    assert like(pattern)("a" * 4999 + "b") == (pattern == "%" * 40_000 or "_" in pattern)


@pytest.mark.parametrize(("letter", "most"), [("a", 49_998), ("%", 49_998), ("\u00e9", 24_999), ("\U0001f680", 12_499)])
def test_longest_pattern(letter: str, most: int) -> None:
    """SQLite takes 50,000 bytes, of which two are the `%` at either end; a real server fails beyond that."""
    assert not like(letter * most)("b") or letter == "%"
    with pytest.raises(Unprocessable, match="longer than the limit of 49998 bytes"):
        like(letter * (most + 1))
