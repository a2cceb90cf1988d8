"""A store: its content when it is opened again, after any changes."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SMALL
from tests.store.conftest import FEW, Opens, rows_of
from understudy.contract.catalog import Catalog
from understudy.errors import FixtureError, StoreError
from understudy.loading import fixtures
from understudy.loading.fixtures import FixtureSet
from understudy.operations.api_folder import Api
from understudy.store.opening import opened, origin
from understudy.store.store import Store
from understudy.values import new_id, now


def test_new_store_is_written_at_once_from_its_fixture_set(api: Api, tmp_path: Path, opens: Opens) -> None:
    path = tmp_path / "rows.json"
    for content in (None, b""):
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content)
        with opened(path, FixtureSet(SMALL, api.catalog)) as store:
            assert origin(store, SMALL) == f"{SMALL}, stored in {path}"
            assert len(store.workspace["artifacts"]) == 120
            assert rows_of(opens(path)) == rows_of(store)


def test_store_continues_from_its_file_with_any_fixture_set(api: Api, path: Path, opens: Opens) -> None:
    before = path.read_bytes()
    with opened(path, FixtureSet(Path("nowhere"), api.catalog)) as store:
        assert origin(store, SMALL) == f"{path}, written a few seconds ago"
        assert rows_of(store) == rows_of(opens(path))
    assert path.read_bytes() == before


def test_invalid_fixture_set_leaves_no_store(api: Api, tmp_path: Path) -> None:
    with pytest.raises(FixtureError), opened(tmp_path / "rows.json", FixtureSet(tmp_path / "nothing", api.catalog)):
        pass
    assert not (tmp_path / "rows.json").exists()


def test_link_to_a_store_is_kept(api: Api, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "rows.json").symlink_to(tmp_path / "elsewhere" / "rows.json")
    with opened(tmp_path / "rows.json", FixtureSet(FEW, api.catalog)):
        pass
    assert (tmp_path / "rows.json").is_symlink()
    assert (tmp_path / "elsewhere" / "rows.json").is_file()


def test_folder_is_rejected(tmp_path: Path, opens: Opens) -> None:
    with pytest.raises(StoreError, match=r"cannot be read \(Is a directory\)"):
        opens(tmp_path)


@pytest.mark.parametrize("seed", range(5))
def test_changes_are_kept_when_it_is_opened_again(tmp_path: Path, opens: Opens, seed: int) -> None:
    """In the same order, too: rows that are equal for a sort keep their order."""
    randomness = random.Random(seed)
    store = opens(tmp_path / "rows.json")
    fixtures.load(SMALL, store.workspace)
    for _ in range(30):
        for _ in range(randomness.randrange(5)):
            change_anything(randomness, store)
        store.flush()
        assert rows_of(opens(store.path)) == rows_of(store)
        if randomness.random() < 0.2:
            store = opens(store.path)


def change_anything(randomness: random.Random, store: Store) -> None:
    table = store.workspace[randomness.choice(["flows", "artifacts"])]
    rows = list(table.live)
    name = {"flows": "name", "artifacts": "key"}[table.schema.name]
    match randomness.choice(["add", "update", "delete"]) if rows else "add":
        case "add":
            table.insert({"id": new_id(), "created": now(), "updated": now(), name: str(new_id())})
        case "update":
            table.update(randomness.choice(rows), {"updated": now()})
        case "delete":
            table.delete(randomness.choice(rows))


def test_rejected_changes_are_not_in_later_files(path: Path, opens: Opens) -> None:
    store = opens(path)
    before = rows_of(store)
    store.workspace["flows"].update(0, {"tags": ["lost"]})
    store.workspace["flows"].insert({"id": new_id(), "created": now(), "updated": now(), "name": "lost"})
    store.workspace["artifacts"].delete(1)
    whole = path.read_bytes()
    path.write_bytes(whole + b"\n")  # another program's
    with pytest.raises(OSError, match="another process"):
        store.write(store.changes)
    path.write_bytes(whole)
    assert rows_of(opens(path)) == before
    for change in reversed(store.changes):
        store.workspace[change.table].undo(change)
    store.changes.clear()
    path.unlink()
    store.workspace["flows"].update(1, {"tags": ["kept"]})
    store.flush()
    after = rows_of(opens(path))
    assert {**after, "flows": []} == {**before, "flows": []}
    assert [b"lost" in row for row in after["flows"]] == [False, False]


def edited(path: Path) -> dict[str, dict[str, Any]]:
    content: dict[str, dict[str, Any]] = json.loads(path.read_bytes())
    return content


def test_file_can_be_edited_by_hand(path: Path, opens: Opens) -> None:
    """Rows removed and added, in any spelling and order, without their optional fields."""
    content = edited(path)
    del content["artifacts"]["2"]
    flow = {"id": str(new_id()).upper(), "created": "2026-01-01T01:00:00+01:00", "updated": "2026-01-01T00:00:00Z"}
    content["flows"] = {"70": {**flow, "name": "by hand"}, **content["flows"]}
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")
    store = opens(path)
    assert len(store.workspace["artifacts"]) == 2
    written = json.loads(rows_of(store)["flows"][-1])
    assert (written["name"], written["created"], written["tags"]) == ("by hand", "2026-01-01T00:00:00Z", [])
    assert written["id"] == flow["id"].lower()
    store.workspace["flows"].insert({"id": new_id(), "created": now(), "updated": now(), "name": "next"})
    store.flush()
    store.compact()
    assert edited(path)["flows"]["71"]["name"] == "next"
    assert rows_of(opens(path)) == rows_of(store)


def test_removed_table_is_empty_or_derived(path: Path, opens: Opens) -> None:
    before = rows_of(opens(path))
    content = edited(path)
    del content["artifact_collections"], content["flow_runs"]
    path.write_text(json.dumps(content), encoding="utf-8")
    store = opens(path)
    assert rows_of(store) == {name: rows for name, rows in before.items() if name != "flow_runs"}
    store.flush()
    assert rows_of(opens(path)) == rows_of(store)


def test_empty_table_stays_empty(api: Api, path: Path, opens: Opens) -> None:
    """As after all of its rows are deleted."""
    content = edited(path)
    content["artifact_collections"] = {}
    path.write_text(json.dumps(content), encoding="utf-8")
    assert "artifact_collections" not in rows_of(opens(path))


def test_any_json_value_is_kept(tmp_path: Path, api: Api) -> None:
    catalog: Catalog = api.catalog
    data = {"deep": [[[{}]]], "big": 10**40, "small": 5e-324, "text": '\u2028 é 😀 \x00 \\" ', "": None, "zero": [-0.0]}
    store = Store(tmp_path / "rows.json", catalog)
    row = store.workspace["artifacts"].insert({"id": new_id(), "created": now(), "updated": now(), "data": data})
    written = store.workspace["artifacts"].encoded(row)
    store.flush()
    again = Store(tmp_path / "rows.json", catalog)
    assert again.workspace["artifacts"].encoded(0) == written
    assert json.loads(written)["data"] == data


def test_rows_written_by_hand_are_completed_and_kept(tmp_path: Path, opens: Opens) -> None:
    path = tmp_path / "rows.json"
    content = {"deployments": {"1": {"name": "nightly", "flow": "etl"}}, "flows": {"1": {"name": "etl"}}}
    path.write_text(json.dumps(content), encoding="utf-8")
    store = opens(path)
    assert store.changes, "what was filled in has to be written"
    store.flush()
    again = opens(path)
    assert rows_of(again) == rows_of(store)
    assert not again.changes
    (flow,), (deployment,) = rows_of(again)["flows"], rows_of(again)["deployments"]
    assert json.loads(deployment)["flow_id"] == json.loads(flow)["id"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_file_in_the_encoding_of_an_editor_is_read(path: Path, opens: Opens, encoding: str) -> None:
    before = rows_of(opens(path))
    path.write_text(path.read_text(encoding="utf-8"), encoding=encoding)
    assert rows_of(opens(path)) == before


def test_duplicate_rows_are_rejected_with_their_line(tmp_path: Path, opens: Opens) -> None:
    path = tmp_path / "rows.json"
    path.write_text('{"flows": {"1": {"name": "etl"},\n"2": {"name": "etl"}}}', encoding="utf-8")
    with pytest.raises(StoreError, match=r"line 2: a row with the name `etl` already exists; .*store repair"):
        opens(path)
