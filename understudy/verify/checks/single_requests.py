"""Each operator and each sort in one request, which a server must answer as Understudy does with the same rows.

A slow server answers only some thousands of requests in the time of a run, so that these come first.
"""

from collections.abc import Iterable
from functools import partial

from understudy.verify import rules
from understudy.verify.checks import same_rows
from understudy.verify.checks.listings import sort_of, words
from understudy.verify.checks.single_criteria import few
from understudy.verify.expectations.mirror import Mirror
from understudy.verify.filtered_rows.selected_ids import Filters
from understudy.verify.filtered_rows.table_under_test import TableUnderTest
from understudy.verify.requests.endpoints import LIMIT
from understudy.verify.requests.field_operators import FieldOperator
from understudy.verify.requests.operands import first_operands

SORTED = 50  # rows of a sort that are compared


def check_operators(subject: TableUnderTest, mirror: Mirror, field_operators: Iterable[FieldOperator]) -> None:
    """Ask for each operator alone, with the operands that show most faults."""
    for each in field_operators:
        for operand in first_operands(each, few(subject, each)):
            hold(subject, mirror, each.subject, each.filters(operand))


def check_sorts(subject: TableUnderTest, mirror: Mirror) -> None:
    """Ask for the first rows of each sort."""
    for word in words(subject.selection):
        name, _ = sort_of(subject.selection)
        hold(subject, mirror, word, {name: word, LIMIT: SORTED})


def hold(subject: TableUnderTest, mirror: Mirror, about: str, filters: Filters) -> None:
    context, lists = subject.selected.context, subject.selection.lists
    request = lists.request(subject.selected.scoped(filters))
    differs = partial(same_rows.differs, context, mirror, lists, request)
    context.results.hold(rules.SAME_ROWS, lists.label, about, differs)
