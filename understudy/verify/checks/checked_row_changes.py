"""Changes of a row under test: of each field, of all fields, and to values that another row has."""

import time
from collections.abc import Iterator
from typing import Any

from understudy.reports.verdict import Rule
from understudy.sampling.answers import same
from understudy.sampling.random_requests import Request
from understudy.values import moment
from understudy.verify import rules
from understudy.verify.check_results import Broken, unlike
from understudy.verify.checks import listings
from understudy.verify.checks.checked_row import (
    CheckedRow,
    by_key,
    check_former_names,
    check_listed,
    check_lookups,
    keys_of,
    read_of,
    remove,
    sibling,
)
from understudy.verify.expectations.model import Row
from understudy.verify.requests.endpoint import Endpoint, schema_of, success_of
from understudy.verify.requests.endpoint_map import Lookup
from understudy.verify.requests.plain_values import plain_fields

CONFLICT = 409
TICK = 0.002  # seconds after which a change has a later time, with clocks in whole milliseconds
UPDATED = "updated"
KEPT = ("id", "created")  # fields that never change


def check_changes(checked: CheckedRow) -> None:
    """A change of one field sets this field, and no other field that clients write.

    Lists are requested before the first change, too, since a server may cache them.
    """
    check_listed(checked)
    for updates in checked.patches:
        for name, change in changes(checked, updates):
            check_change(checked, updates, name, change)


def changes(checked: CheckedRow, updates: Lookup) -> Iterator[tuple[str, dict[str, Any]]]:
    """An empty change, and changes of each field, except those that the server did not accept in the create: to another
    value, to empty and long ones, and to null.
    """
    yield "", {}
    refused = plain_fields(checked.creates).keys() - checked.body.keys()
    for name, part in plain_fields(updates.endpoint).items():
        if name in checked.fields and name != updates.field and name not in refused:
            value = checked.new_value(name, part)
            if not same(value, checked.row.get(name)):
                yield name, {name: value}
                if (merges := part.value.get("x-merged-if")) is not None:
                    yield name, {name: {**value, "replaced": True}, merges: False}
            yield from ((name, {name: value}) for value in checked.edge_values(name, part))
            if part.value.get("nullable") and not part.value.get("x-null-replaced"):
                yield name, {name: None}


def check_change(checked: CheckedRow, updates: Lookup, name: str, change: dict[str, Any]) -> None:
    request = updates.request(str(checked.row[updates.field]), change)
    time.sleep(TICK)
    if checked.context.ask(updates.endpoint, request).is_success:  # a handler may refuse a value that the schema allows
        check_row(checked, rules.UPDATE, updates.endpoint, name, request, merged(checked, updates.endpoint, change))


def merged(checked: CheckedRow, endpoint: Endpoint, change: dict[str, Any]) -> dict[str, Any]:
    """The values of changed fields after a change. Objects may be merged into those of the row (`x-merged-if`)."""
    merges = {
        name: part.value["x-merged-if"]
        for name, part in schema_of(endpoint).entries("properties")
        if "x-merged-if" in part.value
    }
    return {
        name: {**checked.row[name], **value} if name in merges and change.get(merges[name], True) else value
        for name, value in change.items()
    }


def check_row(
    checked: CheckedRow, rule: Rule, endpoint: Endpoint, subject: str, request: Request, change: dict[str, Any]
) -> None:
    """Check that a write has changed the expected fields that clients write, and no others."""
    reads, read = read_of(checked)
    before, now = checked.row, checked.context.success(reads, read)
    names = success_of(reads)["properties"].value.keys() & {*checked.fields, *KEPT}
    expected = {each: change.get(each, before.get(each)) for each in sorted(names)}
    shown = {each: now.get(each) for each in expected}
    broken = None if same(shown, expected) else unlike((*checked.requests, request, read), expected, shown)
    checked.record(rule, endpoint, subject, broken)
    checked.requests.append(request)
    checked.row = now
    if broken is None:
        check_lookups(checked, checked.reads[1:])
        check_former_names(checked, before)
    if broken is None and rule is rules.UPDATE and not same(shown, {name: before.get(name) for name in shown}):
        check_updated(checked, endpoint, before, read)
        check_listed(checked)


def check_updated(checked: CheckedRow, endpoint: Endpoint, before: Row, read: Request) -> None:
    """A changed row has a later `updated`."""
    earlier, later = before.get(UPDATED), checked.row.get(UPDATED)
    if isinstance(earlier, str) and isinstance(later, str):
        expected = f"{UPDATED} after {earlier}"
        is_later = moment(later) > moment(earlier)
        broken = None if is_later else Broken((*checked.requests, read), expected, f"{UPDATED}: {later}")
        checked.record(rules.UPDATE, endpoint, UPDATED, broken)


def check_order(checked: CheckedRow) -> None:
    """In each order, lists have the row, which is changed once more, and a newer one in the right order."""
    selection = checked.endpoint_map.selections.get(checked.table)
    key = None if selection is None else next(iter(keys_of(selection, checked.row)), None)
    if selection is None or key is None or not checked.patches:
        return
    other = sibling(checked, {})
    filters = by_key(selection, key, checked.row, other.row)
    name, change = next(((name, change) for name, change in changes(checked, checked.patches[0]) if change), ("", {}))
    check_change(checked, checked.patches[0], name, change)
    for listing in listings.orders(checked.context, selection, filters):
        listing.hold(rules.SORT, selection.lists, listing.is_sorted)
    remove(other, other.deletes[0])


def check_replaced(checked: CheckedRow) -> None:
    """A row that is replaced has the new values."""
    for replaces in checked.puts:
        parts = plain_fields(replaces.endpoint)
        known = {
            name: value
            for name, value in checked.body.items()
            if name in schema_of(replaces.endpoint)["properties"].value
        }
        change = {name: checked.new_value(name, parts[name]) for name in known if name in parts}
        request = replaces.request(str(checked.row[replaces.field]), {**known, **change})
        time.sleep(TICK)
        if checked.context.ask(replaces.endpoint, request).is_success:
            check_row(checked, rules.UPDATE, replaces.endpoint, "", request, change)


def check_taken(checked: CheckedRow) -> None:
    """A change to a unique value that another row has is a conflict, and changes nothing."""
    for updates in checked.patches:
        if str(CONFLICT) not in updates.endpoint.place["responses"].value:
            continue
        for names in checked.context.model.unique(checked.table):
            for name in plain_fields(updates.endpoint).keys() & set(names):
                check_name_taken(
                    checked, updates, name, {each: checked.row[each] for each in names if each in checked.body}
                )


def check_name_taken(checked: CheckedRow, updates: Lookup, name: str, shared: dict[str, Any]) -> None:
    other = sibling(checked, {key: value for key, value in shared.items() if key != name})
    request = updates.request(str(other.row[updates.field]), {name: checked.row[name]})
    status = checked.context.ask(updates.endpoint, request).status
    broken = None if status == CONFLICT else other.failed(request, f"{CONFLICT}", f"{status}")
    checked.record(rules.UNIQUE, updates.endpoint, name, broken)
    check_row(other, rules.UNIQUE, updates.endpoint, name, request, {})
    remove(other, other.deletes[0])
