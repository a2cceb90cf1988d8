"""Requests of web pages of another origin, and which responses they can read."""

import pytest

from tests.apps import app_on
from tests.conftest import SMALL
from tests.mutants.behaviours import replies
from tests.mutants.exchange import Answer, Request
from tests.mutants.known.cross_origin import ALLOWED, MUTANTS, without_origin
from tests.mutants.mutant import Behaviour, unchanged
from tests.mutants.origin import Inside
from tests.mutants.proxy import Proxy
from tests.verify.contexts import ContextFactory
from understudy.operations.api_folder import Api
from understudy.verify.checks import cross_origin

LISTS = {"POST /artifacts/filter", "POST /artifacts/latest/filter", "POST /flows/filter"}
READS = {"GET /artifacts/{id}", "GET /flows/{id}"}


def of_one_page(_: Request, answer: Answer) -> Answer:
    """Only the pages of one origin can read responses."""
    if ALLOWED.decode() in answer.headers:
        answer.headers[ALLOWED.decode()] = "https://ui.example"
    return answer


def allows_get(_: Request, answer: Answer) -> Answer:
    answer.headers["access-control-allow-methods"] = "GET, HEAD"
    return answer


KNOWN = {mutant.name: mutant.behaviour for mutant in MUTANTS}
BROKEN: dict[str, tuple[Behaviour, set[str]]] = {
    "errors": (KNOWN["errors-without-origin"], LISTS | READS),
    "preflight": (KNOWN["preflight-refused"], LISTS),
    "methods": (replies("OPTIONS .*", allows_get), LISTS),
    "one list": (replies("POST /flows/filter", lambda _, answer: without_origin(answer)), {"POST /flows/filter"}),
    "not found": (replies("GET /flows/.*", lambda _, answer: without_origin(answer)), {"GET /flows/{id}"}),
}


def violated_by(factory: ContextFactory, api: Api, behaviour: Behaviour) -> set[str]:
    """The operations that violate the rule."""
    with factory.context_of(Proxy(Inside(app_on(SMALL, api)), behaviour)) as context:
        factory.learn(context)
        cross_origin.check(context, context.endpoint_map.selections.values())
        assert {each.rule.name for each in context.results.verdict.violations} <= {"cross origin"}
        return {each.operation for each in context.results.verdict.violations}


@pytest.mark.parametrize(
    "behaviour",
    [unchanged, replies(".*", of_one_page), replies(".*", lambda _, answer: without_origin(answer))],
    ids=["any origin", "another origin", "no origin"],
)
def test_a_correct_server(context_factory: ContextFactory, api: Api, behaviour: Behaviour) -> None:
    assert violated_by(context_factory, api, behaviour) == set()


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_server(context_factory: ContextFactory, api: Api, name: str) -> None:
    behaviour, operations = BROKEN[name]
    assert violated_by(context_factory, api, behaviour) == operations
