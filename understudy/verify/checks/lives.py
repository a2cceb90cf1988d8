"""One life of a row of any table that can be written: created, read, listed, created again, changed and deleted.

Rows that belong to another row, with operations below its path, live while that row is there. A handler may decide more
of such rows than the contract says. So only fields that clients send and read as plain values are compared.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from understudy.contract.contract import Place
from understudy.reports.verdict import Rule
from understudy.sampling.answers import rows_of, same, shortened
from understudy.sampling.random_requests import Request
from understudy.verify import rules
from understudy.verify.check_context import CheckContext
from understudy.verify.check_results import Broken, unlike
from understudy.verify.checks import listings
from understudy.verify.checks.parents import NotCreated, created
from understudy.verify.expectations.model import Row
from understudy.verify.filtered_rows.selected_ids import Filters
from understudy.verify.requests.endpoints import Endpoint, EndpointMap, Lookup, Selection, schema_of, success_of
from understudy.verify.requests.field_operators import field_operators_of
from understudy.verify.requests.operands import moment

CREATED, NOT_FOUND, CONFLICT = 201, 404, 409
TICK = 0.002  # seconds after which the time of a change is another one, by clocks with whole milliseconds
UPDATED = "updated"
KEPT = ("id", "created")  # fields that no change changes
LONG_TEXT = ' é\r\ne\u0301 漢字\t😀 "\\" A' * 30
EMPTY: dict[str, Any] = {"none": None, "text": "", "list": [], "object": {}, "zero": 0, "false": False}
WHOLE = {
    **EMPTY,
    "whole": 1.0,
    "beyond": 2**53 + 1,
    "deep": [[1.5, 1, True, None, ""], [], {}],
    "inner": EMPTY,
    "json": '[{"a": 1}]',
    "number": "1",
    "A b.c": "\r\n ",
}
LIMITING = (
    "x-write-only",
    "x-refined-by",
    "x-template",
    "x-after",
    "x-truncate",
    "anyOf",
)  # a value may be refused or changed


@dataclass
class Life:
    """The row of a life, the requests that were sent for it, and the body that created it.

    Args:
        endpoint_map: the operations on the row: all, or those below the row that it belongs to.
        before: the requests that created that row.
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

    def identifies(self, lookup: Lookup) -> bool:
        """Whether no other row can have the value by which an operation finds the row."""
        given = schema_of(self.creates).value.get("properties", {}).keys()
        sets = [set(names) for names in self.context.model.unique(self.table) if lookup.field in names]
        return not sets or any(names & given <= {lookup.field} for names in sets)

    def record(self, rule: Rule, endpoint: Endpoint, subject: str, broken: Broken | None) -> None:
        self.context.results.record(rule, endpoint.label, subject, broken)

    def failed(self, request: Request, expected: str, found: str) -> Broken:
        return Broken((*self.requests, request), expected, found)


def tables(endpoint_map: EndpointMap) -> list[str]:
    """The tables whose rows can be created, returned and deleted by operations on one row."""
    read = {each.table for each in endpoint_map.reads}
    return [table for table in endpoint_map.creates if table in read and table in endpoint_map.deletes]


def check(context: CheckContext, table: str) -> None:
    """Create a row, and check it in each operation until it is deleted; nothing where it cannot be created."""
    with context.results.scenario():
        go_through(Life(context, table, context.endpoint_map))


def go_through(life: Life) -> None:
    try:
        begin(life)
    except NotCreated:
        return
    for step in (
        check_created,
        check_read,
        check_listed,
        check_again,
        check_changes,
        check_order,
        check_replaced,
        check_taken,
        check_below,
        check_other_deletes,
        check_deleted,
    ):
        step(life)


def check_below(life: Life) -> None:
    """Rows that belong to the row live below it."""
    below = life.context.endpoint_map.below(life.table, life.row)
    for table in tables(below):
        go_through(Life(life.context, table, below, tuple(life.requests)))


# ----------------------------------------------------------------------- create


def begin(life: Life) -> None:
    """Create a row with as many fields as the server accepts together.

    Raises:
        NotCreated: it accepts not even what is required.
    """
    required = schema_of(life.creates).value.get("required", ())
    optional = [name for name in plain_fields(life.creates) if name not in required]
    accept(life, optional)
    if not life.row:
        life.requests = [*life.before]
        created(life.context, life.table, {}, life.requests, life.creates)  # raises where this is refused, too
        life.body = dict(life.requests[-1].body)
        life.row = life.context.success(*read_of(life))


def accept(life: Life, names: Sequence[str]) -> None:
    """Create a row with more fields. If the server refuses them, it may accept one half or the other."""
    parts, mark = plain_fields(life.creates), life.context.own.mark()
    given = {name: plain_value(parts[name], mark) for name in (*life.body.keys() & parts.keys(), *names)}
    requests = [*life.before]
    try:
        created(life.context, life.table, given, requests, life.creates)
    except NotCreated:
        half = len(names) // 2
        for some in (names[:half], names[half:]) if half else ():
            accept(life, some)
        return
    life.requests, life.body = requests, dict(requests[-1].body)
    life.row = life.context.answer_to(requests[-1]).body


def check_created(life: Life) -> None:
    """A create returns the values that were sent."""
    sent = {name: life.body[name] for name in life.fields if name in life.body}
    shown = {name: life.row.get(name) for name in sent}
    broken = None if same(shown, sent) else unlike(tuple(life.requests), sent, shown)
    life.record(rules.CREATE, life.creates, "", broken)


def check_again(life: Life) -> None:
    """What is unique is created once: a second create is a conflict, or returns the row.

    The row is as it was, or has the values of the second create if the operation replaces rows (`x-replaces`).
    """
    unique = [names for names in life.context.model.unique(life.table) if set(names) <= life.body.keys()]
    if not unique:
        return
    kept, mark = {name for names in unique for name in names}, life.context.own.mark()
    sent = {
        name: plain_value(part, mark, life.row.get(name))
        for name, part in plain_fields(life.creates).items()
        if name in life.body and name in life.fields and name not in kept
    }
    for others in (sent, {}):
        request = life.creates.request({**life.body, **others})
        answer = life.context.ask(life.creates, request)
        if answer.is_success or answer.status == CONFLICT:
            break  # else a handler refuses one of the other values
    returned = answer.body.get("id") if isinstance(answer.body, dict) else None
    is_kept = answer.status == CONFLICT or (answer.status != CREATED and returned == life.row["id"])
    found = f"{answer.status} with {shortened(answer.body)}"
    broken = None if is_kept else life.failed(request, f"{CONFLICT}, or the row that is there", found)
    life.record(rules.UNIQUE, life.creates, "", broken)
    if is_kept:
        is_replaced = answer.is_success and life.creates.place.value.get("x-replaces")
        check_row(life, rules.UNIQUE, life.creates, "values", request, others if is_replaced else {})


# ------------------------------------------------------------------------- read


def check_read(life: Life) -> None:
    """Every operation that returns the row returns what the create did."""
    for lookup in life.reads:
        request = lookup.request(str(life.row[lookup.field]))
        answer = life.context.ask(lookup.endpoint, request)
        names = success_of(lookup.endpoint)["properties"].value.keys() & life.fields.keys()
        expected = {name: life.row.get(name) for name in sorted(names)}
        shown = {name: answer.body.get(name) for name in expected} if isinstance(answer.body, dict) else answer.body
        is_row = answer.is_success and same(shown, expected)
        broken = None if is_row else unlike((*life.requests, request), expected, shown)
        life.record(rules.LOOKUP, lookup.endpoint, lookup.field, broken)


def check_listed(life: Life) -> None:
    """The list has the row as it is returned alone."""
    request, row = listed(life)
    if request is None:
        return
    selection, (endpoint, read) = life.endpoint_map.selections[life.table], read_of(life)
    alone = life.context.success(endpoint, read)
    names = [name for name in life.fields if name in success_of(selection.lists)["items"]["properties"].value]
    expected = {name: alone.get(name) for name in names}
    shown = None if row is None else {name: row.get(name) for name in names}
    broken = None if same(shown, expected) else unlike((*life.requests, read, request), expected, shown)
    life.record(rules.FOUND, selection.lists, "", broken)


def listed(life: Life) -> tuple[Request | None, Row | None]:
    """The request for a list that has the row, and the row there. No request if no filter selects it."""
    selection = life.endpoint_map.selections.get(life.table)
    if selection is None:
        return None, None
    key = key_of(selection, life.row)
    if selection.own and key is None:
        return None, None
    request = selection.lists.request({} if key is None else by_key(selection, key, life.row))
    rows = rows_of(life.context.success(selection.lists, request)) or []
    return request, next((row for row in rows if row["id"] == life.row["id"]), None)


def key_of(selection: Selection, row: Row) -> str | None:
    """The field by which a filter selects a row; None without one, or if a default may hide the row."""
    if not selection.own or "x-default" in selection.filters[selection.own].value:
        return None
    operators = field_operators_of(selection)
    keys = [each.names for each in operators if each.filter == selection.own and each.operator == "any_"]
    return next((name for name in ("id", "name") if (selection.own, name, "any_") in keys and row.get(name)), None)


def by_key(selection: Selection, key: str, *rows: Row) -> Filters:
    """Filters that only some rows meet."""
    return {selection.own: {key: {"any_": [row[key] for row in rows]}}}


def read_of(life: Life) -> tuple[Endpoint, Request]:
    """The operation that returns the row, and the request."""
    if not life.row:
        raise NotCreated
    lookup = life.reads[0]
    return lookup.endpoint, lookup.request(str(life.row[lookup.field]))


# ----------------------------------------------------------------------- change


def check_changes(life: Life) -> None:
    """Each change of one field sets that field, and no other that clients write."""
    for updates in life.patches:
        for name, change in changes(life, updates):
            check_change(life, updates, name, change)


def changes(life: Life, updates: Lookup) -> Iterator[tuple[str, dict[str, Any]]]:
    """No change at all, and a change of each field, but of those that the server did not accept in the create."""
    yield "", {}
    refused = plain_fields(life.creates).keys() - life.body.keys()
    for name, part in plain_fields(updates.endpoint).items():
        if name in life.fields and name != updates.field and name not in refused:
            value = plain_value(part, life.context.own.mark(), life.row.get(name))
            if not same(value, life.row.get(name)):
                yield name, {name: value}
                if (merges := part.value.get("x-merged-if")) is not None:
                    yield name, {name: {**value, "replaced": True}, merges: False}
            if part.value.get("nullable") and not part.value.get("x-null-replaced"):
                yield name, {name: None}


def check_change(life: Life, updates: Lookup, name: str, change: dict[str, Any]) -> None:
    request = updates.request(str(life.row[updates.field]), change)
    time.sleep(TICK)
    if life.context.ask(updates.endpoint, request).is_success:  # a handler may refuse a value that the schema allows
        check_row(life, rules.UPDATE, updates.endpoint, name, request, merged(life, updates.endpoint, change))


def merged(life: Life, endpoint: Endpoint, change: dict[str, Any]) -> dict[str, Any]:
    """What a change leaves in the fields that it has: objects may be merged into those of the row (`x-merged-if`)."""
    merges = {
        name: part.value["x-merged-if"]
        for name, part in schema_of(endpoint).entries("properties")
        if "x-merged-if" in part.value
    }
    return {
        name: {**life.row[name], **value} if name in merges and change.get(merges[name], True) else value
        for name, value in change.items()
    }


def check_row(
    life: Life, rule: Rule, endpoint: Endpoint, subject: str, request: Request, change: dict[str, Any]
) -> None:
    """Hold that a write has changed some fields that clients write, and no other ones."""
    reads, read = read_of(life)
    before, now = life.row, life.context.success(reads, read)
    names = success_of(reads)["properties"].value.keys() & {*life.fields, *KEPT}
    expected = {each: change.get(each, before.get(each)) for each in sorted(names)}
    shown = {each: now.get(each) for each in expected}
    broken = None if same(shown, expected) else unlike((*life.requests, request, read), expected, shown)
    life.record(rule, endpoint, subject, broken)
    life.requests.append(request)
    life.row = now
    if broken is None and rule is rules.UPDATE and not same(shown, {name: before.get(name) for name in shown}):
        check_updated(life, endpoint, before, read)


def check_updated(life: Life, endpoint: Endpoint, before: Row, read: Request) -> None:
    """A row that has changed shows a later time of its last update."""
    earlier, later = before.get(UPDATED), life.row.get(UPDATED)
    if isinstance(earlier, str) and isinstance(later, str):
        expected = f"{UPDATED} after {earlier}"
        is_later = moment(later) > moment(earlier)
        broken = None if is_later else Broken((*life.requests, read), expected, f"{UPDATED}: {later}")
        life.record(rules.UPDATE, endpoint, UPDATED, broken)


def check_order(life: Life) -> None:
    """Lists have the row, which is changed once more, and a newer one in each order."""
    selection = life.endpoint_map.selections.get(life.table)
    key = None if selection is None else key_of(selection, life.row)
    if selection is None or key is None or not life.patches:
        return
    other = sibling(life, {})
    filters = by_key(selection, key, life.row, other.row)
    name, change = next(((name, change) for name, change in changes(life, life.patches[0]) if change), ("", {}))
    check_change(life, life.patches[0], name, change)
    for listing in listings.orders(life.context, selection, filters):
        listing.hold(rules.SORT, selection.lists, listing.is_sorted)
    remove(other, other.deletes[0])


def check_replaced(life: Life) -> None:
    """A row that is replaced has the new values."""
    for replaces in life.puts:
        parts, mark = plain_fields(replaces.endpoint), life.context.own.mark()
        known = {
            name: value for name, value in life.body.items() if name in schema_of(replaces.endpoint)["properties"].value
        }
        change = {name: plain_value(parts[name], mark, life.row.get(name)) for name in known if name in parts}
        request = replaces.request(str(life.row[replaces.field]), {**known, **change})
        time.sleep(TICK)
        if life.context.ask(replaces.endpoint, request).is_success:
            check_row(life, rules.UPDATE, replaces.endpoint, "", request, change)


def check_taken(life: Life) -> None:
    """A change to a unique value that another row has is a conflict, and changes nothing."""
    for updates in life.patches:
        if str(CONFLICT) not in updates.endpoint.place["responses"].value:
            continue
        for names in life.context.model.unique(life.table):
            for name in plain_fields(updates.endpoint).keys() & set(names):
                check_name_taken(life, updates, name, {each: life.row[each] for each in names if each in life.body})


def check_name_taken(life: Life, updates: Lookup, name: str, shared: dict[str, Any]) -> None:
    other = sibling(life, {key: value for key, value in shared.items() if key != name})
    request = updates.request(str(other.row[updates.field]), {name: life.row[name]})
    status = life.context.ask(updates.endpoint, request).status
    broken = None if status == CONFLICT else other.failed(request, f"{CONFLICT}", f"{status}")
    life.record(rules.UNIQUE, updates.endpoint, name, broken)
    check_row(other, rules.UNIQUE, updates.endpoint, name, request, {})
    remove(other, other.deletes[0])


def sibling(life: Life, given: dict[str, Any]) -> Life:
    """Another row of the table.

    Raises:
        Refused: it cannot be read.
    """
    other = Life(life.context, life.table, life.endpoint_map, tuple(life.requests), requests=list(life.requests))
    created(life.context, life.table, given, other.requests, life.creates)
    other.body, other.row = dict(other.requests[-1].body), life.context.answer_to(other.requests[-1]).body
    return other


# ----------------------------------------------------------------------- delete


def check_other_deletes(life: Life) -> None:
    """Each operation that deletes a row does so, on a row of its own."""
    for deletes in life.deletes[1:]:
        remove(sibling(life, {}), deletes)


def check_deleted(life: Life) -> None:
    """A deleted row is in no response, and cannot be deleted again."""
    remove(life, life.deletes[0])


def remove(life: Life, deletes: Lookup) -> None:
    request = deletes.request(str(life.row[deletes.field]))
    life.context.success(deletes.endpoint, request)
    life.requests.append(request)
    for lookup in (*filter(life.identifies, life.reads), *life.deletes):
        again = lookup.request(str(life.row[lookup.field]))
        status = life.context.ask(lookup.endpoint, again).status
        broken = None if status == NOT_FOUND else life.failed(again, f"{NOT_FOUND}", f"{status}")
        life.record(rules.DELETE, lookup.endpoint, "", broken)
    asked, row = listed(life)
    if asked is not None:
        broken = None if row is None else life.failed(asked, "a list without the deleted row", "the row")
        life.record(rules.DELETE, life.endpoint_map.selections[life.table].lists, "", broken)


# ----------------------------------------------------------------------- values


def plain_fields(endpoint: Endpoint) -> dict[str, Place]:
    """The fields of a body that a client may set to a value of its own, which is stored as it is."""
    return {name: part for name, part in schema_of(endpoint).entries("properties") if is_plain(part)}


def is_plain(part: Place) -> bool:
    schema = part.value
    # A handler can check an object of any fields, for its size, but knows no field of it that it could change.
    is_open = schema.get("type") == "object" and "properties" not in schema
    if any(name in schema for name in LIMITING if not (is_open and name == "x-after")):
        return False
    match schema.get("type"):
        case "string":
            return "format" not in schema
        case "array":
            return (part["items"].value.get("type") == "string" and is_plain(part["items"])) or is_record(part["items"])
        case "object":
            others = schema.get("additionalProperties", {})
            return is_open and not any(name in others for name in LIMITING if others is not True)
    return True


def is_record(part: Place) -> bool:
    """Whether a value is an object whose fields are all plain."""
    names = [place for _, place in part.entries("properties")] if "properties" in part.value else []
    return bool(names) and not any(name in part.value for name in LIMITING) and all(map(is_plain, names))


def plain_items(part: Place, mark: str) -> list[Any]:
    """Texts in no order, one of them twice, or objects."""
    items = part["items"]
    if not is_record(items):
        return [mark, "b", "a", mark, "É"]
    return [{name: plain_value(place, mark) for name, place in items.entries("properties")}]


VALUES: Mapping[str | None, Callable[[Place, str, Any], Any]] = {
    "string": lambda part, mark, _: mark if "pattern" in part.value else f"{mark}{LONG_TEXT}",
    "array": lambda part, mark, _: plain_items(part, mark),
    "object": lambda _part, mark, _: {mark: mark, **WHOLE},
    "boolean": lambda part, _mark, now: not (part.value.get("default", False) if now is None else now),
    "integer": lambda part, _mark, now: (now or part.value.get("minimum", 0)) + 3,
    "number": lambda part, _mark, now: (now or part.value.get("minimum", 0)) + 0.5,
    None: lambda _part, mark, _: {"marked": mark, **WHOLE},
}
"""Values by type: the schema, a text that no row has, and the present value give another one."""


def plain_value(part: Place, mark: str, now: Any = None) -> Any:
    """A value for a schema, other than the present one."""
    words = [word for word in part.value.get("enum", ()) if word not in (None, now)]
    return words[-1] if words else VALUES[part.value.get("type")](part, mark, now)
