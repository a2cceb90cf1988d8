"""Query parameters: the values that they accept, and their defaults."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import Any
from urllib.parse import urlencode

from understudy.contract.contract import Place
from understudy.sampling.answers import same
from understudy.sampling.random_requests import Request, RequestGenerator, as_text
from understudy.verify import rules
from understudy.verify.check_context import CheckContext
from understudy.verify.check_results import Broken, answered, unlike
from understudy.verify.expectations.reference_answers import INVALID
from understudy.verify.requests.endpoint import LIMIT, Endpoint, example_of
from understudy.verify.requests.invalid_bodies import bounds, coercible_values
from understudy.verify.requests.random_reads import has_names

SIZES = (1, 2, 5)  # of lists with a limit


@dataclass(frozen=True)
class Query:
    """An operation, with values for its path parameters and its required query parameters."""

    context: CheckContext
    endpoint: Endpoint
    path: Mapping[str, str]
    needed: Mapping[str, str]

    def request(self, **values: str) -> Request:
        """A request with further query parameters."""
        body = None if self.endpoint.body is None else example_of(self.endpoint)
        request = self.endpoint.request(body, **self.path)
        query = self.text(**values)
        return replace(request, path=f"{request.path}?{query}") if query else request

    def text(self, **values: str) -> str:
        return urlencode({**self.needed, **values}, errors="replace")

    def is_read(self, name: str, value: str) -> Broken | None:
        """Whether a value is refused or accepted as a reading of the contract says."""
        query = self.text(**{name: value})
        found = self.context.interpreter.refusals(self.endpoint, b"", {}, self.path, query)
        refusals = self.context.expected(self.endpoint, found)
        statuses = sorted({each.status for each in refusals if each is not None})
        request = self.request(**{name: value})
        answer = self.context.ask(self.endpoint, request)
        if answer.status in statuses or (None in refusals and answer.status != INVALID):
            return None
        expected = " or ".join(map(str, statuses)) or f"not {INVALID}"
        return answered((request,), expected, answer)

    def is_default(self, name: str, value: str) -> Broken | None:
        """Whether a request without a parameter gets the same response as one with its default."""
        requests = self.request(), self.request(**{name: value})
        first, second = (self.context.ask(self.endpoint, request) for request in requests)
        return self.context.difference(self.endpoint, requests, (first, second))

    def is_part(self, size: int, order: Mapping[str, str]) -> Broken | None:
        """Whether a list of a limited size is the beginning of the whole list in the same order."""
        requests = self.request(**order), self.request(**order, limit=f"{size}")
        whole, part = (self.context.success(self.endpoint, request) for request in requests)
        return None if same(whole[:size], part) else unlike(requests, whole[:size], part)


def check(context: CheckContext, endpoint: Endpoint) -> None:
    """Check each query parameter of an operation, if there is a row for its path to name."""
    if not has_names(context.samples, endpoint):
        return
    generator = RequestGenerator((), context.samples, context.random)
    path = {each.value["name"]: str(generator.parameter(each)) for each in endpoint.parameters}
    needed = {
        each.value["name"]: as_text(generator.parameter(each)) for each in endpoint.query if each.value.get("required")
    }
    query = Query(context, endpoint, path, needed)
    for parameter in endpoint.query:
        name, schema = parameter.value["name"], parameter["schema"]
        for value in map(as_text, values_of(schema)):
            context.results.hold(rules.INVALID_REQUEST, endpoint.label, name, partial(query.is_read, name, value))
        if schema.value.get("default") is not None:
            default = as_text(schema.value["default"])
            context.results.hold(rules.REPEATABLE, endpoint.label, name, partial(query.is_default, name, default))
    if endpoint.success is not None and endpoint.success.value.get("type") == "array":
        check_limits(query)


def check_limits(query: Query) -> None:
    """Check small limits of a list, in each order that it can have."""
    schemas = {each.value["name"]: each["schema"].value for each in query.endpoint.query}
    orders = [{name: word} for name, schema in schemas.items() for word in schema.get("enum", ())]
    for size, order in product(SIZES if LIMIT in schemas else (), orders or [{}]):
        is_part = partial(query.is_part, size, order)
        query.context.results.hold(rules.PAGE, query.endpoint.label, LIMIT, is_part)


def values_of(schema: Place) -> list[Any]:
    """Invalid values of a parameter, and those just within its bounds."""
    values = (*coercible_values(schema), *bounds(schema))
    return [each for each in values if each is not None and not isinstance(each, (list, dict))]
