"""Invalid bodies of operations that change rows, whose errors are compared with those of reference servers."""

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import Any

import pytest

from tests.apps import app_on
from tests.conftest import SMALL
from tests.mutants.behaviours import replies
from tests.mutants.exchange import Answer as Reply
from tests.mutants.exchange import Request as Sent
from tests.mutants.mutant import Behaviour, unchanged
from tests.mutants.origin import Inside
from tests.mutants.proxy import Proxy
from tests.verify.contexts import ContextFactory
from understudy.contract.contract import Contract
from understudy.contract.reading import Reading
from understudy.operations.api_folder import Api, own_folder
from understudy.reference.reference_server import ReferenceServer
from understudy.sampling.answers import Answer
from understudy.verify.checks import invalid_requests
from understudy.verify.cleanup import clean_up
from understudy.verify.expectations.reference_answers import ALL, ReferencePair, errors_of

CHANGES = ("POST /flows/", "PATCH /work_pools/{name}", "POST /task_runs/{id}/set_state", "POST /deployments/")
ENTRY = {"type": "missing", "loc": ["body", "name"]}


@pytest.fixture(scope="module")
def references() -> Iterator[ReferencePair]:
    with closing(ReferenceServer()) as one, closing(ReferenceServer()) as other:
        yield ReferencePair((one, other), moving=())


@pytest.fixture
def failed(references: ReferencePair, api: Api) -> Callable[[Behaviour], set[str]]:
    """The operations for which a server returns wrong errors."""
    factory = ContextFactory(Contract.load(own_folder() / "openapi.yaml"))

    def check(behaviour: Behaviour, *, strict: bool = False) -> set[str]:
        app = app_on(SMALL, Api.load(own_folder(), reading=Reading.STRICT) if strict else api)
        with factory.context_of(Proxy(Inside(app), behaviour)) as context:
            for endpoint in context.endpoint_map.endpoints:
                if endpoint.label in CHANGES:
                    context.results.run(partial(invalid_requests.check_change, context, references, endpoint))
            verdict = context.results.verdict
            assert verdict.errors == []
            assert clean_up(context) == []
            assert {label for (rule, label) in verdict.checks if rule.name == "invalid request"} == set(CHANGES)
            return {each.operation for each in verdict.violations if each.rule.name == "invalid request"}

    return check


def test_correct_server(failed: Callable[[Behaviour], set[str]]) -> None:
    assert failed(unchanged) == set()


def test_strict_server(failed: Callable[..., set[str]]) -> None:
    """Its errors are of other kinds: it does not accept a number as the text of an id."""
    assert failed(unchanged, strict=True) == set()


def with_entries(change: Callable[[list[Any]], list[Any]]) -> Callable[[Sent, Reply], Reply]:
    """A change of the content of errors."""

    def changed(_: Sent, answer: Reply) -> Reply:
        body = answer.json
        is_invalid = isinstance(body, dict) and "exception_detail" in body
        return answer.saying({**body, "exception_detail": change(body["exception_detail"])}) if is_invalid else answer

    return changed


@pytest.mark.parametrize(
    "change",
    [
        lambda entries: [],
        lambda entries: [*entries, ENTRY],
        lambda entries: [{**each, "type": "value_error"} for each in entries],
        lambda entries: [{**each, "loc": ["body"]} for each in entries],
        lambda entries: [{**each, "loc": ".".join(map(str, each["loc"]))} for each in entries],
        lambda entries: [{**each, "input": None} for each in entries],
        lambda entries: [{name: value for name, value in each.items() if name != "ctx"} for each in entries],
        lambda entries: [{**each, "ctx": []} for each in entries],
    ],
)
def test_broken_errors(failed: Callable[[Behaviour], set[str]], change: Callable[[list[Any]], list[Any]]) -> None:
    assert failed(replies("PATCH /work_pools/[^/]+", with_entries(change))) == {"PATCH /work_pools/{name}"}


def test_accepted_invalid_body(failed: Callable[[Behaviour], set[str]]) -> None:
    taken = replies("POST /flows/", lambda _, answer: answer.saying({}) if answer.status == 422 else answer)
    assert failed(taken) == {"POST /flows/"}


@pytest.mark.parametrize(
    ("answer", "errors"),
    [
        (Answer(200, {"exception_detail": [{**ENTRY, "msg": "m"}]}), {"exception_detail": [{**ENTRY, "msg": "m"}]}),
        (Answer(422, {"detail": "x"}), {"detail": "x"}),
        (Answer(422, {"exception_detail": "x"}), {"exception_detail": "x"}),
        (Answer(422, {"exception_detail": [{}]}), {"exception_detail": [{}]}),
        (Answer(422, {"exception_detail": [{**ENTRY, "msg": "m"}], "request_body": 1}), {"exception_detail": [ENTRY]}),
        (
            Answer(422, {"exception_detail": [{**ENTRY, "input": 1, "ctx": {"ge": 2, "a": 0}}]}),
            {"exception_detail": [{**ENTRY, "input": 1, "ctx": ["a", "ge"]}]},
        ),
        (Answer(422, {"exception_detail": [{**ENTRY, "ctx": None}]}), {"exception_detail": [{**ENTRY, "ctx": None}]}),
        (Answer(422, None), None),
    ],
)
def test_compared_parts_of_errors(answer: Answer, errors: Any) -> None:
    assert errors_of(answer, ALL) == errors


def test_places_of_errors_are_those_of_any_server() -> None:
    assert errors_of(Answer(422, {"exception_detail": [ENTRY]})) == {"exception_detail": [{"loc": ["body", "name"]}]}
