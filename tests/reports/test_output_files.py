"""Files that a user requests."""

import json
from pathlib import Path

import pytest

from understudy.errors import UnderstudyError
from understudy.reports.output_files import write


def test_lone_surrogates_are_valid_json(tmp_path: Path) -> None:
    value = {"é\ud800": "\udfff\0"}
    write(tmp_path / "file", json.dumps(value, ensure_ascii=False))
    assert json.loads((tmp_path / "file").read_text(encoding="utf-8")) == value


@pytest.mark.parametrize("name", ["", "no/such/folder", "n" * 5000])
def test_unwritable_file_is_reported(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with pytest.raises(UnderstudyError) as raised:
        write(path, "text")
    assert str(raised.value).startswith(f"{path}: cannot be written (")
