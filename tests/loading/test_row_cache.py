"""The rows of a fixture set in an API folder are cached for the next start, as long as nothing has changed."""

import json
import shutil
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from understudy.contract.bundle_cache import ROWS, place_of
from understudy.errors import FixtureError
from understudy.loading.fixtures import FixtureSet
from understudy.loading.row_cache import entry_of
from understudy.operations.api_folder import Api, own_folder
from understudy.tables.rows import Rows
from understudy.workspaces.workspace import Workspace

TIMES = {"created": "2026-01-01T00:00:00Z", "updated": "2026-01-01T00:00:00Z"}
FLOW = {"id": "10000000-0000-4000-8000-000000000001", **TIMES, "name": "a"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A fixture set in a copy of the bundled API."""
    for name in ("openapi", "handlers"):
        shutil.copytree(own_folder() / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(own_folder() / "openapi.yaml", tmp_path)
    (tmp_path / "fixtures" / "few").mkdir(parents=True)
    write(tmp_path / "fixtures" / "few", FLOW)
    return tmp_path / "fixtures" / "few"


def write(folder: Path, *rows: dict[str, Any]) -> None:
    (folder / "flows.json").write_text(json.dumps(rows), encoding="utf-8")


def loaded(folder: Path) -> Workspace:
    return FixtureSet(folder, Api.load(folder.parents[1]).catalog).rows


def cache_of(folder: Path) -> Path:
    return place_of(entry_of(folder), ROWS)


def names(workspace: Workspace) -> list[str]:
    flows = workspace["flows"]
    return [flows.values(row)["name"] for row in flows.live]


def content(rows: Rows) -> tuple[object, ...]:
    return rows.encoded, rows.live, rows.by_id, rows.keys, rows.vacant


def test_rows_from_the_cache_are_those_of_the_files() -> None:
    demo, catalog = own_folder() / "fixtures" / "demo", Api.load(own_folder()).catalog
    cache_of(demo).unlink(missing_ok=True)
    read, known = FixtureSet(demo, catalog).rows, FixtureSet(demo, catalog).rows
    assert cache_of(demo).is_file()
    for name, table in read.items():
        assert content(known[name].shared()) == content(table.shared()), name


def test_rows_from_the_cache_can_be_changed(folder: Path) -> None:
    for _ in range(2):
        changed = loaded(folder).fork()
        row = changed["flows"].live.min()
        changed["flows"].update(row, {"name": "b"})
        changed["flows"].insert({**changed["flows"].values(row), "id": UUID(int=5), "name": "c"})
        assert names(changed) == ["b", "c"]
    assert names(loaded(folder)) == ["a"]


def test_changed_set_is_read(folder: Path) -> None:
    loaded(folder)
    write(folder, {**FLOW, "name": "changed"})
    assert names(loaded(folder)) == ["changed"]
    (folder / "variables.json").write_text(json.dumps([{**FLOW, "value": 1, "tags": []}]), encoding="utf-8")
    assert len(loaded(folder)["variables"]) == 1


def test_rows_are_validated_again_if_the_contract_has_changed(folder: Path) -> None:
    loaded(folder)
    path = folder.parents[1] / "openapi" / "flows.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    cache = cache_of(folder).stat().st_ino
    assert names(loaded(folder)) == ["a"]
    assert cache_of(folder).stat().st_ino != cache


def test_rows_with_the_time_of_loading_are_not_cached(folder: Path) -> None:
    write(folder, {"id": FLOW["id"], "name": "new"})
    assert names(loaded(folder)) == ["new"]
    assert not cache_of(folder).exists()


def test_invalid_set_is_not_cached(folder: Path) -> None:
    write(folder, FLOW, FLOW)
    for _ in range(2):
        with pytest.raises(FixtureError, match="already exists"):
            loaded(folder)
    assert not cache_of(folder).exists()


@pytest.mark.parametrize("damage", [b"", b"nonsense", b"\xf3\x00"])
def test_damaged_cache_is_ignored(folder: Path, damage: bytes) -> None:
    loaded(folder)
    cache_of(folder).write_bytes(damage)
    assert names(loaded(folder)) == ["a"]


def test_fixture_sets_elsewhere_are_not_cached(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("sets") / "mine"
    shutil.copytree(folder, elsewhere)
    FixtureSet(elsewhere, Api.load(own_folder()).catalog).rows["flows"].values(0)
    assert [path.name for path in elsewhere.parent.iterdir()] == ["mine"]
