"""Repair: every undamaged row is saved, and losses are reported."""

import json
import random
from pathlib import Path
from uuid import uuid4

import pytest

from tests.store.conftest import Opens, rows_of
from understudy.errors import StoreError
from understudy.operations.api_folder import Api
from understudy.store.log_records import Loss
from understudy.store.repair import repair


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "saved.json"


def test_intact_file_loses_nothing(api: Api, path: Path, target: Path, opens: Opens) -> None:
    _, losses, _ = repair(path, target, api.catalog)
    assert losses == []
    assert target.read_bytes() == path.read_bytes()


def test_undamaged_lines_are_saved(api: Api, path: Path, target: Path, opens: Opens) -> None:
    """Each line of a file is damaged in turn."""
    whole = opens(path)
    rows = {row for rows in rows_of(whole).values() for row in rows}
    lines = path.read_bytes().splitlines(keepends=True)
    for number, line in enumerate(lines):
        damaged = line.replace(b":", b";", 1) if b":" in line else b"?" + line
        content = b"".join([*lines[:number], damaged, *lines[number + 1 :]])
        path.write_bytes(content)
        target.unlink(missing_ok=True)
        _, losses, _ = repair(path, target, api.catalog)
        saved = {row for rows in rows_of(opens(target)).values() for row in rows}
        assert len(rows - saved) == (b'"id"' in line), line
        assert [loss.line for loss in losses] == [number + 1]
        assert path.read_bytes() == content


@pytest.mark.parametrize("indent", [None, 1])
def test_rows_of_unknown_tables_are_saved(api: Api, path: Path, target: Path, opens: Opens, indent: int | None) -> None:
    """As a store keeps them, despite damage elsewhere and among them."""
    content = json.loads(path.read_bytes())
    ids = [str(uuid4()) for _ in range(5)]
    blocks = {str(number): {"id": each, "data": {"1": number}} for number, each in enumerate(ids, 1)}
    before = rows_of(opens(path))
    text = json.dumps({"blocks": blocks, **content, "empty": {}, "more": blocks}, indent=indent)
    text = text.replace('}, "', '},\n"').replace('{"', '{\n"', 1) if indent is None else text
    text = text.replace(ids[2], "\n", 1)  # not JSON any more
    path.write_text(text + "?", encoding="utf-8")
    _, losses, warnings = repair(path, target, api.catalog)
    assert len(losses) == 2
    assert warnings == [
        "blocks: the contract has no such table; kept in the file, but not served: 4 rows",
        "more: the contract has no such table; kept in the file, but not served: 5 rows",
    ]
    saved = json.loads(target.read_bytes())
    assert saved["more"] == blocks
    assert saved["blocks"] == {number: row for number, row in blocks.items() if number != "3"}
    assert rows_of(opens(target)) == before


def test_incomplete_rows_are_completed_and_saved(api: Api, path: Path, target: Path, opens: Opens) -> None:
    """As rows of a fixture set are, each in its table."""
    content = json.loads(path.read_bytes())
    names = [row["name"] for row in content["flows"].values()]
    content["flows"] = {number: {"name": row["name"]} for number, row in content["flows"].items()}
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")
    _, losses, warnings = repair(path, target, api.catalog)
    assert (losses, warnings) == ([], [])
    assert len(names) > 1
    assert [json.loads(row)["name"] for row in rows_of(opens(target))["flows"]] == names


@pytest.mark.parametrize("seed", range(20))
def test_result_is_a_valid_store_after_any_damage(api: Api, path: Path, target: Path, opens: Opens, seed: int) -> None:
    """Rows with unchanged lines are saved, nothing else except results of the damage itself; losses are reported."""
    randomness = random.Random(seed)
    content = bytearray(path.read_bytes())
    rows = {row for rows in rows_of(opens(path)).values() for row in rows}
    lines = [line for line in content.splitlines() if b'"id"' in line]
    for _ in range(randomness.randrange(1, 4)):
        at = randomness.randrange(len(content))
        content[at : at + randomness.randrange(40)] = bytes(randomness.choices(range(256), k=randomness.randrange(40)))
    path.write_bytes(content)
    _, losses, _ = repair(path, target, api.catalog)
    saved = {row for rows in rows_of(opens(target)).values() for row in rows}
    whole = {bytes(line.partition(b" ")[2].rstrip(b",")) for line in lines if line in content.splitlines()}
    assert whole <= saved
    assert len(saved - rows) <= len(lines) - len(whole)
    assert losses or len(saved) == len(rows)


def test_truncation_is_reported_with_its_place(api: Api, path: Path, target: Path, opens: Opens) -> None:
    text = path.read_text(encoding="utf-8")
    at = text.index('"created"', text.index('"flows"'))
    path.write_text(text[:at], encoding="utf-8")
    workspace, losses, _ = repair(path, target, api.catalog)
    assert [len(workspace[table]) for table in ("artifacts", "flows")] == [3, 0]
    (loss,) = losses
    assert loss.reason.startswith("Expecting property name enclosed in double quotes")
    assert loss.text.startswith('"1": {"id":')


def test_invalid_row_is_reported_with_its_error(api: Api, path: Path, target: Path) -> None:
    content = json.loads(path.read_bytes())
    content["flows"]["2"]["name"] = 5
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")
    workspace, losses, _ = repair(path, target, api.catalog)
    assert len(workspace["flows"]) == 1
    assert [loss.reason for loss in losses] == ["name: Input should be a valid string"]


def test_duplicate_row_is_saved_once(api: Api, path: Path, target: Path) -> None:
    content = json.loads(path.read_bytes())
    content["flows"]["3"] = content["flows"]["1"]
    path.write_text(json.dumps(content), encoding="utf-8")
    workspace, (loss,), _ = repair(path, target, api.catalog)
    assert len(workspace["flows"]) == 2
    assert loss.reason == f"the id {content['flows']['1']['id']} already exists"


def test_invalid_utf8_is_lost_and_not_decoded(api: Api, path: Path, target: Path, opens: Opens) -> None:
    content = path.read_bytes()
    name = b'"name":"' + opens(path).workspace["flows"].values(1)["name"].encode()
    assert name in content
    path.write_bytes(content.replace(name, name + b"\xff"))
    workspace, losses, _ = repair(path, target, api.catalog)
    assert len(workspace["flows"]) == 1
    assert len(losses) == 1


def test_existing_file_is_not_overwritten(api: Api, path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(StoreError, match="already exists; name another file with --to"):
        repair(path, path, api.catalog)
    assert path.read_bytes() == before


def test_missing_file_is_reported(api: Api, tmp_path: Path, target: Path) -> None:
    with pytest.raises(StoreError, match="cannot be read"):
        repair(tmp_path / "nothing.json", target, api.catalog)
    assert not target.exists()


def test_loss_is_shown_in_one_line(api: Api, tmp_path: Path, target: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text("{\n\n  what\n\x1b[31m is this", encoding="utf-8")
    _, losses, _ = repair(path, target, api.catalog)
    assert losses == [Loss(3, "what \x1b[31m is this", "not a row")]
