"""Commands always end with a status, and with a line instead of a traceback."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import SMALL
from tests.servers import free_port
from tests.verify.test_verify import handle_interrupts

COMMAND = [sys.executable, "-m", "understudy"]
FULL = "/dev/full"

# Runs the command, and interrupts this process when it begins to import a module.
INTERRUPTED = """
import os, signal, sys

module = sys.argv.pop(1)

class Finder:
    @staticmethod
    def find_spec(name, path, target=None):
        if name == module:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Finder)
import understudy.__main__
understudy.__main__.run()
"""

NOWHERE = ("--url", "http://127.0.0.1:1/api")
INTERRUPTS = {
    "click": ("--version",),
    "understudy.server.server": ("serve", "--port", "0"),
    "pyroaring": ("serve", "--port", "0"),
    "httpx": ("admin", "state", *NOWHERE),
    "understudy.verify.verify": ("verify", "http://127.0.0.1:1/api"),
}


@pytest.mark.parametrize("module", INTERRUPTS)
def test_interrupt_during_imports_ends_quietly(module: str) -> None:
    process = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, module, *INTERRUPTS[module]],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        preexec_fn=handle_interrupts,
    )
    assert process.returncode in (130, -signal.SIGINT)
    assert (process.stdout, process.stderr.strip()) == ("", "")


IN_A_DESTRUCTOR = """
import time
from understudy.terminal.console import prepare_process

class Interrupted:
    def __del__(self):
        raise KeyboardInterrupt

prepare_process()
try:
    Interrupted()
    time.sleep(60)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_interrupt_lost_in_a_destructor_is_raised_again() -> None:
    process = subprocess.run(
        [sys.executable, "-c", IN_A_DESTRUCTOR],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
        preexec_fn=handle_interrupts,
    )
    assert (process.stdout, process.stderr) == ("interrupted\n", "")


@pytest.mark.skipif(not os.path.exists(FULL), reason="needs Linux")  # noqa: PTH110
@pytest.mark.parametrize("arguments", [("--version",), ("admin",)], ids=" ".join)
def test_output_that_cannot_be_written_is_reported(arguments: tuple[str, ...]) -> None:
    with open(FULL, "w", encoding="utf-8") as full:  # noqa: PTH123
        process = subprocess.run(
            [*COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=120
        )
        assert process.returncode == 2
        assert process.stderr.startswith("error: ")
        assert process.stderr.count("\n") == 1
        everything = subprocess.run([*COMMAND, *arguments], stdout=full, stderr=full, check=False, timeout=120)
        assert everything.returncode == 2


@pytest.mark.parametrize("arguments", [("--version",), ("serve", "--prot", "1")], ids=" ".join)
def test_closed_streams_cause_no_error(arguments: tuple[str, ...]) -> None:
    for stream in ("stdout", "stderr"):
        closed = subprocess.run(
            ["sh", "-c", 'exec "$@" ' + (">&-" if stream == "stdout" else "2>&-"), "sh", *COMMAND, *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert closed.returncode == (0 if arguments == ("--version",) else 2)
        assert "Traceback" not in closed.stdout + closed.stderr


CLOSED = """
import os, sys
from understudy.terminal.console import echo, prepare_process
from understudy.terminal.progress import showing

prepare_process()
with showing("working") as progress:
    progress.reach(0.5)
echo("done")
sys.exit(os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT))
"""


def test_closed_streams_are_not_replaced_by_files(tmp_path: Path) -> None:
    command = 'exec "$@" <&- >&- 2>&-'
    closed = subprocess.run(
        ["sh", "-c", command, "sh", sys.executable, "-c", CLOSED, str(tmp_path / "file")], check=False, timeout=120
    )
    assert closed.returncode == 3


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_terminal_with_any_encoding(encoding: str) -> None:
    process = subprocess.run(
        [*COMMAND, "serve", "--host", "日本\udcff\x1b[2J", "--port", str(free_port())],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        check=False,
        timeout=120,
    )
    assert process.returncode == 2
    output = process.stderr.decode(encoding)
    assert output.startswith("error: cannot listen on ")
    assert output.count("\n") == 1
    assert "\x1b" not in output


def test_nothing_is_imported_from_the_current_folder(tmp_path: Path) -> None:
    for name in ("queue", "secrets", "logging", "yaml", "typing", "click", "uvicorn"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('imported')", encoding="utf-8")
    command = [*COMMAND, "store", "import", str(SMALL), "rows.json"]
    process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert (process.returncode, process.stderr) == (0, "")


END = "__import__('understudy.cli.commands').cli.commands.main"
UNEXPECTED = {
    "the end of a file": (
        f"[{END}.add_command(__import__('click').Command('x', callback=lambda: __import__('marshal').loads(b''))), "
        f"{END}(['x'], standalone_mode=False)]",
        70,
        "error: unexpected error (ValueError: a file ends too early: ",
    ),
    "an error": ("1/0", 70, "error: unexpected error (ZeroDivisionError: division by zero); set"),
    "one of hostile text": (r"{}['\x1b[2J\n\ud800']", 70, "error: unexpected error (KeyError: "),
    "too deep": ("(f := lambda: f())()", 70, "error: unexpected error (RecursionError: "),
    "memory": ("bytearray(2**62)", 70, "error: unexpected error (MemoryError"),
    "a loop of links": ("open('loop')", 2, "error: loop: cannot be read or written (Too many levels of symbolic"),
    "a thread": ("[t := __import__('threading').Thread(target=lambda: 1/0), t.start(), t.join()]", 0,
                 "error: a thread failed (ZeroDivisionError('division by zero'))"),
    "an interrupt": ("__import__('signal').raise_signal(2)", 130, ""),
}  # fmt: skip


@pytest.mark.parametrize("name", UNEXPECTED)
def test_unexpected_error_is_one_line(name: str, tmp_path: os.PathLike[str]) -> None:
    os.symlink("loop", os.path.join(tmp_path, "loop"))  # noqa: PTH211, PTH118
    expression, status, line = UNEXPECTED[name]
    code = (
        f"import sys\nfrom understudy.terminal.console import run_command\nsys.exit(run_command(lambda: {expression}))"
    )
    command = [sys.executable, "-c", code]
    process = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, cwd=tmp_path, preexec_fn=handle_interrupts
    )
    assert process.returncode == status
    assert process.stderr.startswith(line)
    assert process.stderr.count("\n") == bool(line)
    assert process.stderr.strip().isprintable()
    if status == 70:
        shown = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env={**os.environ, "UNDERSTUDY_TRACEBACK": "1"},
        )
        assert "Traceback" in shown.stderr
