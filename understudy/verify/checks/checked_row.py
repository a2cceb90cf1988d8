"""A row under test: the requests that were sent for it, and its current state."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from understudy.contract.contract import Place
from understudy.reports.verdict import Rule
from understudy.sampling.answers import rows_of, same
from understudy.sampling.random_requests import Request
from understudy.verify import rules
from understudy.verify.check_context import CheckContext
from understudy.verify.check_results import Broken, unlike
from understudy.verify.checks.referring_rows import NotCreated, created
from understudy.verify.expectations.model import Row
from understudy.verify.filtered_rows.selected_ids import Filters
from understudy.verify.requests.endpoint import Endpoint, schema_of, success_of
from understudy.verify.requests.endpoint_map import EndpointMap, Lookup, Selection
from understudy.verify.requests.field_operators import field_operators_of
from understudy.verify.requests.plain_values import edge_values, name_for, plain_fields, plain_value

NOT_FOUND = 404


@dataclass
class CheckedRow:
    """A row, the requests that were sent for it, and the body that created it.

    Args:
        endpoint_map: the operations on the row; if it belongs to another row, those below that row.
        before: the requests that created that other row.
    """

    context: CheckContext
    table: str
    endpoint_map: EndpointMap
    before: tuple[Request, ...] = ()
    body: dict[str, Any] = field(default_factory=dict)
    row: Row = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    @property
    def creates(self) -> Endpoint:
        return self.endpoint_map.creates[self.table]

    @property
    def patches(self) -> list[Lookup]:
        """The operations that change fields of the row."""
        return self._changes("PATCH")

    @property
    def puts(self) -> list[Lookup]:
        """The operations that replace all fields of the row."""
        return self._changes("PUT")

    @property
    def deletes(self) -> list[Lookup]:
        """The operations that delete the row."""
        return self._changes("DELETE")

    def _changes(self, method: str) -> list[Lookup]:
        return [
            each
            for each in self.endpoint_map.changes
            if each.table == self.table and each.endpoint.method == method and self.row.get(each.field) is not None
        ]

    @property
    def reads(self) -> list[Lookup]:
        """The operations that return the row."""
        by_id = (each for each in self.context.endpoint_map.reads if each.field == "id")
        others = () if self.endpoint_map is self.context.endpoint_map else by_id
        return [
            each
            for each in (*self.endpoint_map.reads, *others)
            if each.table == self.table
            and each.field in success_of(each.endpoint)["properties"].value
            and self.row.get(each.field) is not None
        ]

    @property
    def fields(self) -> dict[str, Place]:
        """The fields that clients write and read as plain values."""
        written = [self.creates, *(each.endpoint for each in (*self.patches, *self.puts))]
        shown = success_of(self.creates)["properties"].value
        return {
            name: part
            for endpoint in written
            for name, part in plain_fields(endpoint).items()
            if name in shown and name not in self.context.model.moving(self.table)
        }

    @property
    def keys(self) -> set[str]:
        """The fields that identify the row: those in its paths, and unique ones."""
        unique = {name for names in self.context.model.unique(self.table) for name in names}
        lookups = (*self.endpoint_map.reads, *self.endpoint_map.changes)
        return unique | {each.field for each in lookups if each.table == self.table}

    def is_name(self, field_name: str) -> bool:
        """Whether a field identifies the row, or another one, such as `work_queue_name`."""
        return field_name.endswith("name") or field_name in self.keys

    def edge_values(self, name: str, part: Place) -> tuple[Any, ...]:
        """The values of a field that servers often take for no value, or cut; none of a name."""
        return () if self.is_name(name) else edge_values(part)

    def new_value(self, name: str, part: Place) -> Any:
        """A new value for a field, other than the present one."""
        mark = self.context.own.mark()
        is_text = part.value.get("type") == "string" and "enum" not in part.value
        return name_for(part, mark) if is_text and self.is_name(name) else plain_value(part, mark, self.row.get(name))

    def identifies(self, lookup: Lookup) -> bool:
        """Whether no other row can have the value by which an operation finds the row."""
        given = schema_of(self.creates).value.get("properties", {}).keys()
        sets = [set(names) for names in self.context.model.unique(self.table) if lookup.field in names]
        return not sets or any(names & given <= {lookup.field} for names in sets)

    def record(self, rule: Rule, endpoint: Endpoint, subject: str, broken: Broken | None) -> None:
        self.context.results.record(rule, endpoint.label, subject, broken)

    def failed(self, request: Request, expected: str, found: str) -> Broken:
        return Broken((*self.requests, request), expected, found)


def filters_of(checked: CheckedRow, selection: Selection, row: Row) -> list[Filters]:
    """Filters that only one row meets, by its id, or by its name if that is marked.

    In a table without filters, a row is found in the whole list.
    """
    if not selection.own:
        return [{}]
    keys = [key for key in keys_of(selection, row) if key == "id" or checked.context.own.prefix in row[key]]
    return [by_key(selection, key, row) for key in keys]


def listed(checked: CheckedRow, row: Row) -> Iterator[tuple[Endpoint, Request, Row | None]]:
    """The operations that list a row or return it in a page, the request, and the row in its response.

    A row without an id is any row with its name.
    """
    selection = checked.endpoint_map.selections.get(checked.table)
    if selection is None:
        return
    for filters in filters_of(checked, selection, row):
        for endpoint in filter(None, (selection.lists, selection.pages)):
            request = endpoint.request(filters)
            rows = rows_of(checked.context.success(endpoint, request)) or []
            yield endpoint, request, next((each for each in rows if is_same_row(each, row)), None)


def is_same_row(shown: Row, row: Row) -> bool:
    """Whether a row in a list is another one, which is known by its id, or only by its name."""
    key = "id" if "id" in row else "name"
    return bool(shown.get(key) == row[key])


def keys_of(selection: Selection, row: Row) -> list[str]:
    """The fields by each of which a filter selects a row; none if a default of the filter may hide the row."""
    if not selection.own or "x-default" in selection.filters[selection.own].value:
        return []
    operators = field_operators_of(selection)
    keys = [each.names for each in operators if each.filter == selection.own and each.operator == "any_"]
    return [name for name in ("id", "name") if (selection.own, name, "any_") in keys and row.get(name)]


def by_key(selection: Selection, key: str, *rows: Row) -> Filters:
    """Filters that only rows with this key meet."""
    return {selection.own: {key: {"any_": [row[key] for row in rows]}}}


def read_of(checked: CheckedRow) -> tuple[Endpoint, Request]:
    """The operation that returns the row, and the request."""
    if not checked.row:
        raise NotCreated
    lookup = checked.reads[0]
    return lookup.endpoint, lookup.request(str(checked.row[lookup.field]))


def sibling(checked: CheckedRow, given: dict[str, Any]) -> CheckedRow:
    """Another row of the table.

    Raises:
        Refused: it cannot be read.
    """
    other = CheckedRow(
        checked.context, checked.table, checked.endpoint_map, tuple(checked.requests), requests=list(checked.requests)
    )
    created(checked.context, checked.table, given, other.requests, checked.creates)
    other.body, other.row = dict(other.requests[-1].body), checked.context.answer_to(other.requests[-1]).body
    return other


def check_lookups(checked: CheckedRow, lookups: Iterable[Lookup]) -> None:
    """Check that operations that return the row return the values that were read last."""
    for lookup in lookups:
        request = lookup.request(str(checked.row[lookup.field]))
        answer = checked.context.ask(lookup.endpoint, request)
        names = success_of(lookup.endpoint)["properties"].value.keys() & checked.fields.keys()
        expected = {name: checked.row.get(name) for name in sorted(names)}
        shown = {name: answer.body.get(name) for name in expected} if isinstance(answer.body, dict) else answer.body
        is_row = answer.is_success and same(shown, expected)
        broken = None if is_row else unlike((*checked.requests, request), expected, shown)
        checked.record(rules.LOOKUP, lookup.endpoint, lookup.field, broken)


def check_former_names(checked: CheckedRow, before: Row) -> None:
    """Check that operations do not return the row by values that it had before a change."""
    for lookup in filter(checked.identifies, checked.reads):
        value = before.get(lookup.field)
        if value is not None and value != checked.row[lookup.field]:
            check_not_found(checked, rules.LOOKUP, lookup.field, lookup, value)
    if before.get("name") != checked.row.get("name"):
        check_absent(checked, rules.FOUND, {"name": before.get("name")})


def check_not_found(checked: CheckedRow, rule: Rule, subject: str, lookup: Lookup, value: Any) -> None:
    """Check that an operation finds no row by a value."""
    request = lookup.request(str(value))
    status = checked.context.ask(lookup.endpoint, request).status
    broken = None if status == NOT_FOUND else checked.failed(request, f"{NOT_FOUND}", f"{status}")
    checked.record(rule, lookup.endpoint, subject, broken)


def check_listed(checked: CheckedRow) -> None:
    """Check that lists and pages have the row with the values that were read last, and that it is counted."""
    for endpoint, request, row in listed(checked, checked.row):
        names = row_of(success_of(endpoint))["properties"].value.keys() & checked.fields.keys()
        expected = {name: checked.row.get(name) for name in sorted(names)}
        shown = None if row is None else {name: row.get(name) for name in expected}
        broken = None if same(shown, expected) else unlike((*checked.requests, request), expected, shown)
        checked.record(rules.FOUND, endpoint, "", broken)
    check_counted(checked, rules.FOUND, checked.row, 1)


def row_of(schema: Place) -> Place:
    """The schema of a row in a list or a page."""
    rows = schema if "items" in schema.value else schema["properties"]["results"]
    return rows["items"]


def check_counted(checked: CheckedRow, rule: Rule, row: Row, expected: int) -> None:
    """Check the number of rows that filters on a row count."""
    selection = checked.endpoint_map.selections.get(checked.table)
    if selection is None or selection.counts is None or not selection.own:
        return
    for filters in filters_of(checked, selection, row):
        request = selection.counts.request(filters)
        number = checked.context.success(selection.counts, request)
        broken = None if number == expected else checked.failed(request, f"{expected}", f"{number}")
        checked.record(rule, selection.counts, "", broken)


def check_absent(checked: CheckedRow, rule: Rule, row: Row) -> None:
    """Check that no list, page or count has a row, or any row with a name if the row has no id."""
    for endpoint, request, found in listed(checked, row):
        broken = None if found is None else checked.failed(request, "a list without the row", "the row")
        checked.record(rule, endpoint, "", broken)
    check_counted(checked, rule, row, 0)


def remove(checked: CheckedRow, deletes: Lookup) -> None:
    """Delete the row, and check that no operation finds it. They find it just before, as a server may cache that."""
    check_listed(checked)
    check_lookups(checked, checked.reads)
    request = deletes.request(str(checked.row[deletes.field]))
    checked.context.success(deletes.endpoint, request)
    checked.requests.append(request)
    for lookup in (*filter(checked.identifies, checked.reads), *checked.deletes):
        check_not_found(checked, rules.DELETE, "", lookup, checked.row[lookup.field])
    check_absent(checked, rules.DELETE, checked.row)
