"""What a run has made is deleted at its end."""

from collections.abc import Iterator
from contextlib import closing
from functools import partial

import pytest

from tests.apps import app_on
from tests.conftest import SMALL
from tests.verify.contexts import ContextFactory
from understudy.contract.contract import Contract
from understudy.operations.api_folder import Api, own_folder
from understudy.reference.reference_server import ReferenceServer
from understudy.sampling.moving_fields import moving_fields
from understudy.verify.check_context import CheckContext
from understudy.verify.checks import sessions
from understudy.verify.cleanup import clean_up
from understudy.verify.expectations.reference_answers import References
from understudy.verify.requests.scenario_requests import scenarios


@pytest.fixture(scope="module")
def all_operations() -> ContextFactory:
    return ContextFactory(Contract.load(own_folder() / "openapi.yaml"))


@pytest.fixture(scope="module")
def references(all_operations: ContextFactory) -> Iterator[References]:
    with closing(ReferenceServer()) as one, closing(ReferenceServer()) as other:
        yield References((one, other), moving_fields(all_operations.contract))


def sizes(context: CheckContext) -> dict[str, int]:
    """The number of rows of each table whose rows can be deleted."""
    selections = context.endpoint_map.selections
    return {table: len(context.table(selections[table])) for table in selections.keys() & context.endpoint_map.deletes}


SIDE_EFFECTS = {
    "results that no state may lose": "artifacts",
    "all that a deployment can say": "concurrency_limits_v2",
}


@pytest.mark.parametrize("name", SIDE_EFFECTS)
def test_rows_that_a_server_makes_by_itself(
    all_operations: ContextFactory, references: References, api: Api, name: str
) -> None:
    with all_operations.context_of(app_on(SMALL, api)) as context:
        table, before = SIDE_EFFECTS[name], sizes(context)
        scenario = next(each for each in scenarios(context.endpoint_map) if each.name == name)
        subject = sessions.Subject(lambda _: False, scenario, is_alone=True)
        context.results.run(partial(sessions.check, context, references, context.session_operations, subject))
        assert sizes(context)[table] > before[table], "they outlive what they were made for"
        assert clean_up(context) == []
        assert sizes(context)[table] == before[table]


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
