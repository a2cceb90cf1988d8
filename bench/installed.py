"""What the servers need, installed once below the cache, in pinned versions."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from bench.errors import BenchError
from bench.places import NODE, PYTHON, REAL, ROOT, UNDERSTUDY, WORK

PYTHON_PINS = (
    "connexion==3.3.0",
    "httptools==0.9.0",
    "orjson==3.13.0",
    "starlette==1.10.0",
    "uvicorn==0.54.0",
    "uvloop==0.23.0",
)
# Later versions of Prism want Node.js 24.
NODE_PINS = ("@mockoon/cli@9.9.0", "@stoplight/prism-cli@5.14.2", "json-server@0.17.4", "wiremock@3.13.2")


def understudy() -> None:
    """What users of this checkout install: its wheel, without the requirements of its tests."""
    source = WORK / "source"  # a build leaves files next to the sources
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".*", "build", "tests", "bench", "*.egg-info"))
    if not UNDERSTUDY.exists():
        make_environment(UNDERSTUDY)
    install(UNDERSTUDY, str(source))


def python_packages() -> None:
    if not is_made(PYTHON, PYTHON_PINS):
        shutil.rmtree(PYTHON, ignore_errors=True)
        make_environment(PYTHON)
        install(PYTHON, *PYTHON_PINS)
        mark_made(PYTHON, PYTHON_PINS)


def make_environment(folder: Path) -> None:
    run([sys.executable, "-m", "venv", str(folder)])


def install(environment: Path, *packages: str) -> None:
    run([str(environment / "bin/pip"), "install", "--quiet", "--disable-pip-version-check", *packages])


def node_packages() -> None:
    if not is_made(NODE, NODE_PINS):
        shutil.rmtree(NODE, ignore_errors=True)
        run(["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", f"--prefix={NODE}", *NODE_PINS])
        mark_made(NODE, NODE_PINS)


def real_server() -> None:
    if not (REAL / "made").exists():
        run(["make", ".real/complete"])


def missing(*tools: str) -> str | None:
    """Why a server cannot be measured, if a tool that it needs is missing."""
    absent = [tool for tool in tools if shutil.which(tool) is None]
    return f"there is no {' and no '.join(absent)} on the PATH" if absent else None


def python_version(environment: Path, package: str) -> str:
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    return words_of([str(environment / "bin/python"), "-c", code])


def node_version(package: str) -> str:
    manifest = json.loads((NODE / "node_modules" / package / "package.json").read_text(encoding="utf-8"))
    return str(manifest["version"])


def words_of(command: list[str]) -> str:
    """The first line that a command writes to stdout or stderr; a question mark if it cannot be run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    except (OSError, subprocess.CalledProcessError):
        return "?"
    return next(iter((done.stdout + done.stderr).split("\n")), "?").strip()


def run(command: list[str]) -> None:
    """Run a step of an installation.

    Raises:
        BenchError: it cannot be run, or fails.
    """
    print(f"$ {' '.join(command)}", file=sys.stderr, flush=True)
    try:
        subprocess.run(command, check=True, cwd=ROOT, stdout=sys.stderr)
    except OSError as error:
        raise BenchError(f"cannot run {command[0]} ({error.strerror})") from None
    except subprocess.CalledProcessError as error:
        raise BenchError(f"{command[0]} ended with {error.returncode}: {' '.join(command)}") from None


def is_made(folder: Path, pins: tuple[str, ...]) -> bool:
    stamp = folder / "made"
    return stamp.exists() and stamp.read_text(encoding="utf-8").split() == list(pins)


def mark_made(folder: Path, pins: tuple[str, ...]) -> None:
    (folder / "made").write_text("\n".join(pins), encoding="utf-8")
