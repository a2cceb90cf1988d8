"""The lock: one process per store, also if its folder is deleted and created again."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from understudy.errors import StoreError
from understudy.store.lock import Lock, lock_file

IDS = "7c0f3ed5-4b8a-4c5e-9d57-0c1f8a6b2d11.00000000-0000-4000-8000-000000000000"

HOLDING = """
import sys
from pathlib import Path
from understudy.store.lock import Lock
with Lock(Path(sys.argv[1])).held():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder / "rows.json"


def refuses(path: Path) -> str:
    with pytest.raises(StoreError) as raised, Lock(path).held():
        pass
    return str(raised.value)


def test_lock_leaves_nothing_behind(path: Path) -> None:
    for _ in range(2):
        with Lock(path).held():
            assert lock_file(path).read_text(encoding="ascii") == str(os.getpid())
        assert list(path.parent.iterdir()) == []


def test_lock_ends_with_its_last_holder(path: Path) -> None:
    lock = Lock(path)
    with lock.held():
        with lock.held():
            pass
        lock.check()
        assert "is in use" in refuses(path)
    with Lock(path).held():
        pass


def test_error_names_the_other_process(path: Path) -> None:
    command = [sys.executable, "-c", HOLDING, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert refuses(path) == f"{path}: is in use by the process {other.pid}"
        lock_file(path).write_text("", encoding="ascii")  # it has not written its pid yet
        assert refuses(path) == f"{path}: is in use by another process"
        other.kill()
    with Lock(path).held():  # what it left behind belongs to no process
        pass
    assert list(path.parent.iterdir()) == []


def test_lock_covers_all_workspaces_of_a_store(path: Path) -> None:
    for name in ("rows", "rows.json", "some.rows.json"):
        stem, dot, suffix = name.rpartition(".")
        one = f"{stem}.{IDS}.{suffix}" if dot else f"{name}.{IDS}"
        assert lock_file(path.with_name(one)) == lock_file(path.with_name(name))
    assert lock_file(path) != lock_file(path.with_name("rows.new.json"))


def test_folder_created_again_is_not_locked(path: Path) -> None:
    first, second = Lock(path), Lock(path)
    with first.held():
        first.check()
        shutil.rmtree(path.parent)
        with pytest.raises(OSError, match="was changed by another process"):
            first.check()
        path.parent.mkdir()
        with second.held():
            second.check()
            with pytest.raises(OSError, match="was changed by another process"):
                first.check()
            theirs = lock_file(path)
            assert theirs.exists()
    assert not theirs.exists()


def test_release_keeps_the_lock_of_another_process(path: Path) -> None:
    second = Lock(path)
    with Lock(path).held():
        lock_file(path).unlink()
        holding = second.held()
        holding.__enter__()
    second.check()
    assert "is in use" in refuses(path)
    holding.__exit__(None, None, None)
    with pytest.raises(OSError, match="was changed by another process"):
        second.check()


@pytest.mark.parametrize("kind", ["pipe", "link", "folder"])
def test_path_that_is_not_a_file_is_rejected(path: Path, kind: str) -> None:
    file = lock_file(path)
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "link":
        file.symlink_to(path.with_name("elsewhere"))
    else:
        file.mkdir()
    reason = refuses(path)
    assert reason.startswith(f"{path}: cannot be ")
    assert ("is not a regular file" in reason) == (kind == "pipe")
    assert not path.with_name("elsewhere").exists()
