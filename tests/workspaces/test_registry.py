"""The registry: how workspaces are named, opened and dropped."""

import asyncio
import random
from datetime import datetime, timezone
from pathlib import Path
from uuid import UUID

import pytest

from tests.conftest import SMALL
from tests.states import change_anything, state
from understudy.clock import MACHINE, Clock
from understudy.errors import ApiError, Forbidden, NotFound, UnderstudyError, Unprocessable
from understudy.loading.fixtures import FixtureSet
from understudy.operations.api_folder import Api
from understudy.store.memory import Memory
from understudy.store.workspace_files import WorkspaceFiles
from understudy.values import new_id, now
from understudy.workspaces.registry import WorkspaceRegistry
from understudy.workspaces.workspace import Workspace
from understudy.workspaces.workspace_names import DEFAULT, canonical
from understudy.workspaces.workspace_storage import Storage

ID = "7c0f3ed5-4b8a-4c5e-9d57-0c1f8a6b2d11"
NAME, OTHER, THIRD = (f"{ID}/{UUID(int=number)}" for number in (1, 2, 3))

SPELLINGS = {
    DEFAULT: DEFAULT,
    f"{ID}/{ID}": f"{ID}/{ID}",
    f"{ID.upper()}/{ID}": f"{ID}/{ID}",
    f"{ID.replace('-', '')}/{ID.replace('-', '').upper()}": f"{ID}/{ID}",
    f"{{{ID}}}/urn:uuid:{ID}": f"{ID}/{ID}",
}
NO_NAMES = ["", "/", "x", f"{ID}/", f"/{ID}", f"{ID}/x", f"{ID}/../{ID}", "Default", f"{ID}/{ID[:-1]}", f"{ID}\n/é"]


@pytest.fixture(params=["memory", "store"])
def registry(request: pytest.FixtureRequest, api: Api, tmp_path: Path) -> WorkspaceRegistry:
    fixture_set = FixtureSet(SMALL, api.catalog)
    keeper: Storage = (
        Memory(fixture_set) if request.param == "memory" else WorkspaceFiles(tmp_path / "rows.json", fixture_set)
    )
    return WorkspaceRegistry(keeper, 2)


def add_flow(workspace: Workspace) -> None:
    workspace["flows"].insert({"id": new_id(), "created": now(), "updated": now(), "name": "new"})


def files_in(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*.json")}


def flows(registry: WorkspaceRegistry, name: str) -> int:
    return len(registry[name].content.workspace["flows"])


@pytest.mark.parametrize("name", SPELLINGS)
def test_workspace_has_one_name(name: str) -> None:
    assert canonical(name) == SPELLINGS[name]


@pytest.mark.parametrize("name", NO_NAMES)
def test_invalid_name_is_rejected(name: str) -> None:
    with pytest.raises(Unprocessable, match="is not the name of a workspace: use `default`, or the ids of its URL"):
        canonical(name)


def test_concurrent_requests_get_the_same_workspace(registry: WorkspaceRegistry) -> None:
    async def ask() -> int:
        names = [NAME, NAME.upper(), NAME.replace("-", "")] * 5
        return len({id(opened) for opened in await asyncio.gather(*map(registry.get, names))})

    assert asyncio.run(ask()) == 1
    assert [opened.name for opened in registry] == [NAME]


def test_limit_excludes_the_default_workspace_and_dropped_ones(registry: WorkspaceRegistry) -> None:
    async def fill() -> None:
        for name in (DEFAULT, NAME, OTHER):
            await registry.get(name)
        with pytest.raises(Forbidden, match=r"The limit of 2 workspaces is reached\. Drop some"):
            await registry.get(THIRD)
        await registry.get(NAME)  # an existing one does not count again
        await registry.drop(OTHER.upper())
        await registry.get(THIRD)

    asyncio.run(fill())
    assert {opened.name for opened in registry} == {DEFAULT, NAME, THIRD}


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        (DEFAULT, Unprocessable, "The default workspace cannot be deleted"),
        ("x", Unprocessable, "`x` is not the name of a workspace"),
        (OTHER, NotFound, f"The workspace {OTHER} does not exist"),
    ],
)
def test_invalid_drop_is_rejected(registry: WorkspaceRegistry, name: str, error: type[ApiError], words: str) -> None:
    async def drop() -> None:
        await registry.get(DEFAULT)
        await registry.get(NAME)
        with pytest.raises(error, match=words):
            await registry.drop(name)

    asyncio.run(drop())
    assert {opened.name for opened in registry} == {DEFAULT, NAME}


def test_dropped_workspace_is_created_again(registry: WorkspaceRegistry) -> None:
    async def drop() -> int:
        opened = await registry.get(NAME)
        before = flows(registry, NAME)
        await opened.perform(add_flow)
        opened.snapshots["kept"] = await opened.perform(Workspace.fork)
        await registry.drop(NAME)
        assert (await registry.get(NAME)).snapshots == {}
        return before

    assert asyncio.run(drop()) == flows(registry, NAME)


def test_write_during_a_drop_is_lost_or_in_the_new_workspace(registry: WorkspaceRegistry, tmp_path: Path) -> None:
    """Even with unflushed writes, nothing is left of a dropped workspace."""

    async def write() -> None:
        await (await registry.get(NAME)).perform(add_flow)

    async def cross() -> None:
        before = flows(registry, NAME) if await registry.get(NAME) else 0
        for _ in range(5):
            work = []
            for action in (write(), registry.drop(NAME), write(), write()):
                work.append(asyncio.create_task(action))
                await asyncio.sleep(0)  # it begins
            await asyncio.gather(*work)
            assert NAME in {opened.name for opened in registry}
            assert flows(registry, NAME) - before == 2
            await registry.drop(NAME)
            assert files_in(tmp_path) == set()
            await registry.get(NAME)

    asyncio.run(cross())


def test_each_workspace_has_a_file_next_to_the_default_one(api: Api, tmp_path: Path) -> None:
    files = WorkspaceFiles(tmp_path / "rows.json", FixtureSet(SMALL, api.catalog))
    registry = WorkspaceRegistry(files)

    async def open_all() -> None:
        for name in (DEFAULT, NAME):
            await registry.get(name)

    asyncio.run(open_all())
    assert files_in(tmp_path) == {"rows.json", f"rows.{NAME.replace('/', '.')}.json"}
    registry.close()
    assert list(registry) == []
    assert files.path(NAME).exists()


def test_registry_stays_open_if_its_replacement_fails(registry: WorkspaceRegistry, api: Api, tmp_path: Path) -> None:
    """Other processes cannot open its store."""
    registry.open(DEFAULT)
    damaged = tmp_path / "damaged.json"
    damaged.write_text("{", encoding="utf-8")
    others = WorkspaceRegistry(WorkspaceFiles(damaged, FixtureSet(SMALL, api.catalog)), 2)
    with pytest.raises(UnderstudyError, match=r"damaged\.json"):
        asyncio.run(registry.replace_all(others))
    assert [opened.name for opened in registry] == [DEFAULT]
    if isinstance(registry.storage, WorkspaceFiles):
        with pytest.raises(UnderstudyError, match="is in use"):
            WorkspaceRegistry(WorkspaceFiles(tmp_path / "rows.json", FixtureSet(SMALL, api.catalog)), 2).open(DEFAULT)
    registry.close()


@pytest.mark.parametrize("seed", range(5))
def test_operation_that_raises_changes_nothing(api: Api, registry: WorkspaceRegistry, seed: int) -> None:
    randomness = random.Random(seed)
    base = FixtureSet(SMALL, api.catalog).rows

    def fail(workspace: Workspace) -> None:
        for _ in range(randomness.randrange(6)):
            change_anything(randomness, workspace)
        workspace.restore(base)
        for _ in range(randomness.randrange(6)):
            change_anything(randomness, workspace)
        raise NotFound

    async def attempt() -> None:
        opened = await registry.get(NAME)
        rows = opened.content.workspace
        await opened.perform(change_anything_in, randomness=randomness)
        before = state(api, rows)
        for _ in range(3):
            with pytest.raises(NotFound):
                await opened.perform(fail)
            assert state(api, rows) == before
        registry.close()

    asyncio.run(attempt())


def change_anything_in(workspace: Workspace, randomness: random.Random) -> None:
    for _ in range(5):
        change_anything(randomness, workspace)


def test_failed_restore_keeps_the_clock(api: Api, tmp_path: Path) -> None:
    registry = WorkspaceRegistry(WorkspaceFiles(tmp_path / "rows.json", FixtureSet(SMALL, api.catalog)), 2)
    frozen = Clock(datetime(2026, 3, 29, tzinfo=timezone.utc))

    async def fail_to_restore() -> None:
        opened = await registry.get(DEFAULT)
        rows = opened.content.workspace.fork()
        await opened.perform(add_flow)
        await opened.set_clock(frozen, jumps=True)
        (tmp_path / "rows.json").write_text("{}")  # another program's, which is not overwritten
        before = flows(registry, DEFAULT)
        with pytest.raises(ApiError, match="was changed by another process"):
            await opened.restore(rows, MACHINE)
        assert opened.clock == frozen
        assert opened.has_services
        assert flows(registry, DEFAULT) == before

    asyncio.run(fail_to_restore())
