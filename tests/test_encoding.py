"""Text files of a user, in the encodings that editors and shells write."""

from pathlib import Path

import pytest
import yaml

from understudy.admin import CONTRACT
from understudy.compare import jsonl
from understudy.contract.contract import Contract
from understudy.encoding import decoded, read_text
from understudy.faults.rule_files import rules_in
from understudy.terminal.secret_options import secret_of
from understudy.verify import deviations

ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-32"]
TEXT = "späť 日本語 🚀"


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_byte_order_mark_selects_the_encoding_and_is_removed(encoding: str) -> None:
    assert decoded(TEXT.encode(encoding)) == TEXT


@pytest.mark.parametrize("mark", [b"\xff\xfe", b"\xfe\xff"])
def test_utf_16_is_read_in_either_order(mark: bytes) -> None:
    encoding = "utf-16-le" if mark == b"\xff\xfe" else "utf-16-be"
    assert decoded(mark + TEXT.encode(encoding)) == TEXT


@pytest.mark.parametrize("content", [b"\xff", b"a\xe9", b"\xff\xfea"])
def test_unknown_encoding_is_rejected(content: bytes) -> None:
    with pytest.raises(UnicodeDecodeError):
        decoded(content)


def test_line_ends_become_line_feeds(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"\xef\xbb\xbfa\r\nb\rc\n")
    assert read_text(tmp_path / "file") == "a\nb\nc\n"


def written(folder: Path, text: str, encoding: str) -> Path:
    path = folder / "file"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_kind_of_user_file_is_read(tmp_path: Path, encoding: str) -> None:
    rules = written(tmp_path, "rules:\n  - operation: späť\n    delay: 1\n", encoding)
    assert [rule["operation"] for rule in rules_in(str(rules), CONTRACT)] == ["späť"]
    contract = written(tmp_path, CONTRACT.read_text(encoding="utf-8"), encoding)
    assert Contract.read(contract).document == Contract.read(CONTRACT).document
    cases = written(tmp_path, '{"path": "/flows/count"}\r\n', encoding)
    assert list(jsonl.objects(cases)) == [(1, {"path": "/flows/count"})]
    block = yaml.safe_dump({"rule": "a", "operation": "b", "subject": TEXT}, allow_unicode=True)
    known = written(tmp_path, f"```yaml\n{block}```\n", encoding)
    assert deviations.load(known)[0].subject == TEXT
    secret = written(tmp_path, "token\n", encoding)
    assert secret_of("admin_token", f"@{secret}") == "token"
