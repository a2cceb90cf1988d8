"""Operations that look up one row."""

from functools import partial
from uuid import UUID

from understudy.contract.contract import Place
from understudy.sampling.answers import same
from understudy.sampling.random_requests import Request, RequestGenerator
from understudy.values import is_id
from understudy.verify import rules
from understudy.verify.check_context import CheckContext
from understudy.verify.check_results import Broken, unlike
from understudy.verify.requests.endpoint import Endpoint
from understudy.verify.requests.endpoint_map import Lookup
from understudy.verify.requests.operands import id_spellings
from understudy.verify.requests.random_reads import has_names

SOME = 12  # rows to look up
NOT_FOUND = 404
UNKNOWN = "understudy-unknown"


def check(context: CheckContext, lookup: Lookup) -> None:
    """Check the rule about an operation that looks up a row by a field."""
    known = context.model.known[lookup.table]
    hold = partial(context.results.hold, rules.LOOKUP, lookup.endpoint.label)
    for row_id in context.random.sample(sorted(known), k=min(SOME, len(known))):
        hold("", partial(is_found, context, lookup, row_id))
        hold("spelling", partial(is_found_if_spelled_otherwise, context, lookup, row_id))
    stranger = UUID(int=context.random.getrandbits(128), version=4)
    for value in (str(stranger), UNKNOWN, "0"):
        hold("no match", partial(is_not_found, context, lookup, value))


def check_texts(context: CheckContext, endpoint: Endpoint) -> None:
    """Check that an operation finds nothing by a text in its path that names nothing, such as the name of a view."""
    if not has_names(context.samples, endpoint):
        return
    generator = RequestGenerator((), context.samples, context.random)
    names = {each.value["name"]: str(generator.parameter(each)) for each in endpoint.parameters}
    for each in texts_of(endpoint):
        name = each.value["name"]
        request = endpoint.request(**{**names, name: UNKNOWN})
        check_text = partial(is_refused, context, endpoint, request)
        context.results.hold(rules.LOOKUP, endpoint.label, name, check_text)


def texts_of(endpoint: Endpoint) -> list[Place]:
    """The parameters of a path that are any text, and no field of a row, if the operation finds something by them."""
    finds = endpoint.method == "GET" and str(NOT_FOUND) in endpoint.place["responses"].value
    texts = [each for each in endpoint.parameters if "x-names" not in each.value] if finds else []
    return [each for each in texts if each["schema"].value.keys().isdisjoint(("format", "enum"))]


def is_found_if_spelled_otherwise(context: CheckContext, lookup: Lookup, row_id: str) -> Broken | None:
    """Whether an id in upper case or without hyphens finds the row, and another text in another case does not."""
    row = context.model.known[lookup.table].get(row_id, {})
    value = str(row.get(lookup.field) or "")
    if lookup.field == "id":
        return next(filter(None, (is_found(context, lookup, row_id, each) for each in id_spellings(value))), None)
    taken = {each.get(lookup.field) for each in context.model.known[lookup.table].values()}
    others = {value.upper(), value.lower()} - taken - {""}
    return next(filter(None, (is_not_found(context, lookup, other) for other in sorted(others))), None)


def is_found(context: CheckContext, lookup: Lookup, row_id: str, spelled: str | None = None) -> Broken | None:
    """Whether a row is found, by the value of its field or by another spelling of it."""
    row = context.model.known[lookup.table].get(row_id)
    if row is None or row.get(lookup.field) is None or lookup.endpoint.success is None:
        return None
    request = lookup.request(spelled or str(row[lookup.field]))
    shown = context.success(lookup.endpoint, request)
    expected = {name: row[name] for name in lookup.endpoint.success["properties"].value if name in row}
    shown, expected = (context.still(lookup.endpoint, each) for each in (shown, expected))
    if same(shown, expected):
        return None
    lists = context.endpoint_map.selections[lookup.table].lists
    return unlike((lists.request({}), request), expected, shown)


def is_not_found(context: CheckContext, lookup: Lookup, value: str) -> Broken | None:
    request = lookup.request(value)
    # A path that cannot have this value is not one of the operation, so that the contract does not state the body.
    is_of_operation = lookup.field != "id" or is_id(value)
    answer = context.ask(lookup.endpoint, request) if is_of_operation else context.throttled_client.ask(request)
    return None if answer.status == NOT_FOUND else Broken((request,), f"{NOT_FOUND}", f"{answer.status}")


def is_refused(context: CheckContext, endpoint: Endpoint, request: Request) -> Broken | None:
    status = context.ask(endpoint, request).status
    return None if status == NOT_FOUND else Broken((request,), f"{NOT_FOUND}", f"{status}")
