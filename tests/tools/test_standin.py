"""StandIn: a server for a block of code, in a thread or a process; and what is there once it is over."""

import asyncio
import gc
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import UUID, uuid4

import anyio
import httpx
import pytest
import yaml

from tests.conftest import SMALL
from tests.servers import ROOT, free_port
from understudy import StandIn
from understudy.admin.client import ControlError, RemoteWorkspace
from understudy.errors import UnderstudyError
from understudy.folder import own_folder
from understudy.testing.process import ServerProcess
from understudy.text import escape
from understudy.workspaces.tenants import DEFAULT

FLOW = "a92c0e6f-17ec-4406-b9bc-2ccdf572df00"
FLOWS = 12  # of the small set
MOMENT = datetime(2025, 1, 2, 3, 4, 5, 678_000, timezone.utc)
IST = timezone(timedelta(hours=5, minutes=30))

in_both = pytest.mark.parametrize("process", [False, True], ids=["thread", "process"])

# ----------------------------------------------------------------------------- help


@pytest.fixture(scope="module", params=[False, True], ids=["thread", "process"])
def standin(request: pytest.FixtureRequest) -> Iterator[StandIn]:
    with StandIn(SMALL, process=request.param) as standin:
        yield standin


@pytest.fixture
def workspace(standin: StandIn) -> Iterator[RemoteWorkspace]:
    with standin.workspace() as workspace:
        yield workspace


@pytest.fixture
def api(workspace: RemoteWorkspace) -> Iterator[httpx.Client]:
    """A client whose paths begin at the workspace."""
    with httpx.Client(base_url=workspace.url, verify=False) as client:
        yield client


def flow(name: str = "new", **fields: Any) -> dict[str, Any]:
    return {"id": uuid4(), "created": MOMENT, "updated": MOMENT, "name": name, "tags": [], "labels": {}, **fields}


def post(workspace: RemoteWorkspace, path: str, body: Any) -> httpx.Response:
    """An answer, without what takes longest about a connection, to prepare for TLS."""
    return httpx.post(f"{workspace.url}{path}", json=body, verify=False)


def flows(workspace: RemoteWorkspace) -> int:
    return int(post(workspace, "/flows/count", {}).raise_for_status().json())


def add_flow(workspace: RemoteWorkspace, name: str = "added") -> None:
    post(workspace, "/flows/", {"name": name}).raise_for_status()


def names(standin: StandIn) -> set[str]:
    """The workspaces that there are."""
    return {each["workspace"] for each in standin.state()["workspaces"]}


def port_of(url: str) -> int:
    port = httpx.URL(url).port
    assert port is not None
    return port


def pid_of(standin: StandIn) -> int | None:
    """The process of a stand-in that runs, where it has one of its own."""
    server = standin._server
    return server._process.pid if isinstance(server, ServerProcess) and server._process else None


def check_gone(url: str, pid: int | None) -> None:
    """Nothing is left of a stand-in: its port is free, and neither its process nor a thread of its name is there."""
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, verify=False)
    assert "understudy" not in {thread.name for thread in threading.enumerate()}
    if pid is not None:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


# ---------------------------------------------------------------------- its lifetime


@in_both
def test_it_runs_as_long_as_its_block(process: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever proxies the environment names, which are for others."""
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:1")
    port = free_port()
    with StandIn(SMALL, port=port, process=process) as standin:
        assert standin.url == f"http://127.0.0.1:{port}/api"
        with standin.workspace() as workspace:
            assert workspace.reset() == standin.reset()
        pid = pid_of(standin)
        assert (pid is not None) is process
    monkeypatch.undo()
    check_gone(standin.url, pid)
    with pytest.raises(ControlError, match="cannot be reached"):
        standin.state()


def test_it_runs_as_long_as_an_asynchronous_block() -> None:
    async def ask() -> tuple[StandIn, int | None]:
        async with StandIn(SMALL, process=True) as standin, httpx.AsyncClient(base_url=standin.url) as client:
            assert (await client.post("/flows/count", json={})).json() == FLOWS
            return standin, pid_of(standin)

    standin, pid = asyncio.run(ask())
    check_gone(standin.url, pid)


def test_it_runs_as_long_as_an_asynchronous_block_of_trio() -> None:
    trio = pytest.importorskip("trio")

    async def ask() -> StandIn:
        async with StandIn(SMALL) as standin, httpx.AsyncClient(base_url=standin.url) as client:
            assert (await client.post("/flows/count", json={})).json() == FLOWS
        return standin

    check_gone(trio.run(ask).url, None)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_task_that_is_cancelled_stops_it(backend: str) -> None:
    """In its block; and as a task of asyncio, also while it starts."""
    pytest.importorskip(backend)

    async def cancelled() -> StandIn:
        with anyio.CancelScope() as scope:
            async with StandIn(SMALL) as standin:
                scope.cancel()
                await anyio.sleep(60)
        return standin

    check_gone(anyio.run(cancelled, backend=backend).url, None)


def test_a_task_that_is_cancelled_while_it_starts_leaves_nothing() -> None:
    async def cancelled() -> None:
        standin = StandIn(SMALL)
        starting = asyncio.create_task(standin.__aenter__())
        while "understudy" not in {thread.name for thread in threading.enumerate()}:  # noqa: ASYNC110 - it sets no event
            await asyncio.sleep(0.001)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting

    asyncio.run(cancelled())
    assert "understudy" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize("kind", ["a file", "a bound socket", "a datagram socket", "a pair", "closed", "text", "huge"])
def test_a_descriptor_of_anything_but_a_listening_tcp_socket_is_refused(kind: str) -> None:
    with ExitStack() as stack:
        bound = stack.enter_context(socket.socket())
        bound.bind(("127.0.0.1", 0))
        pair = [stack.enter_context(each) for each in socket.socketpair()]
        descriptors: dict[str, Any] = {
            "a file": stack.enter_context(Path(__file__).open("rb")).fileno(),
            "a bound socket": bound.fileno(),
            "a datagram socket": stack.enter_context(socket.socket(type=socket.SOCK_DGRAM)).fileno(),
            "a pair": pair[0].fileno(),
            "closed": 987,
            "text": "3",
            "huge": 10**25,
        }
        with pytest.raises(UnderstudyError, match="`descriptor` takes that of a listening TCP socket"):
            StandIn(SMALL, descriptor=descriptors[kind])
        assert pair[0].send(b".") == 1  # it is left open


@in_both
def test_it_takes_a_socket_that_listens(process: bool) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    descriptor = listener.fileno() if process else listener.detach()
    with listener, StandIn(SMALL, descriptor=descriptor, process=process) as standin:
        assert standin.url == f"http://127.0.0.1:{port}/api"
        assert flows(standin) == FLOWS


SHADOWS = ("queue", "secrets", "logging", "yaml", "platform", "typing", "click", "httpx", "uvicorn",
           "understudy", "asyncio")  # fmt: skip


def test_a_process_imports_nothing_of_the_project_around_it(tmp_path: Path) -> None:
    """Neither from the current folder nor, before what is installed, from where PYTHONPATH leads."""
    project, named = tmp_path / "project", tmp_path / "named"
    for folder in (project, named):
        folder.mkdir()
    for name in SHADOWS:
        (project / f"{name}.py").write_text("raise RuntimeError('imported')", "utf-8")
    for name in ("secrets", "yaml", "uvicorn"):
        (named / f"{name}.py").write_text("raise RuntimeError('imported')", "utf-8")
    (named / "beside.py").write_text("SAYS = 'of PYTHONPATH'", "utf-8")
    (tmp_path / "handlers").mkdir()
    (tmp_path / "handlers" / "__init__.py").touch()
    (tmp_path / "handlers" / "answers.py").write_text(
        "from beside import SAYS\n\ndef answer():\n    return SAYS\n", "utf-8"
    )
    operation = {"operationId": "answers.answer", "responses": {"200": {"description": "A text."}}}
    contract = {
        "openapi": "3.0.3",
        "info": {"title": "Short", "version": "1"},
        "servers": [{"url": "/api"}],
        "paths": {"/a": {"get": operation}},
    }
    (tmp_path / "openapi.yaml").write_text(json.dumps(contract), "utf-8")
    (tmp_path / "fixtures").mkdir()
    (tmp_path / "fixtures" / "demo").mkdir()
    program = f"""
import os, sys
sys.path.remove("")
import httpx
from understudy import StandIn

os.environ["PYTHONPATH"] = {str(named)!r}
os.chdir({str(project)!r})
with StandIn(api={str(tmp_path)!r}, process=True) as standin:
    print(httpx.get(f"{{standin.url}}/a", trust_env=False).json())
"""
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (ended.stdout, ended.stderr) == ("of PYTHONPATH\n", "")


@in_both
def test_it_can_be_started_and_stopped_without_a_block(process: bool) -> None:
    standin = StandIn(SMALL, process=process)
    standin.stop()  # there is nothing to stop yet
    for _ in range(2):
        assert standin.start() is standin
        assert flows(standin) == FLOWS
        add_flow(standin)
        with pytest.raises(UnderstudyError, match=f"the stand-in at {standin.url} has started already"):
            standin.start()
        pid = pid_of(standin)
        standin.stop()
        standin.stop()
        check_gone(standin.url, pid)


def test_it_stops_with_a_connection_open() -> None:
    with StandIn(SMALL) as standin, httpx.Client(base_url=standin.url) as client:
        assert client.get("/health").json() is True
        standin.stop()
        check_gone(standin.url, None)


def test_two_stand_side_by_side() -> None:
    with StandIn(SMALL) as one, StandIn(str(SMALL.parents[1] / "mixed" / "fixtures")) as other:
        assert (flows(one), flows(other)) == (FLOWS, 50)
        add_flow(one)
        assert (flows(one), flows(other)) == (FLOWS + 1, 50)
        assert (len(one.requests), len(other.requests)) == (3, 2)


@in_both
def test_a_port_that_is_taken_is_told(process: bool) -> None:
    with StandIn(SMALL) as other:
        port = port_of(other.url)
        with pytest.raises(UnderstudyError, match=rf"^cannot listen on 127\.0\.0\.1:{port} \(Address already in use\)"):
            StandIn(SMALL, port=port, process=process).start()
        assert flows(other) == FLOWS
    gc.collect()


@in_both
def test_fixtures_that_are_not_there_are_told(process: bool) -> None:
    standin = StandIn("nowhere", process=process)
    with pytest.raises(UnderstudyError, match="nowhere: there is no such fixture folder"), standin:
        pytest.fail("it has started")
    assert "understudy" not in {thread.name for thread in threading.enumerate()}
    assert pid_of(standin) is None
    standin.stop()


def test_it_takes_the_options_of_serve(tmp_path: Path) -> None:
    store = tmp_path / "rows.json"
    with StandIn(SMALL, store=store, strict=True, journal=2, max_workspaces=1) as standin:
        add_flow(standin)
        assert post(standin, "/artifacts/filter", {"limit": "5"}).status_code == 422
        assert post(standin, "/artifacts/filter", {"limit": 5}).status_code == 200
        assert [request["status"] for request in standin.requests] == [422, 200]
        with standin.workspace() as workspace:
            workspace.reset()
            with pytest.raises(ControlError, match="There are 1 workspaces"):
                standin.workspace().reset()
        with pytest.raises(UnderstudyError, match="is in use"):
            StandIn(SMALL, store=str(store)).start()
    with StandIn(SMALL, store=store) as standin:
        assert flows(standin) == FLOWS + 1
        assert post(standin, "/artifacts/filter", {"limit": "5"}).status_code == 200


def test_another_api_may_print_and_have_no_workspaces(tmp_path: Path) -> None:
    """What its handlers print is not taken for what its process says."""
    shutil.copytree(own_folder() / "handlers", tmp_path / "handlers")
    with (tmp_path / "handlers" / "flows.py").open("a", encoding="utf-8") as file:
        file.write("\nprint('loaded')\n")
    contract = yaml.safe_load((own_folder() / "openapi.yaml").read_text(encoding="utf-8"))
    contract["servers"] = contract["servers"][:1]
    (tmp_path / "openapi.yaml").write_text(yaml.safe_dump(contract, sort_keys=False), encoding="utf-8")
    with StandIn(SMALL, api=tmp_path, process=True) as standin:
        assert flows(standin) == FLOWS
        with pytest.raises(ControlError, match=f"the API at {standin.url} has no workspaces but the default one"):
            standin.workspace()


# ------------------------------------------------------- whatever happens to its parent

PARENT = f"""
import time
from understudy import StandIn
from understudy.testing import process

exchanged = process.exchanged

def announced(*args):
    print("has started a process", flush=True)
    return exchanged(*args)

process.exchanged = announced
with StandIn({str(SMALL)!r}, process=True) as standin:
    print(standin.url, flush=True)
    time.sleep(60)
"""

# How many tracebacks there are: one of a parent that is interrupted, and none of anybody else.
ENDS = {
    "killed": (signal.SIGKILL, True, 0),
    "killed meanwhile": (signal.SIGKILL, False, 0),
    "interrupted": (signal.SIGINT, True, 1),
    "interrupted meanwhile": (signal.SIGINT, False, 1),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_process_ends_with_its_parent(end: str) -> None:
    """Once it serves, and while it starts; an interrupt is for the group of processes, as Ctrl-C is."""
    number, does_serve, tracebacks = ENDS[end]
    command = [sys.executable, "-W", "error", "-c", PARENT]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "has started a process\n"
        url = parent.stdout.readline().strip() if does_serve else None
        os.killpg(parent.pid, number) if number == signal.SIGINT else parent.kill()
        _, errors = parent.communicate(timeout=20)  # whoever could write to its stderr has ended
    assert parent.returncode == -number
    assert errors.count("Traceback") == tracebacks, errors
    assert errors.rstrip().endswith("KeyboardInterrupt" if tracebacks else "")
    if url:
        with pytest.raises(httpx.ConnectError):
            httpx.get(url, verify=False)


LIFE = f"""
import asyncio, os, signal, time
import httpx
from understudy import StandIn
from understudy.admin.client import RemoteWorkspace

def use(standin):
    with standin.workspace() as workspace, httpx.Client(base_url=workspace.url) as client:
        client.post("/flows/count", json={{}}).raise_for_status()
        assert workspace.count(status=200) == RemoteWorkspace(workspace.url).count(status=200) == 1

async def live():
    async with StandIn({str(SMALL)!r}) as standin:
        use(standin)

standin = StandIn({str(SMALL)!r}, process=True).start()
use(standin)
if (child := os.fork()) == 0:  # it has all that is open here, the pipe to the server too
    time.sleep(60)
start = time.monotonic()
standin.stop()
assert time.monotonic() - start < 5
os.kill(child, signal.SIGKILL)
os.waitpid(child, 0)
asyncio.run(live())
"""


def test_it_gives_no_warnings_and_ends_whoever_else_was_forked() -> None:
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    command = [sys.executable, "-c", LIFE]
    life = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (life.returncode, life.stdout, life.stderr) == (0, "", "")


# ------------------------------------------------------------------------------ rows


def test_each_workspace_is_fresh_and_gone_after_its_block(standin: StandIn) -> None:
    standin.reset()
    with standin.workspace() as one, standin.workspace() as other:
        for workspace, number in ((one, 1), (other, 2), (standin, 3)):
            for _ in range(number):
                add_flow(workspace, str(uuid4()))
        assert [flows(each) - FLOWS for each in (one, other, standin)] == [1, 2, 3]
        with standin.workspace() as third:
            assert flows(third) == FLOWS
        assert one.reset()["flows"] == FLOWS
        assert [flows(each) - FLOWS for each in (one, other, standin)] == [0, 2, 3]
        assert names(standin) >= {DEFAULT, one.name, other.name}
    assert not names(standin) & {one.name, other.name, third.name}
    assert standin.reset()["flows"] == flows(standin) == FLOWS


def test_one_that_nobody_used_is_dropped_without_a_word(standin: StandIn) -> None:
    with standin.workspace() as workspace:
        pass
    assert workspace.drop() == []


LISTS: dict[str, Callable[[Iterable[Any]], Iterable[Any]]] = {
    "a list": list,
    "a tuple": tuple,
    "a generator": lambda rows: (row for row in rows),
}


@pytest.mark.parametrize("kind", LISTS)
def test_rows_are_loaded_from_anything_that_has_them(workspace: RemoteWorkspace, kind: str) -> None:
    assert workspace.load({"flows": LISTS[kind]([flow("a"), flow("b")])})["flows"] == FLOWS + 2


def test_rows_may_be_any_mappings_and_hold_any_collections(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    row = flow(tags={"only"}, labels=MappingProxyType({"a": 1}))
    workspace.load(MappingProxyType({"flows": [MappingProxyType(row)]}))
    found = api.get(f"/flows/{row['id']}").json()
    assert (found["id"], found["tags"], found["labels"]) == (str(row["id"]), ["only"], {"a": 1})


TIMES = {
    "in UTC": (MOMENT, "2025-01-02T03:04:05.678000"),
    "elsewhere": (MOMENT.astimezone(IST), "2025-01-02T03:04:05.678000"),
    "without an offset": (MOMENT.replace(tzinfo=None), "2025-01-02T03:04:05.678000"),
    "on the second": (MOMENT.replace(microsecond=0), "2025-01-02T03:04:05"),
}


@pytest.mark.parametrize("name", TIMES)
def test_times_arrive_as_iso_8601(workspace: RemoteWorkspace, api: httpx.Client, name: str) -> None:
    """As it was sent, in data that anything may be in; as the API writes times, in a field that holds one."""
    moment, text = TIMES[name]
    row = {"id": uuid4(), "created": moment, "updated": moment, "key": "times", "data": {"at": [moment]}}
    workspace.load({"artifacts": [row]})
    found = api.get(f"/artifacts/{row['id']}").json()
    assert (found["created"], found["data"]) == (f"{text}Z", {"at": [f"{text}+00:00"]})


WRONG_ROWS: dict[str, tuple[Mapping[str, Any] | str | Path, str]] = {
    "another table": ({"flowz": []}, "there is no table `flowz`; there are artifact_collections, .*Nothing was loaded"),
    "a wrong field": ({"flows": [flow("a"), flow(id=1)]}, r"flows\[1\]: id: UUID input should be a string"),
    "an id that is there": ({"flows": [flow(id=FLOW), flow(id=FLOW)]}, f"the id {FLOW} is there already"),
    "no list": ({"flows": 5}, "body.rows.flows: Input should be a valid list"),
    "another set": ("nope", "There is no fixture set `nope` beside the loaded one; there are fixtures"),
    "no folder": (Path("nowhere"), "nowhere cannot be read"),
}


@pytest.mark.parametrize("name", WRONG_ROWS)
def test_rows_that_are_none_are_refused_and_nothing_is_loaded(workspace: RemoteWorkspace, name: str) -> None:
    rows, words = WRONG_ROWS[name]
    with pytest.raises(ControlError, match=words):
        workspace.load(rows, replace=True)
    assert flows(workspace) == FLOWS


def test_a_folder_that_is_no_json_is_refused(workspace: RemoteWorkspace, tmp_path: Path) -> None:
    (tmp_path / "flows.jsonl").write_text("{bad\n", encoding="utf-8")
    with pytest.raises(ControlError, match=f"{tmp_path}/flows.jsonl, line 1: is no JSON"):
        workspace.load(tmp_path)


def write_flows(folder: Path, *rows: Mapping[str, Any]) -> Path:
    folder.mkdir()
    lines = "\n\n".join(json.dumps(row, default=str) for row in rows)
    (folder / "flows.jsonl").write_text(lines, encoding="utf-8")
    return folder


def test_rows_are_loaded_from_a_folder_here_and_a_set_there(tmp_path: Path) -> None:
    base = write_flows(tmp_path / "base", flow("a"))
    write_flows(tmp_path / "more", flow("b"), flow("c"))
    here = write_flows(tmp_path / "here", flow("d"))
    with StandIn(base) as standin:
        assert standin.load("more")["flows"] == flows(standin) == 3
        assert standin.load(here)["flows"] == flows(standin) == 4
        assert standin.load(here, replace=True)["flows"] == flows(standin) == 1
        assert standin.load("more", replace=True)["flows"] == flows(standin) == 2
        assert standin.load({"flows": [flow("e")]}, replace=True)["flows"] == flows(standin) == 1
        assert standin.reset()["flows"] == flows(standin) == 1
        assert post(standin, "/flows/filter", {}).json()[0]["name"] == "a"


@pytest.mark.parametrize("name", ["plain", "two words", "ü?#", "a%2Fb", "a;b&workspace=default", ".hidden"])
def test_rows_are_put_aside_and_taken_back_by_any_name(workspace: RemoteWorkspace, standin: StandIn, name: str) -> None:
    add_flow(workspace, "before")
    workspace.save(name)
    (state,) = (each for each in standin.state()["workspaces"] if each["workspace"] == workspace.name)
    assert state["snapshots"] == [name]
    add_flow(workspace, "after")
    assert workspace.restore(name)["flows"] == flows(workspace) == FLOWS + 1
    workspace.forget(name)
    with pytest.raises(ControlError, match="has no snapshot"):
        workspace.restore(name)
    assert flows(workspace) == FLOWS + 1


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\nb"])
def test_a_name_that_is_none_is_refused(workspace: RemoteWorkspace, name: str) -> None:
    for action in (workspace.save, workspace.restore, workspace.forget):
        with pytest.raises(
            ControlError, match=r"a snapshot cannot be called .*: it takes a name without a slash"
        ) as error:
            action(name)
        assert "\n" not in str(error.value)


# -------------------------------------------------------------------------- requests


def test_requests_are_told_in_their_order_until_they_are_forgotten(
    workspace: RemoteWorkspace, api: httpx.Client, standin: StandIn
) -> None:
    api.post("/flows/filter", json={"limit": 1})
    api.get(f"/flows/{FLOW}", params={"a": "b"})
    api.get("/nothing")
    told = [(each["method"], each["path"], each["query"], each["status"]) for each in workspace.requests]
    assert told == [
        ("POST", "/api/flows/filter", "", 200),
        ("GET", f"/api/flows/{FLOW}", "a=b", 200),
        ("GET", "/api/nothing", "", 404),
    ]
    assert workspace.count() == 3
    assert workspace.count(method="get") == 2
    assert workspace.count(method="GET", status=404) == workspace.count(path="/nothing") == 1
    workspace.clear()
    assert workspace.requests == []
    assert workspace.count() == 0
    add_flow(workspace)
    standin.clear()
    assert [each["path"] for each in workspace.requests] == ["/api/flows/"]


def test_what_is_found_is_true_and_prints_itself(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    id = uuid4()
    for limit in (1, 2):
        api.post("/flows/filter", json={"limit": limit, "flows": {"id": {"any_": [str(id)]}}})
    api.post("/flows/filter", json={"limit": "x"})
    found = workspace.find(operation="flows.read_flows", body={"flows": {"id": {"any_": [id]}}})
    assert found
    assert [each["body"]["limit"] for each in found.requests] == [2, 1]
    newest, oldest = str(found).splitlines()
    assert newest.startswith(
        f'POST /api/flows/filter {{"limit": 2, "flows": {{"id": {{"any_": ["{id}"]}}}}}} -> 200 in '
    )
    assert '"limit": 1' in oldest
    (refused,) = str(workspace.find(status=422)).splitlines()
    assert "-> 422 in " in refused
    assert '"exception_message": "Invalid request received."' in refused


def test_what_is_not_found_is_false_and_prints_what_is_nearest(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    nothing = workspace.find(path="/flows/filter")
    assert (bool(nothing), str(nothing)) == (False, "no such request, and none that is near")
    api.post("/artifacts/filter", json={})
    api.post("/flows/filter", json={"limit": 2, "offset": 1})
    nearest = workspace.find(path="/flows/filter", body={"limit": 3})
    assert not nearest
    lines = str(nearest).splitlines()
    assert lines[0] == "no such request; the nearest:"
    assert lines[1].startswith('POST /api/flows/filter {"limit": 2, "offset": 1} -> 200 in ')
    assert lines[2] == "  body.limit: wanted 3, found 2"
    assert lines[3].startswith("POST /api/artifacts/filter {} -> 200 in ")
    assert repr(nearest) == str(nearest)


def test_a_search_for_what_requests_do_not_have_is_refused(workspace: RemoteWorkspace) -> None:
    for search in (workspace.find, workspace.count):
        with pytest.raises(ControlError, match=r"body\.colour: Extra inputs are not permitted"):
            search(colour="blue")


def test_an_explanation_is_a_tree(workspace: RemoteWorkspace) -> None:
    body = {"flows": {"id": {"any_": [UUID(FLOW)]}, "name": {"like_": "no such"}}}
    for id in (FLOW, UUID(FLOW)):
        explanation = workspace.explain("/flows/filter", body, id)
        assert explanation.met is False
        lines = str(explanation).splitlines()
        assert [(len(line) - len(line.lstrip()), line.lstrip()[0]) for line in lines] == [
            (0, "-"), (2, "-"), (4, "+"), (6, "+"), (4, "-"), (6, "-"),
        ]  # fmt: skip
        assert f'`flows.id.any_ ["{FLOW}"]`' in lines[3]
        assert '`flows.name.like_ "no such"`' in lines[5]
    assert workspace.explain("/flows/filter", None, FLOW).met is True


@pytest.mark.parametrize(
    ("path", "body", "id", "words"),
    [
        ("/flows/", {}, FLOW, "`/flows/` takes no filters; these do: "),
        ("/flows/filter", {}, UUID(int=1), f"There is no row of flows with the id {UUID(int=1)} in the workspace "),
        ("/flows/filter", {"limit": "x"}, FLOW, "body.limit: "),
        ("/flows/filter", {}, "x", "body.id: "),
    ],
)
def test_what_cannot_be_explained_is_refused(
    workspace: RemoteWorkspace, path: str, body: dict[str, Any], id: UUID | str, words: str
) -> None:
    with pytest.raises(ControlError, match=f"^{words}"):
        workspace.explain(path, body, id)


# --------------------------------------------------------------- what is no stand-in

CALLS: dict[str, Callable[[RemoteWorkspace], object]] = {
    "state": lambda workspace: workspace.state(),
    "reset": lambda workspace: workspace.reset(),
    "load": lambda workspace: workspace.load({}),
    "save": lambda workspace: workspace.save("x"),
    "forget": lambda workspace: workspace.forget("x"),
    "drop": lambda workspace: workspace.drop(),
    "requests": lambda workspace: workspace.requests,
    "find": lambda workspace: workspace.find(),
    "count": lambda workspace: workspace.count(),
    "explain": lambda workspace: workspace.explain("/flows/filter", {}, FLOW),
}


class Page(BaseHTTPRequestHandler):
    """Answers everything with one page, as a server does whose pages make themselves."""

    answer = (200, "<html>")

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        status, text = self.answer
        self.send_response(status)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody wants to know."""


class NotFound(Page):
    """Answers as a Prefect server does, among others."""

    answer = (404, '{"detail":"Not Found"}')


class Files(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Nobody wants to know."""


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/api"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("handler", [Page, NotFound, Files])
def test_another_server_is_told_from_ours(handler: type[BaseHTTPRequestHandler]) -> None:
    with serving(handler) as url:
        for name, call in CALLS.items():
            with pytest.raises(ControlError, match=r"answers \d+; is it a server of Understudy's\?$") as error:
                call(RemoteWorkspace(url))
            assert str(error.value).startswith(url.removesuffix("/api")), name


@pytest.mark.parametrize(
    "url",
    ["", "nonsense", "localhost:4200", "ftp://localhost/", "http://", "http://[::1", "http://localhost:port/", "http://\x00/",
     f"http://{'a' * 70}.invalid/", "http://127.0.0.1:1/api"],
)  # fmt: skip
def test_a_url_that_leads_nowhere_is_told(url: str) -> None:
    with pytest.raises(ControlError, match=r"(is no URL|cannot be reached) \(") as error:
        RemoteWorkspace(url).state()
    assert str(error.value).startswith(escape(url.rstrip("/")))


@pytest.mark.parametrize("name", CALLS)
def test_a_refused_connection_is_told(name: str) -> None:
    with closing(httpx.HTTPTransport()) as transport, pytest.raises(ControlError, match=r"cannot be reached \("):
        CALLS[name](RemoteWorkspace(f"http://127.0.0.1:{free_port()}/api", transport))
