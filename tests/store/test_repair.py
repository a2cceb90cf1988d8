"""Repair: every row that no damage touches is saved, and what is lost is told."""

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


def test_nothing_is_lost_of_a_whole_file(api: Api, path: Path, target: Path, opens: Opens) -> None:
    _, losses, _ = repair(path, target, api.catalog)
    assert losses == []
    assert target.read_bytes() == path.read_bytes()


def test_the_lines_that_are_not_damaged_are_saved(api: Api, path: Path, target: Path, opens: Opens) -> None:
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
def test_rows_of_a_table_that_the_contract_does_not_have_are_saved(
    api: Api, path: Path, target: Path, opens: Opens, indent: int | None
) -> None:
    """As a store keeps them, and in spite of damage elsewhere and among them."""
    content = json.loads(path.read_bytes())
    ids = [str(uuid4()) for _ in range(5)]
    blocks = {str(number): {"id": each, "data": {"1": number}} for number, each in enumerate(ids, 1)}
    before = rows_of(opens(path))
    text = json.dumps({"blocks": blocks, **content, "empty": {}, "more": blocks}, indent=indent)
    text = text.replace('}, "', '},\n"').replace('{"', '{\n"', 1) if indent is None else text
    text = text.replace(ids[2], "\n", 1)  # no JSON any more
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


def test_rows_that_lack_fields_are_completed_and_saved(api: Api, path: Path, target: Path, opens: Opens) -> None:
    """As rows of a fixture set are, each in the table where it stands."""
    content = json.loads(path.read_bytes())
    names = [row["name"] for row in content["flows"].values()]
    content["flows"] = {number: {"name": row["name"]} for number, row in content["flows"].items()}
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")
    _, losses, warnings = repair(path, target, api.catalog)
    assert (losses, warnings) == ([], [])
    assert len(names) > 1
    assert [json.loads(row)["name"] for row in rows_of(opens(target))["flows"]] == names


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_damaged_a_whole_store_comes_out(
    api: Api, path: Path, target: Path, opens: Opens, seed: int
) -> None:
    """Each row whose line is as it was is saved, nothing else but what the damage itself makes, and losses are told."""
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


def test_half_a_file_is_told_from_where_it_breaks_off(api: Api, path: Path, target: Path, opens: Opens) -> None:
    text = path.read_text(encoding="utf-8")
    at = text.index('"created"', text.index('"flows"'))
    path.write_text(text[:at], encoding="utf-8")
    workspace, losses, _ = repair(path, target, api.catalog)
    assert [len(workspace[table]) for table in ("artifacts", "flows")] == [3, 0]
    (loss,) = losses
    assert loss.reason.startswith("Expecting property name enclosed in double quotes")
    assert loss.text.startswith('"1": {"id":')


def test_a_row_that_does_not_fit_is_told_with_its_fault(api: Api, path: Path, target: Path) -> None:
    content = json.loads(path.read_bytes())
    content["flows"]["2"]["name"] = 5
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")
    workspace, losses, _ = repair(path, target, api.catalog)
    assert len(workspace["flows"]) == 1
    assert [loss.reason for loss in losses] == ["name: Input should be a valid string"]


def test_a_row_that_is_there_twice_is_saved_once(api: Api, path: Path, target: Path) -> None:
    content = json.loads(path.read_bytes())
    content["flows"]["3"] = content["flows"]["1"]
    path.write_text(json.dumps(content), encoding="utf-8")
    workspace, (loss,), _ = repair(path, target, api.catalog)
    assert len(workspace["flows"]) == 2
    assert loss.reason == f"the id {content['flows']['1']['id']} already exists"


def test_what_is_no_text_is_lost_and_never_taken_for_text(api: Api, path: Path, target: Path, opens: Opens) -> None:
    content = path.read_bytes()
    name = b'"name":"' + opens(path).workspace["flows"].values(1)["name"].encode()
    assert name in content
    path.write_bytes(content.replace(name, name + b"\xff"))
    workspace, losses, _ = repair(path, target, api.catalog)
    assert len(workspace["flows"]) == 1
    assert len(losses) == 1


def test_a_file_is_never_saved_over_another(api: Api, path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(StoreError, match="already exists; name another file with --to"):
        repair(path, path, api.catalog)
    assert path.read_bytes() == before


def test_a_file_that_is_not_there_is_told(api: Api, tmp_path: Path, target: Path) -> None:
    with pytest.raises(StoreError, match="cannot be read"):
        repair(tmp_path / "nothing.json", target, api.catalog)
    assert not target.exists()


def test_a_loss_is_shown_in_a_line(api: Api, tmp_path: Path, target: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text("{\n\n  what\n\x1b[31m is this", encoding="utf-8")
    _, losses, _ = repair(path, target, api.catalog)
    assert losses == [Loss(3, "what \x1b[31m is this", "not a row")]
