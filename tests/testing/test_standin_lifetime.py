"""The lifetime of a StandIn: how it starts and ends, in a thread or a process, and what remains afterwards.

Separate from the other tests of StandIn, since these check that no other server runs in this process.
"""

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
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
import yaml

from tests.conftest import SMALL
from tests.servers import ROOT, free_port, stand_in
from tests.testing.requests import FLOWS, add_flow, flows, post
from understudy import StandIn
from understudy.admin.control_errors import ControlError
from understudy.contract.contract import Contract
from understudy.errors import UnderstudyError
from understudy.operations.api_folder import own_folder
from understudy.testing.server_process import ServerProcess

in_both = pytest.mark.parametrize("process", [False, True], ids=["thread", "process"])

# ----------------------------------------------------------------------------- help


def port_of(url: str) -> int:
    port = httpx.URL(url).port
    assert port is not None
    return port


def pid_of(standin: StandIn) -> int | None:
    """The process of a running stand-in, if it has a separate one."""
    server = standin._server
    return server._process.pid if isinstance(server, ServerProcess) and server._process else None


def check_gone(url: str, pid: int | None) -> None:
    """Nothing remains of a stand-in: its port is free, and neither its process nor a thread with its name exists."""
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, verify=False)
    assert "understudy" not in {thread.name for thread in threading.enumerate()}
    if pid is not None:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


# ---------------------------------------------------------------------- its lifetime


@in_both
def test_runs_as_long_as_its_block(process: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies in the environment are ignored."""
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


def test_runs_as_long_as_an_asynchronous_block() -> None:
    async def ask() -> tuple[StandIn, int | None]:
        async with StandIn(SMALL, process=True) as standin, httpx.AsyncClient(base_url=standin.url) as client:
            assert (await client.post("/flows/count", json={})).json() == FLOWS
            return standin, pid_of(standin)

    standin, pid = asyncio.run(ask())
    check_gone(standin.url, pid)


def test_runs_as_long_as_an_asynchronous_block_of_trio() -> None:
    trio = pytest.importorskip("trio")

    async def ask() -> StandIn:
        async with StandIn(SMALL) as standin, httpx.AsyncClient(base_url=standin.url) as client:
            assert (await client.post("/flows/count", json={})).json() == FLOWS
        return standin

    check_gone(trio.run(ask).url, None)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_cancelled_task_stops_it(backend: str) -> None:
    """In its block; and as an asyncio task, also while it starts."""
    pytest.importorskip(backend)

    async def cancelled() -> StandIn:
        with anyio.CancelScope() as scope:
            async with StandIn(SMALL) as standin:
                scope.cancel()
                await anyio.sleep(60)
        return standin

    check_gone(anyio.run(cancelled, backend=backend).url, None)


def test_task_cancelled_during_the_start_leaves_nothing() -> None:
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
def test_descriptor_that_is_not_a_listening_tcp_socket_is_rejected(kind: str) -> None:
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
        with pytest.raises(UnderstudyError, match="`descriptor` takes the descriptor of a listening TCP socket"):
            StandIn(SMALL, descriptor=descriptors[kind])
        assert pair[0].send(b".") == 1  # it is left open


@in_both
def test_uses_a_listening_socket(process: bool) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    descriptor = listener.fileno() if process else listener.detach()
    with listener, StandIn(SMALL, descriptor=descriptor, process=process) as standin:
        assert standin.url == f"http://127.0.0.1:{port}/api"
        assert flows(standin) == FLOWS


SHADOWS = ("queue", "secrets", "logging", "yaml", "platform", "typing", "click", "httpx", "uvicorn",
           "understudy", "asyncio")  # fmt: skip


def test_process_imports_nothing_from_the_project(tmp_path: Path) -> None:
    """Neither from the current folder nor, with precedence over installed packages, from PYTHONPATH."""
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


def test_server_collects_garbage_once_it_has_started(tmp_path: Path) -> None:
    copy_api(tmp_path, hello="import gc; return str(gc.isenabled())")
    with StandIn(SMALL, api=tmp_path, process=True) as standin:
        assert httpx.get(f"{standin.url}/hello").json() == "True"
    with stand_in(SMALL, "--api", str(tmp_path)) as api:
        assert api.get("/hello").json() == "True"


@in_both
def test_can_be_started_and_stopped_without_a_block(process: bool) -> None:
    standin = StandIn(SMALL, process=process)
    standin.stop()  # nothing to stop yet
    for _ in range(2):
        assert standin.start() is standin
        assert flows(standin) == FLOWS
        add_flow(standin)
        with pytest.raises(UnderstudyError, match=f"the stand-in at {standin.url} is already started"):
            standin.start()
        pid = pid_of(standin)
        standin.stop()
        standin.stop()
        check_gone(standin.url, pid)


def test_stops_with_an_open_connection() -> None:
    with StandIn(SMALL) as standin, httpx.Client(base_url=standin.url) as client:
        assert client.get("/health").json() is True
        standin.stop()
        check_gone(standin.url, None)


def test_two_run_in_parallel() -> None:
    with StandIn(SMALL) as one, StandIn(str(SMALL.parents[1] / "mixed" / "fixtures")) as other:
        assert (flows(one), flows(other)) == (FLOWS, 50)
        add_flow(one)
        assert (flows(one), flows(other)) == (FLOWS + 1, 50)
        assert (len(one.requests), len(other.requests)) == (3, 2)


@in_both
def test_port_in_use_is_reported(process: bool) -> None:
    with StandIn(SMALL) as other:
        port = port_of(other.url)
        with pytest.raises(UnderstudyError, match=rf"^cannot listen on 127\.0\.0\.1:{port} \(Address already in use\)"):
            StandIn(SMALL, port=port, process=process).start()
        assert flows(other) == FLOWS
    gc.collect()


@in_both
def test_missing_fixtures_are_reported(process: bool) -> None:
    standin = StandIn("nowhere", process=process)
    with pytest.raises(UnderstudyError, match="nowhere: no such fixture folder"), standin:
        pytest.fail("it has started")
    assert "understudy" not in {thread.name for thread in threading.enumerate()}
    assert pid_of(standin) is None
    standin.stop()


def test_accepts_the_options_of_serve(tmp_path: Path) -> None:
    store = tmp_path / "rows.json"
    with StandIn(SMALL, store=store, strict=True, journal=2, max_workspaces=1) as standin:
        add_flow(standin)
        assert post(standin, "/artifacts/filter", {"limit": "5"}).status_code == 422
        assert post(standin, "/artifacts/filter", {"limit": 5}).status_code == 200
        assert [request["status"] for request in standin.requests] == [422, 200]
        with standin.workspace() as workspace:
            workspace.reset()
            with pytest.raises(ControlError, match="The limit of 1 workspace is reached"):
                standin.workspace().reset()
        with pytest.raises(UnderstudyError, match="is in use"):
            StandIn(SMALL, store=str(store)).start()
    with StandIn(SMALL, store=store) as standin:
        assert flows(standin) == FLOWS + 1
        assert post(standin, "/artifacts/filter", {"limit": "5"}).status_code == 200


def test_another_api_can_print_and_have_no_workspaces(tmp_path: Path) -> None:
    """The output of its handlers is not interpreted as that of its process."""
    shutil.copytree(own_folder() / "handlers", tmp_path / "handlers")
    with (tmp_path / "handlers" / "service.py").open("a", encoding="utf-8") as file:
        file.write("\nprint('loaded')\n")
    contract = {**Contract.read(own_folder() / "openapi.yaml").document}
    contract["servers"] = contract["servers"][:1]
    (tmp_path / "openapi.yaml").write_text(yaml.safe_dump(contract, sort_keys=False), encoding="utf-8")
    with StandIn(SMALL, api=tmp_path, process=True) as standin:
        assert flows(standin) == FLOWS
        with pytest.raises(ControlError, match=f"the API at {standin.url} has only the default workspace"):
            standin.workspace()


def test_handlers_can_print_unread_output(tmp_path: Path) -> None:
    copy_api(tmp_path, hello="print('x' * 10_000); return ''")
    script = f"""
import httpx
from understudy import StandIn

with StandIn({str(SMALL)!r}, api={str(tmp_path)!r}, process=True) as standin, httpx.Client(timeout=10) as client:
    for _ in range(100):  # which fill any pipe
        client.get(standin.url + "/hello").raise_for_status()
print("done")
"""
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.read() == "done\n"


# ------------------------------------------------------------------ end of its parent

PARENT = f"""
import time
from understudy import StandIn
from understudy.testing import server_process

exchanged = server_process.exchanged

def announced(*args):
    print("has started a process", flush=True)
    return exchanged(*args)

server_process.exchanged = announced
with StandIn({str(SMALL)!r}, process=True) as standin:
    print(standin.url, flush=True)
    time.sleep(60)
"""

# The number of tracebacks: one of an interrupted parent, and none of other processes.
ENDS = {
    "killed": (signal.SIGKILL, True, 0),
    "killed meanwhile": (signal.SIGKILL, False, 0),
    "interrupted": (signal.SIGINT, True, 1),
    "interrupted meanwhile": (signal.SIGINT, False, 1),
}


@pytest.mark.parametrize("end", ENDS)
def test_process_ends_with_its_parent(end: str) -> None:
    """While it serves, and while it starts; an interrupt is sent to the process group, like Ctrl-C."""
    number, does_serve, tracebacks = ENDS[end]
    command = [sys.executable, "-W", "error", "-c", PARENT]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "has started a process\n"
        url = parent.stdout.readline().strip() if does_serve else None
        os.killpg(parent.pid, number) if number == signal.SIGINT else parent.kill()
        _, errors = parent.communicate(timeout=20)  # all processes that could write to its stderr have ended
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
assert time.monotonic() - start < 30  # half of the time for which the child lives
os.kill(child, signal.SIGKILL)
os.waitpid(child, 0)
asyncio.run(live())
"""


def test_stops_without_warnings_despite_other_forked_processes() -> None:
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    command = [sys.executable, "-c", LIFE]
    life = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (life.returncode, life.stdout, life.stderr) == (0, "", "")


INTERRUPTED = f"""
import itertools, sys
from understudy import StandIn

def interrupt_at(line):
    \"\"\"Raise as Ctrl-C does, at a line of those that run from here on.\"\"\"
    lines = itertools.count()

    def trace(frame, event, argument):
        if frame.f_code.co_name.startswith("on_"):  # httptools calls it, for which there is a test of its own
            return None
        if event == "line" and next(lines) == line:
            sys.settrace(None)
            raise KeyboardInterrupt
        return trace

    sys.settrace(trace)

with StandIn({str(SMALL)!r}) as standin:
    for line in itertools.count():
        workspace = standin.workspace()
        try:
            interrupt_at(line)
            workspace.state()
            break
        except KeyboardInterrupt:
            workspace.drop()
    sys.settrace(None)
print(line)
"""


def test_can_be_used_and_stopped_after_ctrl_c_at_any_line_of_a_request() -> None:
    command = [sys.executable, "-c", INTERRUPTED]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert int(run.stdout) > 300


def copy_api(folder: Path, *, hello: str) -> None:
    """The bundled API, with another body of a handler."""
    for name in ("handlers", "openapi"):
        shutil.copytree(own_folder() / name, folder / name)
    shutil.copy(own_folder() / "openapi.yaml", folder)
    with (folder / "handlers" / "service.py").open("a", encoding="utf-8") as file:
        file.write(f"\ndef read_hello(): {hello}\n")
