"""Fixture sets: what loads, what is derived, and what is said of a broken one."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import jsonl
from tests.conftest import GOLDEN, SMALL
from understudy.errors import FixtureError
from understudy.folder import Api
from understudy.workspaces import fixtures
from understudy.workspaces.workspace import Workspace

ROW = {
    "id": "00000000-0000-4000-8000-000000000001",
    "created": "2026-01-01T00:00:00Z",
    "updated": "2026-01-01T00:00:00Z",
}


def loaded(api: Api, folder: Path) -> tuple[Workspace, list[str]]:
    workspace = Workspace.empty(api.catalog)
    fixtures.load(folder, workspace)
    return workspace, list(fixtures.dangling(workspace))


def write(folder: Path, table: str, *rows: object) -> Path:
    text = "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows)
    (folder / f"{table}.jsonl").write_text(text + "\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", ["small", "mixed"])
def test_a_golden_set_loads_as_it_is(api: Api, name: str) -> None:
    folder = GOLDEN / name / "fixtures"
    workspace, _ = loaded(api, folder)
    lines = {path.stem: len(jsonl.read(path)) for path in folder.glob("*.jsonl")}
    assert {table: len(rows) for table, rows in workspace.items()} == lines


def test_a_reference_to_a_row_that_is_not_there_is_a_warning(api: Api) -> None:
    _, warnings = loaded(api, SMALL)
    assert warnings == ["artifacts: 5 rows refer by `flow_run_id` to flow_runs that are not there"]


def test_an_empty_folder_is_an_empty_set(api: Api, tmp_path: Path) -> None:
    workspace, warnings = loaded(api, tmp_path)
    assert not any(workspace.values())
    assert warnings == []


def test_what_a_row_leaves_out_is_filled_in(api: Api, tmp_path: Path) -> None:
    workspace, _ = loaded(api, write(tmp_path, "flows", {**ROW, "name": "a"}))
    assert json.loads(workspace["flows"].encoded(0)) == {**ROW, "name": "a", "tags": [], "labels": {}}


def test_times_and_ids_come_out_in_one_spelling(api: Api, tmp_path: Path) -> None:
    row = {
        "id": ROW["id"].replace("-", "").upper(),
        "created": "2026-01-01T02:00:00.500+02:00",
        "updated": "2026-01-01T00:00:00",
    }
    workspace, _ = loaded(api, write(tmp_path, "flows", {**row, "name": "a"}))
    expected = {"id": ROW["id"], "created": "2026-01-01T00:00:00.500000Z", "updated": "2026-01-01T00:00:00Z"}
    assert expected.items() <= json.loads(workspace["flows"].encoded(0)).items()


def test_bare_numbers_are_stored_as_sqlite_stores_them(api: Api, tmp_path: Path) -> None:
    workspace, _ = loaded(
        api, write(tmp_path, "artifacts", {**ROW, "data": 2.0}, {**ROW, "id": ROW["id"][:-1] + "2", "data": [2.0]})
    )
    assert [json.loads(workspace["artifacts"].encoded(row))["data"] for row in (0, 1)] == [2, [2.0]]
    assert b'"data":2,' in workspace["artifacts"].encoded(0)


@pytest.mark.parametrize("leave_out", [lambda path: path.unlink(), lambda path: path.write_text("")])
def test_collections_are_derived_where_they_are_missing(
    api: Api, tmp_path: Path, leave_out: Callable[[Path], object]
) -> None:
    folder = Path(shutil.copytree(SMALL, tmp_path / "set"))
    leave_out(folder / "artifact_collections.jsonl")
    workspace, _ = loaded(api, folder)
    newest: dict[str, dict[str, str]] = {}
    for artifact in jsonl.read(SMALL / "artifacts.jsonl"):
        if artifact["key"] is not None and artifact["created"] >= newest.get(artifact["key"], artifact)["created"]:
            newest[artifact["key"]] = artifact
    rows = [
        json.loads(workspace["artifact_collections"].encoded(row)) for row in workspace["artifact_collections"].live
    ]
    assert {row["key"]: row["latest_id"] for row in rows} == {key: row["id"] for key, row in newest.items()}
    assert all(
        row["data"] == newest[row["key"]]["data"] and row["created"] == newest[row["key"]]["created"] for row in rows
    )


BROKEN: dict[str, tuple[str, list[object], str]] = {
    "no JSON": ("flows", [{**ROW, "name": "a"}, "{bad"], "flows.jsonl, line 2: Invalid JSON: key must be a string"),
    "half a line": ("flows", ['{"id": "'], "flows.jsonl, line 1: Invalid JSON: EOF while parsing"),
    "no object": ("flows", ["[]"], "flows.jsonl, line 1: Input should be an object"),
    "an unknown table": (
        "flow",
        [{}],
        "flow.jsonl: there is no table `flow`; there are artifact_collections, artifacts",
    ),
    "an unknown field": ("flows", [{**ROW, "name": "a", "nam": 1}], "line 1: nam: Extra inputs are not permitted"),
    "a missing field": ("flows", [ROW], "line 1: name: Field required"),
    "a wrong type": ("flows", [{**ROW, "name": 5}], "line 1: name: Input should be a valid string"),
    "a wrong type within": (
        "flows",
        [{**ROW, "name": "a", "tags": ["a", 1]}],
        "line 1: tags.1: Input should be a valid string",
    ),
    "a null": ("flows", [{**ROW, "name": None}], "line 1: name: Input should be a valid string"),
    "a wrong id": ("flows", [{**ROW, "id": "x", "name": "a"}], "line 1: id: Input should be a valid UUID"),
    "a wrong time": (
        "flows",
        [{**ROW, "created": "yesterday", "name": "a"}],
        "line 1: created: Input should be a valid datetime",
    ),
    "a time of another type": (
        "flows",
        [{**ROW, "created": 5, "name": "a"}],
        "line 1: created: Input should be a valid datetime",
    ),
    "a wrong word": (
        "flow_runs",
        [{**ROW, "flow_id": ROW["id"], "state_type": "DONE"}],
        "line 1: state_type: Input should be 'SCHEDULED'",
    ),
    "an id twice": (
        "flows",
        [{**ROW, "name": "a"}, "", {**ROW, "name": "b"}],
        f"line 3: the id {ROW['id']} is there already",
    ),
    "half a surrogate pair": ("artifacts", ['{"id": "\\ud800"}'], "line 1: Invalid JSON"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_set_is_refused_with_file_line_and_reason(api: Api, tmp_path: Path, name: str) -> None:
    table, rows, expected = BROKEN[name]
    with pytest.raises(FixtureError) as raised:
        loaded(api, write(tmp_path, table, *rows))
    assert expected in str(raised.value)
    assert str(tmp_path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_folder_that_is_not_there_is_named(api: Api, tmp_path: Path) -> None:
    with pytest.raises(FixtureError, match="there is no such fixture folder"):
        loaded(api, tmp_path / "nothing")


def test_a_file_that_cannot_be_read_is_named(api: Api, tmp_path: Path) -> None:
    (tmp_path / "flows.jsonl").mkdir()
    with pytest.raises(FixtureError, match=r"flows\.jsonl: cannot be read"):
        loaded(api, tmp_path)
