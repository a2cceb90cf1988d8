"""Filters on the value of a field, before and after a change of it, since a server may cache what they select."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from understudy.sampling.answers import rows_of, same
from understudy.verify import rules
from understudy.verify.checks.checked_row import CheckedRow, by_key, keys_of
from understudy.verify.checks.checked_row_changes import changes, check_change
from understudy.verify.filtered_rows.expected_rows import merged
from understudy.verify.requests.endpoint_map import Lookup, Selection
from understudy.verify.requests.field_operators import FieldOperator, field_operators_of

OPERANDS: Mapping[str, Callable[[Any], Any]] = {
    "any_": lambda value: value if isinstance(value, list) else [value],
    "eq_": lambda value: value,
    "all_": lambda value: value,
}
"""The operand for which an operator selects the rows with a value, or with values of a list."""


def check_selected(checked: CheckedRow) -> None:
    """Filters on each field select the row by its present value only, before and after a change of the field."""
    selection = checked.endpoint_map.selections.get(checked.table)
    if selection is None or "id" not in keys_of(selection, checked.row):
        return
    for updates in checked.patches:
        for name, change in first_changes(checked, updates):
            operators = operators_on(selection, name)
            values = [each for each in (checked.row.get(name), change[name]) if each not in (None, [])]
            if operators:
                check_values(checked, selection, operators, values)
                check_change(checked, updates, name, change)
                check_values(checked, selection, operators, values)


def first_changes(checked: CheckedRow, updates: Lookup) -> Iterator[tuple[str, dict[str, Any]]]:
    """The first change of each field."""
    found: dict[str, dict[str, Any]] = {}
    for name, change in changes(checked, updates):
        found.setdefault(name, change)
    yield from ((name, change) for name, change in found.items() if name)


def operators_on(selection: Selection, name: str) -> list[FieldOperator]:
    """The operators of the own filter that select rows by the value of a field alone."""
    return [
        each
        for each in field_operators_of(selection)
        if each.filter == selection.own and each.fields == (name,) and each.operator in OPERANDS and not each.is_ignored
    ]


def check_values(checked: CheckedRow, selection: Selection, operators: list[FieldOperator], values: list[Any]) -> None:
    """Check that lists, pages and counts have the row if a filter is on its present value, and not for another one.

    The filter on its id, which all requests have, selects no other rows.
    """
    for each in operators:
        for value in values:
            filters = merged(by_key(selection, "id", checked.row), each.filters(OPERANDS[each.operator](value)))
            expected = int(meets(checked.row.get(each.fields[0]), each.operator, value))
            for endpoint in selection.all:
                request = endpoint.request(filters)
                found = checked.context.success(endpoint, request)
                number = found if isinstance(found, int) else len(rows_of(found) or ())
                broken = None if number == expected else checked.failed(request, f"{expected}", f"{number}")
                checked.record(rules.FOUND, endpoint, each.subject, broken)


def meets(present: Any, operator: str, value: Any) -> bool:
    """Whether a field with a present value meets an operator for another one."""
    if not isinstance(value, list):
        return same(present, value)
    found = set(value).intersection(present or ())
    return found == set(value) if operator == "all_" else bool(found)
