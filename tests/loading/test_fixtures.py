"""Fixture sets: what is loaded, what is derived, and the errors of invalid ones."""

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests import jsonl
from tests.conftest import GOLDEN, SMALL
from understudy.errors import FixtureError
from understudy.loading import fixtures
from understudy.operations.api_folder import Api
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
def test_golden_set_is_loaded_unchanged(api: Api, name: str) -> None:
    folder = GOLDEN / name / "fixtures"
    workspace, _ = loaded(api, folder)
    lines = {path.stem: len(jsonl.read(path)) for path in folder.glob("*.jsonl")}
    assert {table: len(rows) for table, rows in workspace.items() if rows} == lines


def test_dangling_reference_is_a_warning(api: Api) -> None:
    _, warnings = loaded(api, SMALL)
    assert warnings == ["artifacts: 5 rows refer by `flow_run_id` to flow_runs that do not exist"]


def test_warning_for_one_reference_is_singular(api: Api, tmp_path: Path) -> None:
    _, warnings = loaded(api, write(tmp_path, "artifacts", {**ROW, "flow_run_id": ROW["id"]}))
    assert warnings == ["artifacts: 1 row refers by `flow_run_id` to flow_runs that do not exist"]


def test_path_that_is_not_a_folder_is_neither_read_nor_written(api: Api, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(FixtureError, match=r"file: cannot be read \(Not a directory\)"):
        fixtures.stamp_of(file)
    with pytest.raises(FixtureError, match=r"file/folder: cannot be written \(Not a directory\)"):
        fixtures.save(file / "folder", Workspace.empty(api.catalog))


def test_empty_folder_is_an_empty_set(api: Api, tmp_path: Path) -> None:
    workspace, warnings = loaded(api, tmp_path)
    assert not any(workspace.values())
    assert warnings == []


def test_missing_fields_are_completed(api: Api, tmp_path: Path) -> None:
    workspace, _ = loaded(api, write(tmp_path, "flows", {**ROW, "name": "a"}))
    assert json.loads(workspace["flows"].encoded(0)) == {**ROW, "name": "a", "tags": [], "labels": {}}


def test_times_and_ids_are_normalized(api: Api, tmp_path: Path) -> None:
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
def test_missing_collections_are_derived(api: Api, tmp_path: Path, leave_out: Callable[[Path], object]) -> None:
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


NO_JSON = "is not JSON: the file has a JSON object on each line, or one array of them"
BROKEN: dict[str, tuple[str, list[object], str]] = {
    "no JSON": (
        "flows",
        [{**ROW, "name": "a"}, "{bad"],
        "flows.jsonl, line 2: Invalid JSON: key must be a string at column 2",
    ),
    "half a line": ("flows", ['{"id": "'], "; a row must be on one line, or in an array"),
    "no object": ("flows", ["5"], "flows.jsonl, line 1: Input should be an object"),
    "no object in an array": ("flows", ['[{"name": "a"},', "5]"], "flows.jsonl, line 2: Input should be an object"),
    "CSV": ("flows", ["id,name", "1,a"], f"flows.jsonl, line 1: {NO_JSON}"),
    "CSV with quotes": ("flows", ['"id","name"', "1,a"], f"flows.jsonl, line 1: {NO_JSON}"),
    "CSV of numbers": ("flows", ["", "1,a"], f"flows.jsonl, line 2: {NO_JSON}"),
    "YAML": ("flows", ["- name: a"], f"flows.jsonl, line 1: {NO_JSON}"),
    "a YAML document": ("flows", ["---", "name: a"], f"flows.jsonl, line 1: {NO_JSON}"),
    "XML": ("flows", ["<flows/>"], f"flows.jsonl, line 1: {NO_JSON}"),
    "a comment": ("flows", ["# flows", "{}"], f"flows.jsonl, line 1: {NO_JSON}"),
    "half an array": ("flows", ["", '[{"name": "a"}', "{}]"], "flows.jsonl, line 3: Invalid JSON: Expecting ','"),
    "more behind an array": ("flows", ["[]", "{}"], "flows.jsonl, line 2: Invalid JSON: Extra data"),
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
        f"line 3: the id {ROW['id']} already exists",
    ),
    "half a surrogate pair": ("artifacts", ['{"id": "\\ud800"}'], "line 1: Invalid JSON"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_invalid_set_is_rejected_with_file_line_and_reason(api: Api, tmp_path: Path, name: str) -> None:
    table, rows, expected = BROKEN[name]
    with pytest.raises(FixtureError) as raised:
        loaded(api, write(tmp_path, table, *rows))
    assert expected in str(raised.value)
    assert str(tmp_path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_missing_folder_is_named(api: Api, tmp_path: Path) -> None:
    with pytest.raises(FixtureError, match="no such fixture folder"):
        loaded(api, tmp_path / "nothing")
    (tmp_path / "flows.json").write_text("[]", encoding="utf-8")
    with pytest.raises(FixtureError, match=r"flows\.json: is not a folder; name the folder of the set"):
        loaded(api, tmp_path / "flows.json")


def test_unreadable_file_is_named(api: Api, tmp_path: Path) -> None:
    (tmp_path / "flows.jsonl").mkdir()
    with pytest.raises(FixtureError, match=r"flows\.jsonl: cannot be read"):
        loaded(api, tmp_path)


# --------------------------------------------------------------------------- files of editors and shells

NAMED = [{**ROW, "name": "a"}, {**ROW, "id": ROW["id"][:-1] + "2", "name": "b"}]
LINES = "".join(f"{json.dumps(row)}\n" for row in NAMED)

SPELLINGS: dict[str, bytes] = {
    "JSON Lines": LINES.encode(),
    "a byte order mark": LINES.encode("utf-8-sig"),
    "UTF-16": LINES.encode("utf-16"),
    "UTF-16, big end first": "\ufeff".encode("utf-16-be") + LINES.encode("utf-16-be"),
    "line ends of Windows": LINES.replace("\n", "\r\n").encode(),
    "blank lines": f"\n\n{LINES}  \n".encode(),
    "an array": json.dumps(NAMED).encode(),
    "an array over many lines": b"\n" + json.dumps(NAMED, indent=2).encode(),
    "an array with a byte order mark": json.dumps(NAMED).encode("utf-8-sig"),
}


@pytest.mark.parametrize("suffix", ["jsonl", "json"])
@pytest.mark.parametrize("name", SPELLINGS)
def test_rows_are_read_in_each_layout(api: Api, tmp_path: Path, name: str, suffix: str) -> None:
    (tmp_path / f"flows.{suffix}").write_bytes(SPELLINGS[name])
    workspace, warnings = loaded(api, tmp_path)
    assert [json.loads(workspace["flows"].encoded(row))["name"] for row in workspace["flows"].live] == ["a", "b"]
    assert warnings == []


def test_empty_array_has_zero_rows(api: Api, tmp_path: Path) -> None:
    (tmp_path / "flows.json").write_text("[]", encoding="utf-8")
    assert not loaded(api, tmp_path)[0]["flows"]


def test_other_encoding_is_rejected(api: Api, tmp_path: Path) -> None:
    (tmp_path / "flows.json").write_bytes(b'[{"name": "\xe9"}]')
    with pytest.raises(FixtureError, match=r"flows\.json: cannot be read \(it is not UTF-8\)"):
        loaded(api, tmp_path)


def test_two_files_for_a_table_are_rejected(api: Api, tmp_path: Path) -> None:
    for name in ("flows.json", "flows.jsonl"):
        (tmp_path / name).write_text("[]", encoding="utf-8")
    with pytest.raises(FixtureError, match=r"has both flows\.jsonl and flows\.json; keep one of them"):
        loaded(api, tmp_path)


STRAYS = {
    "flow.jsonl": "did you mean `flows.jsonl`?",
    "flows.json5": "did you mean `flows.jsonl`?",
    "artefacts.jsonl": "did you mean `artifacts.jsonl`?",
    "Flows.jsonl.txt": "did you mean `flows.jsonl`?",
    "flows.csv": "rows are JSON, in a file that is called `flows.jsonl` or `flows.json`",
    "flows.yaml": "rows are JSON, in a file that is called `flows.jsonl` or `flows.json`",
    "notes": "no table has this name",
}


@pytest.mark.parametrize("name", STRAYS)
def test_ignored_file_is_a_warning(api: Api, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{}", encoding="utf-8")
    (warning,) = fixtures.FixtureSet(tmp_path, api.catalog).warnings()
    assert warning.startswith(f"{tmp_path / name} is not read: ")
    assert warning.endswith(STRAYS[name])


@pytest.mark.parametrize("name", [".DS_Store", "README.md", "LICENSE", "flows.jsonl", "flows.json"])
def test_expected_files_cause_no_warning(api: Api, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("", encoding="utf-8")
    assert list(fixtures.FixtureSet(tmp_path, api.catalog).warnings()) == []


def test_folder_of_fixture_sets_is_a_warning(api: Api, tmp_path: Path) -> None:
    (tmp_path / "small").mkdir()
    write(tmp_path / "small", "flows")
    (warning,) = fixtures.FixtureSet(tmp_path, api.catalog).warnings()
    assert f"did you mean `{tmp_path / 'small'}`?" in warning


# -------------------------------------------------------------------------------------------------- errors


def errors(api: Api, folder: Path) -> list[str]:
    with pytest.raises(FixtureError) as raised:
        loaded(api, folder)
    return [line.strip().replace(f"{folder}/", "") for line in str(raised.value).splitlines()]


def test_all_errors_are_reported_together(api: Api, tmp_path: Path) -> None:
    write(tmp_path, "flows", {"name": "a", "tags": 1, "label": {}}, "{", {"name": "a"}, {"name": "50% off"})
    write(tmp_path, "deployments", {"name": "x", "flow": "b"}, {"name": "y", "flow": "a"})
    assert errors(api, tmp_path) == [
        "5 errors:",
        "flows.jsonl, line 1: tags: Input should be a valid array",
        "flows.jsonl, line 1: label: Extra inputs are not permitted; did you mean `labels`?",
        "flows.jsonl, line 2: Invalid JSON: EOF while parsing an object at column 1; "
        "a row must be on one line, or in an array",
        "flows.jsonl, line 4: name: String should match pattern '^[^/%&><]+$'",
        "deployments.jsonl, line 1: flow: no row of flows has the name `b`",
    ]


def test_first_of_many_errors_are_reported_and_the_rest_counted(api: Api, tmp_path: Path) -> None:
    write(tmp_path, "flows", *({"name": number} for number in range(1000)))
    lines = errors(api, tmp_path)
    assert lines[0] == "1000 errors:"
    assert lines[1].startswith("flows.jsonl, line 1: ")
    assert len(lines) == 52
    assert lines[-1] == "and 950 more"


def test_rows_that_refer_to_an_invalid_row_cause_no_further_errors(api: Api, tmp_path: Path) -> None:
    write(tmp_path, "flows", {"name": "a", "tags": 1})
    write(tmp_path, "deployments", *({"name": f"{number}", "flow": "a"} for number in range(9)))
    assert errors(api, tmp_path) == ["flows.jsonl, line 1: tags: Input should be a valid array"]


# ------------------------------------------------------------------------------------- what is unique, and names

FLOW_ID, POOL_ID = "00000000-0000-4000-8000-0000000000f1", "00000000-0000-4000-8000-0000000000f2"

# Each with the fields that are unique, as the indexes of a real server's database have them.
UNIQUE: dict[str, dict[str, str]] = {
    "flows": {"name": "a"},
    "work_pools": {"name": "a", "type": "process"},
    "work_queues": {"name": "a", "work_pool_id": POOL_ID},
    "deployments": {"name": "a", "flow_id": FLOW_ID},
    "flow_runs": {"idempotency_key": "a", "flow_id": FLOW_ID},
    "task_runs": {"flow_run_id": FLOW_ID, "task_key": "a", "dynamic_key": "0"},
    "artifact_collections": {"key": "a", "latest_id": FLOW_ID},
}


def ids() -> Iterator[str]:
    return (str(UUID(int=number)) for number in count(1))


@pytest.mark.parametrize("table", UNIQUE)
def test_fields_are_unique_as_in_the_real_database(api: Api, tmp_path: Path, table: str) -> None:
    row = UNIQUE[table]
    rows = [{**row, "id": row_id} for row_id, _ in zip(ids(), range(2), strict=False)]
    (error,) = errors(api, write(tmp_path, table, *rows))
    assert error.startswith(f"{table}.jsonl, line 2: a row with the ")
    assert error.endswith(" already exists")


@pytest.mark.parametrize("table", [table for table, row in UNIQUE.items() if len(row) > 1 and "type" not in row])
def test_rows_that_differ_in_a_unique_field_are_distinct(api: Api, tmp_path: Path, table: str) -> None:
    row = UNIQUE[table]
    field = "key" if table == "artifact_collections" else next(iter(row.keys() - {"flow_id", "flow_run_id"}))
    other = POOL_ID[:-1] + "3" if field.endswith("_id") else "b"
    workspace, _ = loaded(api, write(tmp_path, table, row, {**row, field: other}))
    assert len(workspace[table]) == 2


@pytest.mark.parametrize(("table", "row"), [("flow_runs", {"flow_id": FLOW_ID}), ("task_runs", {}), ("artifacts", {})])
def test_nulls_are_never_duplicates(api: Api, tmp_path: Path, table: str, row: dict[str, str]) -> None:
    workspace, _ = loaded(api, write(tmp_path, table, row, row, row))
    assert len(workspace[table]) == 3


@pytest.mark.parametrize("name", ["50% off", "a/b", "<lambda>", "a&b", ""])
@pytest.mark.parametrize("table", ["flows", "work_pools", "work_queues", "deployments"])
def test_name_that_the_api_rejects_is_rejected(api: Api, tmp_path: Path, table: str, name: str) -> None:
    row = {**UNIQUE[table], "name": name}
    if table == "deployments" and not name:
        assert loaded(api, write(tmp_path, table, row))
        return
    (error,) = errors(api, write(tmp_path, table, row))
    assert error.startswith(f"{table}.jsonl, line 1: name: String should match pattern")


# --------------------------------------------------------------------------------------- what may be left out


def rows(workspace: Workspace, table: str) -> list[dict[str, Any]]:
    return [json.loads(workspace[table].encoded(row)) for row in workspace[table].live]


MINIMAL: dict[str, list[object]] = {
    "work_pools": [{"name": "cluster", "type": "kubernetes", "default_queue": "cluster/default"}],
    "work_queues": [{"name": "default", "work_pool": "cluster"}, {"name": "default"}],
    "flows": [{"name": "nightly-etl"}, {"name": "train"}],
    "deployments": [
        {"name": "production", "flow": "nightly-etl", "work_queue": "cluster/default"},
        {"name": "production", "flow": "train"},
    ],
    "flow_runs": [
        {"name": "golden-marmot", "flow": "nightly-etl", "deployment": "nightly-etl/production"},
        {"flow": "train", "idempotency_key": "k"},
    ],
    "task_runs": [{"name": "load-0", "flow_run": "golden-marmot", "task_key": "load", "dynamic_key": "0"}],
    "artifacts": [
        {"key": "report", "flow_run": "golden-marmot", "task_run": "load-0"},
        {"key": "report", "type": "table"},
        {},
        {},
    ],
}


def minimal(folder: Path) -> Path:
    for table, some in MINIMAL.items():
        write(folder, table, *some)
    return folder


def test_rows_refer_to_each_other_by_name(api: Api, tmp_path: Path) -> None:
    workspace, warnings = loaded(api, minimal(tmp_path))
    assert warnings == []
    (pool,), (queue, _), (etl, train) = (rows(workspace, table) for table in ("work_pools", "work_queues", "flows"))
    assert (pool["default_queue_id"], queue["work_pool_id"]) == (queue["id"], pool["id"])
    first, second = rows(workspace, "deployments")
    assert (first["flow_id"], first["work_queue_id"]) == (etl["id"], queue["id"])
    run, keyed = rows(workspace, "flow_runs")
    assert (run["flow_id"], run["deployment_id"], keyed["flow_id"]) == (etl["id"], first["id"], train["id"])
    (task,) = rows(workspace, "task_runs")
    report, *_ = rows(workspace, "artifacts")
    assert (task["flow_run_id"], report["flow_run_id"], report["task_run_id"]) == (run["id"], run["id"], task["id"])
    assert second["flow_id"] == train["id"]


def test_generated_ids_are_stable(api: Api, tmp_path: Path) -> None:
    once, _ = loaded(api, minimal(tmp_path))
    for table, some in MINIMAL.items():
        write(tmp_path, table, *reversed(some))
    again, _ = loaded(api, tmp_path)
    for table in MINIMAL:
        found = [row["id"] for row in rows(once, table)]
        assert {row["id"] for row in rows(again, table)} == {*found}
        assert len({*found}) == len(found)


def test_generated_id_does_not_depend_on_the_spelling_of_references(api: Api, tmp_path: Path) -> None:
    ids = set()
    for number, spelled in enumerate((FLOW_ID, FLOW_ID.upper(), FLOW_ID.replace("-", ""))):
        folder = tmp_path / str(number)
        folder.mkdir()
        workspace, _ = loaded(api, write(folder, "deployments", {"name": "production", "flow_id": spelled}))
        ids |= {row["id"] for row in rows(workspace, "deployments")}
    assert len(ids) == 1


def test_missing_times_are_the_time_of_loading(api: Api, tmp_path: Path) -> None:
    before = datetime.now(timezone.utc)
    workspace, _ = loaded(api, write(tmp_path, "flows", {"name": "a"}, {"name": "b", "created": ROW["created"]}))
    first, second = rows(workspace, "flows")
    assert before <= datetime.fromisoformat(first["created"].replace("Z", "+00:00")) <= datetime.now(timezone.utc)
    assert first["created"] == first["updated"] == second["updated"]
    assert second["created"] == ROW["created"]


def test_rows_keep_their_order(api: Api, tmp_path: Path) -> None:
    write(tmp_path, "flows", {"name": "a"})
    write(
        tmp_path,
        "deployments",
        {"name": "1", "flow_id": FLOW_ID},
        {"name": "2", "flow": "a"},
        {**ROW, "name": "3", "flow_id": FLOW_ID},
    )
    workspace, _ = loaded(api, tmp_path)
    assert [row["name"] for row in rows(workspace, "deployments")] == ["1", "2", "3"]


WRONG_NAMES: dict[str, tuple[str, object, str]] = {
    "unknown": ("deployments", {"name": "x", "flow": "nightly-elt"}, "flow: no row of flows has the name "
        "`nightly-elt`; did you mean `nightly-etl`?"),
    "unknown within": ("flow_runs", {"flow": "train", "deployment": "train/staging"}, "deployment: no row of "
        "deployments has the name `train/staging`"),
    "several": ("flow_runs", {"flow": "train", "deployment": "production"}, "deployment: 2 rows of deployments have "
        "the name `production`; name the one as `FLOW/production`, or by its id"),
    "twice": ("flow_runs", {"flow": "train", "flow_id": FLOW_ID}, "flow: it is redundant with `flow_id`; "
        "remove one of them"),
    "no text": ("flow_runs", {"flow": 5}, "flow: Input should be a valid string"),
    "null where an id must be": ("flow_runs", {"flow": None}, "flow_id: UUID input should be a "
        "string, bytes or UUID object"),
    "a reference to what has no name": ("artifact_collections", {"key": "k", "latest": "report"}, "latest_id: Field "
        "required"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG_NAMES)
def test_unknown_name_is_rejected(api: Api, tmp_path: Path, name: str) -> None:
    table, row, expected = WRONG_NAMES[name]
    minimal(tmp_path)
    write(tmp_path, table, *MINIMAL.get(table, ()), row)
    lines = errors(api, tmp_path)
    assert f"{table}.jsonl, line {len(MINIMAL.get(table, ())) + 1}: {expected}" in lines
