"""Searches for words in a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.filters.text_search import Terms, parse, search, split


@pytest.mark.parametrize(
    ("query", "terms"),
    [
        ("Error timeout", Terms(("error", "timeout"), (), ())),
        ("+now -debug !trace", Terms((), ("now",), ("debug", "trace"))),
        ('"two words" +"must be" -"not this"', Terms(("two words",), ("must be",), ("not this",))),
        ("- error", Terms(("error",), (), ())),
        ("a-b --c", Terms(("a-b",), (), ("-c",))),
        ('a"b c"d', Terms(("a", "b c", "d"), (), ())),
        (r'"say \"hi\" \\ \n', Terms((r'say "hi" \ \n',), (), ())),
        ('"" " " + -', Terms((), (), ())),
    ],
)
def test_terms_of_a_query(query: str, terms: Terms) -> None:
    assert parse(query) == terms


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("disk network", True),
        ("+disk +network", False),
        ("DISK", True),
        ("full -disk", False),
        ('"disk is"', True),
        ('"is disk"', False),
        ("ÜBER", False),  # lower case in the query, and unchanged in the text
        ("über", False),
        ("100%", True),
        ("1_0", False),
        ("", True),
    ],
)
def test_matching_texts(query: str, found: bool) -> None:
    assert search(query)("The disk is 100% full: ÜBER") is found


@given(st.text('ab -+!"\\\t', max_size=14), st.text('ab -+!"\\', max_size=10))
def test_parts_of_a_query_are_equivalent_to_the_query(query: str, text: str) -> None:
    assert all(search(part)(text) for part in split(query)) is search(query)(text)
