"""A store written with another version of the contract."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.store.conftest import FEW, Opens, rows_of
from understudy.errors import StoreError
from understudy.loading.fixtures import FixtureSet
from understudy.operations.api_folder import Api
from understudy.store.repair import repair
from understudy.store.workspace_files import WorkspaceFiles

Content = dict[str, dict[str, Any]]
ID = "dba7e671-122b-520e-9001-8ccca9b5c3e2"


def edit(path: Path, change: Callable[[Content], object], indent: int | None = None) -> bytes:
    """Change what a store holds. Returns the new content of its file."""
    content = json.loads(path.read_bytes())
    change(content)
    path.write_text(json.dumps(content, indent=indent), encoding="utf-8")
    return path.read_bytes()


def for_each_flow(**fields: Any) -> Callable[[Content], object]:
    """Sets fields in each flow, or deletes them without a value."""

    def change(content: Content) -> None:
        for row in content["flows"].values():
            for name, value in fields.items():
                row.pop(name, None) if value is ... else row.update({name: value})

    return change


def test_unknown_field_is_dropped_and_counted(path: Path, opens: Opens) -> None:
    before = rows_of(opens(path))
    written = edit(path, for_each_flow(soon=1, later={"a": []}))
    store = opens(path)
    assert list(store.upgrade.warnings()) == [
        "flows: the contract has no field `later`; it is dropped from 2 rows",
        "flows: the contract has no field `soon`; it is dropped from 2 rows",
    ]
    assert rows_of(store) == before
    assert path.read_bytes() == written  # opening a store changes nothing
    store.workspace["artifacts"].delete(0)
    store.flush()
    store.compact()
    assert b"soon" not in path.read_bytes()
    again = opens(path)
    assert list(again.upgrade.warnings()) == []
    assert rows_of(again) == rows_of(store)


def test_new_field_gets_its_default(path: Path, opens: Opens) -> None:
    """The default of the contract, or null if it is allowed."""
    edit(path, for_each_flow(tags=..., labels=...))
    store = opens(path)
    assert [store.workspace["flows"].values(row)["tags"] for row in store.workspace["flows"].live] == [[], []]
    assert list(store.upgrade.warnings()) == []
    store.workspace["flows"].delete(0)
    store.flush()
    assert rows_of(opens(path)) == rows_of(store)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"name": ...}, "name: Field required"),
        ({"tags": "a"}, "tags: Input should be a valid array"),
        ({"name": ..., "soon": 1}, "name: Field required"),
    ],
)
@pytest.mark.parametrize("indent", [None, 1])
def test_missing_field_without_a_default_is_rejected_by_row(
    api: Api, path: Path, opens: Opens, fields: dict[str, Any], reason: str, indent: int | None
) -> None:
    """If the contract differs, `repair` would only lose rows. It reports each of them."""
    content = edit(path, for_each_flow(**fields), indent)
    with pytest.raises(StoreError) as raised:
        opens(path)
    text = content.decode()
    lines = [text[: text.index(f'"{number}": {{', text.index('"flows"'))].count("\n") + 1 for number in (1, 2)]
    assert str(raised.value) == (
        f"{path}, line {lines[0]}: {reason}: row 1 of flows does not fit the contract; edit or delete it in the file. "
        "Rows that do not fit: 2"
    )
    assert path.read_bytes() == content
    workspace, losses, _ = repair(path, path.with_name("repaired.json"), api.catalog)
    assert [(loss.line, loss.reason) for loss in losses] == [(line, reason) for line in lines]
    assert {name: len(table) for name, table in workspace.items() if table} == {
        name: len(rows) for name, rows in json.loads(content).items() if rows and name != "flows"
    }


def test_count_of_many_rejected_rows_is_a_minimum(path: Path, opens: Opens) -> None:
    """Not all of them are read."""

    def fill(content: Content) -> None:
        (row, *_) = content["flows"].values()
        content["flows"] = {str(n): {**row, "id": str(uuid4()), "tags": n} for n in range(1, 1200)}

    edit(path, fill)
    with pytest.raises(StoreError, match=r"Rows that do not fit: at least 1001$"):
        opens(path)


def test_repair_drops_unknown_fields_and_keeps_the_row(api: Api, path: Path, opens: Opens) -> None:
    before = rows_of(opens(path))
    edit(path, for_each_flow(soon=1))
    path.write_text(path.read_text(encoding="utf-8").replace('"flows": {', '"flows" {'), encoding="utf-8")
    target = path.with_name("repaired.json")
    _, (loss,), warnings = repair(path, target, api.catalog)
    assert loss.text.startswith('"flows" {')
    assert warnings == ["flows: the contract has no field `soon`; it is dropped from 2 rows"]
    assert rows_of(opens(target)) == before


def test_unknown_table_stays_in_the_file(path: Path, opens: Opens) -> None:
    before = rows_of(opens(path))
    extra = {"1": {"id": ID, "name": "x", "big": 10**40}, "9": {"id": ID.replace("d", "c"), "any": [0.5]}}
    edit(path, lambda content: content.update(blocks=extra, empty={}))
    store = opens(path)
    (warning,) = store.upgrade.warnings()
    assert warning == "blocks: the contract has no such table; kept in the file, but not served: 2 rows"
    assert rows_of(store) == before
    store.workspace["flows"].delete(0)
    store.flush()
    assert json.loads(path.read_bytes())["blocks"] == extra
    assert rows_of(opens(path)) == rows_of(store)


def test_dropped_fields_of_another_workspace_are_logged(
    api: Api, path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    name = f"{ID}/{ID}"
    files = WorkspaceFiles(path, FixtureSet(FEW, api.catalog))
    path.rename(files.path(name))
    edit(files.path(name), for_each_flow(soon=1))
    with caplog.at_level(logging.WARNING), files.open("default"), files.open(name):
        pass
    assert [record.getMessage() for record in caplog.records] == [
        f"{files.path(name)}: flows: the contract has no field `soon`; it is dropped from 2 rows"
    ]
