"""The flow, run in a workspace of each test's own."""

# mypy: ignore-errors

import pytest

pytest.importorskip("prefect")

import report_flow
from prefect import flow
from prefect.blocks.system import Secret
from prefect.client.orchestration import get_client
from prefect.deployments import run_deployment
from prefect.variables import Variable

pytestmark = pytest.mark.usefixtures("prefect_api")


@pytest.fixture(autouse=True)
def configured(understudy, prefect_api):
    """An empty workspace with what the flow reads: two shops, and the key for their APIs."""
    understudy.load({}, replace=True)
    Variable.set("shops", ["north", "south"])
    Secret(value="hush").save("shop-key")


def test_the_report_counts_the_orders_of_each_shop(monkeypatch, understudy):
    monkeypatch.setattr(report_flow, "fetch", lambda shop, key: [shop, key])
    assert report_flow.daily_report() == {"north": 2, "south": 2}
    (report,) = understudy.artifacts(key="daily-report")
    assert report.data == "- north: 2 orders\n- south: 2 orders"
    # The flow ran, and a subflow for each shop.
    assert sorted(run.parent_task_run_id is None for run in understudy.flow_runs(state_name="Completed")) == [
        False,
        False,
        True,
    ]


def test_a_shop_that_is_down_for_a_moment_is_tried_again(monkeypatch, understudy):
    answers = iter([ConnectionError("down"), ["order"], ["order", "order"]])

    def fetch(shop, key):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(report_flow, "fetch", fetch)
    assert report_flow.daily_report() == {"north": 1, "south": 2}
    fetched = [log.message for log in understudy.logs() if log.message.startswith("fetching")]
    assert sorted(fetched) == ["fetching the orders of north"] * 2 + ["fetching the orders of south"]


def test_a_shop_that_stays_down_fails_the_report(understudy):
    state = report_flow.daily_report(return_state=True)
    assert state.is_failed()
    (failed,) = [run for run in understudy.task_runs(state_name="Failed") if run.name.startswith("orders-")]
    assert "north cannot be reached" in failed.state.message
    assert failed.run_count == 3
    assert understudy.artifacts(key="daily-report") == []


def test_a_deployment_is_asked_for_a_run(understudy):
    with get_client(sync_client=True) as client:
        flow_id = client.create_flow_from_name("daily-report")
        client.create_deployment(flow_id, name="every-day")
    run = run_deployment("daily-report/every-day", timeout=0, as_subflow=False)
    (scheduled,) = understudy.flow_runs(id=run.id)
    assert scheduled.state_name == "Scheduled"


def test_flows_can_be_written_in_a_test(understudy):
    @flow(name="tiny")
    def tiny():
        return 1

    assert tiny() == 1
    (found,) = understudy.flows(name="tiny")
    assert [run.state_name for run in understudy.flow_runs(flow_id=found.id)] == ["Completed"]
