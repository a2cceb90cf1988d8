"""One life of a row of any table that can be written: created, read, listed, created again, changed and deleted.

Rows that belong to another row, with operations below its path, live while that row is there. A handler may decide more
of such rows than the contract says. So only fields that clients send and read as plain values are compared.
"""

from collections.abc import Sequence

from understudy.sampling.answers import same, shortened
from understudy.verify import rules
from understudy.verify.check_context import CheckContext
from understudy.verify.check_results import unlike
from understudy.verify.checks.life import Life, listed, read_of, remove, sibling
from understudy.verify.checks.life_changes import check_changes, check_order, check_replaced, check_row, check_taken
from understudy.verify.checks.parents import NotCreated, created
from understudy.verify.requests.endpoints import EndpointMap, schema_of, success_of
from understudy.verify.requests.plain_values import plain_fields, plain_value

CREATED, CONFLICT = 201, 409


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


# ----------------------------------------------------------------------- delete


def check_other_deletes(life: Life) -> None:
    """Each operation that deletes a row does so, on a row of its own."""
    for deletes in life.deletes[1:]:
        remove(sibling(life, {}), deletes)


def check_deleted(life: Life) -> None:
    """A deleted row is in no response, and cannot be deleted again."""
    remove(life, life.deletes[0])
