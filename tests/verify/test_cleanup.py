"""Rows created by a run are deleted at its end."""

from dataclasses import replace
from functools import partial

import pytest

from tests.apps import app_on
from tests.conftest import SMALL
from tests.mutants.exchange import Answer as Reply
from tests.mutants.exchange import Request as Sent
from tests.mutants.mutant import BrokenServer
from tests.mutants.origin import Inside
from tests.mutants.proxy import Proxy
from tests.verify.contexts import ContextFactory
from understudy.operations.api_folder import Api
from understudy.verify.check_context import CheckContext
from understudy.verify.checks import latest_rows, sessions
from understudy.verify.cleanup import clean_up, delete, is_side_effect
from understudy.verify.expectations.reference_answers import ReferencePair
from understudy.verify.requests.scenario_requests import scenarios


def sizes(context: CheckContext) -> dict[str, int]:
    """The number of rows of each table whose rows can be deleted."""
    selections = context.endpoint_map.selections
    return {table: len(context.table(selections[table])) for table in selections.keys() & context.endpoint_map.deletes}


SIDE_EFFECTS = {
    "results that no state may lose": "artifacts",
    "all that a deployment can say": "concurrency_limits_v2",
}


@pytest.mark.parametrize("name", SIDE_EFFECTS)
def test_rows_that_a_server_creates_itself(
    all_operations: ContextFactory, references: ReferencePair, api: Api, name: str
) -> None:
    with all_operations.context_of(app_on(SMALL, api)) as context:
        table, before = SIDE_EFFECTS[name], sizes(context)
        scenario = next(each for each in scenarios(context.endpoint_map) if each.name == name)
        subject = sessions.Subject(lambda _: False, scenario, is_alone=True)
        context.results.run(partial(sessions.check, context, references, context.session_operations, subject))
        assert sizes(context)[table] > before[table], "they outlive what they were made for"
        assert clean_up(context) == []
        assert sizes(context)[table] == before[table]


def test_latest_row_of_a_result_is_not_compared(
    all_operations: ContextFactory, references: ReferencePair, api: Api
) -> None:
    """It keeps fields that the result does not set, as on a real server."""
    with all_operations.context_of(app_on(SMALL, api)) as context:
        scenario = next(
            each for each in scenarios(context.endpoint_map) if each.name == "results that become artifacts"
        )
        subject = sessions.Subject(lambda _: False, scenario, is_alone=True)
        context.results.run(partial(sessions.check, context, references, context.session_operations, subject))
        all_operations.learn(context)
        latest_rows.check(context, context.endpoint_map.selections["artifact_collections"])
        assert context.results.verdict.violations == []
        known = context.model.known["artifact_collections"]
        own = {row_id: row for row_id, row in known.items() if is_side_effect(context, row)}
        assert own, "the server has made some"
        context.own.ever |= {row["latest_id"] for row in own.values()}
        latest_rows.check(context, context.endpoint_map.selections["artifact_collections"])
        assert [each.rule.name for each in context.results.verdict.violations] == ["derived"], "as for all others"


def test_rows_with_another_name(all_operations: ContextFactory, api: Api) -> None:
    with all_operations.context_of(app_on(SMALL, api)) as context:
        before = sizes(context)
        creates, name = context.endpoint_map.creates["work_pools"], context.own.mark()
        context.ask(creates, creates.request({"name": name, "type": "process"}))
        limits = context.endpoint_map.creates["concurrency_limits_v2"]
        context.ask(limits, limits.request({"name": name, "limit": 1}))
        renames = context.endpoint_map.updates["concurrency_limits_v2"]
        assert context.ask(renames.endpoint, renames.request(name, {"name": f"{name}-other"})).is_success
        assert clean_up(context) == []
        assert sizes(context) == before


@pytest.mark.parametrize("takes_runs_along", [True, False])
def test_rows_deleted_by_cascade_are_not_deleted_again(
    all_operations: ContextFactory, api: Api, takes_runs_along: bool
) -> None:
    """If a server keeps such rows, they are deleted at the end."""
    seen: list[str] = []

    async def watched(sent: Sent, broken: BrokenServer) -> Reply:
        seen.append(f"{sent.method} {sent.path.split('/')[1]}")
        if takes_runs_along or seen[-1] != "DELETE flows":
            return await broken.ask(sent)
        return replace(await broken.ask(replace(sent, method="GET")), status=204)

    with all_operations.context_of(Proxy(Inside(app_on(SMALL, api)), watched)) as context:
        before, sizes_before = context.own.sizes(), sizes(context)
        flows, runs = (context.endpoint_map.creates[table] for table in ("flows", "flow_runs"))
        flow = context.ask(flows, flows.request({"name": context.own.mark()})).body["id"]
        context.ask(runs, runs.request({"flow_id": flow, "name": context.own.mark()}))
        del seen[:]
        delete(context, context.own.made_since(before))
        assert seen == ["DELETE flows"]
        assert (sizes(context) == sizes_before) == takes_runs_along
        clean_up(context)
        assert sizes(context)["flow_runs"] == sizes_before["flow_runs"]
