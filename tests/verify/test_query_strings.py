"""The parameters of queries: accepted values, and defaults."""

from dataclasses import replace
from urllib.parse import parse_qsl, urlencode

import pytest

from tests.apps import app_on
from tests.mutants.behaviours import about, replies
from tests.mutants.exchange import Answer as Reply
from tests.mutants.exchange import Request as Sent
from tests.mutants.mutant import Behaviour, BrokenServer, unchanged
from tests.mutants.origin import Inside
from tests.mutants.proxy import Proxy
from tests.verify.contexts import ContextFactory
from understudy.operations.api_folder import Api, own_folder
from understudy.verify.checks import query_strings

STATES = "GET /observed-states"
DEMO = own_folder() / "fixtures" / "demo"


async def in_another_order(sent: Sent, broken: BrokenServer) -> Reply:
    path = sent.path if "order_by" in sent.path else f"{sent.path}{'&' if '?' in sent.path else '?'}order_by=NAME_ASC"
    return await broken.ask(replace(sent, path=path))


async def of_one_less(sent: Sent, broken: BrokenServer) -> Reply:
    return await broken.ask(replace(sent, path=sent.path.replace("limit=200", "limit=201")))


async def of_any_limit(sent: Sent, broken: BrokenServer) -> Reply:
    return await broken.ask(replace(sent, path=sent.path.replace("limit=201", "limit=200")))


async def of_any_part(sent: Sent, broken: BrokenServer) -> Reply:
    """The limit is applied before the rows are sorted."""
    path, _, query = sent.path.partition("?")
    values = dict(parse_qsl(query))
    size = values.pop("limit", "")
    if size not in ("1", "2", "5"):
        return await broken.ask(sent)
    by_name = await broken.ask(replace(sent, path=f"{path}?{urlencode({**values, 'order_by': 'NAME_ASC'})}"))
    rows = await broken.ask(replace(sent, path=f"{path}?{urlencode(values)}"))
    return rows.changed(lambda found: [row for row in found if row in by_name.json[: int(size)]])


def failing(sent: Sent, answer: Reply) -> Reply:
    return answer if answer.is_success else replace(answer, status=404)


BROKEN = {
    "correct": (unchanged, set[tuple[str, str]]()),
    "another default": (about(STATES, in_another_order), {("repeatable", "order_by")}),
    "a bound that is refused": (about(STATES, of_one_less), {("invalid request", "limit"), ("repeatable", "limit")}),
    "a value that is taken": (about(STATES, of_any_limit), {("invalid request", "limit")}),
    "a limit before the order": (about(STATES, of_any_part), {("page", "limit")}),
    "another status": (
        replies(STATES, failing),
        {("invalid request", name) for name in ("limit", "order_by", "query")},
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_parameters_of_queries(all_operations: ContextFactory, api: Api, name: str) -> None:
    behaviour: Behaviour
    behaviour, expected = BROKEN[name]
    with all_operations.context_of(Proxy(Inside(app_on(DEMO, api)), behaviour)) as context:
        all_operations.learn(context)
        for endpoint in context.endpoint_map.endpoints:
            if endpoint.is_safe and not endpoint.may_be_off and endpoint.query:
                query_strings.check(context, endpoint)
        verdict = context.results.verdict
        assert verdict.errors == []
        kept = [each for each in verdict.violations if each.rule.name != "response"]
        found = {(each.rule.name, each.subject) for each in kept if each.operation == STATES}
        assert found == expected
        assert {each.operation for each in verdict.violations} <= {STATES}
        assert sum(count for (rule, _), count in verdict.checks.items() if rule.name == "repeatable") >= 2
