"""The pages of Prefect's UI, in both versions: they show the same over the stand-in and over a real server."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import Profile, Tab, profile

NOW = "2026-01-31T12:00:00Z"
"""The browser's time: soon after the last run of the demo set, so that the UI's usual ranges show runs."""
SHOWING = 20  # seconds in which both must show the same
TRIES = 3  # how a page is laid out, such as the labels of a chart, depends on when its data arrive
ONE = {"limit": 1}
VERSIONS = {"v1": "", "v2": "/v2"}
"""The path of each version."""
MENU = "Dashboard"  # on each page, once its script has run

PAGES = {
    "v1": """
        /dashboard /runs /flows /flows/flow/{flows} /deployments /deployments/deployment/{deployments}
        /deployments/deployment/{deployments}?tab=Parameters /deployments/deployment/{deployments}?tab=Configuration
        /deployments/deployment/{deployments}/edit /deployments/deployment/{deployments}/run
        /runs/flow-run/{flow_runs} /runs/flow-run/{flow_runs}?tab=Logs /runs/flow-run/{flow_runs}?tab=Task%20Runs
        /runs/flow-run/{flow_runs}?tab=Details /runs/flow-run/{flow_runs}?tab=Parameters /runs/task-run/{task_runs}
        /runs/task-run/{task_runs}?tab=Details /work-pools /work-pools/work-pool/{pool}
        /work-pools/work-pool/{pool}?tab=Work%20Queues /work-pools/work-pool/{pool}?tab=Workers
        /work-pools/work-pool/{pool}/edit /work-pools/work-pool/{pool}/queue/{queue} /blocks
        /blocks/block/{block_documents} /variables /automations /automations/automation/{automations}
        /concurrency-limits /artifacts /artifacts/artifact/{artifacts}
    """,
    "v2": """
        /dashboard /runs?tab=task-runs /flows /flows/flow/{flows} /flows/flow/{flows}?tab=deployments
        /flows/flow/{flows}?tab=details /deployments /deployments/deployment/{deployments}
        /deployments/deployment/{deployments}?tab=Upcoming /deployments/deployment/{deployments}?tab=Parameters
        /deployments/deployment/{deployments}?tab=Configuration /deployments/deployment/{deployments}/edit
        /deployments/deployment/{deployments}/run /runs/flow-run/{flow_runs} /runs/flow-run/{flow_runs}?tab=Logs
        /runs/flow-run/{flow_runs}?tab=TaskRuns /runs/flow-run/{flow_runs}?tab=Details
        /runs/flow-run/{flow_runs}?tab=Parameters /runs/task-run/{task_runs} /runs/task-run/{task_runs}?tab=Details
        /work-pools /work-pools/work-pool/{pool} /work-pools/work-pool/{pool}?tab=Work%20Queues
        /work-pools/work-pool/{pool}?tab=Workers /work-pools/work-pool/{pool}/edit
        /work-pools/work-pool/{pool}/queue/{queue} /blocks /blocks/block/{block_documents} /variables /automations
        /automations/automation/{automations} /concurrency-limits /concurrency-limits?tab=task-run /artifacts
        /artifacts/artifact/{artifacts} /artifacts/key/{key}
    """,
}
PATHS = [(version, path) for version, paths in PAGES.items() for path in paths.split()]


@pytest.fixture(scope="module")
def names(stand_in: httpx.Client) -> dict[str, str]:
    """Parts of the paths of pages: the first row of each table, and names."""
    tables = ("flows", "deployments", "flow_runs", "task_runs", "block_documents", "automations", "artifacts")
    ids = {table: first(stand_in, f"/{table}/filter")["id"] for table in tables}
    pool = first(stand_in, "/work_pools/filter")["name"]
    queue = first(stand_in, f"/work_pools/{pool}/queues/filter")["name"]
    key = first(stand_in, "/artifacts/latest/filter")["key"]
    return {**ids, "pool": pool, "queue": queue, "key": key}


def first(api: httpx.Client, path: str) -> Any:
    return api.post(path, json=ONE).raise_for_status().json()[0]


@pytest.fixture(scope="module", params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def profiles(
    browser: Browser, stand_in: httpx.Client, real: httpx.Client, version: str
) -> Iterator[tuple[Profile, Profile]]:
    with profile(browser, stand_in, version) as ours, profile(browser, real, version) as theirs:
        for each in (ours, theirs):
            each.context.clock.set_fixed_time(NOW)
        yield ours, theirs


@pytest.mark.parametrize(("version", "path"), PATHS, indirect=["version"])
def test_page_shows_the_same(profiles: tuple[Profile, Profile], names: dict[str, str], version: str, path: str) -> None:
    there = f"{VERSIONS[version]}{path.format(**names)}"
    for _ in range(TRIES):
        with profiles[0].tab(there) as ours, profiles[1].tab(there) as theirs:
            shown = shown_by(ours, theirs)
            if MENU in shown[0] == shown[1]:
                break
    assert MENU in shown[0]
    assert shown[0] == shown[1]
    assert ours.failed == theirs.failed == []


def shown_by(ours: Tab, theirs: Tab) -> tuple[list[str], list[str]]:
    """What both show, as soon as it is the same."""
    end = time.monotonic() + SHOWING
    while not alike(ours, theirs) and time.monotonic() < end:
        ours.page.wait_for_timeout(100)
    return ours.lines(), theirs.lines()


def alike(ours: Tab, theirs: Tab) -> bool:
    """Whether both have loaded, and show the same."""
    return ours.is_idle() and theirs.is_idle() and MENU in ours.lines() == theirs.lines()
