"""A row of any table that can be written: it is created, read, listed, created again, changed and deleted.

Rows with operations below the path of another row are tested while that row exists. A handler may decide more about
such rows than the contract says, so only fields that clients send and read as plain values are compared.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from understudy.sampling.answers import same, shortened
from understudy.verify import rules
from understudy.verify.check_context import CheckContext
from understudy.verify.check_results import unlike
from understudy.verify.checks.changed_values import check_selected
from understudy.verify.checks.checked_row import (
    CheckedRow,
    check_absent,
    check_listed,
    check_lookups,
    read_of,
    remove,
    sibling,
)
from understudy.verify.checks.checked_row_changes import (
    check_changes,
    check_order,
    check_replaced,
    check_row,
    check_taken,
)
from understudy.verify.checks.referring_rows import NotCreated, created
from understudy.verify.requests.endpoint import schema_of
from understudy.verify.requests.endpoint_map import EndpointMap
from understudy.verify.requests.plain_values import plain_fields

CREATED, CONFLICT = 201, 409


def tables(endpoint_map: EndpointMap) -> list[str]:
    """The tables whose rows can be created, read and deleted by operations on one row."""
    read = {each.table for each in endpoint_map.reads}
    return [table for table in endpoint_map.creates if table in read and table in endpoint_map.deletes]


def check(context: CheckContext, table: str) -> None:
    """Create a row, and check each operation on it until it is deleted. Does nothing if the row cannot be created."""
    with context.results.scenario():
        go_through(CheckedRow(context, table, context.endpoint_map))


def go_through(checked: CheckedRow) -> None:
    try:
        begin(checked)
    except NotCreated:
        return
    for step in (
        check_created,
        check_listed,
        check_read,
        check_edges,
        check_again,
        check_changes,
        check_selected,
        check_order,
        check_replaced,
        check_taken,
        check_below,
        check_other_deletes,
        check_deleted,
    ):
        step(checked)


def check_below(checked: CheckedRow) -> None:
    """Check rows that belong to the row."""
    below = checked.context.endpoint_map.below(checked.table, checked.row)
    for table in tables(below):
        go_through(CheckedRow(checked.context, table, below, tuple(checked.requests)))


# ----------------------------------------------------------------------- create


def begin(checked: CheckedRow) -> None:
    """Create a row with as many fields as the server accepts together.

    Raises:
        NotCreated: it does not even accept the required fields alone.
    """
    required = schema_of(checked.creates).value.get("required", ())
    optional = [name for name in plain_fields(checked.creates) if name not in required]
    in_halves(optional, partial(accept, checked))
    if not checked.row:
        checked.requests = [*checked.before]
        created(
            checked.context, checked.table, {}, checked.requests, checked.creates
        )  # raises where this is refused, too
        checked.body = dict(checked.requests[-1].body)
        checked.row = checked.context.success(*read_of(checked))


def in_halves(names: Sequence[str], create: Callable[[Sequence[str]], object]) -> None:
    """Create a row with some fields. If the server refuses them, it may accept one half or the other."""
    try:
        create(names)
    except NotCreated:
        half = len(names) // 2
        for some in (names[:half], names[half:]) if half else ():
            in_halves(some, create)


def accept(checked: CheckedRow, names: Sequence[str]) -> None:
    """Create the row with more fields.

    Raises:
        NotCreated: the server refuses them.
    """
    parts = plain_fields(checked.creates)
    required = schema_of(checked.creates).value.get("required", ())
    kept = parts.keys() & {*required, *checked.body}
    given = {name: checked.new_value(name, parts[name]) for name in (*kept, *names)}
    requests = [*checked.before]
    if "name" in given:
        check_absent(checked, rules.FOUND, {"name": given["name"]})
    created(checked.context, checked.table, given, requests, checked.creates)
    checked.requests, checked.body = requests, dict(requests[-1].body)
    checked.row = checked.context.answer_to(requests[-1]).body


def check_created(checked: CheckedRow) -> None:
    """Check that a create returns the values that were sent."""
    sent = {name: checked.body[name] for name in checked.fields if name in checked.body}
    shown = {name: checked.row.get(name) for name in sent}
    broken = None if same(shown, sent) else unlike(tuple(checked.requests), sent, shown)
    checked.record(rules.CREATE, checked.creates, "", broken)


def check_edges(checked: CheckedRow) -> None:
    """Check that a create returns values that servers often take for none, or cut, in rows of their own."""
    fields = {
        name: checked.edge_values(name, part)
        for name, part in plain_fields(checked.creates).items()
        if name in checked.fields and name in checked.body
    }
    for number in range(max(map(len, fields.values()), default=0)):
        sent = {name: values[number % len(values)] for name, values in fields.items() if values}
        in_halves(list(sent), partial(check_values, checked, sent))


def check_values(checked: CheckedRow, values: Mapping[str, Any], names: Sequence[str]) -> None:
    """Check that a create returns the values of some fields.

    Raises:
        NotCreated: the server refuses them.
    """
    other = sibling(checked, {name: values[name] for name in names})
    check_created(other)
    deletes = other.deletes[0]
    other.context.ask(deletes.endpoint, deletes.request(str(other.row[deletes.field])))


def check_again(checked: CheckedRow) -> None:
    """Check that a second create with the same unique value is a conflict, or returns the row.

    The row must be unchanged, or have the values of the second create if the operation replaces rows (`x-replaces`).
    """
    unique = [names for names in checked.context.model.unique(checked.table) if set(names) <= checked.body.keys()]
    if not unique:
        return
    kept = {name for names in unique for name in names}
    sent = {
        name: checked.new_value(name, part)
        for name, part in plain_fields(checked.creates).items()
        if name in checked.body and name in checked.fields and name not in kept
    }
    for others in (sent, {}):
        request = checked.creates.request({**checked.body, **others})
        answer = checked.context.ask(checked.creates, request)
        if answer.is_success or answer.status == CONFLICT:
            break  # else a handler refuses one of the other values
    returned = answer.body.get("id") if isinstance(answer.body, dict) else None
    is_kept = answer.status == CONFLICT or (answer.status != CREATED and returned == checked.row["id"])
    found = f"{answer.status} with {shortened(answer.body)}"
    broken = None if is_kept else checked.failed(request, f"{CONFLICT}, or the row that is there", found)
    checked.record(rules.UNIQUE, checked.creates, "", broken)
    if is_kept:
        is_replaced = answer.is_success and checked.creates.place.value.get("x-replaces")
        check_row(checked, rules.UNIQUE, checked.creates, "values", request, others if is_replaced else {})


# ------------------------------------------------------------------------- read


def check_read(checked: CheckedRow) -> None:
    """Check that every operation that returns the row returns the created values."""
    check_lookups(checked, checked.reads)


# ----------------------------------------------------------------------- delete


def check_other_deletes(checked: CheckedRow) -> None:
    """Check each operation that deletes a row, with a row of its own."""
    for deletes in checked.deletes[1:]:
        remove(sibling(checked, {}), deletes)


def check_deleted(checked: CheckedRow) -> None:
    """Check that a deleted row is in no response, and cannot be deleted again."""
    remove(checked, checked.deletes[0])
