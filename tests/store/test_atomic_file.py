"""The file is whole at any moment, and nobody's work is written over."""

import errno
import logging
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from tests.servers import ROOT
from tests.store.conftest import Opens, rows_of
from tests.store.crashing import CHANGED, is_changed, is_of_the_system
from understudy.store.atomic_file import AtomicFile


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """Each call into the operating system during a flush, and which rows the file holds after a crash there."""
    path = tmp_path_factory.mktemp("crashing") / "rows.json"
    understudy = [sys.executable, "-m", "understudy"]
    subprocess.run([*understudy, "store", "import", "tests/store/few", str(path)], cwd=ROOT, check=True)
    told = subprocess.run(
        [sys.executable, "-m", "tests.store.crashing", str(path)], cwd=ROOT, check=True, capture_output=True, text=True
    )
    pairs = [line.split() for line in told.stdout.splitlines()]
    return [(call, rows) for call, rows in pairs]


def test_a_crash_between_any_two_calls_leaves_all_or_nothing(steps: list[tuple[str, str]]) -> None:
    calls = [call for call, _ in steps]
    assert calls[-1] == "none"
    renamed = calls.index("return:replace")
    assert [rows for _, rows in steps] == ["before"] * renamed + ["after"] * (len(steps) - renamed)


def test_what_takes_the_name_is_on_the_disk_and_so_is_the_name(steps: list[tuple[str, str]]) -> None:
    """Where power fails, what was not flushed is lost: the content must be before its name is, the name at the end."""
    calls = [call.removeprefix("return:") for call, _ in steps if call.startswith("return:")]
    renamed = calls.index("replace")
    assert calls[:renamed].index("write") < calls[:renamed].index("fsync")
    assert "write" not in calls[calls.index("fsync") :]
    assert "fsync" in calls[renamed:]


@contextmanager
def failing(step: int) -> Iterator[list[str]]:
    """One call into the operating system fails: before it has done anything, or after. Yields its name."""
    steps = count()
    failed: list[str] = []

    def profile(frame: FrameType, event: str, function: Any) -> None:
        if event in ("c_call", "c_return") and is_of_the_system(function) and next(steps) == step:
            failed.append(f"{event.removeprefix('c_')}:{function.__name__}")
            raise OSError(errno.EIO, "it fails on purpose")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # a file that could not be closed
        sys.setprofile(profile)
        try:
            yield failed
        finally:
            sys.setprofile(None)


def test_a_change_is_refused_exactly_where_the_file_does_not_have_it(path: Path, opens: Opens) -> None:
    """Whichever call fails. What comes next is written in any case."""
    original = path.read_bytes()
    outcomes: dict[str, bool] = {}
    for step in count():
        path.write_bytes(original)
        store = opens(path)
        store.workspace["flows"].update(0, {"tags": [CHANGED]})
        (change,) = store.changes
        store.changes.clear()
        refused = False
        with failing(step) as failed:
            try:
                store.write([change])
            except OSError:
                refused = True
        if not failed:
            assert not refused
            break
        assert is_changed(opens(path)) is not refused, failed
        outcomes[failed[0]] = refused
        if refused:
            assert path.read_bytes() == original
            store.workspace["flows"].undo(change)
        store.workspace["flows"].update(1, {"tags": ["next"]})
        store.flush()
        assert rows_of(opens(path)) == rows_of(store), failed
    assert {name: outcomes[name] for name in ("call:write", "call:replace", "return:replace", "call:fsync")} == {
        "call:write": True,
        "call:replace": True,
        "return:replace": False,
        "call:fsync": False,  # the last one, of the folder
    }


def test_a_folder_that_cannot_be_flushed_is_logged_once(
    path: Path, opens: Opens, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The change is in the file by then, so it is answered. Some network file systems cannot flush folders at all."""
    fsync = os.fsync

    def failing_on_folders(descriptor: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):  # noqa: PTH112 - a link that pathlib has no better way for
            raise OSError(errno.EINVAL, "Invalid argument")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", failing_on_folders)
    store = opens(path)
    with caplog.at_level(logging.WARNING):
        for tags in (["one"], ["two"]):
            store.workspace["flows"].update(0, {"tags": tags})
            store.flush()
            assert rows_of(opens(path)) == rows_of(store)
    (record,) = caplog.records
    assert record.getMessage() == (
        f"{path}: the folder cannot be flushed (Invalid argument); a loss of power may undo the latest writes"
    )


def test_a_file_that_was_deleted_is_written_no_more(path: Path, opens: Opens) -> None:
    store = opens(path)
    store.delete()
    store.workspace["flows"].update(0, {"tags": ["late"]})
    with pytest.raises(OSError, match="was deleted"):
        store.write(store.changes)
    assert not path.exists()


@pytest.mark.parametrize("make", [os.mkfifo, lambda beside: beside.symlink_to(beside.with_name("other"))])
def test_what_stands_where_the_new_file_is_written_is_replaced(path: Path, opens: Opens, make: Any) -> None:
    """Not written to: a pipe would block, and a link lead elsewhere."""
    other = path.with_name("other")
    other.write_text("of somebody else", encoding="utf-8")
    make(path.with_name(f".{path.name}.new"))
    store = opens(path)
    store.workspace["flows"].update(0, {"tags": ["new"]})
    store.flush()
    assert rows_of(opens(path)) == rows_of(store)
    assert other.read_text(encoding="utf-8") == "of somebody else"


def test_what_a_crash_left_beside_is_written_over(path: Path, opens: Opens) -> None:
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(b"x" * 100_000)
    store = opens(path)
    store.workspace["flows"].update(0, {"tags": ["new"]})
    store.flush()
    assert not beside.exists()
    assert rows_of(opens(path)) == rows_of(store)


def test_the_rights_of_the_file_are_kept(path: Path, opens: Opens) -> None:
    path.chmod(0o640)
    store = opens(path)
    store.workspace["flows"].update(0, {"tags": ["new"]})
    store.flush()
    assert path.stat().st_mode & 0o777 == 0o640


def test_what_somebody_else_wrote_is_not_written_over(path: Path, opens: Opens) -> None:
    store = opens(path)
    theirs = path.read_bytes() + b"\n"
    path.write_bytes(theirs)
    store.workspace["flows"].update(0, {"tags": ["new"]})
    with pytest.raises(OSError, match=r"was changed by another process; restart the server"):
        store.write(store.changes)
    assert path.read_bytes() == theirs


def test_a_file_that_was_taken_away_is_written_anew(path: Path, opens: Opens) -> None:
    store = opens(path)
    path.unlink()
    store.workspace["flows"].update(0, {"tags": ["new"]})
    store.flush()
    assert rows_of(opens(path)) == rows_of(store)


def test_what_could_not_be_written_is_forgotten(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    storage = AtomicFile(folder / "rows.json", {"t": {"1": {}}}, None, lambda: None)
    storage.sync()
    shutil.move(folder, tmp_path / "elsewhere")
    storage.write({"t": {"1": {}, "2": {}}})
    with pytest.raises(OSError, match="No such file or directory"):
        storage.sync()
    storage.discard()
    assert storage.read() == {"t": {"1": {}}}
    shutil.move(tmp_path / "elsewhere", folder)
    assert os.listdir(folder) == ["rows.json"]  # noqa: PTH208 - names are all that is asked
    storage.write({"t": {}})
    storage.sync()
    assert (folder / "rows.json").read_bytes() == b'{\n"t": {}\n}\n'
