"""Text from outside is printed and reported without control sequences."""

import io
import json
import sys
from xml.etree import ElementTree as ET

import pytest

from understudy.errors import UnderstudyError
from understudy.terminal.console import echo
from understudy.text import escape, escape_lines, one_line, to_json

# Must always be escaped: controls, C1 controls, line ends, what turns or hides text, and lone surrogates.
HOSTILE = {
    "escape": "\x1b[2J", "bell": "\x07", "null": "\0", "delete": "\x7f", "c1": "\x9b31m", "return": "\r", "tab": "\t",
    "next line": "\x85", "line separator": "\u2028", "paragraph separator": "\u2029", "bidi": "\u202e\u2066",
    "zero width": "\u200b\u200d\ufeff", "soft hyphen": "\u00ad", "lone surrogate": "\ud800", "no character": "\ufffe",
    "tag": "\U000e0041", "file name": "\udcff",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_characters_are_escaped_and_others_kept(name: str) -> None:
    text = f"é日😀 {HOSTILE[name]}\nb"
    for safe in (escape(text), one_line(text), escape_lines(text).replace("\n", "")):
        assert safe.isprintable()
        assert safe.startswith("é日😀 ")
        assert safe.endswith("b")
        ET.fromstring(f"<a>{safe}</a>")
        safe.encode()
    assert escape_lines(text).count("\n") == 1


@pytest.mark.parametrize("name", HOSTILE)
def test_json_is_printable_and_keeps_every_character(name: str) -> None:
    value = {HOSTILE[name]: [HOSTILE[name], "é日😀\n"]}
    assert to_json(value).isprintable()
    assert "é日😀" in to_json(value)
    assert json.loads(to_json(value)) == value


def test_error_is_one_printable_line() -> None:
    assert str(UnderstudyError("a\n\x1b[2Jb\ud800")) == r"a\n\x1b[2Jb\ud800"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_unencodable_characters_are_escaped_as_in_json(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    value = ["é日😀\ud800\x7f\x9b\U000e0041"]
    echo(to_json(value))
    stream.flush()
    printed = stream.buffer.getvalue().decode(encoding)
    assert json.loads(printed) == value


def test_only_the_given_part_is_styled(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    echo("at URL,\x1b[2J\nthere", part="URL", fg="green")
    assert stream.getvalue() == "at \x1b[32mURL\x1b[0m,\\x1b[2J\nthere\n"
