"""The output of a server that is not read, cannot be written, or goes to a terminal."""

import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests.conftest import SMALL
from tests.servers import client, greeting
from tests.test_streams import closed, event, say, stream
from understudy.server.output import WAITING, NonBlockingOutput

LONG = f"/flows/{'x' * 900}"
MANY = 200  # requests of a long path, whose lines take more than the 64 KiB that a pipe holds
SERVE = [sys.executable, "-m", "understudy", "serve", "--port", "0", "--fixtures", str(SMALL)]
PLAIN = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}


@contextmanager
def served(*options: str, stderr: int = subprocess.PIPE) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    """A server of whose output only the greeting was read, and a client of it."""
    with subprocess.Popen([*SERVE, *options], stdout=subprocess.PIPE, stderr=stderr, text=True, env=PLAIN) as process:
        try:
            assert process.stdout is not None
            with client(greeting(process.stdout)[-1].partition("=")[2].strip()) as api:
                yield process, api
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()


def ask(api: httpx.Client, times: int, path: str = "/version") -> None:
    assert {api.get(path).status_code for _ in range(times)} == {200 if path == "/version" else 404}


# ----------------------------------------------------------------- unread output


@pytest.mark.parametrize("form", ["text", "json"])
def test_server_continues_if_its_output_is_not_read(form: str) -> None:
    with served("--log-format", form) as (process, api):
        ask(api, MANY, LONG)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0


def test_output_continues_when_it_is_read_again() -> None:
    with served() as (process, api):
        assert process.stderr is not None
        ask(api, MANY, LONG)
        lines = [process.stderr.readline() for _ in range(MANY)]
        assert all("/api/flows/xxx" in line for line in lines if not line.startswith("warning: "))
        ask(api, 1)
        assert any(line.startswith("GET /api/version 200 ") for line in process.stderr)


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_server_continues_if_its_pipe_is_closed(stream: str) -> None:
    with served() as (process, api):
        pipe = getattr(process, stream)
        pipe.close()
        ask(api, 10)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0


@pytest.mark.parametrize("stream", ["stdout", "stderr", "both"])
def test_server_continues_if_the_disk_is_full(stream: str, tmp_path: Path) -> None:
    """/dev/full fails like a full disk."""
    log = tmp_path / "log"
    with log.open("w") as file, Path("/dev/full").open("w") as full:
        outputs = {name: full if stream in (name, "both") else file for name in ("stdout", "stderr")}
        with subprocess.Popen([*SERVE[:-4], "--port", "0", *SERVE[-2:]], **outputs) as process:  # type: ignore[call-overload]
            try:
                assert answers(port_of(process.pid))
                process.send_signal(signal.SIGTERM)
                assert process.wait(timeout=20) == 0
            finally:
                process.kill()
    assert "Traceback" not in log.read_text()


def test_server_continues_if_its_output_is_closed() -> None:
    command = ["bash", "-c", 'exec "$@" >&- 2>&-', "bash", *SERVE]
    with subprocess.Popen(command) as process:
        try:
            assert answers(port_of(process.pid))
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=20) == 0
        finally:
            process.kill()


def port_of(pid: int) -> int:
    """The port that a process listens on, once it does."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        sockets = set(map(target, Path(f"/proc/{pid}/fd").iterdir()))
        for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                return int(fields[1].partition(":")[2], 16)
        time.sleep(0.1)
    raise AssertionError("it listens on no port")


def target(link: Path) -> str:
    """The target of a link; empty if it was deleted meanwhile."""
    with suppress(FileNotFoundError):
        return str(link.readlink())
    return ""


def answers(port: int) -> bool:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}/api", timeout=60) as api:
        return all(api.get("/version").is_success for _ in range(10))


# -------------------------------------------------------------------- a terminal


TERMINAL = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)"
FOREGROUND = f"{TERMINAL}; os.execv(sys.argv[1], sys.argv[1:])"
BACKGROUND = f"""{TERMINAL}
import signal
mode = termios.tcgetattr(0)
mode[3] |= termios.TOSTOP
termios.tcsetattr(0, termios.TCSANOW, mode)
server = os.fork()
if server:
    signal.signal(signal.SIGTERM, lambda *_: os.kill(server, signal.SIGKILL))
    os.wait()
else:
    os.setpgid(0, 0)
    os.execv(sys.argv[1], sys.argv[1:])
"""


@contextmanager
def at_terminal(program: str = FOREGROUND, **environment: str) -> Iterator[tuple[subprocess.Popen[bytes], int, str]]:
    """A server at a new terminal: the process, the terminal's other end, and its output so far."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", program, *SERVE],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**PLAIN, **environment},
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield process, ours, shown_until(ours, "export ")
    finally:
        process.terminate()
        process.wait()
        os.close(ours)  # not before, since the end of its terminal would end the process at once


def shown_until(terminal: int, text: str) -> str:
    shown = ""
    while text not in shown or not shown.endswith("\n"):
        assert select.select([terminal], [], [], 60)[0], f"nothing more than {shown!r}"
        shown += os.read(terminal, 4096).decode()
    return shown


def url_in(shown: str) -> str:
    found = re.search(r"http://[0-9.:]+/api", shown)
    assert found
    return found[0]


def test_server_continues_if_the_terminal_is_stopped() -> None:
    with at_terminal() as (process, terminal, shown):
        os.write(terminal, b"\x13")  # Ctrl-S
        with httpx.Client(base_url=url_in(shown), timeout=60) as api:
            ask(api, MANY, LONG)
            os.write(terminal, b"\x11")  # Ctrl-Q
            shown_until(terminal, "/api/flows/")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0


def test_server_continues_in_the_background_of_a_terminal() -> None:
    """`stty tostop`, and the server in another process group than the terminal's foreground."""
    with at_terminal(BACKGROUND) as (_, terminal, shown), httpx.Client(base_url=url_in(shown), timeout=60) as api:
        ask(api, 10)
        shown_until(terminal, "/api/version")


@pytest.mark.parametrize(("environment", "is_coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colours_depend_on_the_terminal(environment: dict[str, str], is_coloured: bool) -> None:
    with at_terminal(**environment) as (_, terminal, shown):
        with httpx.Client(base_url=url_in(shown), timeout=60) as api:
            ask(api, 1)
        line = shown_until(terminal, "/api/version")
    assert ("\x1b[" in shown, "\x1b[32m200" in line) == (is_coloured, is_coloured)


# --------------------------------------------------------------- the request log


def test_each_request_has_a_line() -> None:
    with served() as (process, api):
        api.get("/version")
        api.post("/flows/filter", json={"limit": -1})
        api.get("/flows/a%20b%0aGET")
        api.get("/../__admin/state")
        api.get(f"/accounts/{'0' * 32}/workspaces/{'1' * 32}/hello")
        process.send_signal(signal.SIGTERM)
        output = process.communicate(timeout=20)[1].splitlines()
    lines = [re.sub(r"\d+\.\d ms", "ms", line) for line in output if not line.startswith("warning: ")]
    assert lines == [
        "GET /api/version 200 ms",
        "POST /api/flows/filter 422 ms",
        "GET /api/flows/a%20b%0aGET 404 ms",
        "GET /__admin/state 200 ms",
        f"GET /api/accounts/{'0' * 32}/workspaces/{'1' * 32}/hello 200 ms",
    ]


def test_json_log_has_the_same_fields() -> None:
    with served("--log-format", "json") as (process, api):
        api.get("/version")
        process.send_signal(signal.SIGTERM)
        line = json.loads(process.communicate(timeout=20)[1].splitlines()[-1])
    shown = {name: line[name] for name in ("level", "method", "path", "status")}
    assert shown == {"level": "info", "method": "GET", "path": "/api/version", "status": 200}
    assert line["milliseconds"] > 0


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({**event("a"), "id": "secret"}, "id: Input should be a valid UUID"),
        ("secret", "a message: Input should be an object"),
    ],
)
def test_error_that_closes_a_stream_is_logged_without_the_message(message: object, reason: str) -> None:
    with served() as (process, api):
        with stream(api, "/events/in") as connection:
            say(connection, message)
            assert closed(connection) == 1011
        process.send_signal(signal.SIGTERM)
        errors = process.communicate(timeout=20)[1]
    assert f"the stream /api/events/in was closed: {reason}" in errors
    assert "secret" not in errors


@pytest.mark.parametrize("options", [["--quiet"], ["--log-level", "warning"], ["--quiet", "--log-level", "debug"]])
def test_quiet_server_logs_no_requests(options: list[str]) -> None:
    with served(*options) as (process, api):
        api.get("/version")
        process.send_signal(signal.SIGTERM)
        assert "/api/version" not in process.communicate(timeout=20)[1]


def test_request_without_a_response_is_logged() -> None:
    rules = {"rules": [{"path": "/api/hello", "connection": "drop"}]}
    with served() as (process, api):
        api.put("/../__admin/faults", json=rules).raise_for_status()
        with pytest.raises(httpx.RemoteProtocolError):
            api.get("/hello")
        process.send_signal(signal.SIGTERM)
        assert re.search(r"^GET /api/hello no response \d+\.\d ms$", process.communicate(timeout=20)[1], re.MULTILINE)


# ---------------------------------------------------------------------- the hint


@pytest.mark.parametrize(
    ("method", "path", "named"),
    [
        ("POST", "/teapots/filter", "POST /api/teapots/filter"),
        ("DELETE", "/teapots/1", "DELETE /api/teapots/1"),
        ("PATCH", "/teapots/1/more", "PATCH /api/teapots/1/more"),
        ("GET", "/%0d%0aset-cookie:%20a", "GET /api/%0D%0Aset-cookie%3A%20a"),
        ("GET", "/../api", "GET /api"),
    ],
)
@pytest.mark.parametrize("headers", [{}, {"accept-encoding": "identity"}])
def test_unserved_operation_is_named(
    small: httpx.Client, method: str, path: str, named: str, headers: dict[str, str]
) -> None:
    answer = small.request(method, path, headers=headers)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})
    assert answer.headers["x-understudy-hint"] == f"{named} is not served: the contract has no such operation"


def test_unserved_method_is_named(small: httpx.Client) -> None:
    answer = small.delete("/flows/filter")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.headers["x-understudy-hint"].startswith("DELETE /api/flows/filter is not served")


REFUSED = {
    "a body that is too long": (
        b"POST /api/flows/filter?a=b HTTP/1.1\r\nhost: x\r\ncontent-length: 5000\r\n\r\n",
        r"POST /api/flows/filter 413 [\d.]+ ms  The body takes more than 1000 bytes\.",
    ),
    "a chunked body that is too long": (
        b"POST /api/flows/filter HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n7d0\r\n" + b" " * 2000,
        r"POST /api/flows/filter 413 [\d.]+ ms  The body takes more than 1000 bytes\.",
    ),
    "a head that is too long": (
        b"GET /api/health HTTP/1.1\r\nhost: x\r\nx: " + b"x" * 5000,
        r"GET /api/health 431 [\d.]+ ms  The headers take more than 3000 bytes\.",
    ),
    "a head that does not end": (
        b"GET /api/health HTTP/1.1\r\nhost: x\r\n",
        r"GET /api/health 408 [\d.]+ ms  The request took more than 1 s\.",
    ),
    "a body that does not end": (
        b"POST /api/flows/filter HTTP/1.1\r\nhost: x\r\ncontent-length: 50\r\n\r\n{",
        r"POST /api/flows/filter 408 [\d.]+ ms  The request took more than 1 s\.",
    ),
    "no host": (b"GET /api/health HTTP/1.1\r\n\r\n", r"GET /api/health 400 [\d.]+ ms  .*Host.*"),
}


def test_request_rejected_by_its_connection_has_one_line() -> None:
    with served("--max-body", "1000", "--max-head", "3000", "--client-timeout", "1") as (process, api):
        at = api.base_url
        for request, _ in REFUSED.values():
            with socket.create_connection((at.host, at.port or 80), timeout=60) as connection:
                connection.sendall(request)
                while connection.recv(65_536):
                    pass
        process.send_signal(signal.SIGTERM)
        lines = process.communicate(timeout=60)[1].splitlines()
    lines = [line for line in lines if "/api/" in line]
    assert len(lines) == len(REFUSED), lines
    for line, (case, (_, pattern)) in zip(lines, REFUSED.items(), strict=True):
        assert re.fullmatch(pattern, line), case


@pytest.mark.parametrize(("level", "expected"), [("debug", True), ("info", False), ("warning", False)])
def test_server_events_are_logged_at_debug_level(level: str, expected: bool) -> None:
    with served("--log-level", level) as (process, _):
        process.send_signal(signal.SIGTERM)
        output = process.communicate(timeout=20)[1]
    assert [text in output for text in ("Started server process", "Finished server process")] == [expected] * 2


def test_request_log_has_the_hint() -> None:
    with served() as (process, api):
        api.post("/teapots/filter")
        process.send_signal(signal.SIGTERM)
        output = process.communicate(timeout=20)[1]
    assert re.search(r"^POST /api/teapots/filter 404 .* is not served", output, re.MULTILINE)


def test_request_log_has_a_line_for_each_closed_stream() -> None:
    with served() as (process, api):
        with stream(api, "/events/in") as connection:
            say(connection, event("a"))
        with pytest.raises(InvalidStatus), stream(api, "/teapots/in"):
            pass
        process.send_signal(signal.SIGTERM)
        output = process.communicate(timeout=20)[1]
    assert re.findall(r"^GET (\S+) (\d+) ", output, re.MULTILINE) == [
        ("/api/events/in", "101"),
        ("/api/teapots/in", "403"),
    ]


@pytest.mark.parametrize(
    "path",
    ["/flows/8f7c1b1e-3c55-4d0b-9a53-7a1c6e2b9f10", "/flows/no-uuid", "/flows/name/nobody", "/artifacts/nothing/latest",
     "/../favicon.ico"],
)  # fmt: skip
def test_missing_row_has_no_hint(small: httpx.Client, path: str) -> None:
    answer = small.get(path)
    assert answer.status_code == 404
    assert "x-understudy-hint" not in answer.headers


# ---------------------------------------------------------------- a stream alone


def test_all_output_is_written_at_the_end(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as file:
        output = NonBlockingOutput(file.fileno())
        for number in range(1000):
            output.write(b"%d\n" % number)
        output.finish()
    assert (tmp_path / "out").read_bytes() == b"".join(b"%d\n" % number for number in range(1000))


def test_dropped_lines_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    ours, theirs = os.pipe()
    output = NonBlockingOutput(theirs)
    line = b"x" * 1023 + b"\n"
    sent = 2 * WAITING // len(line)
    for _ in range(sent):
        output.write(line)
    os.set_blocking(ours, False)
    read = 0
    while not caplog.records:
        with suppress(BlockingIOError):
            read += os.read(ours, WAITING).count(b"\n")
        time.sleep(0.01)
    output.finish()
    with suppress(BlockingIOError):
        read += os.read(ours, WAITING).count(b"\n")
    for end in (ours, theirs):
        os.close(end)
    assert caplog.messages == [f"dropped {sent - read} lines of output, which could not be written"]
    assert read >= WAITING // len(line)
