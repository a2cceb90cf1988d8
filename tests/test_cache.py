"""Caches are limited in bytes."""

import asyncio
import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import SMALL
from understudy.cache import ENTRY, SHARE, Cache
from understudy.contract.columns import Column
from understudy.filters.criteria import EVERY, Condition
from understudy.filters.query import Sort
from understudy.http.csrf import Tokens
from understudy.http.responses import compressed
from understudy.loading.fixtures import FixtureSet
from understudy.operations import request_reader
from understudy.operations.api_folder import Api
from understudy.workspaces import history, shared_caches
from understudy.workspaces.history import History
from understudy.workspaces.workspace import Workspace

NAME = Column(("name",))
MEBIBYTE = 2**20


def held_after(work: Callable[[], object]) -> int:
    """How many bytes the result of some work uses."""
    gc.collect()
    tracemalloc.start()
    try:
        kept = work()
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept is not None
    return held


def test_least_recently_used_entry_is_evicted() -> None:
    cache: Cache[str, int] = Cache(10 * (ENTRY + 100))
    for number, key in enumerate("abcdefghij"):
        cache.put(key, number, 100)
    assert [cache.get(key) for key in "abj"] == [0, 1, 9]
    cache.put("k", 10, 100)
    assert ("c" in cache, "a" in cache, len(cache)) == (False, True, 10)
    cache.put("a", 11, 100)  # replaces the other one
    assert (cache.get("a"), len(cache)) == (11, 10)
    cache.put("l", 12, 200)
    assert (len(cache), "d" in cache, "e" in cache) == (9, False, False)


def test_too_large_entry_is_not_cached() -> None:
    cache: Cache[str, int] = Cache(SHARE * (ENTRY + 100))
    cache.put("a", 1, 100)
    cache.put("b", 2, 101)
    cache.put("a", 3, 101)
    assert (cache.get("a"), cache.get("b"), len(cache)) == (None, None, 0)


def test_cached_filters_of_all_forks_are_limited(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_caches, "ROWS", MEBIBYTE)
    rows = FixtureSet(SMALL, api.catalog).rows
    rows.count("flows", Condition(NAME, "any_", ("x",)))

    def work() -> Workspace:
        workspace = rows.fork()
        for fork in [workspace, *(workspace.fork() for _ in range(3))]:
            for number in range(20):
                fork.count("flows", Condition(NAME, "any_", tuple(f"{number} {each}" for each in range(2000))))
        return workspace

    assert held_after(work) < 2 * MEBIBYTE


def test_cached_pages_of_all_forks_are_limited(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_caches, "PAGES", MEBIBYTE)
    rows = FixtureSet(SMALL, api.catalog).rows
    by_id = Sort(Column(("id",)))
    rows.page("flows", EVERY, by_id, 200)

    def work() -> Workspace:
        workspace = rows.fork()
        for fork in [workspace, *(workspace.fork() for _ in range(3))]:
            for limit in range(1, 400):
                assert asyncio.run(compressed(fork.page("flows", EVERY, by_id, limit)))
        return workspace

    assert held_after(work) < 4 * MEBIBYTE


def test_each_fork_has_its_own_cached_filters(api: Api) -> None:
    rows = FixtureSet(SMALL, api.catalog).rows.fork()
    fork = rows.fork()
    criteria = Condition(NAME, "like_", "e")
    found = len(rows.select("flows", criteria))
    fork.delete("flows", fork.select("flows", criteria))
    assert (len(fork.select("flows", criteria)), len(rows.select("flows", criteria))) == (0, found)
    assert rows.select("flows", criteria) is rows.select("flows", criteria)


BODIES: dict[str, Any] = {
    "short texts": b'{"flows":{"name":{"any_":[' + b",".join(b'"%d"' % each for each in range(600)) + b"]}}}",
    "ids": b'{"flows":{"id":{"any_":[' + b",".join([b'"a92c0e6f-17ec-4406-b9bc-2ccdf572df00"'] * 100) + b"]}}}",
    "nothing": b"{}",
    "a long text": b'{"flows":{"name":{"like_":"' + b"x" * 4000 + b'"}}}',
}


@pytest.mark.parametrize("name", BODIES)
def test_size_of_a_parsed_body_is_at_most_the_estimate(api: Api, name: str) -> None:
    body = BODIES[name]
    reader, scope = api.operations["flows.read_flows"].reader, {"headers": [], "query_string": b""}
    reader.read(scope, body)  # so that everything that is created once exists
    held = held_after(lambda: [reader.read(scope, body + b" " * each) for each in range(1, 9)])
    assert held < 8 * (request_reader.BODY + request_reader.GROWTH * (len(body) + 8) + ENTRY) + 10_000


def test_all_operations_share_a_cache_of_bodies(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    cache: request_reader.Remembered = Cache(2**17)
    scope = {"headers": [], "query_string": b""}
    readers = [operation.reader for operation in api.operations.values() if operation.id.endswith(("flows", "count"))]
    assert len({id(reader._remembered) for reader in readers}) == 1
    for reader in readers:
        monkeypatch.setattr(reader, "_remembered", cache)
        for number in range(100):
            reader.read(scope, b"{}" + b" " * number)
    assert 0 < len(cache) < 2**17 / request_reader.BODY


def test_names_of_clients_take_little_memory() -> None:
    def work() -> Tokens:
        tokens = Tokens()
        for number in range(200):
            client = f"{number}{'x' * 60_000}"
            assert tokens.holds(client, tokens.issue(client)["token"])
        return tokens

    assert held_after(work) < MEBIBYTE


def test_rows_for_stale_reads_are_limited(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "BYTES", 4 * MEBIBYTE)
    rows = FixtureSet(SMALL, api.catalog).rows.fork()
    past, artifacts = History(rows), rows["artifacts"]
    row = min(artifacts.live)

    def work() -> History:
        for number in range(20):
            past.note()
            artifacts.update(row, {"data": f"{number}{'x' * 500_000}"})
        return past

    assert held_after(work) < 8 * MEBIBYTE
    assert 1 < sum(1 for _ in past._past) < 20
