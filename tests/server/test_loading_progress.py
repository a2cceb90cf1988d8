"""Fixture files that take long to load show their progress on a terminal, and nowhere else."""

import os
import pty
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path

import pytest

from understudy.server import site_loading

LINES = [b"%d\n" % number for number in range(2000)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "flows.jsonl"
    path.write_bytes(b"".join(LINES))
    return path


@contextmanager
def terminal() -> Iterator[int]:
    """A context with a terminal as stderr; its other end. Not a fixture, since pytest replaces stderr after those."""
    ours, theirs = pty.openpty()
    try:
        with os.fdopen(theirs, "w") as stderr, redirect_stderr(stderr):
            yield ours
    finally:
        os.close(ours)


def shown_on(terminal: int) -> str:
    """The output of a terminal until the line `end`, which may arrive in parts of any size."""
    sys.stderr.write("end\n")
    sys.stderr.flush()
    shown = b""
    while not shown.endswith(b"end\r\n"):
        shown += os.read(terminal, 2**16)
    return shown.decode()


def test_terminal_shows_progress(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_loading, "LARGE", file.stat().st_size)
    monkeypatch.setattr(site_loading, "STEPS", 10)  # not read meanwhile, and a terminal buffers 4 KiB
    with terminal() as ours:
        assert list(site_loading.watched(LINES, file)) == LINES
        shown = shown_on(ours)
    assert "loading flows.jsonl" in shown
    assert "  0%" in shown
    assert "100%" in shown


def test_small_file_shows_no_progress(file: Path) -> None:
    with terminal() as ours:
        assert list(site_loading.watched(LINES, file)) == LINES
        assert shown_on(ours).split() == ["end"]


def test_no_progress_without_a_terminal(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(site_loading, "LARGE", 1)
    assert list(site_loading.watched(LINES, file)) == LINES
    assert capsys.readouterr() == ("", "")
