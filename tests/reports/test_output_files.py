"""Files that a user asks for."""

import json
from pathlib import Path

import pytest

from understudy.errors import UnderstudyError
from understudy.reports.output_files import write


def test_what_utf_8_cannot_hold_is_still_json(tmp_path: Path) -> None:
    value = {"é\ud800": "\udfff\0"}
    write(tmp_path / "file", json.dumps(value, ensure_ascii=False))
    assert json.loads((tmp_path / "file").read_text(encoding="utf-8")) == value


@pytest.mark.parametrize("name", ["", "no/such/folder", "n" * 5000])
def test_a_file_that_cannot_be_written_is_told(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with pytest.raises(UnderstudyError) as told:
        write(path, "text")
    assert str(told.value).startswith(f"{path}: cannot be written (")
