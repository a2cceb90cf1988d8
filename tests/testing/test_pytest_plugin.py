"""The pytest plugin, in separate pytest processes."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import SMALL
from tests.servers import free_port
from understudy import StandIn

FLOWS = 12  # of the small set
ALONE = ("-p", "understudy.testing.pytest_plugin")
XDIST = (*ALONE, "-p", "xdist", "-n")  # followed by the number of workers
INSTALLED = ("-p", "no:xdist", "-p", "no:randomly")  # with all plugins but these
PYTEST = [sys.executable, "-m", "pytest", "-W", "error", "-p", "no:cacheprovider", "--no-header", "-q"]

# Records what a test got, and checks that no other test has written there.
CONFTEST = """
import json, os
from pathlib import Path

import pytest

@pytest.fixture
def note(understudy, understudy_server, understudy_client, prefect_api):
    with open(Path(__file__).parent / "notes", "a", encoding="utf-8") as notes:
        notes.write(json.dumps({
            "url": understudy.url,
            "server": understudy_server.url,
            "variable": os.environ["PREFECT_API_URL"] == prefect_api == understudy.url,
            "flows": understudy_client.post("/flows/count", json={}).json(),
        }) + "\\n")
    understudy_client.post("/flows/", json={"name": "own"}).raise_for_status()
    assert understudy.count(operation="flows.create_flow") == 1
    return understudy_client
"""


@dataclass(frozen=True)
class Ended:
    """A pytest run that has ended, like all processes that could write to its output."""

    code: int
    output: str
    notes: list[dict[str, Any]]

    def sections(self) -> list[str]:
        """The requests of failed tests, a text for each test."""
        parts = self.output.split("Requests to Understudy ")[1:]
        return [part.partition("\n")[2].partition("\n___")[0].partition("\n===")[0] for part in parts]

    def check_ports(self) -> None:
        """The started server has stopped."""
        (site,) = {note["server"] for note in self.notes}
        with pytest.raises(httpx.ConnectError):
            httpx.get(site, verify=False)


def environment_of(folder: Path) -> dict[str, str]:
    """The environment of a user behind a proxy, without other settings."""
    # With CI set, pytest prints each error twice.
    unusual = ("PYTEST_", "PREFECT_", "CI", "BUILD_NUMBER")
    usual = {name: value for name, value in os.environ.items() if not name.startswith(unusual)}
    (folder / "tmp").mkdir(exist_ok=True)
    return {**usual, "HTTP_PROXY": "http://127.0.0.1:1", "TMPDIR": str(folder / "tmp")}


def started(folder: Path, tests: str, *options: str) -> subprocess.Popen[str]:
    """A run in a folder with some tests; with `-s` the server has its output, too, so that its end is waited for.

    Other plugins, which may take a second to import, are loaded if `options` have INSTALLED.
    """
    (folder / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    (folder / "test_it.py").write_text(tests, encoding="utf-8")
    settings = folder / "pytest.ini"  # without one, a folder within this checkout would be run with its settings
    if not settings.exists():
        settings.write_text("[pytest]\n", encoding="utf-8")
    return subprocess.Popen(
        [*PYTEST, "-s", *options],
        cwd=folder,
        env={
            **environment_of(folder),
            **({} if options[: len(INSTALLED)] == INSTALLED else {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def ended(run: subprocess.Popen[str], folder: Path) -> Ended:
    with run:
        output, _ = run.communicate(timeout=60)
    notes = folder / "notes"
    lines = notes.read_text(encoding="utf-8").splitlines() if notes.exists() else []
    return Ended(run.returncode, output, [json.loads(line) for line in lines])


def ran(folder: Path, tests: str, *options: str) -> Ended:
    return ended(started(folder, tests, *options), folder)


# --------------------------------------------------------------------------- fixtures

IN_A_ROW = """
import os

def test_first(note): pass

def test_second(note): pass

def test_the_variable_is_gone():
    assert "PREFECT_API_URL" not in os.environ

def test_that_fails(note):
    note.get("/nothing")
    assert 0

def test_never(note): pass
"""


def test_each_test_has_its_own_rows_in_a_run_stopped_by_a_failure(tmp_path: Path) -> None:
    """The fixture set and the port are set in a file outside of the root."""
    port, ini = free_port(), tmp_path / "pytest.ini"
    (tmp_path / "root").mkdir()
    (tmp_path / "rows").symlink_to(SMALL)
    ini.write_text(f"[pytest]\nunderstudy_fixtures = rows\nunderstudy_port = {port}\n", encoding="utf-8")
    run = ran(tmp_path, IN_A_ROW, *INSTALLED, "-x", "--rootdir", "root")
    assert run.code == 1, run.output
    assert "1 failed, 3 passed" in run.output
    assert {note["server"] for note in run.notes} == {f"http://127.0.0.1:{port}/api"}
    assert len({note["url"] for note in run.notes}) == 3
    assert [(note["flows"], note["variable"]) for note in run.notes] == [(FLOWS, True)] * 3
    (section,) = run.sections()
    assert [line.partition(" -> ")[0] for line in section.splitlines()] == [
        "POST /api/flows/count {}",
        'POST /api/flows/ {"name": "own"}',
        "GET /api/nothing",
    ]
    run.check_ports()


AT_A_TIME = """
import pytest

@pytest.mark.parametrize("number", range(8))
def test_own(note, number): pass

@pytest.fixture
def late():
    yield
    assert 0, "late"

def test_whose_teardown_fails(late, note): pass

def test_that_fails(note):
    note.get("/nothing")
    assert 0
"""


def test_all_workers_share_a_server_but_no_rows(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "rows").symlink_to(SMALL)
    run = ran(tmp_path, AT_A_TIME, *XDIST, "4", "--understudy-port", str(port), "--understudy-fixtures", "rows")
    assert run.code == 1, run.output
    assert "1 failed, 9 passed, 1 error" in run.output
    assert {note["server"] for note in run.notes} == {f"http://127.0.0.1:{port}/api"}
    assert len({note["url"] for note in run.notes}) == len(run.notes) == 10
    assert {(note["flows"], note["variable"]) for note in run.notes} == {(FLOWS, True)}
    (section,) = run.sections()
    assert "GET /api/nothing -> 404 in " in section
    run.check_ports()
    assert [path.name for path in (tmp_path / "tmp").iterdir() if path.name.startswith("understudy")] == []


def test_running_server_is_used_and_not_stopped(tmp_path: Path) -> None:
    with StandIn(SMALL) as standin:
        run = ran(tmp_path, "def test_one(note): pass", *XDIST, "1", "--understudy-url", standin.url)
        assert run.code == 0, run.output
        (note,) = run.notes
        assert note["url"].startswith(f"{standin.url}/accounts/")
        assert (note["server"], note["flows"]) == (standin.url, FLOWS)
        assert [each["workspace"] for each in standin.state()["workspaces"]] == ["default"]


# ---------------------------------------------------------------- tests without fixtures

UNASKED = """
import sys

HEAVY = {
    "asyncio",
    "connexion",
    "httpx",
    "uvicorn",
    "yaml",
    "understudy.testing.standin",
    "understudy.testing.server_process",
}

def test_nothing_is_imported():
    assert HEAVY & {*sys.modules} == set()
"""


@pytest.mark.parametrize("options", [ALONE, (*XDIST, "1")], ids=["alone", "xdist"])
def test_nothing_is_imported_without_the_fixtures(tmp_path: Path, options: tuple[str, ...]) -> None:
    """Neither in the process that runs the tests nor in the one that distributes them."""
    hook = "import test_it\ndef pytest_unconfigure(): test_it.test_nothing_is_imported()\n"
    (tmp_path / "unasked.py").write_text(hook, encoding="utf-8")
    run = ran(tmp_path, UNASKED, *options, "-p", "unasked", "--understudy-fixtures", "nowhere")
    assert run.code == 0, run.output
    assert "1 passed" in run.output


# ---------------------------------------------------------------------------- an interrupt

LONG = """
import time

def test_long(note):
    time.sleep(60)
"""


@pytest.mark.parametrize("options", [ALONE, (*XDIST, "1")], ids=["alone", "xdist"])
def test_interrupt_stops_the_server(tmp_path: Path, options: tuple[str, ...]) -> None:
    """It is sent to all processes of a terminal, like Ctrl-C."""
    run = started(tmp_path, LONG, *options, f"--understudy-fixtures={SMALL}")
    notes, end = tmp_path / "notes", time.monotonic() + 60
    while not notes.exists() or not notes.read_text(encoding="utf-8").endswith("\n"):
        assert run.poll() is None
        assert time.monotonic() < end
        time.sleep(0.05)
    os.killpg(run.pid, signal.SIGINT)
    result = ended(run, tmp_path)
    assert result.code == 2, result.output
    assert "KeyboardInterrupt" in result.output
    assert "Traceback" not in result.output
    result.check_ports()


# --------------------------------------------------------------------------------- errors

PORT = "--understudy-port takes a number up to 65535, not "
USAGE = {
    "no port": ((*ALONE, "--understudy-port", "x"), f"{PORT}`x`"),
    "no number that can be read": ((*ALONE, "--understudy-port", "9" * 5000), f"{PORT}`{'9' * 5000}`"),
    "no such port": ((*XDIST, "1", "--understudy-port", "65536"), f"{PORT}`65536`"),
}


@pytest.mark.parametrize("name", USAGE)
def test_error_is_reported_before_any_test_runs(tmp_path: Path, name: str) -> None:
    options, words = USAGE[name]
    run = ran(tmp_path, "def test_one(note): pass", *options)
    assert (run.code, run.output.strip()) == (4, f"ERROR: {words}")


@pytest.mark.parametrize("option", [("--understudy-port", "4200"), ("--understudy-fixtures", "here")])
def test_option_without_effect_beside_a_url_is_an_error(tmp_path: Path, option: tuple[str, str]) -> None:
    run = ran(tmp_path, "def test_one(understudy): pass", *ALONE, *option, "--understudy-url", NOWHERE)
    words = f"{option[0]} has no effect with --understudy-url: the server at that URL runs already"
    assert (run.code, run.output.strip()) == (4, f"ERROR: {words}")


NOWHERE = "http://127.0.0.1:1/api"
WRONG = {
    "fixtures": ("--understudy-fixtures", "nowhere", "{folder}/nowhere: no such fixture folder"),
    "a port that is taken": (
        "--understudy-port",
        "{port}",
        "cannot listen on 127.0.0.1:{port} (Address already in use)",
    ),
    "a URL where nothing is": ("--understudy-url", NOWHERE, f"{NOWHERE} cannot be reached ("),
    "no URL": ("--understudy-url", "http://[::1", "http://[::1 cannot be reached ("),
}


@pytest.mark.parametrize("name", WRONG)
def test_unavailable_server_is_reported_in_one_line(tmp_path: Path, name: str) -> None:
    option, value, words = WRONG[name]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        names = {"folder": tmp_path, "port": taken.getsockname()[1]}
        run = ran(tmp_path, "def test_one(understudy): pass", *ALONE, "-rN", option, value.format(**names))
    assert run.code == 1, run.output
    lines = run.output.partition("ERROR at setup of test_one")[2].splitlines()
    assert lines[1].startswith(f"Understudy cannot be used: {words.format(**names)}"), run.output
    assert [line for line in lines[2:] if line.strip(" =")] == [lines[-1]], run.output


def test_workers_report_why_the_server_cannot_start(tmp_path: Path) -> None:
    two = "def test_one(understudy): pass\ndef test_two(understudy): pass\n"
    run = ran(tmp_path, two, *XDIST, "1", "--understudy-fixtures", "nowhere")
    assert run.code == 1, run.output
    words = f"Understudy cannot be used: {tmp_path}/nowhere: no such fixture folder\n"
    assert run.output.count(words) == 2, run.output
    assert "Traceback" not in run.output
    assert "another exception" not in run.output


def test_workers_need_a_free_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = ran(tmp_path, "def test_one(note): pass", *XDIST, "1", "--understudy-port", str(port))
    assert run.code == 4, run.output
    assert f"ERROR: Understudy cannot listen on port {port} (Address already in use" in run.output
    assert "Traceback" not in run.output


HOSTILE = """
def test_requests(understudy_client):
    understudy_client.post("/flows/", content=b'{"name": "\\\\ud800x"}', headers={"content-type": "application/json"})
    understudy_client.get("/flows/name/%1b%5d0;pwned%07%0aFORGED%C2%9B%E2%80%AE")
    assert False

def test_error(understudy):
    understudy.load({"flows": [{"id": "\\ud800\\x1b[2J"}]})

def test_found(understudy, understudy_client):
    understudy_client.post("/flows/", content=b'{"name": "\\\\ud800x"}', headers={"content-type": "application/json"})
    raise ValueError(understudy.find(path="/flows/\\x1b[2J\\ud800"))
"""


@pytest.mark.parametrize("options", [ALONE, (*XDIST, "1")], ids=["alone", "xdist"])
def test_hostile_requests_are_reported_escaped(tmp_path: Path, options: tuple[str, ...]) -> None:
    """Lone surrogates and escape sequences are not sent from worker to controller, nor to a terminal."""
    result = ran(tmp_path, HOSTILE, *options)
    assert result.code == 1
    assert "3 failed" in result.output
    assert "INTERNALERROR" not in result.output
    assert not [letter for letter in result.output if not letter.isprintable() and letter != "\n"]
    assert not [line for line in result.output.splitlines() if line.startswith("FORGED")]
    assert any("\\ud800x" in section and "pwned\\x07\\nFORGED" in section for section in result.sections())
