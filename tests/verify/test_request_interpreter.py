"""The interpretation of requests by the contract: what is rejected by strict and by lenient servers."""

import pytest

from tests.verify.contexts import ContextFactory
from understudy.contract.catalog import Catalog
from understudy.errors import ApiError
from understudy.filters.criteria import Every
from understudy.verify.expectations.request_interpreter import RequestInterpreter
from understudy.verify.requests.endpoint_map import EndpointMap
from understudy.verify.verify import own_contract

LIST = "POST /artifacts/filter"
VERSION = "x-prefect-api-version"


READ: dict[str, tuple[str, bytes, dict[str, str], int | None, int | None]] = {
    # operation, body, headers, the strict status, and the lenient status; None: it is accepted
    "a sound body": (LIST, b'{"limit": 5}', {}, None, None),
    "no body": (LIST, b"", {}, None, None),
    "null": (LIST, b"null", {}, None, None),
    "a number as text": (LIST, b'{"limit": "5"}', {}, 422, None),
    "a flag as text": (LIST, b'{"artifacts": {"key": {"exists_": "yes"}}}', {}, 422, None),
    "a word for a number": (LIST, b'{"limit": "many"}', {}, 422, 422),
    "a list": (LIST, b"[]", {}, 422, 422),
    "no JSON": (LIST, b"{bad", {}, 422, 422),
    "an unknown field": (LIST, b'{"artifacts": {"colour": "red"}}', {}, 422, 422),
    "an unknown name at the top": (LIST, b'{"colour": "red"}', {}, None, None),
    "an old version": (LIST, b"{}", {VERSION: "0.0.1"}, 400, 400),
    "a version that is none": (LIST, b"{}", {VERSION: "none"}, 400, 400),
    "a header in capitals": (LIST, b"{}", {VERSION.upper(): "0.0.1"}, 400, 400),
    "another header": (LIST, b"{}", {"x-other": "0.0.1"}, None, None),
    "a create without what is required": ("POST /flows/", b"{}", {}, 422, 422),
    "a create": ("POST /flows/", b'{"name": "mine"}', {}, None, None),
    "an operation without a body": ("GET /hello", b"", {}, None, None),
}


@pytest.mark.parametrize("name", READ)
def test_request_is_rejected_by_strict_and_lenient_servers(context_factory: ContextFactory, name: str) -> None:
    label, raw, headers, by_letter, lenient = READ[name]
    for strict, statuses in ((True, [by_letter]), (False, [by_letter, lenient])):
        refusals = context_factory.interpreter(strict=strict).refusals(context_factory.endpoint(label), raw, headers)
        assert [None if refusal is None else refusal.status for refusal in refusals] == statuses


@pytest.mark.parametrize(("countable", "status"), [("day", None), ("year", 422)])
def test_parameters_in_the_path_are_validated(countable: str, status: int | None) -> None:
    contract = own_contract()
    endpoint_map = EndpointMap.of(contract)
    (endpoint,) = [each for each in endpoint_map.endpoints if each.path == "/events/count-by/{countable}"]
    interpreter = RequestInterpreter(endpoint_map, Catalog.of(contract), strict=True)
    (refusal,) = interpreter.refusals(endpoint, b'{"filter": {}}', {}, {"countable": countable})
    assert (None if refusal is None else refusal.status) == status


def test_criteria_are_those_of_strict_validation(context_factory: ContextFactory) -> None:
    for strict in (True, False):
        interpreter, endpoint = context_factory.interpreter(strict=strict), context_factory.endpoint(LIST)
        assert interpreter.criteria(endpoint, {}) == Every()
        one = interpreter.criteria(endpoint, {"artifacts": {"key": {"any_": ["a"]}}})
        assert one != Every()
        assert one == interpreter.criteria(endpoint, {"limit": 3, "artifacts": {"key": {"any_": ["a"], "like_": None}}})
        with pytest.raises(ApiError):
            interpreter.criteria(endpoint, {"artifacts": {"key": {"exists_": "yes"}}})


def test_body_is_completed_with_defaults(context_factory: ContextFactory) -> None:
    interpreter, create = context_factory.interpreter(strict=False), context_factory.endpoint("POST /flows/")
    assert interpreter.body(create, {"name": "mine"}) == {"name": "mine", "tags": [], "labels": {}}
    assert interpreter.body(create, {"name": "mine", "tags": ["a"]}) == {"name": "mine", "tags": ["a"], "labels": {}}
    update = context_factory.endpoint("PATCH /flows/{id}")
    assert interpreter.body(update, {}) == {}
