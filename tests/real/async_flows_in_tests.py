"""Asynchronous tests of flows, as users of pytest-asyncio, anyio and pytest-xdist write them.

Run under the real server's Python.
"""

# mypy: ignore-errors

import asyncio
from collections.abc import Iterator

import pytest
from prefect import flow, get_client, task
from prefect.variables import Variable

from understudy.testing import prefect_test_harness

NUMBERS = range(1, 5)


@pytest.fixture(scope="session", autouse=True)
def harness() -> Iterator[None]:
    with prefect_test_harness():
        yield


@task
async def double(number: int) -> int:
    return 2 * number


@flow
async def doubled(number: int) -> int:
    return await double(number)


@flow
def doubled_by_submit(number: int) -> int:
    return double.submit(number).result()


async def flow_runs_named(name: str) -> list[str]:
    async with get_client() as client:
        return [run.state_name for run in await client.read_flow_runs() if run.name == name]


@pytest.mark.parametrize("number", NUMBERS)
async def test_flow(number: int) -> None:
    assert await doubled.with_options(flow_run_name=f"run {number}")(number) == 2 * number
    assert await flow_runs_named(f"run {number}") == ["Completed"]


async def test_flows_at_the_same_time() -> None:
    named = doubled.with_options(flow_run_name="together")
    assert await asyncio.gather(*map(named, NUMBERS)) == [2, 4, 6, 8]
    assert await flow_runs_named("together") == ["Completed"] * len(NUMBERS)


async def test_synchronous_flow_in_a_thread() -> None:
    assert await asyncio.to_thread(doubled_by_submit, 3) == 6


async def test_variable() -> None:
    await Variable.aset("place", "north", overwrite=True)
    assert await Variable.aget("place") == "north"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
