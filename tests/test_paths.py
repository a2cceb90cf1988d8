"""Paths from a user: what is not a regular file is rejected in one line, by every command, and not changed."""

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.store.test_serving import AS_ANYBODY
from understudy import paths

UNDERSTUDY = [sys.executable, "-m", "understudy"]
FEW = "tests/store/few"
NOWHERE = "http://127.0.0.1:1/api"

COMMANDS = {
    "--store": ["serve", "--port", "0", "--store", "PATH"],
    "--faults": ["serve", "--port", "0", "--faults", "PATH"],
    "--fixtures": ["serve", "--port", "0", "--fixtures", "PATH"],
    "--api": ["serve", "--port", "0", "--api", "PATH"],
    "a secret": ["serve", "--port", "0", "--admin-token", "@PATH"],
    "import": ["store", "import", FEW, "PATH"],
    "export": ["store", "export", "PATH", "nowhere"],
    "repair": ["store", "repair", "PATH"],
    "repair --to": ["store", "repair", f"{FEW}/flows.jsonl", "--to", "PATH"],
    "--junit": ["verify", NOWHERE, "--junit", "PATH"],
    "--json": ["verify", NOWHERE, "--json", "PATH"],
    "--html": ["verify", NOWHERE, "--html", "PATH"],
    "--known": ["verify", NOWHERE, "--known", "PATH"],
    "--save": ["compare", NOWHERE, NOWHERE, "--save", "PATH"],
    "--replay": ["compare", NOWHERE, NOWHERE, "--replay", "PATH"],
    "admin --set": ["admin", "faults", "--url", NOWHERE, "--set", "PATH"],
}


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))


def a_device(path: Path) -> None:
    """An endless device. Not the system's /dev/zero, which a bug could replace."""
    if os.geteuid():
        path.symlink_to("/dev/zero")
    else:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))


def a_link_to_a_pipe(path: Path) -> None:
    os.mkfifo(path.with_name("pipe"))
    path.symlink_to("pipe")


KINDS: dict[str, Callable[[Path], object]] = {
    "a pipe": os.mkfifo,
    "a link to a pipe": a_link_to_a_pipe,
    "a character device": a_device,
    "a socket": a_socket,
    "a link to itself": lambda path: path.symlink_to(path.name),
}


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        *((command, "a pipe") for command in COMMANDS),
        *((command, kind) for command in ("--store", "repair", "--json") for kind in KINDS if kind != "a pipe"),
    ],
)
def test_path_that_is_not_a_file_is_rejected_in_one_line(tmp_path: Path, command: str, kind: str) -> None:
    path = tmp_path / "it"
    KINDS[kind](path)
    before = {each.name: each.lstat().st_mode for each in tmp_path.iterdir()}
    line = refused(command, path)
    if command not in ("--fixtures", "--api"):  # these require a folder
        reason = "symbolic links" if kind == "a link to itself" else f"it is {kind.removeprefix('a link to ')}, not a"
        assert reason in line, line
    assert {each.name: each.lstat().st_mode for each in tmp_path.iterdir()} == before


@pytest.mark.parametrize("command", COMMANDS)
def test_too_long_name_is_rejected_in_one_line(tmp_path: Path, command: str) -> None:
    refused(command, tmp_path / ("n" * 300))
    assert list(tmp_path.iterdir()) == []


def refused(command: str, path: Path) -> str:
    arguments = [part.replace("PATH", str(path)) for part in COMMANDS[command]]
    ended = subprocess.run([*UNDERSTUDY, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (2, ""), ended
    (line,) = ended.stderr.splitlines()
    assert line.startswith("error: ")
    return line


def test_table_that_is_not_a_file_is_rejected(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "flows.jsonl")
    assert "it is a pipe, not a regular file" in refused("--fixtures", tmp_path)


def test_report_path_is_checked_before_any_request(tmp_path: Path) -> None:
    """The server does not exist either, which is not reported."""
    assert "cannot be written (No such file or directory)" in refused("--json", tmp_path / "none" / "report.json")


@pytest.mark.parametrize("name", ["new.json", "old.json"])
def test_report_that_must_not_be_written_is_refused_before_any_request(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    (tmp_path / "old.json").touch(mode=0o400)
    tmp_path.chmod(0o500)
    try:
        command = [
            *AS_ANYBODY,
            sys.executable,
            "-m",
            "understudy",
            "verify",
            "http://127.0.0.1:1/api",
            "--json",
            str(path),
        ]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    finally:
        tmp_path.chmod(0o700)
    assert (ended.returncode, ended.stderr) == (2, f"error: {path}: cannot be written (Permission denied)\n")


def test_pipes_of_the_shell_are_read(tmp_path: Path) -> None:
    """As by `--faults <(…)`, or names of streams like `-`."""
    reader, writer = os.pipe()
    os.write(writer, b"rules: []")
    os.close(writer)
    assert paths.read(Path(f"/dev/fd/{reader}"), 100) == b"rules: []"
    with pytest.raises(OSError, match="not a regular file"):
        paths.read(Path(f"/dev/fd/{reader}"))  # without a limit, it could be endless
    os.close(reader)


def test_size_of_pipes_is_limited() -> None:
    zero = os.open("/dev/zero", os.O_RDONLY)
    with pytest.raises(OSError, match="it is larger than the limit of 100 bytes"):
        paths.read(Path(f"/dev/fd/{zero}"), 100)
    os.close(zero)


def test_report_is_appended_to_stdout(tmp_path: Path) -> None:
    """Also if it is a file, which is not truncated."""
    out = tmp_path / "out"
    code = "print('before', flush=True); paths.write(Path('/dev/stdout'), b'report\\n'); print('after')"
    with out.open("wb") as file:
        command = [sys.executable, "-c", f"from pathlib import Path; from understudy import paths; {code}"]
        subprocess.run(command, stdout=file, check=True)
    assert out.read_text(encoding="utf-8") == "before\nreport\nafter\n"
