"""Random requests that only read: a server must answer them as Understudy does with the same rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import cycle, islice
from random import Random
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from understudy.contract.contract import Place
from understudy.reports.verdict import SEPARATOR
from understudy.sampling.answers import Answer, shortened
from understudy.sampling.counterparts import are_alike, is_time
from understudy.sampling.moving_fields import without
from understudy.sampling.random_requests import Request, RequestGenerator, fields_of, names_in
from understudy.sampling.sample_values import Samples, leaves
from understudy.values import moment
from understudy.verify import rules
from understudy.verify.check_context import CheckContext
from understudy.verify.check_results import Broken, unlike
from understudy.verify.expectations.mirror import Mirror, ids
from understudy.verify.expectations.moving_values import agree_nearly, settled
from understudy.verify.expectations.reference_answers import agree, errors_of, in_headers, order_of
from understudy.verify.requests.endpoints import Endpoint, Lookup, examples_of, required_by_example

REQUESTS = 6  # to an operation at a time
FACTORS = (1, 1, 0.7, 1.9)  # of the numbers of an example
SHIFTS = (0, 0, -1.3, 0.4, 26)  # hours, of its times
FILTERS = (0, 0, 1, 1, 2, 9)  # in a body
WITH_FILTERS = (False, False, False, True)  # whether those of an example are taken
OF_OTHERS = 3  # ids of each other table that an operation looks up
LISTED = 3  # ids of rows in a list of a body
OF_ROWS = 0.7  # of the bodies with times have those of rows
EMPTY = 0.1  # of the requests with a query have parameters without a value
BY_IDS = 0.1  # of the bodies that select rows select them by the ids of two tables
NOT_FOUND = 404
REDIRECTS = range(300, 400)  # of paths with empty values


def operations(context: CheckContext) -> list[Endpoint]:
    """The operations that read rows that a request names or selects."""
    return [each for each in context.endpoint_map.endpoints if each.is_safe and is_about_rows(context, each)]


def is_about_rows(context: CheckContext, endpoint: Endpoint) -> bool:
    if names_of(endpoint) or any("x-texts-of" in each.value for each in endpoint.parameters):
        return True
    if any(takes_text(each) for each in endpoint.query):
        return True
    return bool(endpoint.selects) or (endpoint.body is not None and bool(tables_of(context, endpoint.body)))


def takes_text(parameter: Place) -> bool:
    """Whether a parameter of a query may have any text, such as one to search for."""
    schema = parameter["schema"].value
    is_any = schema["type"] == "string" and schema.keys().isdisjoint(("format", "enum"))
    return is_any and not parameter.value.get("required")


def tables_of(context: CheckContext, body: Place) -> dict[str, str]:
    """The tables of the rows that a body lists by their ids, by the names of the lists."""
    fields = context.session_operations.fields
    lists = [name for name, part in body.entries("properties") if part.value.get("type") == "array"]
    return {name: table for name in lists if (table := fields.table_of(name))}


def check(context: CheckContext, mirror: Mirror, endpoint: Endpoint) -> None:
    """Send some random requests, and one with null where a body may have it, if there are rows for paths to name."""
    if not has_names(context.samples, endpoint):
        return
    generators = [RequestGenerator((), samples, context.random) for samples in samples_for(context, endpoint)]
    requests = [random_request(context, generator, endpoint) for generator in islice(cycle(generators), REQUESTS)]
    requests = in_each_order(context, endpoint, requests)
    if endpoint.body is not None:
        requests.append(with_nulls(endpoint.body, requests[-1]))
    requests += with_shown_values(context, endpoint, requests)
    for request in requests:
        about = SEPARATOR.join(names_in(request.body))
        context.results.hold(
            rules.SAME_ROWS, endpoint.label, about, partial(differs, context, mirror, endpoint, request)
        )


def check_other_tables(context: CheckContext, mirror: Mirror, lookup: Lookup) -> None:
    """Look up some ids of each other table by an operation that returns a row by its id."""
    for table, rows in ids_by_table(context).items():
        for row_id in context.random.sample(rows, k=min(OF_OTHERS, len(rows))) if table != lookup.table else ():
            check_id = partial(differs_for_other, context, mirror, lookup.endpoint, lookup.request(row_id))
            context.results.hold(rules.SAME_ROWS, lookup.endpoint.label, f"id of {table}", check_id)


def differs_for_other(context: CheckContext, mirror: Mirror, endpoint: Endpoint, request: Request) -> Broken | None:
    """How the response for an id of another table differs: a row that is not known has not the same id."""
    if mirror.expected(context.model, context.version, request, context.others) is not None:
        return differs(context, mirror, endpoint, request)
    expected = mirror.with_known_rows(context.model, context.version, request, context.others)
    found = context.ask(endpoint, request)
    if expected.status != NOT_FOUND or not found.is_success:
        return None
    return Broken((request,), f"{NOT_FOUND}", f"{found.status} with {shortened(found.body)}")


def ids_by_table(context: CheckContext) -> dict[str, list[str]]:
    """The ids of the known rows of each table, those that only views show included."""
    known = {table: list(rows) for table, rows in context.model.known.items()}
    for table, other in context.others.items():
        shown = (str(row["id"]) for listed in other.lists for row in listed.rows if "id" in row)
        known[table] = list(dict.fromkeys((*known.get(table, ()), *shown)))
    return known


def samples_for(context: CheckContext, endpoint: Endpoint) -> list[Samples]:
    """The samples that requests are drawn from: every other one of rows below which others are known."""
    below = context.samples_below()
    is_below = bool(names_of(endpoint)) and has_names(below, endpoint)
    return [context.samples, below] if is_below else [context.samples]


def has_names(samples: Samples, endpoint: Endpoint) -> bool:
    """Whether a value is known for each parameter that names a row."""
    return all(samples.seen(table, [field]) for table, field in names_of(endpoint))


def names_of(endpoint: Endpoint) -> list[tuple[str, str]]:
    """The tables and fields of which the parameters of an operation have values."""
    parameters = endpoint.place.each("parameters")
    names = (each.value["x-names"].partition(".") for each in parameters if "x-names" in each.value)
    return [(table, field) for table, _, field in names]


def random_request(context: CheckContext, generator: RequestGenerator, endpoint: Endpoint) -> Request:
    """A random request, whose body has some values of an example, and mostly those that a body must have."""
    request = generator.request(endpoint.method, endpoint.path, endpoint.place)
    request = without_values(context, request) if context.random.random() < EMPTY else request
    if endpoint.body is None or not isinstance(request.body, dict):
        return request
    if endpoint.selects and context.random.random() < BY_IDS:
        return replace(request, body=by_ids(context, endpoint, endpoint.body))
    body = {
        **required_by_example(endpoint),
        **values_of_example(
            context, endpoint.body, context.random.choice([*examples_of(endpoint), endpoint.lists_all])
        ),
        **few(context, endpoint.body, request.body),
    }
    body |= times_of_rows(context, endpoint, body)
    for name, table in tables_of(context, endpoint.body).items():
        ids = list(context.model.known[table])
        body[name] = context.random.sample(ids, k=min(len(ids), LISTED))
    return replace(request, body=body)


def times_of_rows(context: CheckContext, endpoint: Endpoint, body: Mapping[str, Any]) -> dict[str, Any]:
    """Sometimes, times of a column instead of those that a body has beside its filters, in order."""
    names = [] if endpoint.body is None else [name for name in times_among(endpoint.body) if name in body]
    if not names or not endpoint.selects or context.random.random() >= OF_ROWS:
        return {}
    fields = times_among(context.model.catalog.tables[endpoint.selects].place)
    columns = [context.samples.seen(endpoint.selects, [field]) for field in fields]
    enough = [values for values in columns if len(values) >= len(names)]
    times = sorted(context.random.sample(context.random.choice(enough), k=len(names)), key=moment) if enough else []
    return dict(zip(names, times, strict=False))


def times_among(schema: Place) -> list[str]:
    """The names of the properties that are times."""
    return [name for name, part in schema.entries("properties") if part.value.get("format") == "date-time"]


def in_each_order(context: CheckContext, endpoint: Endpoint, requests: Sequence[Request]) -> list[Request]:
    """The requests, the first of them in one order each that their body may say, until there is one in each order."""
    parts = () if endpoint.body is None else endpoint.body.entries("properties")
    sorts = {name: list(part.value["x-sorts"]) for name, part in parts if "x-sorts" in part.value}
    found = list(requests)
    for name, words in sorts.items():
        orders = context.random.sample(words, k=min(len(words), len(found)))
        for place, word in enumerate(orders):
            found[place] = replace(found[place], body={**(found[place].body or {}), name: word})
    return found


def with_shown_values(context: CheckContext, endpoint: Endpoint, requests: Iterable[Request]) -> list[Request]:
    """The requests with a value of the response in their query: a time, or a piece of a text, where it takes one."""
    times = [each.value["name"] for each in endpoint.query if each["schema"].value.get("format") == "date-time"]
    texts = [each.value["name"] for each in endpoint.query if takes_text(each)]
    generator = RequestGenerator((), context.samples, context.random)
    found = []
    for each in requests if times or texts else ():
        plain = replace(each, path=each.path.partition("?")[0])
        body = context.ask(endpoint, plain).body
        values = {name: times_in(body) for name in times} | {
            name: list(map(generator.pattern, texts_in(body))) for name in texts
        }
        name = context.random.choice([*times, *texts])
        if values[name]:
            query = urlencode({name: context.random.choice(values[name])}, errors="replace")
            found.append(replace(plain, path=f"{plain.path}?{query}"))
    return found


def times_in(body: Any) -> list[str]:
    return [value for _, value in leaves("", body) if isinstance(value, str) and is_time(value)]


def texts_in(body: Any) -> list[str]:
    """The different texts of a response, without times."""
    texts = (value for _, value in leaves("", body) if isinstance(value, str) and not is_time(value))
    return list(dict.fromkeys(texts))


def with_nulls(schema: Place, request: Request) -> Request:
    """A request whose body has what is required, and null for all else that may be null."""
    given = request.body if isinstance(request.body, dict) else {}
    required = schema.value.get("required", ())
    kept = {name: value for name, value in given.items() if name in required}
    nulls = {name: None for name, part in schema.entries("properties") if name not in required and may_be_null(part)}
    return replace(request, body={**kept, **nulls})


def may_be_null(schema: Place) -> bool:
    return bool(schema.value.get("nullable")) and None in schema.value.get("enum", [None])


def without_values(context: CheckContext, request: Request) -> Request:
    """A request in whose query some parameters have no value."""
    path, _, query = request.path.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    if not pairs:
        return request
    emptied = set(context.random.sample(range(len(pairs)), k=context.random.randint(1, len(pairs))))
    pairs = [(name, "" if place in emptied else value) for place, (name, value) in enumerate(pairs)]
    return replace(request, path=f"{path}?{urlencode(pairs)}")


def by_ids(context: CheckContext, endpoint: Endpoint, schema: Place) -> dict[str, Any]:
    """A body with filters by ids of a few rows and of some of another table, whether they are related or not."""
    tables = {
        name: part.value["x-filters"]
        for name, part in schema.entries("properties")
        if "x-filters" in part.value and "id" in part.value.get("properties", {})
    }
    own = [name for name, table in tables.items() if table == endpoint.selects]
    others = [name for name in tables if name not in own]
    chosen = [*own, *context.random.sample(others, k=min(len(others), 1))]
    known = {name: list(context.model.known.get(tables[name], ())) for name in chosen}
    return {name: {"id": {"any_": context.random.sample(ids, k=min(len(ids), LISTED))}} for name, ids in known.items()}


def values_of_example(context: CheckContext, schema: Place, example: Mapping[str, Any]) -> dict[str, Any]:
    """The values of an example, somewhat changed: mostly not its filters, since few rows meet all of these."""
    has_filters = context.random.choice(WITH_FILTERS)
    parts = dict(schema.entries("properties"))
    return {
        name: near(context.random, parts[name].value, value) if name in parts else value
        for name, value in example.items()
        if has_filters or name not in parts or "x-filters" not in parts[name].value
    }


def near(randomness: Random, schema: Mapping[str, Any], value: Any) -> Any:
    """A number or time that is near another one; any other value as it is."""
    if schema.get("type") in ("integer", "number") and isinstance(value, int | float):
        number = value * randomness.choice(FACTORS)
        return int(number) if schema["type"] == "integer" else number
    if schema.get("format") == "date-time":
        return (moment(value) + timedelta(hours=randomness.choice(SHIFTS))).isoformat()
    return value


def few(context: CheckContext, schema: Place, body: Mapping[str, Any]) -> dict[str, Any]:
    """A body with some of its filters only, and sometimes without the other values."""
    filters = [name for name, part in schema.entries("properties") if "x-filters" in part.value and name in body]
    chosen = context.random.sample(filters, k=min(len(filters), context.random.choice(FILTERS)))
    has_others = context.random.choice([True, False])
    return {name: value for name, value in body.items() if (name in chosen if name in filters else has_others)}


def differs(context: CheckContext, mirror: Mirror, endpoint: Endpoint, request: Request) -> Broken | None:
    """How a response differs from that of Understudy; None if it does not, or if that is not known."""
    if is_unmasked(endpoint, request) or (
        endpoint.body is not None and sees_stored(context, endpoint.body, request.body)
    ):
        return None
    known = mirror.expected(context.model, context.version, request, context.others)
    if known is None or known.answer.status in REDIRECTS:
        return None
    if known.incomplete and is_sorted_by_moving(context, endpoint, request):
        return None
    expected, found = known.answer, context.ask(endpoint, request)
    if expected.status != found.status:
        return Broken((request,), f"{expected.status}", f"{found.status} with {shortened(found.body)}")
    if endpoint.is_moving and are_alike(expected.body, found.body):
        return None
    moving = context.moving(endpoint)
    # Lists of rows do not show all fields.
    shown = (without(context.model.hidden, errors_of(answer)) for answer in (expected, found))
    unknown = moving - context.model.known_moving
    ours, theirs = (without_unknown(unknown, known.incomplete, body) for body in shown)
    theirs = settled(moving, ours, theirs)
    compare = agree_nearly if is_sorted_by_moving(context, endpoint, request) else agree
    is_same = compare(ours, theirs, request) and is_in_order(mirror, expected, found, request)
    if not is_same:
        return unlike((request,), ours, theirs)
    other = in_headers((expected, found), endpoint.headers(expected.status))
    return None if other is None else Broken((request,), other.expected, other.found)


def without_unknown(names: frozenset[str], rows: frozenset[str], value: Any) -> Any:
    """JSON without the fields of some names, but for those of rows with other ids than some; as it is without ids."""
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
    """Whether a request may ask for values that are masked otherwise."""
    query = dict(parse_qsl(urlsplit(request.path).query))
    given = {**query, **(request.body if isinstance(request.body, dict) else {})}
    return any(given.get(name) not in (None, False, "false") for name in endpoint.unmasking)


def sees_stored(context: CheckContext, schema: Place, body: Any) -> bool:
    """Whether a body has a filter by a field whose stored values responses may not show."""
    given = body if isinstance(body, dict) else {}
    filters = [(part, given.get(name)) for name, part in schema.entries("properties") if "x-filters" in part.value]
    return any(
        not context.model.shown_otherwise(place.value["x-filters"]).isdisjoint(fields_of(part) or [name])
        for place, criteria in filters
        for name, part in place.entries("properties")
        if isinstance(criteria, dict) and name in criteria
    )


def is_in_order(mirror: Mirror, expected: Answer, found: Answer, request: Request) -> bool:
    """Whether rows whose order the request does not say are as expected, if their values decide on the order."""
    is_said = order_of(request).field != ""
    return is_said or ids(expected.body) == ids(found.body) or not mirror.is_ordered(request, expected)


def is_sorted_by_moving(context: CheckContext, endpoint: Endpoint, request: Request) -> bool:
    """Whether the order of rows changes with time."""
    return request.order is not None and request.order.field in context.model.moving(endpoint.selects)
