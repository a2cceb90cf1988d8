"""Rows of one table: created, found, changed and deleted."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from understudy.reports.verdict import Rule
from understudy.sampling.answers import Answer, named, same, shortened
from understudy.sampling.random_requests import Request
from understudy.values import moment, now
from understudy.verify import rules
from understudy.verify.check_context import CheckContext
from understudy.verify.check_results import Broken, answered, unlike
from understudy.verify.checks import latest_rows, lookups
from understudy.verify.checks.metamorphic import MetamorphicRelations
from understudy.verify.expectations.model import Row
from understudy.verify.filtered_rows.expected_rows import merged
from understudy.verify.filtered_rows.table_under_test import TableUnderTest
from understudy.verify.requests.endpoint import LIMIT, Endpoint, success_of
from understudy.verify.requests.endpoint_map import Lookup
from understudy.verify.requests.field_operators import FieldOperator

STAMPED = ("id", "created", "updated")  # fields of a new row that the server sets itself
CREATED, NOT_FOUND = 201, 404
SKEW = timedelta(hours=1)  # the maximum difference between the clocks of server and client
PAUSE = 0.01  # seconds to wait before a change, so that it has a later time

Rows = dict[str, Row]


class RowLifecycle:
    """Rows of one table, created, changed and deleted. After each step, all rows are compared with those expected."""

    def __init__(self, context: CheckContext, subject: TableUnderTest) -> None:
        self.context = context
        self.subject = subject
        self.own = context.own
        self.table = subject.selection.table
        self.creates = context.endpoint_map.creates[self.table]
        self.updates = context.endpoint_map.updates.get(self.table)
        self.deletes = context.endpoint_map.deletes[self.table]
        self._derived = context.model.derived_from(self.table)
        self._referring = context.model.referring_to(self.table)

    @property
    def names(self) -> list[str]:
        return self.context.names(self.creates)

    @property
    def is_unique(self) -> bool:
        """Whether at most one row of each name can exist (`x-unique`)."""
        parts = success_of(self.creates)["properties"]
        return any(parts[name].value.get("x-unique") for name in self.names)

    # -------------------------------------------------------------------- rows

    def row(self, row_id: str) -> Row:
        return self.context.model.known[self.table][row_id]

    def rows(self) -> Rows:
        """All known rows of the table; of a table too large to know, the rows of the run."""
        known = self.context.model.known[self.table]
        if self.table in self.context.model.partial:
            return {row_id: known[row_id] for row_id in self.own.made[self.table] if row_id in known}
        return dict(known)

    def look_again(self, *, is_deleted: bool = True) -> Rows:
        """The rows as the server shows them now.

        Args:
            is_deleted: whether a row may have been deleted, together with rows that refer to it.
        """
        if self.table not in self.context.model.partial:
            tables = self._derived | self._referring if is_deleted else self._derived
            self.context.learn(tables - self.context.model.partial)
            return self.rows()
        selection, made = self.subject.selection, self.own.made[self.table]
        by_ids = self.subject.field_operators[selection.own, "id", "any_"].filters(made)
        shown = self.context.shown(selection.lists, by_ids)
        self.context.take(selection, made, shown)
        return self.rows()

    def check_remaining(self, rule: Rule, endpoint: Endpoint, request: Request, expected: Rows) -> None:
        """Check that exactly the expected rows exist after a request."""
        self.compare_remaining(rule, endpoint, request, expected, self.look_again(is_deleted=rule is rules.DELETE))

    def compare_remaining(self, rule: Rule, endpoint: Endpoint, request: Request, expected: Rows, now: Rows) -> None:
        """Check that exactly the expected rows exist after a request, with the rows that are there now."""
        lists = self.subject.selection.lists.request({})
        self.record(rule, endpoint, "rows", difference_of_rows((request, lists), expected, now))
        self.check_count(rule, request, len(expected))
        for selection in self.context.endpoint_map.selections.values():
            latest_rows.check(self.context, selection)

    def check_count(self, rule: Rule, request: Request, length: int) -> None:
        """Check that the count of all rows is as expected after a request."""
        counts = self.subject.selection.counts
        if counts is None or self.table in self.context.model.partial:
            return
        count = self.context.success(counts, counts.request({}))
        broken = None if count == length else Broken((request, counts.request({})), f"{length}", f"{count}")
        self.record(rule, counts, "", broken)

    def record(self, rule: Rule, endpoint: Endpoint, about: str, broken: Broken | None) -> None:
        self.context.results.record(rule, endpoint.label, about, broken)

    # ------------------------------------------------------------------ create

    def create(self, body: Mapping[str, Any], *, by_filters: bool = True) -> str | None:
        """Create a row that does not exist. Returns its id; None if the server did something else.

        Args:
            body: the body of the request.
            by_filters: whether each filter must find the row, too.
        """
        before, row = self.rows(), self.check_create(body)
        now = {**before, **({str(row["id"]): row} if row else {})}
        self.check_remaining(rules.CREATE, self.creates, self.creates.request(body), now)
        if row is None:
            return None
        self.check_found(str(row["id"]), by_filters=by_filters)
        return str(row["id"])

    def create_all(self, bodies: Iterable[Mapping[str, Any]]) -> list[str]:
        """Create rows that do not exist one after the other, and check once what exists then. Returns their ids."""
        now, requests = self.rows(), [self.creates.request(body) for body in bodies]
        rows = [row for request in requests if (row := self.check_create(request.body)) is not None]
        now |= {str(row["id"]): row for row in rows}
        for request in requests[-1:]:
            self.check_remaining(rules.CREATE, self.creates, request, now)
        ids = [str(row["id"]) for row in rows]
        for row_id in ids:
            self.check_found(row_id, by_filters=True)
        return ids

    def check_create(self, body: Mapping[str, Any]) -> Row | None:
        """Create a row, and check the response. Returns the expected row; None if the server did something else."""
        request = self.creates.request(body)
        broken, row = self.miscreated(request, self.context.ask(self.creates, request), body)
        self.record(rules.CREATE, self.creates, "", broken)
        return row

    def miscreated(self, request: Request, answer: Answer, body: Mapping[str, Any]) -> tuple[Broken | None, Row | None]:
        """What is wrong with the response to a create, and the expected row."""
        if answer.status != CREATED or not isinstance(answer.body, dict):
            return answered((request,), f"{CREATED} with the new row", answer), None
        stamps = {name: answer.body.get(name) for name in STAMPED if name in answer.body}
        sent = self.context.interpreter.body(self.creates, body)
        row = self.context.model.written(self.table, {**sent, **stamps})
        if abs(now() - moment(str(stamps["created"]))) > SKEW:
            return Broken((request,), "`created` is the time", f"{stamps['created']}"), row
        if same(answer.body, row):
            return None, row
        return unlike((request,), row, answer.body), row

    def find(self, body: Mapping[str, Any], row_id: str) -> None:
        """Create a row whose unique field is taken: the existing row is returned, unchanged."""
        before, request = self.rows(), self.creates.request(body)
        answer = self.context.ask(self.creates, request)
        right = answer.is_success and answer.status != CREATED and same(answer.body, before.get(row_id))
        expected = f"a success but no {CREATED}, with {shortened(before.get(row_id))}"
        broken = None if right else answered((request,), expected, answer)
        self.record(rules.UNIQUE, self.creates, "", broken)
        self.check_remaining(rules.UNIQUE, self.creates, request, before)

    # ------------------------------------------------------------------ update

    def update(self, updates: Lookup, row_id: str, body: Mapping[str, Any], *, by_filters: bool = True) -> None:
        """Change a row, and check that only this and the time of the change differ."""
        endpoint, before, request = updates.endpoint, self.rows(), updates.request(row_id, body)
        time.sleep(PAUSE)
        self.context.success(endpoint, request)
        now = self.look_again(is_deleted=False)
        if row_id not in now or row_id not in before:
            self.record(rules.UPDATE, endpoint, "", Broken((request,), "the row still exists", "it does not"))
            return
        stamp = {"updated": now[row_id].get("updated")}
        sent = self.context.interpreter.body(endpoint, body)
        row = self.context.model.written(self.table, {**before[row_id], **sent, **stamp})
        later = moment(str(stamp["updated"])) > moment(str(before[row_id]["updated"]))
        broken = None if later else Broken((request,), "`updated` is a later time", f"{stamp['updated']}")
        self.record(rules.UPDATE, endpoint, "updated", broken)
        self.compare_remaining(rules.UPDATE, endpoint, request, {**before, row_id: row}, now)
        self.check_found(row_id, by_filters=by_filters)

    # ------------------------------------------------------------------ delete

    def delete(self, row_id: str, look: Callable[[], object] = bool, *, by_filters: bool = True) -> None:
        """Delete a row. `look` is called before the next request that may change rows."""
        before, request = self.rows(), self.deletes.request(row_id)
        self.context.success(self.deletes.endpoint, request)
        row = before.pop(row_id, {})
        self.check_remaining(rules.DELETE, self.deletes.endpoint, request, before)
        look()
        self.check_deleted(row_id, row, by_filters=by_filters)

    def delete_all(self, row_ids: Sequence[str]) -> None:
        """Delete rows one after the other, and check the remaining rows once at the end."""
        before = self.rows()
        for row_id in row_ids:
            self.context.success(self.deletes.endpoint, self.deletes.request(row_id))
        rest = {row_id: row for row_id, row in before.items() if row_id not in row_ids}
        for row_id in row_ids[-1:]:
            self.check_remaining(rules.DELETE, self.deletes.endpoint, self.deletes.request(row_id), rest)
            self.check_deleted(row_id, before.get(row_id, {}))

    def check_deleted(self, row_id: str, row: Row, *, by_filters: bool = True) -> None:
        """Check that no operation finds a deleted row."""
        self.check_not_found(row_id, self.lookups("id"))
        if by_filters:
            self.is_found_by_filters(rules.DELETE, row)
        self.are_derived_seen(row)
        taken = [each.get(name) for each in self.rows().values() for name in self.names]
        for lookup in self.context.endpoint_map.reads:
            value = row.get(lookup.field)
            if lookup.table == self.table and lookup.field != "id" and value is not None and value not in taken:
                check = partial(lookups.is_not_found, self.context, lookup, str(value))
                self.context.results.hold(rules.DELETE, lookup.endpoint.label, lookup.field, check)
        # Last, since a server may take any change, even of a row that is not there, for a reason to look again.
        self.check_not_found(row_id, [self.deletes, *([self.updates] if self.updates else [])])

    def check_not_found(self, row_id: str, ways: Sequence[Lookup]) -> None:
        """Check that operations respond that no row with an id exists."""
        for way in ways:
            request = way.request(row_id, None if way.endpoint.body is None else {})
            answer = self.context.ask(way.endpoint, request)
            broken = None if answer.status == NOT_FOUND else Broken((request,), f"{NOT_FOUND}", f"{answer.status}")
            self.record(rules.DELETE, way.endpoint, "", broken)

    def remove_all(self, removes: Endpoint, bodies: Sequence[Mapping[str, Any]]) -> None:
        """Create rows and delete them by their names: first one of them, then the others."""
        ids = [row_id for body in bodies if (row_id := self.create(body)) is not None]
        for name in self.names:
            for limit in (1, None):
                self.remove(removes, {name: [body[name] for body in bodies]}, limit, ids)

    def remove(self, removes: Endpoint, names: Mapping[str, list[str]], limit: int | None, ids: Sequence[str]) -> None:
        """Delete at most a number of the rows with some names."""
        before = self.rows()
        wanted = {self.subject.selection.own: {name: {"any_": values} for name, values in names.items()}}
        request = removes.request({**wanted, LIMIT: limit})
        deleted = ids_in(self.context.success(removes, request))
        there = [row_id for row_id in ids if row_id in before]
        most = min(limit or len(there), len(there))
        right = set(deleted) <= set(there) and len(deleted) == most
        broken = None if right else Broken((request,), f"{most} of {named(there)}", named(deleted))
        self.record(rules.DELETE, removes, "", broken)
        self.check_remaining(
            rules.DELETE, removes, request, {key: row for key, row in before.items() if key not in deleted}
        )
        for row_id in filter(there.__contains__, deleted):
            self.check_deleted(row_id, before[row_id])

    # -------------------------------------------------------------------- seen

    def check_found(self, row_id: str, *, by_filters: bool) -> None:
        """Check that every operation finds a row, and rows derived from it."""
        row = self.context.model.known[self.table].get(row_id, {})
        for lookup in self.context.endpoint_map.reads:
            if lookup.table == self.table:
                check = partial(lookups.is_found, self.context, lookup, row_id)
                self.context.results.hold(rules.LOOKUP, lookup.endpoint.label, "", check)
        if by_filters:
            self.is_found_by_filters(rules.FOUND, row)
        self.are_derived_seen(row)

    def is_found_by_filters(self, rule: Rule, row: Row) -> None:
        """Check every filter on the rows themselves, with the values of a row."""
        expected_rows, own = self.subject.expected_rows, self.subject.selection.own
        scope = self.subject.id_operator(own)
        for field_operator in self.subject.field_operators.values():
            values = values_of(row, field_operator.fields)
            if (
                field_operator.filter != own
                or not values
                or not expected_rows.is_known(field_operator.filters(None))
                or scope is None
            ):
                continue
            relations = MetamorphicRelations(self.subject.selected, field_operator.subject)
            for operand in plain(field_operator, values):
                among = merged(field_operator.filters(operand), scope.filters(self.own.made[self.table]))
                relations.within(rule, among, partial(expected_rows.bounds, among))

    def are_derived_seen(self, row: Row) -> None:
        """Check that rows derived from those of a key are looked up as the list shows them, or not found."""
        for lookup in self.context.endpoint_map.reads:
            rule = self.context.model.derived(lookup.table)
            if rule is None or rule.source != self.table or row.get(rule.per) is None:
                continue
            if self.context.model.partial & {self.table, lookup.table}:
                continue
            key, known = row[rule.per], self.context.model.known[lookup.table].values()
            found = next((str(each["id"]) for each in known if each[rule.per] == key), None)
            check = (
                partial(lookups.is_not_found, self.context, lookup, str(key))
                if found is None
                else partial(lookups.is_found, self.context, lookup, found)
            )
            self.context.results.hold(rules.LOOKUP, lookup.endpoint.label, rule.per, check)

    def lookups(self, field: str) -> list[Lookup]:
        return [each for each in self.context.endpoint_map.reads if (each.table, each.field) == (self.table, field)]


def plain(field_operator: FieldOperator, values: Sequence[Any]) -> list[Any]:
    """Operands that match exactly the values of a row."""
    kind = field_operator.place.value["type"]
    return [list(values)] if kind == "array" else [True, False] if kind == "boolean" else [str(values[0])]


def values_of(row: Row, fields: Sequence[str]) -> list[Any]:
    """The values of some fields of a row; of lists, each item."""
    values = [row[name] for name in fields if row.get(name) is not None]
    return [item for value in values for item in (value if isinstance(value, list) else [value])]


def ids_in(body: Any) -> list[str]:
    """The only list of texts in a response."""
    lists = [part for part in body.values() if isinstance(part, list)] if isinstance(body, dict) else []
    return [str(item) for item in lists[0]] if len(lists) == 1 else []


def difference_of_rows(requests: tuple[Request, ...], expected: Rows, now: Rows) -> Broken | None:
    """How the existing rows differ from the expected ones."""
    if missing := sorted(expected.keys() - now.keys()):
        return Broken(requests, "rows that are there", f"without {named(missing)}")
    if added := sorted(now.keys() - expected.keys()):
        return Broken(requests, "no other rows", f"with {named(added)}")
    for row_id, row in expected.items():
        if not same(now[row_id], row):
            return unlike(requests, row, now[row_id])
    return None
