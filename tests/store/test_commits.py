"""Commits: what operations wait for, and what happens to them if it fails."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

import pytest

from understudy.errors import InsufficientStorage, NotFound
from understudy.operations.api_folder import Api
from understudy.store.commits import Commits
from understudy.tables.changes import Change, by_row
from understudy.values import new_id, now
from understudy.workspaces.workspace import Workspace


class Disk:
    """Stores changes when it is allowed to, and fails on request."""

    def __init__(self) -> None:
        self.flushes: list[list[str]] = []
        self.error: Exception | None = None
        self.turning = threading.Event()
        self.turning.set()
        self.waiting = threading.Semaphore(0)

    def keep(self, changes: Sequence[Change]) -> None:
        self.waiting.release()
        assert self.turning.wait(10)
        if self.error is not None:
            raise self.error
        self.flushes.append(["-" if not change.after else "+" if not change.before else "~" for change in changes])


class Desk:
    """Flows, whose changes are stored on a disk."""

    def __init__(self, api: Api) -> None:
        self.disk = Disk()
        changes: list[Change] = []
        self.workspace = Workspace.empty(api.catalog, by_row(changes))
        self.flows = self.workspace["flows"]
        self.perform = Commits(self.workspace, changes, self.disk.keep).perform

    def create(self, name: str) -> str:
        self.flows.insert({"id": new_id(), "created": now(), "updated": now(), "name": name})
        return name

    def names(self) -> list[str]:
        return [self.flows.values(row)["name"] for row in self.flows.live]

    def rename(self, row: int, name: str) -> None:
        if row not in self.flows.live:
            raise NotFound
        self.flows.update(row, {"name": name})

    async def flushing(self) -> None:
        """Wait until a flush is under way."""
        assert await asyncio.to_thread(self.disk.waiting.acquire, timeout=10)

    async def started(self, operation: Callable[[], Any]) -> asyncio.Task[Any]:
        """Start an operation, up to its first wait."""
        task = asyncio.create_task(self.perform(operation))
        await asyncio.sleep(0)
        return task


@pytest.fixture
def desk(api: Api) -> Desk:
    return Desk(api)


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 20))


def test_response_waits_until_its_change_is_on_disk(desk: Desk) -> None:
    async def story() -> None:
        desk.disk.turning.clear()
        writing = await desk.started(lambda: desk.create("a"))
        await desk.flushing()
        assert not writing.done()
        desk.disk.turning.set()
        assert await writing == "a"
        assert desk.disk.flushes == [["+"]]

    run(story())


def test_concurrent_writes_share_a_flush(desk: Desk) -> None:
    async def story() -> None:
        desk.disk.turning.clear()
        first = await desk.started(lambda: desk.create("first"))
        await desk.flushing()
        others = [await desk.started(partial(desk.create, str(number))) for number in range(9)]
        desk.disk.turning.set()
        assert await asyncio.gather(first, *others) == ["first", *map(str, range(9))]
        assert [len(flush) for flush in desk.disk.flushes] == [1, 9]

    run(story())


def test_reads_do_not_return_unflushed_changes(desk: Desk) -> None:
    async def story() -> None:
        assert await desk.perform(desk.names) == []
        desk.disk.turning.clear()
        writing = await desk.started(lambda: desk.create("a"))
        await desk.flushing()
        reading = await desk.started(desk.names)
        missing = await desk.started(lambda: desk.rename(7, "b"))
        await asyncio.sleep(0.05)
        assert not reading.done()
        assert not missing.done()
        desk.disk.turning.set()
        assert await reading == ["a"]
        with pytest.raises(NotFound):
            await missing
        assert await writing == "a"
        assert await desk.perform(desk.names) == ["a"]
        assert desk.disk.flushes == [["+"]]

    run(story())


def test_unstored_change_is_undone_with_later_ones(desk: Desk) -> None:
    async def story() -> None:
        await desk.perform(lambda: desk.create("old"))
        await desk.flushing()
        desk.disk.turning.clear()
        desk.disk.error = OSError(28, "No space left on device")
        first = await desk.started(lambda: desk.rename(0, "new"))
        await desk.flushing()
        second = await desk.started(lambda: desk.create("second"))
        reading = await desk.started(desk.names)
        desk.disk.turning.set()
        for writing in (first, second):
            with pytest.raises(InsufficientStorage) as raised:
                await writing
            assert raised.value.status == 507
            assert "No space left on device" in raised.value.body["detail"]
        assert await reading == ["old"]
        desk.disk.error = None
        assert await desk.perform(lambda: desk.create("later")) == "later"
        assert await desk.perform(desk.names) == ["old", "later"]

    run(story())


def test_operation_that_read_undone_changes_is_repeated(desk: Desk) -> None:
    """It found another client's row, whose flush fails: then the row does not exist, and it creates a new one."""

    def find_or_create() -> str:
        return "found" if "a" in desk.names() else desk.create("a")

    async def story() -> None:
        desk.disk.turning.clear()
        desk.disk.error = OSError(28, "No space left on device")
        writing = await desk.started(lambda: desk.create("a"))
        await desk.flushing()
        finding = await desk.started(find_or_create)
        desk.disk.turning.set()
        with pytest.raises(InsufficientStorage):
            await writing
        desk.disk.error = None
        assert await finding == "a"
        assert await desk.perform(find_or_create) == "found"

    run(story())


def test_operation_that_raises_changes_nothing(desk: Desk) -> None:
    def half() -> None:
        desk.create("half")
        raise ValueError("and no further")

    async def story() -> None:
        await desk.perform(lambda: desk.create("a"))
        with pytest.raises(ValueError, match="and no further"):
            await desk.perform(half)
        assert await desk.perform(desk.names) == ["a"]
        assert desk.disk.flushes == [["+"]]

    run(story())


def test_other_exception_is_raised_unchanged(desk: Desk) -> None:
    async def story() -> None:
        desk.disk.error = TypeError("a bug")
        with pytest.raises(TypeError, match="a bug"):
            await desk.perform(lambda: desk.create("a"))
        assert await desk.perform(desk.names) == []

    run(story())


def test_cancelled_operation_does_not_affect_others(desk: Desk) -> None:
    async def story() -> None:
        desk.disk.turning.clear()
        leaving = await desk.started(lambda: desk.create("a"))
        await desk.flushing()
        staying = await desk.started(lambda: desk.create("b"))
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        desk.disk.turning.set()
        assert await staying == "b"
        assert await desk.perform(desk.names) == ["a", "b"]

    run(story())
