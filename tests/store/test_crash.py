"""The file is complete at any time, and files of others are not overwritten."""

import errno
import logging
import os
import shutil
import stat
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from itertools import count, groupby
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from tests.servers import ROOT
from tests.store.conftest import Opens, rows_of
from tests.store.crashing import is_changed, is_of_the_system, update
from understudy.errors import StoreWriteError
from understudy.store.disk import beside
from understudy.store.store import Store
from understudy.store.write_log import log_file
from understudy.tables.changes import Change

Steps = list[tuple[str, str]]
"""Each call into the operating system during an action, and which rows the store has after a crash there."""


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Steps]:
    @cache
    def steps_of(action: str) -> Steps:
        path = tmp_path_factory.mktemp("crashing") / "rows.json"
        understudy = [sys.executable, "-m", "understudy"]
        subprocess.run([*understudy, "store", "import", "tests/store/few", str(path)], cwd=ROOT, check=True)
        command = [sys.executable, "-m", "tests.store.crashing", str(path), action]
        printed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        return [(call, rows) for call, rows in map(str.split, printed.splitlines())]

    return steps_of


@pytest.mark.parametrize(
    ("action", "states", "change"),
    [
        ("append", ["first", "first,second"], "write"),
        ("first", ["unchanged", "first"], "replace"),
        ("rewrite", ["deleted", "first"], "replace"),
        ("stop", ["first"], None),
        ("compaction", ["first", "first,second"], "write"),
        ("delete", ["first", "deleted"], "unlink"),
    ],
)
def test_crash_between_any_two_calls_leaves_all_or_nothing(
    steps: Callable[[str], Steps], action: str, states: list[str], change: str | None
) -> None:
    found = steps(action)
    assert found[-1][0] == "none"
    assert [rows for rows, _ in groupby(rows for _, rows in found)] == states
    if change:
        call, _ = next((call, rows) for call, rows in found if rows == states[1])
        assert call == f"return:{change}"


ORDER = {
    "append": ["write", "fsync"],
    # A new log or file: its content, its name, and the folder.
    "first": ["write", "fsync", "replace", "fsync"],
    "rewrite": ["write", "fsync", "replace", "fsync"],
    # The new file; that the log belongs to it; its name; the end of the log.
    "stop": ["write", "fsync", "write", "fsync", "replace", "fsync", "unlink", "fsync"],
    # As with a stop, but with a write at the start, which is in the copy of the log; then what was appended since.
    "compaction": [
        *("write", "fsync"),
        *("write", "fsync", "write", "fsync", "replace", "fsync"),
        *("write", "fsync", "fsync", "replace", "fsync"),
    ],
    # That it is deleted; the file; the log.
    "delete": ["write", "fsync", "unlink", "fsync", "unlink", "fsync"],
}


@pytest.mark.parametrize("action", ORDER)
def test_each_step_is_on_disk_before_the_next(steps: Callable[[str], Steps], action: str) -> None:
    """Unflushed data is lost in a power failure: content must be on disk before its name."""
    calls = [call.removeprefix("return:") for call, _ in steps(action) if call.startswith("return:")]
    names = [name for name, _ in groupby(calls) if name in {"write", "fsync", "replace", "unlink"}]
    assert names == ORDER[action]


def test_write_makes_few_calls(steps: Callable[[str], Steps]) -> None:
    """After each call, its thread may have to wait for another one."""
    calls = [call.replace("lstat", "stat") for call, _ in steps("append") if call.startswith("call:")]
    names = [call.removeprefix("call:") for call in calls]
    of_the_file, of_the_log = ["open", "fstat", "close"], ["stat", "open", "fstat", "write", "fsync", "close"]
    assert names == of_the_file + of_the_log


@contextmanager
def failing(first: int, last: int, number: int = errno.EIO) -> Iterator[list[str]]:
    """System calls fail: before they have an effect, or after it. Yields their names."""
    steps = count()
    failed: list[str] = []

    def profile(frame: FrameType, event: str, function: Any) -> None:
        if event in ("c_call", "c_return") and is_of_the_system(function) and first <= next(steps) <= last:
            failed.append(f"{event.removeprefix('c_')}:{function.__name__}")
            raise OSError(number, "it fails on purpose")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # a file that could not be closed
        sys.setprofile(profile)
        try:
            yield failed
        finally:
            sys.setprofile(None)


@pytest.fixture
def begin(path: Path, opens: Opens) -> Callable[[str], tuple[Store, Change]]:
    """Opens a store in a state before a write: its first one, a later one, or after its file was deleted."""
    original = path.read_bytes()

    def begun(action: str) -> tuple[Store, Change]:
        shutil.rmtree(path.parent)
        path.parent.mkdir()
        path.write_bytes(original)
        store = opens(path)
        if action == "append":
            update(store, 1)
            store.flush()
        if action == "rewrite":
            path.unlink()
        update(store)
        (change,) = store.changes
        store.changes.clear()
        return store, change

    return begun


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize("action", ["append", "first", "rewrite"])
def test_change_is_rejected_exactly_if_the_store_does_not_have_it(
    path: Path, opens: Opens, begin: Callable[[str], tuple[Store, Change]], action: str, number: int
) -> None:
    """For any failing call. The next write is stored in any case."""
    outcomes: dict[str, bool] = {}
    for step in count():
        store, change = begin(action)
        before = {each.name: each.read_bytes() for each in path.parent.iterdir()}
        with failing(step, step, number) as failed:
            is_refused = is_refused_by(store, change)
        if not failed:
            assert not is_refused
            break
        outcomes[failed[0]] = is_refused
        if is_refused:
            assert {each.name: each.read_bytes() for each in path.parent.iterdir()} == before, failed
            store.workspace["flows"].undo(change)
        else:
            assert is_changed(opens(path)), failed
        store.workspace["flows"].update(1, {"tags": ["next"]})
        store.flush()
        assert rows_of(opens(path)) == rows_of(store), failed
    expected = {
        "append": {"call:write": True, "return:write": True, "call:fsync": True, "return:fsync": True},
        "first": {"call:write": True, "call:replace": True, "return:replace": False, "return:fsync": True},
        "rewrite": {"call:write": True, "call:replace": True, "return:replace": False, "return:fsync": False},
    }
    assert {name: outcomes[name] for name in expected[action]} == expected[action]


def is_refused_by(store: Store, change: Change) -> bool:
    try:
        store.write([change])
    except OSError:
        return True
    return False


@pytest.mark.parametrize("action", ["append", "first", "rewrite"])
def test_nothing_is_lost_after_a_temporary_disk_failure(
    path: Path, opens: Opens, begin: Callable[[str], tuple[Store, Change]], action: str
) -> None:
    """A rejected change that could not be undone is undone by the next write."""
    for step in count():
        store, change = begin(action)
        with failing(step, sys.maxsize) as failed:
            is_refused = is_refused_by(store, change)
        if not failed:
            break
        if is_refused:
            store.workspace["flows"].undo(change)
        store.workspace["flows"].update(1, {"tags": ["next"]})
        store.flush()
        assert rows_of(opens(path)) == rows_of(store), failed


@pytest.mark.parametrize("last", [0, sys.maxsize])
def test_file_that_cannot_be_rewritten_stays_valid_with_its_log(path: Path, opens: Opens, last: int) -> None:
    """For any failing call, alone or with all later ones: later writes are stored, and the next attempt succeeds."""
    original = path.read_bytes()
    for step in count():
        path.write_bytes(original)
        log_file(path).unlink(missing_ok=True)
        store = opens(path)
        for tag in ("first", "second"):
            store.workspace["flows"].update(0, {"tags": [tag]})
            store.flush()
        with failing(step, max(step, last), errno.ENOSPC) as failed, suppress(StoreWriteError):
            store.compact()
        if not failed:
            break
        assert rows_of(opens(path)) == rows_of(store), failed
        update(store, 1)
        store.flush()
        assert rows_of(opens(path)) == rows_of(store), failed
        store.close()
        assert rows_of(opens(path)) == rows_of(store), failed
        assert [each.name for each in path.parent.iterdir()] == [path.name], failed


@pytest.mark.parametrize("action", ["append", "first", "rewrite"])
def test_write_interrupted_by_a_full_disk_is_undone(
    path: Path,
    opens: Opens,
    begin: Callable[[str], tuple[Store, Change]],
    monkeypatch: pytest.MonkeyPatch,
    action: str,
) -> None:
    store, change = begin(action)
    before = {each.name: each.read_bytes() for each in path.parent.iterdir()}
    write = os.write
    left = [100]

    def until_full(descriptor: int, content: bytes) -> int:
        if not left[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = write(descriptor, content[: left[0]])
        left[0] -= written
        return written

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", until_full)
        assert is_refused_by(store, change)
    assert left == [0]
    assert {each.name: each.read_bytes() for each in path.parent.iterdir()} == before
    store.workspace["flows"].undo(change)
    update(store, 1)
    store.flush()
    assert rows_of(opens(path)) == rows_of(store)


def is_folder(descriptor: int) -> bool:
    return stat.S_ISDIR(os.fstat(descriptor).st_mode)


def test_unflushable_folder_is_logged_once(
    path: Path, opens: Opens, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Some network file systems cannot flush folders."""
    fsync = os.fsync

    def failing_on_folders(descriptor: int) -> None:
        if is_folder(descriptor):
            raise OSError(errno.EINVAL, "Invalid argument")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", failing_on_folders)
    store = opens(path)
    with caplog.at_level(logging.WARNING):
        for tags in (["one"], ["two"]):
            store.workspace["flows"].update(0, {"tags": tags})
            store.flush()
            assert rows_of(opens(path)) == rows_of(store)
            store.compact()
            assert rows_of(opens(path)) == rows_of(store)
    (record,) = caplog.records
    assert record.getMessage() == (
        f"{path.parent}: the folder cannot be flushed (Invalid argument); a loss of power may undo the latest writes"
    )


def test_log_is_kept_if_the_flush_of_the_folder_fails(
    path: Path, opens: Opens, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Then it is unknown which file is on disk, and the log belongs to both."""
    before = path.read_bytes()
    store = opens(path)
    update(store)
    store.flush()
    fsync = os.fsync

    def failing_on_folders(descriptor: int) -> None:
        if is_folder(descriptor):
            raise OSError(errno.EIO, "Input/output error")
        fsync(descriptor)

    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(os, "fsync", failing_on_folders)
        store.compact()
        update(store, 1)
        store.flush()
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}: its log cannot be shortened (Input/output error)"
    ]
    after = path.read_bytes()
    for content in (before, after):
        path.write_bytes(content)
        assert rows_of(opens(path)) == rows_of(store)


def test_deleted_store_is_not_written(path: Path, opens: Opens) -> None:
    store = opens(path)
    store.delete()
    store.workspace["flows"].update(0, {"tags": ["late"]})
    with pytest.raises(OSError, match="was deleted"):
        store.write(store.changes)
    assert not path.exists()


@pytest.mark.parametrize("make", [os.mkfifo, lambda beside: beside.symlink_to(beside.with_name("other"))])
def test_existing_path_of_the_new_file_is_replaced(path: Path, opens: Opens, make: Any) -> None:
    """It is not written to: a pipe would block, and a link refers to another file."""
    other = path.with_name("other")
    other.write_text("of somebody else", encoding="utf-8")
    for new in (path, log_file(path)):
        make(beside(new))
    store = opens(path)
    store.workspace["flows"].update(0, {"tags": ["new"]})
    store.flush()
    store.compact()
    assert rows_of(opens(path)) == rows_of(store)
    assert other.read_text(encoding="utf-8") == "of somebody else"


def test_files_left_by_a_crash_are_overwritten(path: Path, opens: Opens) -> None:
    for new in (path, log_file(path)):
        beside(new).write_bytes(b"x" * 100_000)
    store = opens(path)
    store.workspace["flows"].update(0, {"tags": ["new"]})
    store.flush()
    store.compact()
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert rows_of(opens(path)) == rows_of(store)


def test_permissions_of_the_file_are_kept(path: Path, opens: Opens) -> None:
    path.chmod(0o640)
    store = opens(path)
    store.workspace["flows"].update(0, {"tags": ["new"]})
    store.flush()
    assert log_file(path).stat().st_mode & 0o777 == 0o640
    store.compact()
    assert path.stat().st_mode & 0o777 == 0o640


def test_file_changed_by_others_is_not_overwritten(path: Path, opens: Opens) -> None:
    store = opens(path)
    theirs = path.read_bytes() + b"\n"
    path.write_bytes(theirs)
    store.workspace["flows"].update(0, {"tags": ["new"]})
    with pytest.raises(OSError, match=r"was changed by another process; restart the server"):
        store.write(store.changes)
    assert path.read_bytes() == theirs


@pytest.mark.parametrize("missing", [["file"], ["log"], ["file", "log"]])
def test_file_deleted_meanwhile_is_written_again(path: Path, opens: Opens, missing: list[str]) -> None:
    store = opens(path)
    update(store, 1)
    store.flush()
    for name in missing:
        {"file": path, "log": log_file(path)}[name].unlink()
    store.workspace["flows"].update(0, {"tags": ["new"]})
    store.flush()
    assert rows_of(opens(path)) == rows_of(store)
