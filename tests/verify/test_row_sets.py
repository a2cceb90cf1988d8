"""Sets of rows as terms of bodies: the sets, and the requests that they need."""

import pytest

from understudy.verify.filtered_rows.row_sets import NO_ROWS, RowSet, rows, union
from understudy.verify.filtered_rows.selected_ids import Filters, Ids

A, B, C = ({"pets": {"name": name}} for name in "abc")
ANSWERS = {"a": frozenset("123"), "b": frozenset("234"), "c": frozenset("45")}


def ask(filters: Filters) -> Ids:
    return ANSWERS[filters["pets"]["name"]]


CASES = {
    "rows": (rows(A), "123", (A,)),
    "no rows": (NO_ROWS, "", ()),
    "or": (rows(A) | rows(B), "1234", (A, B)),
    "and": (rows(A) & rows(B), "23", (A, B)),
    "but": (rows(B) - rows(A), "4", (B, A)),
    "and not the other way round": (rows(A) - rows(B), "1", (A, B)),
    "a union": (union([rows(A), rows(B), rows(C)]), "12345", (A, B, C)),
    "a union of nothing": (union([]), "", ()),
    "terms in terms": ((rows(A) | rows(C)) - (rows(B) & rows(C)), "1235", (A, C, B, C)),
}


@pytest.mark.parametrize("name", CASES)
def test_term_is_a_set_of_rows_with_its_requests(name: str) -> None:
    term, ids, sources = CASES[name]
    assert isinstance(term, RowSet)
    assert (term.ids(ask), term.sources) == (frozenset(ids), sources)
