"""Random requests that only read: a server must respond as Understudy does with the same rows."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from understudy.contract.contract import Place
from understudy.reports.verdict import SEPARATOR
from understudy.sampling.answers import Answer, same
from understudy.sampling.counterparts import are_alike
from understudy.sampling.moving_fields import without
from understudy.sampling.random_requests import Request, fields_of, names_in
from understudy.sampling.varied_rows import varied
from understudy.verify import rules
from understudy.verify.check_context import CheckContext
from understudy.verify.check_results import Broken, answered, unlike
from understudy.verify.expectations.mirror import Expected, Mirror, ids
from understudy.verify.expectations.moving_values import agree_nearly, settled
from understudy.verify.expectations.reference_answers import agree, errors_of, in_headers, order_of
from understudy.verify.requests.endpoint import Endpoint, required_by_example
from understudy.verify.requests.endpoint_map import Lookup
from understudy.verify.requests.operation_names import Only
from understudy.verify.requests.random_reads import RandomReads, can_differ, plain, takes_shown
from understudy.verify.requests.scenario_requests import request_of

REQUESTS = 6  # requests to an operation in a round
CANDIDATES, CHOSEN = 40, 5  # rows whose expected responses are compared, and those that are then requested
SEVERAL = 2  # items of a list that has more than one
OF_OTHERS = 3  # ids of each other table that an operation looks up
NOT_FOUND = 404
REDIRECTS = range(300, 400)  # responses to paths with empty values


def operations(context: CheckContext) -> list[Endpoint]:
    """The operations that only read, and whose requests can differ."""
    return [each for each in context.endpoint_map.endpoints if each.is_safe and can_differ(each)]


def check(context: CheckContext, mirror: Mirror, endpoint: Endpoint) -> None:
    """Send some random requests, and requests with values from the responses, except those that were sent before."""
    reads = context.random_reads()
    requests = reads.requests(endpoint, REQUESTS)
    for request in filter(context.is_new, (*requests, *with_shown_values(context, reads, endpoint, requests))):
        hold(context, mirror, endpoint, request)
        for name in endpoint.links:
            follow = partial(differs_behind_link, context, mirror, endpoint, request, name)
            context.results.hold(rules.SAME_ROWS, endpoint.label, name, follow)


def check_varied(context: CheckContext, mirror: Mirror, endpoint: Endpoint) -> None:
    """Request an operation for a few rows, such that the responses are as varied as possible."""
    table, _ = list(endpoint.named_fields.values())[-1]
    requests = context.random_reads().of_rows(endpoint, context.varied_rows(table, CANDIDATES))
    known = [mirror.expected(context.model, context.version, each, context.others) for each in requests]
    traits = {str(place): dict(traits_in(each.answer.body)) for place, each in enumerate(known) if each is not None}
    for place in varied(traits, context.random, CHOSEN):
        hold(context, mirror, endpoint, requests[int(place)])


def traits_in(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """What distinguishes a response: its values, the lengths of its lists, and whether items have some values."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from traits_in(part, f"{path}.{name}")
    elif isinstance(value, list):
        yield path, min(len(value), SEVERAL)
        found = (each for item in value for each in traits_in(item, f"{path}[]"))
        yield from ((f"{name}={part}", True) for name, part in found if part is None or isinstance(part, bool))
    else:
        yield path, value


def hold(context: CheckContext, mirror: Mirror, endpoint: Endpoint, request: Request, about: str = "") -> None:
    """Check that a response is as expected. The rule is about a given subject, or about the names in the body."""
    subject = about or SEPARATOR.join(names_in(request.body))
    check_request = partial(differs, context, mirror, endpoint, request)
    context.results.hold(rules.SAME_ROWS, endpoint.label, subject, check_request)


def with_shown_values(
    context: CheckContext, reads: RandomReads, endpoint: Endpoint, requests: Iterable[Request]
) -> list[Request]:
    """Requests with a value of the response in their query, if the query takes such a value."""
    if not any(map(takes_shown, endpoint.query)):
        return []
    alone = {each.path: each for each in map(plain, requests)}
    bodies = {path: context.ask(endpoint, each).body for path, each in alone.items()}
    found = (reads.with_shown_value(endpoint, each, bodies[plain(each).path]) for each in requests)
    return [each for each in found if each is not None]


def check_lists(context: CheckContext, mirror: Mirror, only: Only) -> None:
    """Check that lists of rows below others, and views, show rows as Understudy does."""
    for each in mirror.shown_differently(context.model, context.version, context.others):
        request = each.listed.request
        endpoint = context.endpoint_map.find(request.method, request.operation)
        if endpoint is not None and only(endpoint):
            context.results.hold(
                rules.SAME_ROWS, endpoint.label, "", partial(shows_equal_rows, context, mirror, request)
            )


def shows_equal_rows(context: CheckContext, mirror: Mirror, request: Request) -> Broken | None:
    """Whether a list shows its rows with the same values as Understudy, if it shows the same rows."""
    for each in mirror.shown_differently(context.model, context.version, context.others):
        if each.listed.request == request:
            return unlike((request,), list(each.expected.values()), list(each.found.values()))
    return None


def check_other_tables(context: CheckContext, mirror: Mirror, lookup: Lookup) -> None:
    """Request an operation on a row with some ids of each other table."""
    for table, rows in ids_by_table(context).items():
        for row_id in context.random.sample(rows, k=min(OF_OTHERS, len(rows))) if table != lookup.table else ():
            body = None if lookup.endpoint.body is None else required_by_example(lookup.endpoint)
            check_id = partial(differs_for_other, context, mirror, lookup.endpoint, lookup.request(row_id, body))
            context.results.hold(rules.SAME_ROWS, lookup.endpoint.label, f"id of {table}", check_id)


def differs_for_other(context: CheckContext, mirror: Mirror, endpoint: Endpoint, request: Request) -> Broken | None:
    """How the response for an id of another table differs. A row that is not known may have this id, too."""
    if mirror.expected(context.model, context.version, request, context.others) is not None:
        return differs(context, mirror, endpoint, request)
    expected = mirror.with_known_rows(context.model, context.version, request, context.others)
    found = context.ask(endpoint, request)
    if expected.status != NOT_FOUND or not found.is_success:
        return None
    return answered((request,), f"{NOT_FOUND}", found)


def ids_by_table(context: CheckContext) -> dict[str, list[str]]:
    """The ids of the known rows of each table, including rows that only views show."""
    known = {table: list(rows) for table, rows in context.model.known.items()}
    for table, other in context.others.items():
        shown = (str(row["id"]) for listed in other.lists for row in listed.rows if "id" in row)
        known[table] = list(dict.fromkeys((*known.get(table, ()), *shown)))
    return known


def differs(context: CheckContext, mirror: Mirror, endpoint: Endpoint, request: Request) -> Broken | None:
    """How a response differs from that of Understudy; None if it does not, or if that response is not known."""
    if is_unmasked(endpoint, request) or (
        endpoint.body is not None and sees_stored(context, endpoint.body, request.body)
    ):
        return None
    known = mirror.expected(context.model, context.version, request, context.others)
    if known is None or known.answer.status in REDIRECTS:
        return None
    if known.incomplete and is_sorted_by_moving(context, endpoint, request):
        return None
    return difference(context, mirror, endpoint, request, known, context.ask(endpoint, request))


def differs_behind_link(
    context: CheckContext, mirror: Mirror, endpoint: Endpoint, request: Request, name: str
) -> Broken | None:
    """How the response to a URL in a response differs, or whether that URL exists; None if there is no difference."""
    known = mirror.expected(context.model, context.version, request, context.others)
    found = context.ask(endpoint, request)
    if known is None or not all(each.is_success and isinstance(each.body, dict) for each in (known.answer, found)):
        return None
    ours, theirs = (answer.body.get(name) for answer in (known.answer, found))
    if ours is None or theirs is None:
        return None if ours == theirs else Broken((request,), f"{name}: {ours}", f"{name}: {theirs}")
    try:
        _, own = request_of(context.endpoint_map, {"send": f"GET {ours}"})
        linked, other = request_of(context.endpoint_map, {"send": f"GET {theirs}"})
    except KeyError:
        return Broken((request,), f"{name}: a URL of an operation", f"{name}: {theirs}")
    behind = mirror.expected(context.model, context.version, own, context.others)
    return None if behind is None else difference(context, mirror, linked, other, behind, context.ask(linked, other))


def difference(
    context: CheckContext, mirror: Mirror, endpoint: Endpoint, request: Request, known: Expected, found: Answer
) -> Broken | None:
    """How a response differs from the expected one."""
    expected = known.answer
    if expected.status != found.status:
        return answered((request,), f"{expected.status}", found)
    if endpoint.is_moving and are_alike(expected.body, found.body):
        return None
    broken = unlike_bodies(context, mirror, endpoint, request, known, found)
    other = None if broken else in_headers((expected, found), endpoint.headers(expected.status))
    return broken if other is None else Broken((request,), other.expected, other.found)


def unlike_bodies(
    context: CheckContext, mirror: Mirror, endpoint: Endpoint, request: Request, known: Expected, found: Answer
) -> Broken | None:
    """How the body of a response differs from the expected one, in what is known of it."""
    if same(known.answer.body, found.body):  # as most are, which is seen sooner than it is compared
        return None
    moving = context.moving(endpoint)
    # Lists of rows do not show all fields.
    shown = (without(context.model.hidden, errors_of(answer)) for answer in (known.answer, found))
    unknown = moving - context.model.known_moving
    ours, theirs = (without_unknown(unknown, known.incomplete, body) for body in shown)
    theirs = settled(moving, ours, theirs)
    compare = agree_nearly if is_sorted_by_moving(context, endpoint, request) else agree
    is_same = compare(ours, theirs, request) and is_in_order(mirror, known.answer, found, request)
    return None if is_same else unlike((request,), ours, theirs)


def without_unknown(names: frozenset[str], rows: frozenset[str], value: Any) -> Any:
    """JSON without the fields of some names in rows whose ids are among some; unchanged without ids."""
    if not rows:
        return value
    if isinstance(value, list):
        return [without_unknown(names, rows, item) for item in value]
    if not isinstance(value, dict) or str(value.get("id", "")) in rows:
        return without(names, value)
    if "id" in value:
        return value
    kept = {name: part for name, part in value.items() if name not in names or isinstance(part, list)}
    return {name: without_unknown(names, rows, part) for name, part in kept.items()}


def is_unmasked(endpoint: Endpoint, request: Request) -> bool:
    """Whether a request may ask for values that are otherwise masked."""
    query = dict(parse_qsl(urlsplit(request.path).query))
    given = {**query, **(request.body if isinstance(request.body, dict) else {})}
    return any(given.get(name) not in (None, False, "false") for name in endpoint.unmasking)


def sees_stored(context: CheckContext, schema: Place, body: Any) -> bool:
    """Whether a body has a filter on a field whose stored values may differ from those in responses."""
    given = body if isinstance(body, dict) else {}
    filters = [(part, given.get(name)) for name, part in schema.entries("properties") if "x-filters" in part.value]
    return any(
        not context.model.shown_otherwise(place.value["x-filters"]).isdisjoint(fields_of(part) or [name])
        for place, criteria in filters
        for name, part in place.entries("properties")
        if isinstance(criteria, dict) and name in criteria
    )


def is_in_order(mirror: Mirror, expected: Answer, found: Answer, request: Request) -> bool:
    """Whether rows are in the expected order, if the request sets none and the values of the rows determine it."""
    is_said = order_of(request).field != ""
    return is_said or ids(expected.body) == ids(found.body) or not mirror.is_ordered(request, expected)


def is_sorted_by_moving(context: CheckContext, endpoint: Endpoint, request: Request) -> bool:
    """Whether rows are sorted by a value that changes with time."""
    return request.order is not None and request.order.field in context.model.moving(endpoint.selects)
