"""The file is whole at any moment, and nobody's work is written over."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ROOT
from tests.store.conftest import Opens, rows_of
from understudy.store.storage import WholeFile


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


def test_what_a_crash_left_beside_is_written_over(path: Path, opens: Opens) -> None:
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(b"x" * 100_000)
    store = opens(path)
    store.workspace["flows"].update(0, {"tags": ["new"]})
    store.settle()
    assert not beside.exists()
    assert rows_of(opens(path)) == rows_of(store)


def test_the_rights_of_the_file_are_kept(path: Path, opens: Opens) -> None:
    path.chmod(0o640)
    store = opens(path)
    store.workspace["flows"].update(0, {"tags": ["new"]})
    store.settle()
    assert path.stat().st_mode & 0o777 == 0o640


def test_what_somebody_else_wrote_is_not_written_over(path: Path, opens: Opens) -> None:
    store = opens(path)
    theirs = path.read_bytes() + b"\n"
    path.write_bytes(theirs)
    store.workspace["flows"].update(0, {"tags": ["new"]})
    with pytest.raises(OSError, match=r"was changed by somebody else; stop the server, then start it again"):
        store.keep(store.changes)
    assert path.read_bytes() == theirs


def test_a_file_that_was_taken_away_is_written_anew(path: Path, opens: Opens) -> None:
    store = opens(path)
    path.unlink()
    store.workspace["flows"].update(0, {"tags": ["new"]})
    store.settle()
    assert rows_of(opens(path)) == rows_of(store)


def test_what_could_not_be_written_is_forgotten(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    storage = WholeFile(folder / "rows.json", {"t": {"1": {}}}, None)
    storage.sync()
    shutil.move(folder, tmp_path / "elsewhere")
    storage.write({"t": {"1": {}, "2": {}}})
    with pytest.raises(OSError, match="No such file or directory"):
        storage.sync()
    storage.forget()
    assert storage.read() == {"t": {"1": {}}}
    shutil.move(tmp_path / "elsewhere", folder)
    assert os.listdir(folder) == ["rows.json"]  # noqa: PTH208 - names are all that is asked
    storage.write({"t": {}})
    storage.sync()
    assert (folder / "rows.json").read_bytes() == b'{\n"t": {}\n}\n'
