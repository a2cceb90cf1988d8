"""The log: how it is opened if it is complete, truncated, damaged, or belongs to another file."""

import json
import os
import random
import shutil
from functools import partial
from pathlib import Path

import pytest
from tinydb import Query, TinyDB

from tests.store.conftest import Opens, rows_of
from understudy.errors import StoreError
from understudy.operations.api_folder import Api
from understudy.store import compaction
from understudy.store.lock import Lock
from understudy.store.log_records import read_records, rows_record
from understudy.store.repair import repair
from understudy.store.store import Store
from understudy.store.transfer import compact, export, import_
from understudy.store.write_log import Log, log_file
from understudy.values import new_id, now

FLIPS = 1000  # of each file


@pytest.fixture
def states(path: Path, opens: Opens) -> list[dict[str, list[bytes]]]:
    """The rows after each write of a log: some changed, added, deleted and added again."""
    store = opens(path)
    states = [rows_of(store)]

    def written() -> None:
        store.flush()
        states.append(rows_of(store))

    flows = store.workspace["flows"]
    flows.update(0, {"tags": ["one", "line\nfeed", "é\x00"]})
    written()
    row = flows.insert({"id": new_id(), "created": now(), "updated": now(), "name": "new"})
    store.workspace["artifacts"].delete(1)
    written()
    flows.delete(row)
    written()
    flows.insert({"id": new_id(), "created": now(), "updated": now(), "name": "another"})
    flows.update(0, {"tags": ["last"]})
    written()
    return states


def test_write_appends_a_line_to_the_log_and_keeps_the_file(path: Path, opens: Opens) -> None:
    before = path.read_bytes()
    store = opens(path)
    store.workspace["flows"].update(1, {"tags": ["changed"]})
    store.workspace["artifacts"].delete(0)
    store.flush()
    assert path.read_bytes() == before
    first, second = log_file(path).read_text(encoding="utf-8").splitlines()
    assert first.startswith("file ")
    kind, checksum, length, content = second.split(" ", 3)
    assert (kind, len(checksum), length) == ("rows", 8, str(len(content.encode())))
    flow = json.loads(store.workspace["flows"].encoded(1))
    assert json.loads(content) == {"flows": {"2": flow}, "artifacts": {"1": None}}


def test_opening_reads_all_and_changes_nothing(path: Path, opens: Opens, states: list[dict[str, list[bytes]]]) -> None:
    before = path.read_bytes(), log_file(path).read_bytes()
    assert rows_of(opens(path)) == states[-1]
    assert (path.read_bytes(), log_file(path).read_bytes()) == before


def test_truncated_log_has_the_earlier_writes(path: Path, opens: Opens, states: list[dict[str, list[bytes]]]) -> None:
    """An incomplete record was never acknowledged. The next one replaces it."""
    log = log_file(path)
    whole = log.read_bytes()
    first = whole.index(b"\n") + 1
    for length in range(len(whole)):
        log.write_bytes(whole[:length])
        if length < first:  # it was renamed when it was complete
            with pytest.raises(StoreError, match=rf"rows\.json\.log, line 1: .*store repair {path}"):
                opens(path)
            continue
        complete = whole.count(b"\n", 0, length) - 1
        store = opens(path)
        assert rows_of(store) == states[complete], length
        if length % 50 == 0:
            store.workspace["flows"].update(0, {"tags": ["next"]})
            store.flush()
            assert rows_of(opens(path)) == rows_of(store)


def test_record_with_an_unwritten_block_is_ignored(
    path: Path, opens: Opens, states: list[dict[str, list[bytes]]]
) -> None:
    """After a power failure, a file may have its size but not its content."""
    log = log_file(path)
    whole = log.read_bytes()
    last = whole.rindex(b"\n", 0, -1) + 1
    for hole in (slice(last, len(whole)), slice(last - last % -512, len(whole)), slice(last, last - last % -512)):
        content = bytearray(whole)
        content[hole] = bytes(len(content[hole]))
        log.write_bytes(content)
        assert rows_of(opens(path)) == states[-2], hole


@pytest.mark.parametrize("which", ["file", "log"])
def test_flipped_byte_is_rejected(path: Path, opens: Opens, states: list[dict[str, list[bytes]]], which: str) -> None:
    """Also in the file: the log knows its content. The end of the last record may look truncated."""
    flipped = path if which == "file" else log_file(path)
    whole = flipped.read_bytes()
    last = whole.rindex(b"\n", 0, -1) + 1
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - pytest shows it with a failure
    randomness = random.Random(seed)
    refused = 0
    for _ in range(FLIPS):
        content = bytearray(whole)
        at = randomness.randrange(len(content))
        content[at] ^= randomness.randrange(1, 256)
        flipped.write_bytes(content)
        try:
            store = opens(path)
        except StoreError:
            refused += 1
        else:
            assert which == "log"
            assert at >= last
            assert content[at] == 0 or content.count(b"\n", last) != 1
            assert rows_of(store) == states[-2]
    assert refused > FLIPS * 0.95


def test_damage_is_rejected_with_its_line(path: Path, opens: Opens, states: list[dict[str, list[bytes]]]) -> None:
    log = log_file(path)
    lines = log.read_bytes().splitlines(keepends=True)
    for number, (damaged, reason) in enumerate(
        [
            (lines[1], "a log begins with the file that it belongs to"),
            (lines[1].replace(b"one", b"two"), "the checksum does not match"),
            (lines[2].replace(b" ", b"  ", 1), "not a record"),
            (lines[3][:-1] + b"x\n", r"the record has \d+ bytes instead of \d+"),
        ]
    ):
        content = [*lines[:number], damaged, *lines[number + 1 :]]
        log.write_bytes(b"".join(content))
        with pytest.raises(StoreError, match=rf"^{log}, line {number + 1}: {reason}; `understudy store repair {path}`"):
            opens(path)
        assert log.read_bytes() == b"".join(content)


def test_log_of_another_file_is_rejected(path: Path, opens: Opens, states: list[dict[str, list[bytes]]]) -> None:
    whole = path.read_bytes()
    log = log_file(path)
    path.write_bytes(whole.replace(b'"name":', b'"name" :', 1))
    with pytest.raises(StoreError) as raised:
        opens(path)
    assert str(raised.value) == (
        f"{path}: was changed since rows.json.log, which has 4 records, was written; undo the change; or "
        f"delete rows.json.log and its writes; or `understudy store repair {path}` saves both"
    )
    path.unlink()
    with pytest.raises(StoreError, match=r"does not exist, but rows\.json\.log has 4 records that belong"):
        opens(path)
    path.write_bytes(whole)
    assert rows_of(opens(path)) == states[-1]
    log.unlink()
    assert rows_of(opens(path)) == states[0]


def test_log_that_is_a_folder_or_pipe_is_named(path: Path, opens: Opens, api: Api) -> None:
    opens(path).flush()
    log = log_file(path)
    log.unlink(missing_ok=True)
    for make, reason in ((log.mkdir, "Is a directory"), (partial(os.mkfifo, log), "it is a pipe, not a regular file")):
        make()
        for use in (
            lambda: opens(path),
            lambda: export(path, path.with_name("set"), api.catalog),
            lambda: repair(path, path.with_name("new.json"), api.catalog),
        ):
            with pytest.raises(StoreError) as raised:
                use()
            assert str(raised.value) == f"{log}: cannot be read ({reason})"
        log.rmdir() if log.is_dir() else log.unlink()


def test_store_can_be_moved_with_its_log(
    path: Path, opens: Opens, states: list[dict[str, list[bytes]]], tmp_path: Path
) -> None:
    moved = tmp_path / "moved.json"
    shutil.copyfile(path, moved)
    shutil.copyfile(log_file(path), log_file(moved))
    for each in (moved, log_file(moved)):
        os.utime(each, (0, 0))  # a clock that was set back
    assert rows_of(opens(moved)) == states[-1]


def test_compact_creates_an_editable_file(
    api: Api, path: Path, opens: Opens, states: list[dict[str, list[bytes]]]
) -> None:
    compact(path, api.catalog)
    assert not log_file(path).exists()
    assert rows_of(opens(path)) == states[-1]
    content = json.loads(path.read_bytes())
    assert content["flows"]["1"]["tags"] == ["last"]
    before = path.stat()
    compact(path, api.catalog)
    assert path.stat().st_ino == before.st_ino, "it is not written without need"


def test_compact_rejects_missing_and_used_stores(api: Api, path: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="does not exist, or is empty"):
        compact(tmp_path / "nothing.json", api.catalog)
    with Lock(path).held(), pytest.raises(StoreError, match="is in use by the process"):
        compact(path, api.catalog)


def test_log_larger_than_its_file_is_compacted(path: Path, opens: Opens, monkeypatch: pytest.MonkeyPatch) -> None:
    """While writes continue: each state is complete when it is opened again."""
    monkeypatch.setattr(compaction, "LEAST", 10_000)
    store = opens(path)
    inodes, largest = set(), 0
    for number in range(1000):
        row = store.workspace["flows"].insert(
            {"id": new_id(), "created": now(), "updated": now(), "name": f"name-{number}", "tags": ["x" * 100]}
        )
        if number % 3:
            store.workspace["flows"].delete(row)
        store.flush()
        inodes.add(path.stat().st_ino)
        largest = max(largest, log_file(path).stat().st_size if log_file(path).exists() else 0)
        if number % 50 == 0:
            assert rows_of(opens(path)) == rows_of(store)
    assert len(inodes) > 1
    store.close()
    assert rows_of(opens(path)) == rows_of(store)
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_records_appended_while_a_log_is_copied_are_in_the_copy(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    file.touch()
    log = Log(file, None, 0)
    log.start("before", rows_record({"flows": {1: b"{}"}}), no_check)
    end = log.end
    log.append(rows_record({"flows": {2: b"{}"}}))
    copy = log.copy("after", end)
    log.append(rows_record({"flows": {3: b"{}"}}))
    log.replace(copy, no_check)
    log.append(rows_record({"flows": {4: b"{}"}}))
    content = log.path.read_bytes()
    assert log.end == len(content)
    records = read_records(content)
    assert (records.identities, list(records.rows["flows"])) == ({"after"}, [2, 3, 4])
    assert set(tmp_path.iterdir()) == {file, log.path}


def no_check() -> None:
    """Allow writing the log."""


def test_crash_while_a_store_is_deleted_leaves_no_invalid_log(path: Path, opens: Opens) -> None:
    store = opens(path)
    store.workspace["flows"].update(0, {"tags": ["changed"]})
    store.flush()
    log = log_file(path)
    store.delete()
    assert not log.exists()
    store = opens(path)  # a new store in the same place
    store.flush()
    store.workspace["flows"].insert({"id": new_id(), "created": now(), "updated": now(), "name": "new"})
    store.flush()
    assert rows_of(opens(path)) == rows_of(store)


def test_store_continues_after_a_failed_deletion(path: Path, opens: Opens, monkeypatch: pytest.MonkeyPatch) -> None:
    store = opens(path)
    store.workspace["flows"].update(0, {"tags": ["changed"]})
    store.flush()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda *_, **__: os.unlink(path.parent))  # noqa: PTH108
        with pytest.raises(StoreError, match="cannot be deleted"):
            store.delete()
    assert rows_of(opens(path)) == rows_of(store)
    store.workspace["flows"].update(1, {"tags": ["next"]})
    store.flush()
    assert rows_of(opens(path)) == rows_of(store)
    path.unlink()
    with pytest.raises(StoreError, match="does not exist, but"):
        opens(path)


def test_export_has_the_rows_of_file_and_log(
    api: Api, path: Path, opens: Opens, states: list[dict[str, list[bytes]]], tmp_path: Path
) -> None:
    export(path, tmp_path / "set", api.catalog)
    import_(tmp_path / "set", tmp_path / "copy.json", api.catalog)
    assert rows_of(opens(tmp_path / "copy.json")) == states[-1]


def test_repair_has_the_rows_of_file_and_log(
    api: Api, path: Path, opens: Opens, states: list[dict[str, list[bytes]]], tmp_path: Path
) -> None:
    _, losses, warnings = repair(path, tmp_path / "saved.json", api.catalog)
    assert (losses, warnings) == ([], [])
    assert rows_of(opens(tmp_path / "saved.json")) == states[-1]
    assert not log_file(tmp_path / "saved.json").exists()


def test_repair_saves_the_rows_of_a_damaged_log(
    api: Api, path: Path, opens: Opens, states: list[dict[str, list[bytes]]], tmp_path: Path
) -> None:
    """Each line is damaged in turn: the rows of the others are saved, and the intact ones of that line."""
    log = log_file(path)
    lines = log.read_bytes().splitlines(keepends=True)
    for number, line in enumerate(lines):
        at = len(line) // 2
        log.write_bytes(b"".join([*lines[:number], line[:at] + b"\xff" + line[at + 1 :], *lines[number + 1 :]]))
        target = tmp_path / f"saved-{number}.json"
        workspace, losses, _ = repair(path, target, api.catalog)
        assert [(loss.line, loss.log) for loss in losses][:1] == [(number + 1, log.name)]
        assert len(workspace["flow_runs"]) == len(states[0]["flow_runs"])
        if number < len(lines) - 1:
            assert json.loads(workspace["flows"].encoded(0))["tags"] == ["last"]
        opens(target)


def test_repair_saves_the_rows_of_an_edited_file_and_its_log(
    api: Api, path: Path, opens: Opens, states: list[dict[str, list[bytes]]], tmp_path: Path
) -> None:
    content = json.loads(path.read_bytes())
    content["flows"]["2"]["tags"] = ["by hand"]
    path.write_text(json.dumps(content), encoding="utf-8")
    workspace, losses, (warning,) = repair(path, tmp_path / "saved.json", api.catalog)
    assert losses == []
    assert warning == f"{path} was changed since its log was written; the rows of both were saved"
    assert [json.loads(row)["tags"] for row in rows_of(opens(tmp_path / "saved.json"))["flows"]][:2] == [
        ["last"],
        ["by hand"],
    ]
    assert len(workspace["flows"]) == len(states[-1]["flows"])


def test_invalid_row_of_the_log_is_rejected_with_its_line(
    path: Path, opens: Opens, states: list[dict[str, list[bytes]]]
) -> None:
    """Such as with a later version of the contract."""
    log = log_file(path)
    row = json.loads(states[-1]["flows"][0])
    with log.open("ab") as file:
        file.write(rows_record({"flows": {1: json.dumps({**row, "name": 5}).encode()}}))
    with pytest.raises(StoreError, match=rf"^{log}, line 6: name: Input should be a valid string: row 1 of flows does"):
        opens(path)


def test_tinydb_can_read_and_write_the_file(path: Path, opens: Opens) -> None:
    store: Store = opens(path)
    store.workspace["flows"].update(0, {"tags": ["changed"]})
    store.flush()
    store.keep_unserved("blocks", {7: {"id": str(new_id())}})
    store.flush()
    store.close()
    with TinyDB(path) as database:
        flows = database.table("flows")
        assert [flow["tags"] for flow in flows.search(Query().tags == ["changed"])] == [["changed"]]
        assert [block.doc_id for block in database.table("blocks")] == [7]
    assert "blocks: the contract has no such table; kept in the file, but not served: 1 row" in [
        *opens(path).upgrade.warnings()
    ]
