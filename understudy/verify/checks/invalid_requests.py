"""Invalid requests, and how a server refuses them."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any
from uuid import UUID

from understudy.contract.contract import Place
from understudy.errors import ApiError
from understudy.http.responses import encode
from understudy.sampling.answers import Answer, same, shortened
from understudy.sampling.random_requests import Request
from understudy.sampling.sending import answer_of
from understudy.verify import rules
from understudy.verify.check_context import CheckContext
from understudy.verify.check_results import Broken, answered, unlike
from understudy.verify.expectations.reference_answers import ALL, ECHO, ReferencePair, errors_of
from understudy.verify.requests.created_rows import may_be_changed, may_be_refused
from understudy.verify.requests.endpoint import LIMIT, Endpoint
from understudy.verify.requests.invalid_bodies import (
    STRANGER,
    InvalidBody,
    Way,
    bodies_at_bounds,
    bodies_beyond_bounds,
    invalid_bodies,
    readable,
)

SOME = 40  # invalid bodies for each operation
NEAR = 2  # levels of a body on which each field is invalid once
NOT_FOUND, NOT_ALLOWED = 404, 405
EVERY_PATH, FIRST_PATHS, OTHER_PATHS = slice(None), slice(10), slice(10, None)
NO_JSON = b"{bad"
NO_PATH: Mapping[str, str] = {}
UNUSED = ("TRACE", "HEAD")  # methods that change nothing on any server


def check(context: CheckContext, endpoint: Endpoint) -> None:
    """Check the rules about refusals for one operation that changes nothing, with requests that `check_first` does not
    send.
    """
    hold = partial(context.results.hold, operation=endpoint.label)
    for header, value in islice(headers(endpoint), 1, None):
        request = replace(endpoint.request(), headers={header: value})
        hold(rules.INVALID_REQUEST, subject=header, check=partial(is_as_read, context, endpoint, request, b""))
    if endpoint.body is not None:
        for each in one_for_each_field(context, endpoint.body, NEAR if is_first(context, endpoint) else 1):
            hold(rules.INVALID_REQUEST, subject=each.subject, check=partial(is_refused, context, endpoint, each))
        for raw in (b"", b"null", b"[]", b'"text"'):
            check_raw = partial(is_as_read, context, endpoint, sent(endpoint, raw), raw)
            hold(rules.INVALID_REQUEST, subject="body", check=check_raw)
        if context.interpreter.refusals(endpoint, b"{}", {})[0] is None:
            hold(rules.UNKNOWN_NAME, subject=STRANGER, check=partial(is_ignored, context, endpoint))


def check_first(context: CheckContext, endpoint: Endpoint) -> None:
    """Check that an operation refuses one invalid body, one that is not JSON, values beyond bounds and an outdated
    version, and that one that changes nothing accepts values at bounds, or a request without values.

    An operation on one row gets an id that no row has.
    """
    hold, path = partial(context.results.hold, operation=endpoint.label), values_of_path(context, endpoint.path)
    if endpoint.body is None and endpoint.is_safe and not path:
        check_plain = partial(is_as_read, context, endpoint, endpoint.request(), b"")
        hold(rules.SUCCESS, subject="", check=check_plain)
    for each in refused_bodies(context, endpoint, path)[:1]:
        check_body = partial(is_refused, context, endpoint, each, path)
        hold(rules.INVALID_REQUEST, subject=each.subject, check=check_body)
    for way, body in values_near_bounds(context, endpoint, path):
        check_bound = partial(
            is_as_read, context, endpoint, endpoint.request(body, **path), json.dumps(body).encode(), path=path
        )
        hold(rules.INVALID_REQUEST, subject=readable(way), check=check_bound)
    if endpoint.body is not None:
        request = sent(endpoint, NO_JSON, path)
        check_raw = partial(is_as_read, context, endpoint, request, NO_JSON, path=path)
        hold(rules.INVALID_REQUEST, subject="body", check=check_raw)
    for header, version in islice(headers(endpoint), 1):
        request = replace(endpoint.request(**path), headers={header: version})
        check_header = partial(is_as_read, context, endpoint, request, b"", path=path)
        hold(rules.INVALID_REQUEST, subject=header, check=check_header)


def values_near_bounds(context: CheckContext, endpoint: Endpoint, path: Mapping[str, str]) -> list[tuple[Way, Any]]:
    """Bodies with one number just beyond a bound. For an operation that changes rows, only those that each reading of
    the contract refuses. For one that changes nothing and has no row in its path, also bodies with a value at a bound.
    """
    if endpoint.body is None:
        return []
    beyond = bodies_beyond_bounds(endpoint.body)
    if endpoint.is_safe:
        return [*beyond, *(() if path else bodies_at_bounds(endpoint.body))]
    if may_be_changed(endpoint.body):
        return []
    return [each for each in beyond if is_surely_refused(context, endpoint, each[1], path)]


def refused_bodies(context: CheckContext, endpoint: Endpoint, path: Mapping[str, str]) -> list[InvalidBody]:
    """Invalid bodies of an operation, in random order, that each reading of the contract refuses."""
    if endpoint.body is None or may_be_changed(endpoint.body):
        return []
    bodies = one_for_each_field(context, endpoint.body, 1)
    drawn = context.random.sample(bodies, k=len(bodies))
    return [each for each in drawn if is_surely_refused(context, endpoint, each.body, path)]


def is_surely_refused(context: CheckContext, endpoint: Endpoint, body: Any, path: Mapping[str, str]) -> bool:
    """Whether each reading of the contract refuses a body."""
    return None not in context.interpreter.refusals(endpoint, json.dumps(body).encode(), {}, path)


def find_reading(context: CheckContext) -> None:
    """Find out whether the server is lenient: whether it accepts "1" for 1. If so, it must accept all values
    that lenient servers accept.
    """
    for selection in context.endpoint_map.selections.values():
        body = {LIMIT: "1"}
        refusals = context.interpreter.refusals(selection.lists, json.dumps(body).encode(), {})
        if len({refusal is None for refusal in refusals}) > 1:
            context.is_lenient = context.ask(selection.lists, selection.lists.request(body)).is_success
            return


def check_others(context: CheckContext, endpoint: Endpoint) -> None:
    """Check the same rules with more bodies, whose fault may be deeply nested."""
    bodies = [] if endpoint.body is None else list(invalid_bodies(endpoint.body, {}))
    for each in context.random.sample(bodies, k=min(SOME, len(bodies))):
        check_body = partial(is_refused, context, endpoint, each)
        context.results.hold(rules.INVALID_REQUEST, endpoint.label, each.subject, check_body)


def check_change(context: CheckContext, references: ReferencePair, endpoint: Endpoint) -> None:
    """Check that an operation that changes rows refuses invalid bodies and accepts values at bounds, as the reference
    servers do.

    An operation on one row gets an id that no row has.
    """
    references.restart()
    path = values_of_path(context, endpoint.path)
    for way, body in [] if endpoint.body is None else bodies_of_change(context, endpoint.body):
        refusals = context.interpreter.refusals(endpoint, json.dumps(body).encode(), {}, path)
        is_taken_by_all = not any(refusals)
        # What only a lenient server takes is left out, and what creates a row.
        if None not in refusals or (path and is_taken_by_all):
            check_body = partial(differs, context, references, endpoint, endpoint.request(body, **path), refusals)
            context.results.hold(rules.INVALID_REQUEST, endpoint.label, readable(way), check_body)


def bodies_of_change(context: CheckContext, schema: Place) -> list[tuple[Way, Any]]:
    """An invalid body for each field, and bodies with values at their bounds."""
    invalid = [(each.way, each.body) for each in one_for_each_field(context, schema, 1)]
    return [*invalid, *bodies_at_bounds(schema)]


def differs(
    context: CheckContext,
    references: ReferencePair,
    endpoint: Endpoint,
    request: Request,
    refusals: Sequence[ApiError | None],
) -> Broken | None:
    """How a response differs from those of the reference servers, unless a reading of the contract refuses the request
    with the same error.
    """
    answer = context.ask(endpoint, request)
    difference = references.difference(endpoint, request, references.answers(request), answer, ALL)
    if difference is None or any(same(each, errors_of(answer, ALL)) for each in errors_in(refusals)):
        return None
    return Broken((request,), difference.expected, difference.found)


def errors_in(refusals: Iterable[ApiError | None]) -> list[Any]:
    """The contents of the errors that refuse a request."""
    return [errors_of(Answer(each.status, plain(each.body)), ALL) for each in refusals if each is not None]


def is_first(context: CheckContext, endpoint: Endpoint) -> bool:
    """Whether an operation is the one, of all that select the same rows, that is tested with most bodies: the list."""
    selection = context.endpoint_map.selections.get((endpoint.body or endpoint.place).value.get("x-selects", ""))
    return selection is None or endpoint == selection.lists


def one_for_each_field(context: CheckContext, schema: Place, levels: int = NEAR) -> list[InvalidBody]:
    """An invalid body for each field in the first levels of a body, drawn at random."""
    bodies: dict[Way, list[InvalidBody]] = defaultdict(list)
    for each in invalid_bodies(schema, {}):
        names = [name for name in each.way if isinstance(name, str)]
        bodies[tuple(names[:levels])].append(each)
    return [context.random.choice(alike) for alike in bodies.values()]


def headers(endpoint: Endpoint) -> Iterator[tuple[str, str]]:
    """Headers of all kinds that have a version."""
    for parameter in endpoint.place.each("parameters"):
        if "x-minimum-version" in parameter.value:
            for version in versions(parameter.value["x-minimum-version"]["version"]):
                yield parameter.value["name"], version


def versions(minimum: str) -> list[str]:
    """Versions before and after a minimum, some of which compare differently as texts, and some invalid ones."""
    major, minor, patch = map(int, minimum.split("."))
    later = f"{major}.{minor}.{patch + 10}", f"{major}.{minor + 10}.0", f"{major + 10}.0.0"
    earlier = [f"{major}.{minor - 1}.{patch + 99}"] if minor > 0 else []
    return ["0.0.1", minimum, "9.9.9", *later, *earlier, f"0{minimum}", "", "none", "1.2", "1.2.3.4", "1.2.x"]


def is_refused(
    context: CheckContext, endpoint: Endpoint, each: InvalidBody, path: Mapping[str, str] = NO_PATH
) -> Broken | None:
    request = endpoint.request(each.body, **path)
    return is_as_read(context, endpoint, request, json.dumps(each.body).encode(), each.way, path)


def is_as_read(
    context: CheckContext,
    endpoint: Endpoint,
    request: Request,
    raw: bytes,
    way: Way = (),
    path: Mapping[str, str] = NO_PATH,
) -> Broken | None:
    """Whether a request is refused or accepted as the strict or the lenient reading of the contract says.

    Args:
        context: the server, and the readings of the contract.
        endpoint: the operation.
        request: the request, as it is reported.
        raw: the body that is sent.
        way: the path to the invalid part of the body.
        path: the values of the parameters in the path.
    """
    answer = context.ask(endpoint, request, raw)
    refusals = context.expected(endpoint, context.interpreter.refusals(endpoint, raw, request.headers, path))
    statuses = sorted({"a success" if refusal is None else f"{refusal.status}" for refusal in refusals})
    expected = " or ".join(statuses)
    if not any(answer.is_success if refusal is None else answer.status == refusal.status for refusal in refusals):
        return answered((request,), expected, answer)
    if None in refusals and endpoint.body is not None and may_be_refused(endpoint.body):
        return None  # a lenient server accepts the value, and a handler may refuse the body for something else
    return unlike_refusals(endpoint, request, answer, refusals, way)


def unlike_refusals(
    endpoint: Endpoint, request: Request, answer: Answer, refusals: Sequence[ApiError | None], way: Way
) -> Broken | None:
    """How an error differs from those with which the readings refuse the request: in its form, in the place that it
    names, in its contents, or in the body that it repeats.
    """
    forms = [refusal.body.keys() for refusal in refusals if refusal is not None and isinstance(refusal.body, dict)]
    form = answer.body.keys() if isinstance(answer.body, dict) else ()
    if not answer.is_success and forms and form not in forms:
        return Broken((request,), f"an error with {' or '.join(map(str, map(sorted, forms)))}", shortened(answer.body))
    is_named = all(refusal is None or names(refusal.body, way) for refusal in refusals)
    if way and is_named and not answer.is_success and not names(answer.body, way):
        return Broken((request,), f"an error that names {readable(way)}", shortened(answer.body))
    errors, found = errors_in(refusals), errors_of(answer, ALL)
    if endpoint.is_safe and not answer.is_success and errors and not any(same(each, found) for each in errors):
        return unlike((request,), errors[0], found)
    echoed = answer.body.get(ECHO, request.body) if isinstance(answer.body, dict) else request.body
    if way and echoed != request.body:
        return Broken((request,), "an error that holds the body that was sent", shortened(answer.body))
    return None


def plain(body: Any) -> Any:
    """The body of an error, as JSON."""
    return json.loads(encode(body))


def sent(endpoint: Endpoint, raw: bytes, path: Mapping[str, str] = NO_PATH) -> Request:
    """The request with a raw body, as it is reported."""
    try:
        return replace(endpoint.request(json.loads(raw), **path), content=raw)
    except ValueError:
        return replace(endpoint.request(raw.decode(), **path), content=raw)


def names(body: Any, way: Way) -> bool:
    """Whether an error names the location of the invalid part. An error with a message of the contract need not."""
    if not isinstance(body, dict) or "exception_detail" not in body:
        return isinstance(body, dict)
    located = (entry["loc"][1 : len(way) + 1] for entry in body["exception_detail"])
    return any(tuple(loc) == way for loc in located)


def is_ignored(context: CheckContext, endpoint: Endpoint) -> Broken | None:
    plain, strange = endpoint.request({}), endpoint.request({STRANGER: 1})
    first, second = context.ask(endpoint, plain), context.ask(endpoint, strange)
    bodies = [context.still(endpoint, answer.body) for answer in (first, second)]
    return None if bodies[0] == bodies[1] else unlike((plain, strange), *bodies)


def check_paths(
    context: CheckContext, only: Callable[[Endpoint], bool] = lambda endpoint: True, some: slice = EVERY_PATH
) -> None:
    """Check methods that some paths of the contract do not have, and a path that does not exist."""
    for path, endpoints in list(context.endpoint_map.by_path.items())[some]:
        if not any(map(only, endpoints)):
            continue
        methods = {endpoint.method for endpoint in context.endpoint_map.endpoints if endpoint.matches(path)}
        for unused in UNUSED:
            request = replace(endpoints[0].request(**values_of_path(context, path)), method=unused, body=None)
            check_method = partial(is_not_allowed, context, request, methods)
            context.results.hold(rules.METHOD, f"{unused} {path}", "", check_method)
    stranger = Request("GET", f"/{STRANGER}", f"/{STRANGER}")
    context.results.hold(rules.METHOD, f"GET /{STRANGER}", "", partial(is_unknown, context, stranger))


def values_of_path(context: CheckContext, path: str) -> dict[str, str]:
    """A value for each parameter of a path, which need not be that of a row."""
    stranger = str(UUID(int=context.random.getrandbits(128), version=4))
    return {part[1:-1]: stranger for part in path.split("/") if part.startswith("{")}


def is_not_allowed(context: CheckContext, request: Request, methods: set[str]) -> Broken | None:
    response = context.throttled_client.send(request)
    allowed = {method.strip() for method in response.headers.get("allow", "").split(",")}
    if response.status_code == NOT_ALLOWED and allowed <= methods and allowed:
        return differs_from_ours(context, request, answer_of(response))
    found = f"{response.status_code}, allow: {response.headers.get('allow', '')}"
    return Broken((request,), f"{NOT_ALLOWED}, allow: {' or '.join(sorted(methods))}", found)


def is_unknown(context: CheckContext, request: Request) -> Broken | None:
    answer = context.throttled_client.ask(request)
    if answer.status != NOT_FOUND:
        return Broken((request,), f"{NOT_FOUND}", f"{answer.status}")
    return differs_from_ours(context, request, answer)


def differs_from_ours(context: CheckContext, request: Request, found: Answer) -> Broken | None:
    """How the body of an error that depends on no rows differs from that of Understudy."""
    if context.mirror is None or request.method == "HEAD":
        return None
    expected = context.mirror.with_known_rows(context.model, context.version, request, context.others)
    return None if same(found.body, expected.body) else unlike((request,), expected.body, found.body)
