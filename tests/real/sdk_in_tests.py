"""Tests as users of Prefect's SDK write them, each in a new workspace; run under the real server's Python."""

import asyncio
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

FRESH = os.environ["FLOWS"]


async def names() -> set[str]:
    from prefect.client.orchestration import get_client  # noqa: PLC0415

    async with get_client() as client:
        return {flow.name for flow in await client.read_flows()}


def create(name: str) -> str:
    from prefect.client.orchestration import get_client  # noqa: PLC0415

    with get_client(sync_client=True) as client:
        return str(client.create_flow_from_name(name))


def test_first_import(prefect_api: str) -> None:
    assert "prefect" not in sys.modules
    create("first")
    assert "first" in asyncio.run(names())


def test_settings_are_restored() -> None:
    from prefect.settings import PREFECT_API_URL  # noqa: PLC0415

    assert PREFECT_API_URL.value() is None
    assert "PREFECT_API_URL" not in os.environ


@pytest.mark.parametrize("name", ["second", "third"])
def test_each_test_has_its_own_rows(prefect_api: str, name: str) -> None:
    assert len(asyncio.run(names())) == int(FRESH)
    create(name)
    assert name in asyncio.run(names())


def test_threads_use_the_workspace(prefect_api: str) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(create, "from a thread").result()
    assert "from a thread" in asyncio.run(names())
