"""From a store to a fixture set and back, by the command."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.conftest import SMALL
from tests.store.conftest import FEW

COMMAND = [sys.executable, "-m", "understudy", "store"]


def called(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def output_of(*arguments: object) -> str:
    result = called(*arguments)
    assert (result.returncode, result.stderr) == (0, ""), result
    return result.stdout


def refused(*arguments: object) -> str:
    """The single line on stderr of a command that exits with 2."""
    result = called(*arguments)
    assert (result.returncode, result.stdout) == (2, ""), result
    (line,) = result.stderr.splitlines()
    return line


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_import_and_export_keep_rows_byte_for_byte(tmp_path: Path) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    assert output_of("import", SMALL, first).startswith("imported 120 artifacts, 20 artifact_collections, 12 flows, ")
    assert output_of("export", first, tmp_path / "set").startswith("exported 120 artifacts, ")
    output_of("import", tmp_path / "set", second)
    assert second.read_bytes() == first.read_bytes()
    output_of("export", second, tmp_path / "again")
    assert files(tmp_path / "again") == files(tmp_path / "set")
    for name, content in files(SMALL).items():
        exported = (tmp_path / "set" / name).read_text(encoding="utf-8").splitlines()
        for line, original in zip(exported, content.decode().splitlines(), strict=True):
            assert has(json.loads(line), json.loads(original))


def has(whole: Any, part: Any) -> bool:
    """Whether an object has at least the fields of another one, with their values."""
    if isinstance(whole, dict) and isinstance(part, dict):
        return all(name in whole and has(whole[name], value) for name, value in part.items())
    return bool(whole == part)


def test_import_does_not_overwrite_a_store(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text("{}", encoding="utf-8")
    assert refused("import", FEW, path) == (
        f"error: {path}: already exists; name another file, or delete this one first"
    )
    assert path.read_text(encoding="utf-8") == "{}"


def test_import_reports_errors_of_a_set(tmp_path: Path) -> None:
    assert refused("import", tmp_path / "none", tmp_path / "rows.json") == (
        f"error: {tmp_path}/none: no such fixture folder"
    )
    assert not (tmp_path / "rows.json").exists()


def test_export_does_not_write_into_a_folder_with_files(tmp_path: Path) -> None:
    output_of("import", FEW, tmp_path / "rows.json")
    folder = shutil.copytree(SMALL, tmp_path / "set")
    assert refused("export", tmp_path / "rows.json", folder) == f"error: {folder}: is not empty; name another folder"
    assert files(folder) == files(SMALL)


@pytest.mark.parametrize("content", [None, ""])
def test_export_reports_a_missing_store(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "rows.json").write_text(content, encoding="utf-8")
    assert refused("export", tmp_path / "rows.json", tmp_path / "set") == (
        f"error: {tmp_path}/rows.json: does not exist, or is empty"
    )


def test_repair_lists_saved_and_lost_rows(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    output_of("import", FEW, path)
    assert output_of("repair", path, "--to", tmp_path / "same.json") == (
        f"saved 3 artifacts, 3 artifact_collections, 2 flows, 1 flow_run to {tmp_path}/same.json\n"
    )
    lines = path.read_text(encoding="utf-8").splitlines()
    number = next(number for number, line in enumerate(lines) if line.startswith('"flows"')) + 1
    lines[number] = lines[number][:20]
    path.write_text("\n".join(lines), encoding="utf-8")
    result = called("repair", path)
    assert result.returncode == 1
    assert result.stdout.splitlines() == [
        f"saved 3 artifacts, 3 artifact_collections, 1 flow, 1 flow_run to {tmp_path}/rows.repaired.json",
        f"lost  line {number + 1}: Invalid control character at: {lines[number]}",
    ]


def test_each_command_reports_the_rows_and_what_is_omitted(tmp_path: Path) -> None:
    """A table that is not in the contract causes a warning on stderr."""
    path = tmp_path / "rows.json"
    output_of("import", FEW, path)
    rows = "3 artifacts, 3 artifact_collections, 2 flows, 1 flow_run"
    assert output_of("compact", path) == f"{path} has {rows}\n"
    content = json.loads(path.read_text(encoding="utf-8"))
    more = {"1": {"id": str(uuid4())}, "2": {"id": str(uuid4())}}
    path.write_text(json.dumps({**content, "more": more}, indent=1), encoding="utf-8")
    for arguments, done in (
        (("compact", path), f"{path} has {rows}\n"),
        (("export", path, tmp_path / "set"), f"exported {rows} to {tmp_path}/set\n"),
        (("repair", path), f"saved {rows} to {tmp_path}/rows.repaired.json\n"),
    ):
        result = called(*arguments)
        warning = "warning: more: the contract has no such table; kept in the file, but not served: 2 rows\n"
        assert (result.returncode, result.stdout, result.stderr) == (0, done, warning)
