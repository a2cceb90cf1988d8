"""Tenants: how workspaces are named, opened and dropped, seen from within."""

import asyncio
from pathlib import Path
from uuid import UUID

import pytest

from tests.conftest import SMALL
from understudy.errors import ApiError, Forbidden, NotFound, UnderstudyError, Unprocessable
from understudy.loading.fixtures import FixtureSet
from understudy.operations.api_folder import Api
from understudy.store.memory import Memory
from understudy.store.workspace_files import Files
from understudy.values import new_id, now
from understudy.workspaces.registry import DEFAULT, Storage, Tenants, canonical
from understudy.workspaces.workspace import Workspace

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
def tenants(request: pytest.FixtureRequest, api: Api, tmp_path: Path) -> Tenants:
    fixture_set = FixtureSet(SMALL, api.catalog)
    keeper: Storage = Memory(fixture_set) if request.param == "memory" else Files(tmp_path / "rows.json", fixture_set)
    return Tenants(keeper, 2)


def add_flow(workspace: Workspace) -> None:
    workspace["flows"].insert({"id": new_id(), "created": now(), "updated": now(), "name": "new"})


def files_in(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*.json")}


def flows(tenants: Tenants, name: str) -> int:
    return len(tenants[name].content.workspace["flows"])


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_workspace_has_one_name(name: str) -> None:
    assert canonical(name) == SPELLINGS[name]


@pytest.mark.parametrize("name", NO_NAMES)
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(Unprocessable, match="is not the name of a workspace: use `default`, or the ids of its URL"):
        canonical(name)


def test_who_asks_at_the_same_time_gets_the_same(tenants: Tenants) -> None:
    async def ask() -> int:
        names = [NAME, NAME.upper(), NAME.replace("-", "")] * 5
        return len({id(tenant) for tenant in await asyncio.gather(*map(tenants.get, names))})

    assert asyncio.run(ask()) == 1
    assert [tenant.name for tenant in tenants] == [NAME]


def test_the_limit_does_not_count_the_default_one_and_dropping_makes_room(tenants: Tenants) -> None:
    async def fill() -> None:
        for name in (DEFAULT, NAME, OTHER):
            await tenants.get(name)
        with pytest.raises(Forbidden, match=r"The limit of 2 workspaces is reached\. Drop some"):
            await tenants.get(THIRD)
        await tenants.get(NAME)  # one that is there is not one more
        await tenants.drop(OTHER.upper())
        await tenants.get(THIRD)

    asyncio.run(fill())
    assert {tenant.name for tenant in tenants} == {DEFAULT, NAME, THIRD}


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        (DEFAULT, Unprocessable, "The default workspace cannot be deleted"),
        ("x", Unprocessable, "`x` is not the name of a workspace"),
        (OTHER, NotFound, f"The workspace {OTHER} does not exist"),
    ],
)
def test_what_cannot_be_dropped_is_refused(tenants: Tenants, name: str, error: type[ApiError], words: str) -> None:
    async def drop() -> None:
        await tenants.get(DEFAULT)
        await tenants.get(NAME)
        with pytest.raises(error, match=words):
            await tenants.drop(name)

    asyncio.run(drop())
    assert {tenant.name for tenant in tenants} == {DEFAULT, NAME}


def test_a_dropped_workspace_comes_back_as_a_new_one(tenants: Tenants) -> None:
    async def drop() -> int:
        tenant = await tenants.get(NAME)
        before = flows(tenants, NAME)
        await tenant.perform(add_flow)
        tenant.snapshots["kept"] = await tenant.perform(Workspace.fork)
        await tenants.drop(NAME)
        assert (await tenants.get(NAME)).snapshots == {}
        return before

    assert asyncio.run(drop()) == flows(tenants, NAME)


def test_a_write_beside_a_drop_is_lost_or_goes_to_the_new_one(tenants: Tenants, tmp_path: Path) -> None:
    """Whatever is still on its way to the disk: nothing is left of a workspace that was dropped."""

    async def write() -> None:
        await (await tenants.get(NAME)).perform(add_flow)

    async def cross() -> None:
        before = flows(tenants, NAME) if await tenants.get(NAME) else 0
        for _ in range(5):
            work = []
            for action in (write(), tenants.drop(NAME), write(), write()):
                work.append(asyncio.create_task(action))
                await asyncio.sleep(0)  # it begins
            await asyncio.gather(*work)
            assert NAME in {tenant.name for tenant in tenants}
            assert flows(tenants, NAME) - before == 2
            await tenants.drop(NAME)
            assert files_in(tmp_path) == set()
            await tenants.get(NAME)

    asyncio.run(cross())


def test_each_workspace_has_a_file_beside_the_default_one(api: Api, tmp_path: Path) -> None:
    files = Files(tmp_path / "rows.json", FixtureSet(SMALL, api.catalog))
    tenants = Tenants(files)

    async def open_all() -> None:
        for name in (DEFAULT, NAME):
            await tenants.get(name)

    asyncio.run(open_all())
    assert files_in(tmp_path) == {"rows.json", f"rows.{NAME.replace('/', '.')}.json"}
    tenants.close()
    assert list(tenants) == []
    assert files.path(NAME).exists()


def test_what_cannot_become_others_stays_open(tenants: Tenants, api: Api, tmp_path: Path) -> None:
    """Whoever else would open its store is refused."""
    tenants.open(DEFAULT)
    damaged = tmp_path / "damaged.json"
    damaged.write_text("{", encoding="utf-8")
    others = Tenants(Files(damaged, FixtureSet(SMALL, api.catalog)), 2)
    with pytest.raises(UnderstudyError, match=r"damaged\.json"):
        asyncio.run(tenants.replace_all(others))
    assert [tenant.name for tenant in tenants] == [DEFAULT]
    if isinstance(tenants.storage, Files):
        with pytest.raises(UnderstudyError, match="is in use"):
            Tenants(Files(tmp_path / "rows.json", FixtureSet(SMALL, api.catalog)), 2).open(DEFAULT)
    tenants.close()
