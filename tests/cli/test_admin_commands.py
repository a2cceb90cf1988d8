"""`understudy admin`: what its commands do, their output for people and scripts, and their errors."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from errno import ECONNREFUSED
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from click.testing import CliRunner

from tests.conftest import SMALL
from tests.servers import free_port
from tests.verify.servers import repeating
from understudy import StandIn
from understudy.admin.client import RemoteWorkspace
from understudy.cli.commands import main, run
from understudy.workspaces.workspace_names import DEFAULT

FLOW = "a92c0e6f-17ec-4406-b9bc-2ccdf572df00"
ROWS = (
    "120 artifacts, 20 artifact_collections, {flows} flows, 30 flow_runs, 40 task_runs, 12 deployments, 5 work_pools, "
    "10 work_queues{more}\n"
)
FLOWS = 12  # of the small set
VARIABLE = "PREFECT_API_URL"


@pytest.fixture(scope="module")
def standin() -> Iterator[StandIn]:
    with StandIn(SMALL) as standin:
        yield standin


@pytest.fixture(params=["default", "own"])
def workspace(request: pytest.FixtureRequest, standin: StandIn) -> Iterator[RemoteWorkspace]:
    """The workspace of the commands: the default one, reset, and one with ids in its URL."""
    standin.reset()
    standin.clear()
    if request.param == "default":
        yield standin
        return
    with standin.workspace() as workspace:
        yield workspace


def output_of(url: str, *arguments: str) -> str:
    """What a command writes to stdout; stderr must be empty."""
    result = CliRunner().invoke(main, ["admin", *arguments, "--url", url], catch_exceptions=False)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def json_of(url: str, *arguments: str) -> Any:
    """The line that a command writes with --json."""
    (line,) = output_of(url, *arguments, "--json").splitlines()
    return json.loads(line)


def run_command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a new process."""
    command = [sys.executable, "-m", "understudy", "admin", *arguments]
    usual = {name: value for name, value in os.environ.items() if name != VARIABLE}
    return subprocess.run(
        command, env={**usual, **environment}, capture_output=True, text=True, timeout=30, check=False
    )


def add_flow(workspace: RemoteWorkspace, name: str = "added") -> None:
    httpx.post(f"{workspace.url}/flows/", json={"name": name}, verify=False).raise_for_status()


# ------------------------------------------------------------------------------ rows


def test_reset(workspace: RemoteWorkspace) -> None:
    add_flow(workspace)
    assert output_of(workspace.url, "reset") == ROWS.format(flows=FLOWS, more="")
    add_flow(workspace)
    assert json_of(workspace.url, "reset")["flows"] == FLOWS


def test_state(workspace: RemoteWorkspace, standin: StandIn) -> None:
    workspace.save("one")
    workspace.save("another")
    text = output_of(workspace.url, "state")
    patterns = [
        r"Understudy \d+\.\d+\.\d+, up for \d+ s, \d+ MiB",
        rf"fixture set  {re.escape(str(SMALL))}",
        r"journal      \d+ of 1000 requests, 0 dropped",
        r"workspaces   \d+ of at most 1001",
        rf"  {workspace.name}, idle for \d+ s: {ROWS.format(flows=FLOWS, more='').strip()}",
        r"    snapshots: another, one",
    ]
    lines = text.splitlines()
    for pattern in patterns:
        assert [line for line in lines if re.fullmatch(pattern, line)], pattern
    state = json_of(workspace.url, "state")
    assert state.keys() == standin.state().keys()
    assert workspace.name in {each["workspace"] for each in state["workspaces"]}
    for name in ("one", "another"):
        workspace.delete_snapshot(name)


def test_load(workspace: RemoteWorkspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # in a folder without one of the set's name
    row = {"id": str(uuid4()), "created": "2025-01-01T00:00:00Z", "updated": "2025-01-01T00:00:00Z", "name": "loaded"}
    (tmp_path / "flows.jsonl").write_text(json.dumps(row), encoding="utf-8")
    assert output_of(workspace.url, "load", str(tmp_path)) == ROWS.format(flows=FLOWS + 1, more="")
    assert output_of(workspace.url, "load", str(tmp_path), "--replace") == "1 flow\n"
    assert json_of(workspace.url, "load", SMALL.name)["flows"] == FLOWS + 1
    assert json_of(workspace.url, "load", SMALL.name, "--replace")["flows"] == FLOWS


def test_save_restore_and_delete_snapshot(workspace: RemoteWorkspace) -> None:
    add_flow(workspace)
    assert output_of(workspace.url, "save", "two words") == "saved two words\n"
    workspace.reset()
    assert output_of(workspace.url, "restore", "two words") == ROWS.format(flows=FLOWS + 1, more=", 1 event")
    assert output_of(workspace.url, "delete-snapshot", "two words") == "deleted two words\n"
    assert json_of(workspace.url, "save", "é") == "é"
    workspace.reset()
    assert json_of(workspace.url, "restore", "é")["flows"] == FLOWS + 1
    assert json_of(workspace.url, "delete-snapshot", "é") == "é"


def test_drop(standin: StandIn) -> None:
    with standin.workspace() as one, standin.workspace() as other:
        assert output_of(one.url, "drop") == "nothing to drop\n"
        assert json_of(one.url, "drop") == []
        one.reset()
        assert output_of(one.url, "drop") == f"dropped {one.name}\n"
        for workspace in (one, other):
            workspace.reset()
        assert json_of(one.url, "drop") == [one.name]
        one.reset()
        assert output_of(standin.url, "drop", "--idle", "60") == "nothing to drop\n"
        assert {*output_of(standin.url, "drop", "--idle", "0").splitlines()} == {
            f"dropped {one.name}",
            f"dropped {other.name}",
        }
        assert json_of(standin.url, "drop", "--idle", "0") == []
        assert [each["workspace"] for each in standin.state()["workspaces"]] == [DEFAULT]


# -------------------------------------------------------------------------- requests


def test_requests_and_clear(workspace: RemoteWorkspace) -> None:
    assert output_of(workspace.url, "requests") == "no requests\n"
    add_flow(workspace, "é")
    httpx.get(f"{workspace.url}/flows/filter", params={"a": "b"}, verify=False)
    first, second = output_of(workspace.url, "requests").splitlines()
    moment = r"\d\d:\d\d:\d\d\.\d{3}"
    assert re.fullmatch(moment + r' POST /api/flows/ \{"name": "é"\} -> 201 in \d+\.\d ms', first)
    assert re.fullmatch(
        moment + r' GET /api/flows/filter\?a=\(hidden\) -> 405 in \d+\.\d ms: \{"detail": "Method Not Allowed"\}',
        second,
    )
    assert [each["status"] for each in json_of(workspace.url, "requests")] == [201, 405]
    assert output_of(workspace.url, "clear") == "deleted all requests\n"
    assert json_of(workspace.url, "requests") == []
    assert json_of(workspace.url, "clear") is None


def test_last_requests(workspace: RemoteWorkspace) -> None:
    for name in ("a", "b", "c"):
        add_flow(workspace, name)
    assert [each["body"]["name"] for each in json_of(workspace.url, "requests", "-n", "2")] == ["b", "c"]
    assert len(output_of(workspace.url, "requests", "-n", "1").splitlines()) == 1
    assert output_of(workspace.url, "requests", "-n", "0") == "no requests\n"


def test_long_bodies_are_truncated_in_lines(workspace: RemoteWorkspace) -> None:
    httpx.post(f"{workspace.url}/flows/", json={"name": 1, "text": "x" * 5000}, verify=False)
    (line,) = output_of(workspace.url, "requests").splitlines()
    assert line.count("…") == 2  # in the body, and in the answer that repeats it
    assert len(line) < 600
    assert len(json_of(workspace.url, "requests")[0]["body"]["text"]) == 5000


@pytest.mark.parametrize("as_json", [False, True])
def test_follow_prints_new_requests(workspace: RemoteWorkspace, as_json: bool) -> None:
    for name in ("a", "b"):
        add_flow(workspace, name)
    options = ["requests", "--follow", "-n", "1", "--url", workspace.url, *(["--json"] if as_json else [])]
    command = [sys.executable, "-m", "understudy", "admin", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            lines = [process.stdout.readline()]
            for name in ("c", "d", "e"):
                add_flow(workspace, name)
                lines.append(process.stdout.readline())
        finally:
            process.terminate()
    for name, line in zip("bcde", lines, strict=True):
        assert f'{{"name": "{name}"}}' in line
        assert not as_json or json.loads(line)["status"] == 201


def test_follow_prints_each_request_once_it_is_complete(standin: StandIn) -> None:
    """Even if later ones are complete before; each is printed once."""
    with standin.workspace() as workspace, ThreadPoolExecutor(1) as pool:
        workspace.faults.replace([{"path": "/flows/count", "delay": 2}])
        slow = pool.submit(httpx.post, f"{workspace.url}/flows/count", verify=False)
        while not workspace.requests:
            time.sleep(0.01)
        add_flow(workspace, "a")
        followed = workspace.follow(number=2, interval=0.1)
        paths = [next(followed)["path"] for _ in range(2)]
        add_flow(workspace, "b")
        paths.append(next(followed)["path"])
        assert slow.result().status_code == 200
    assert paths == ["/api/flows/", "/api/flows/count", "/api/flows/"]


SEARCHES: dict[str, tuple[list[str], int]] = {
    "all": ([], 3),
    "an operation": (["--operation", "flows.create_flow"], 2),
    "a method": (["--method", "post"], 2),
    "a path": (["--path", "/flows/filter"], 1),
    "a status": (["--status", "405"], 1),
    "a body": (["--body", '{"name": "b"}'], 1),
    "several": (["--operation", "flows.create_flow", "--method", "POST", "--body", '{"name": "a"}'], 1),
    "none": (["--operation", "flows.create_flow", "--body", '{"name": "c"}'], 0),
}


@pytest.mark.parametrize("name", SEARCHES)
@pytest.mark.parametrize("workspace", ["own"], indirect=True)
def test_find_and_count(workspace: RemoteWorkspace, name: str) -> None:
    options, number = SEARCHES[name]
    add_flow(workspace, "a")
    httpx.get(f"{workspace.url}/flows/filter", verify=False)
    add_flow(workspace, "b")
    assert output_of(workspace.url, "count", *options) == f"{number}\n"
    assert json_of(workspace.url, "count", *options) == number
    found = json_of(workspace.url, "find", *options)
    assert len(found["requests"]) == number
    lines = output_of(workspace.url, "find", *options).splitlines()
    if number:
        assert len(lines) == number
        assert found["nearest"] == []
    else:
        assert lines[0] == "no such request; the nearest:"
        assert lines[1].startswith('POST /api/flows/ {"name": "b"} -> 201 in ')
        assert lines[2] == '  body.name: wanted "c", found "b"'
        assert found["nearest"][0]["differences"] == ['body.name: wanted "c", found "b"']


def test_explain(workspace: RemoteWorkspace) -> None:
    arguments = ["explain", "/flows/filter", FLOW, "--body", '{"flows": {"name": {"like_": "no such"}}}']
    lines = output_of(workspace.url, *arguments).splitlines()
    assert [line[: len(line) - len(line.lstrip()) + 1] for line in lines] == ["-", "  -", "    -", "      -"]
    assert json_of(workspace.url, *arguments)["met"] is False
    assert json_of(workspace.url, "explain", "/flows/filter", FLOW)["met"] is True


# ------------------------------------------------------------------- URLs and errors


def test_url_defaults_to_that_of_clients(standin: StandIn) -> None:
    with standin.workspace() as one, standin.workspace() as other:
        add_flow(one)
        add_flow(one)
        add_flow(other)
        assert run_command("count", **{VARIABLE: one.url}).stdout == "2\n"
        # The option has precedence.
        result = run_command("count", "--url", f"{other.url}/", **{VARIABLE: one.url, "PYTHONWARNINGS": "error"})
        assert (result.returncode, result.stdout, result.stderr) == (0, "1\n", "")


def test_unreachable_server_is_reported() -> None:
    url = f"http://127.0.0.1:{free_port()}/api"
    result = run_command("state", **{VARIABLE: url})
    assert (result.returncode, result.stdout) == (2, "")
    assert (
        result.stderr
        == f"error: {url} cannot be reached ([Errno {ECONNREFUSED}] Connection refused; is the server running?)\n"
    )


def test_credentials_in_a_url_are_not_shown(standin: StandIn) -> None:
    host = urlsplit(standin.url).netloc
    for there, words in (
        (f"127.0.0.1:{free_port()}/api", "cannot be reached ("),
        ("127.0.0.1:x/api", "cannot be reached ("),
        (f"{host}/nowhere", f"is not a URL of the API, which is at http://{host}/api"),
    ):
        result = run_command("state", **{VARIABLE: f"http://me:secret@{there}"})
        assert result.returncode == 2
        assert result.stderr.startswith(f"error: http://{there} {words}")


@pytest.mark.parametrize(("status", "detail"), [(401, "no"), (503, "busy"), (429, "slow down")])
def test_error_of_another_server_names_its_url(status: int, detail: str) -> None:
    with repeating(status, json.dumps({"detail": detail})) as url:
        result = run_command("state", **{VARIABLE: url})
    root = url.removesuffix("/api")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"error: {root}/__admin/state returned {status} ({detail}); is it an Understudy server?\n"


REFUSED: dict[str, tuple[list[str], str]] = {
    "a snapshot": (["restore", "x"], "The workspace default has no snapshot `x`; it has none."),
    "a set": (["load", "nope"], "No fixture set beside the loaded one is named `nope`. There are: fixtures."),
    "the default": (["drop"], "The default workspace cannot be deleted. Reset it instead."),
    "a path": (["explain", "/flows/", FLOW], "`/flows/` takes no filters; these do: "),
    "a row": (["explain", "/flows/filter", "x"], "Invalid value for 'ID': 'x' is not a valid UUID."),
    "a list as a body": (
        ["explain", "/flows/filter", FLOW, "--body", "[]"],
        "Invalid value for '--body': not a JSON object",
    ),
    "a folder": (["load", "no/such"], "Invalid value: `no/such` is not a folder"),
    "a body": (["find", "--body", "{bad"], "Invalid value for '--body': not JSON ("),
    "another body": (["explain", "/flows/filter", FLOW, "--body", "'"], "Invalid value for '--body': not JSON ("),
    "a time": (["drop", "--idle", "-1"], "Invalid value for '--idle': -1"),
    "a status": (["count", "--status", "x"], "Invalid value for '--status': 'x' is not a valid whole number"),
    "nothing": (["load"], "Missing argument 'DIR|NAME'."),
    "another command": (["rest"], "No such command 'rest'."),
    "no URL": (["state", "--url", "http://[::1"], "http://[::1 cannot be reached ("),
}


@pytest.mark.parametrize("name", REFUSED)
def test_rejected_request_is_reported_in_one_line(
    standin: StandIn, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, words = REFUSED[name]
    monkeypatch.setenv(VARIABLE, standin.url)
    monkeypatch.setattr(sys, "argv", ["understudy", "admin", *arguments])
    with pytest.raises(SystemExit) as end:
        run()
    output, errors = capsys.readouterr()
    assert (end.value.code, output) == (2, "")
    (line,) = errors.splitlines()
    assert line.startswith(f"error: {words}")
