"""The bot, on rows that each test loads into a workspace of its own."""

from typing import Any
from uuid import uuid4

import httpx
import pytest
from report_bot import NoReport, latest_report, main

from understudy import RemoteWorkspace

MORNING, NOON, EVENING = (f"2026-02-01T{hour}:00:00Z" for hour in ("06", "12", "18"))


def row(moment: str, **fields: Any) -> dict[str, Any]:
    return {"id": str(uuid4()), "created": moment, "updated": moment, **fields}


def report(moment: str, data: str) -> dict[str, Any]:
    return row(moment, key="daily", type="markdown", description="Orders", data=data)


def run_of(flow: dict[str, Any], state: str, moment: str) -> dict[str, Any]:
    return row(moment, name="a-run", flow_id=flow["id"], state_type=state, state_name=state.title(), start_time=moment)


def test_the_latest_report_is_shown(understudy: RemoteWorkspace, understudy_client: httpx.Client) -> None:
    understudy.load({"artifacts": [report(NOON, "37 orders"), report(MORNING, "12 orders")]}, replace=True)
    assert latest_report(understudy_client, "daily").splitlines() == [
        "*Orders* of 01 February 2026",
        "37 orders",
        ":white_check_mark: Nothing has failed since.",
    ]


def test_flows_that_failed_since_are_named(understudy: RemoteWorkspace, understudy_client: httpx.Client) -> None:
    etl, scraper, fine = (row(MORNING, name=name) for name in ("etl", "scraper", "fine"))
    runs = [run_of(etl, "FAILED", MORNING), run_of(scraper, "CRASHED", EVENING), run_of(fine, "COMPLETED", EVENING)]
    rows = {"artifacts": [report(NOON, "37 orders")], "flows": [etl, scraper, fine], "flow_runs": runs}
    understudy.load(rows, replace=True)
    assert latest_report(understudy_client, "daily").endswith(":x: Failed since: scraper")
    (asked,) = understudy.find(path="/flows/filter").requests
    assert understudy.explain("/flows/filter", asked["body"], scraper["id"]).met
    assert not understudy.explain("/flows/filter", asked["body"], etl["id"]).met


def test_an_unknown_key_ends_it_at_once(understudy: RemoteWorkspace, understudy_client: httpx.Client) -> None:
    with pytest.raises(NoReport, match="nothing"):
        latest_report(understudy_client, "nothing")
    assert [request["status"] for request in understudy.requests] == [404]


@pytest.mark.usefixtures("prefect_api")
def test_the_command_asks_the_api_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["report-bot", "daily-report"])  # a report of the demo set
    main()
    assert "of 30 January 2026" in capsys.readouterr().out
