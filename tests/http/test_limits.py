"""Limits and access to the control API: each as an option, with the error that clients get."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.conftest import SMALL
from tests.hostile.exchange import Address, Answer, exchange
from tests.hostile.inputs import ARTIFACTS, COUNT, FILTER, KIND, chunk, dripped, get, head, post
from understudy.errors import BadRequest
from understudy.http.limits import Limits
from understudy.operations.api_folder import own_folder
from understudy.operations.json_bodies import is_deeper
from understudy.options import Options

CHUNKED = "transfer-encoding: chunked"
HEALTH = b"GET /api/health HTTP/1.1\r\nhost: x\r\n\r\n"
TOKEN = "a token"


@dataclass
class Server:
    """A server as a process."""

    process: subprocess.Popen[str]
    address: Address

    def ask(self, *pieces: bytes) -> Answer:
        return exchange(self.address, pieces)

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Its exit status, and what it wrote to stderr."""
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=20)
        return self.process.returncode, errors


@contextmanager
def serving(*options: str) -> Iterator[Server]:
    command = [sys.executable, "-m", "understudy", "serve", "--port", "0", "--fixtures", str(SMALL), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = next((line for line in process.stdout if line.strip().startswith("export ")), "")
            assert line, process.communicate()[1]
            url = urlsplit(line.partition("=")[2].strip())
            yield Server(process, (url.hostname or "", url.port or 0))
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()


def test_default_limits_are_documented() -> None:
    text = (own_folder() / "docs" / "reference" / "limits.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `--([\w-]+)` \| .* \| ([\d.]+) \| .* \|$", text, re.MULTILINE)
    options = Options()
    assert documented == [(name, str(getattr(options, name.replace("-", "_")))) for name, _ in documented]
    assert len(documented) == 10


@pytest.fixture(scope="module")
def limited() -> Iterator[Server]:
    """A server with low limits."""
    limits = ("--max-body", "2000", "--max-head", "1000", "--max-depth", "20", "--max-items", "30")
    with serving(*limits, "--max-snapshots", "2", "--client-timeout", "1") as server:
        yield server


def detail(answer: Answer) -> str:
    document: str = answer.document["detail"]
    return document


# ---------------------------------------------------------------------------- sizes


def sized(size: int) -> bytes:
    return b"{}" + b" " * (size - 2)


def in_chunks(body: bytes) -> bytes:
    return head("POST", COUNT, KIND, CHUNKED) + chunk(body[:1000]) + chunk(body[1000:]) + chunk(b"")


def long_head(size: int) -> bytes:
    """A request whose target, header names and header values have a total length."""
    bare = sum(len(text) for text in ("/api/health", "host", "localhost", "connection", "close", "x"))
    return get("/api/health", "x: " + "a" * (size - bare))


def nested(depth: int) -> str:
    return '{"nope":' + "[" * (depth - 1) + "]" * (depth - 1) + "}"


def items(count: int) -> str:
    return json.dumps({"artifacts": {"type": {"any_": ["x"] * count}}})


def names(count: int) -> str:
    return json.dumps({f"n{number}": 1 for number in range(count)})


def lists(count: int) -> str:
    """Many short lists and objects."""
    return '{"a":[' + ",".join(["[]"] * (count // 2)) + '],"b":[' + ",".join(["[]"] * (count - count // 2 - 3)) + "]}"


BODY_TOO_LONG = "The body takes more than 2000 bytes."
HEAD_TOO_LONG = "The headers take more than 1000 bytes."
TOO_DEEP = "The body is nested deeper than 20 levels."
TOO_MANY = "A list or object of the body has more than 30 items."
TOO_MANY_LISTS = "The body has more lists and objects than the limit of 30."
IN_TEXT = json.dumps({"artifacts": {"key": {"like_": '[{",\\' * 50}}})


@pytest.mark.parametrize(
    ("request_", "status", "words"),
    [
        (post(COUNT, sized(2000)), 200, None),
        (post(COUNT, sized(2001)), 413, BODY_TOO_LONG),
        (head("POST", COUNT, KIND, "content-length: 2001"), 413, BODY_TOO_LONG),
        (head("POST", "/nowhere", KIND, "content-length: 2001"), 413, BODY_TOO_LONG),
        (head("PUT", "/__admin/faults", KIND, "content-length: 2001"), 413, BODY_TOO_LONG),
        (in_chunks(sized(2000)), 200, None),
        (in_chunks(sized(2001)), 413, BODY_TOO_LONG),
        (in_chunks(sized(2100))[:-50], 413, BODY_TOO_LONG),
        (long_head(1000), 200, None),
        (long_head(1001), 431, HEAD_TOO_LONG),
        (b"GET /" + b"a" * 1000, 431, HEAD_TOO_LONG),
        (get("/" + "a" * 1000), 431, HEAD_TOO_LONG),
        (post(COUNT, nested(20)), 200, None),
        (post(COUNT, nested(21)), 400, TOO_DEEP),
        (post(COUNT, nested(500)), 400, TOO_DEEP),
        (post("/__admin/requests/find", nested(21)), 400, TOO_DEEP),
        (post(COUNT, items(30)), 200, None),
        (post(COUNT, items(31)), 400, TOO_MANY),
        (post(COUNT, names(30)), 200, None),
        (post(COUNT, names(31)), 400, TOO_MANY),
        (post("/__admin/requests/find", names(31)), 400, TOO_MANY),
        (post(COUNT, lists(30)), 200, None),
        (post(COUNT, lists(31)), 400, TOO_MANY_LISTS),
        (post(COUNT, IN_TEXT), 200, None),
    ],
    ids=str,
)
def test_request_beyond_a_limit_is_rejected(limited: Server, request_: bytes, status: int, words: str | None) -> None:
    answer = limited.ask(request_)
    assert answer.status == status, answer.body
    if words is not None:
        assert answer.headers["content-type"] == "application/json"
        assert detail(answer) == words


def test_trailers_count_as_headers(limited: Server) -> None:
    request = head("POST", COUNT, KIND, CHUNKED) + chunk(b"{}") + b"0\r\nx: "
    assert limited.ask(request, b"y\r\n\r\n").status == 200
    assert detail(exchange(limited.address, dripped(b"a" * 8, 0.02, request, 200)())) == HEAD_TOO_LONG


def test_snapshots_are_limited(limited: Server) -> None:
    def saved(name: str) -> Answer:
        return limited.ask(post(f"/__admin/snapshots/{name}", "", method="PUT"))

    assert [saved(name).status for name in ("a", "b", "a")] == [200, 200, 200]
    refused = saved("c")
    assert refused.status == 403
    assert "The limit of 2 snapshots is reached" in detail(refused)
    assert limited.ask(head("DELETE", "/__admin/snapshots/a")).status == 204
    assert saved("c").status == 200


@pytest.mark.parametrize(
    ("body", "is_refused"),
    [
        (b"[" * 1000 + b"]" * 1000, False),
        (b"[" * 1001 + b"]" * 1001, True),
        (b"[" * 1_000_000, True),
        (b'{"a":' * 1001 + b"1" + b"}" * 1001, True),
        (b"[" + b",".join([b"1"] * 100_000) + b"]", False),
        (b"[" + b",".join([b"1"] * 100_001) + b"]", True),
        (b'"' + b"[,{" * 100_000 + b'"', False),
        (rb'"\\\"' + b"[,{" * 100_000 + b'"', False),
        (b"]" * 1_000_000, False),
        (b"," * 99_999, False),
        (b'"' * 1_000_001, False),
        (b"\\" * 1_000_001, False),
    ],
)
def test_default_limits(body: bytes, is_refused: bool) -> None:
    begun = time.process_time()
    if is_refused:
        with pytest.raises(BadRequest):
            Limits().check(body)
    else:
        Limits().check(body)
    assert time.process_time() - begun < 2  # seconds; hours if each pair of places was compared


@pytest.mark.parametrize(("size", "status"), [(2**23, 200), (2**23 + 1, 413)])
def test_default_limit_of_a_body_is_8_mib(small: httpx.Client, size: int, status: int) -> None:
    answer = small.post("/flows/count", content=b"{}".ljust(size), headers={"content-type": "application/json"})
    assert answer.status_code == status


@pytest.mark.parametrize(("levels", "deeper"), [(0, True), (2, True), (3, False), (4, False)])
def test_depth_of_a_value_is_that_of_its_deepest_part(levels: int, deeper: bool) -> None:
    assert is_deeper({"a": 1, "b": [[], {}], "c": []}, levels) is deeper


def test_options_and_limits_have_the_same_defaults() -> None:
    assert Options().limits == Limits()


def test_default_depth_allows_all_readable_values() -> None:
    """Values deeper than rows can be are rejected with an explanation; unreadable ones as by a real server."""
    body = '{{"key":"deep","data":{}}}'
    with serving() as server:
        for depth, statuses in ((199, (201,)), (200, (422,)), (900, (422,)), (999, (400, 422)), (1000, (400,))):
            answer = server.ask(post(ARTIFACTS, body.format("[" * depth + "]" * depth)))
            assert answer.status in statuses, (depth, answer.body)
        row = server.ask(post(FILTER, '{"artifacts":{"key":{"any_":["deep"]}}}')).document
        assert len(row) == 1
        for depth in (*range(930, 970), 1001, 100_000):
            for request in (
                post(COUNT, '{"nope":' + "[" * depth + "]" * depth + "}"),
                post(COUNT, '{"limit":' + "[" * depth + "]" * depth + "}"),
                post(ARTIFACTS, '{"data":' + "[" * depth + r'"\ud800"' + "]" * depth + "}"),
                post("/__admin/requests/find", '{"body":' + "[" * depth + "]" * depth + "}"),
            ):
                assert server.ask(request).status in (200, 400, 409, 422)
        assert "rror" not in server.end()[1]


# ----------------------------------------------------------------------------- time


@pytest.mark.parametrize(
    ("pieces", "status"),
    [
        ((b"",), 0),
        ((b"GET /api/hea",), 408),
        ((b"GET /api/health HTTP/1.1\r\nhost: x\r\n",), 408),
        ((head("POST", COUNT, KIND, "content-length: 10"),), 408),
        ((head("POST", COUNT, KIND, "content-length: 10"), b"{}"), 408),
        ((head("POST", COUNT, KIND, CHUNKED), chunk(b"{}")), 408),
    ],
    ids=str,
)
def test_incomplete_request_times_out(limited: Server, pieces: tuple[bytes, ...], status: int) -> None:
    begun = time.monotonic()
    answer = limited.ask(*pieces)
    assert answer.status == status
    assert time.monotonic() - begun > 0.9
    if status:
        assert detail(answer) == "The request took more than 1 s."


def test_slow_request_within_the_limit_is_accepted(limited: Server) -> None:
    """Slow, but not too slow; and no faster than the pause of each connection between two requests."""
    with closing(socket.create_connection(limited.address, timeout=10)) as connection:
        for _ in range(2):
            for start in range(0, len(HEALTH), 10):
                connection.sendall(HEALTH[start : start + 10])
                time.sleep(0.1)
            assert until(connection, b"true").startswith(b"HTTP/1.1 200 ")
            time.sleep(1.5)  # longer than a request may take
        connection.sendall(HEALTH)
        assert until(connection, b"true").startswith(b"HTTP/1.1 200 ")


def test_waiting_for_the_server_does_not_count_as_slow() -> None:
    """A long body, which the server delays for longer than the time limit of a request."""
    rules = json.dumps({"rules": [{"path": COUNT, "delay": 1.5}]})
    with serving("--client-timeout", "1") as server:
        assert server.ask(post("/__admin/faults", rules, method="PUT")).status == 200
        assert server.ask(post(COUNT, sized(2**20))).status == 200


def until(connection: socket.socket, end: bytes) -> bytes:
    received = b""
    while not received.endswith(end):
        some = connection.recv(4096)
        assert some, received
        received += some
    return received


# ---------------------------------------------------------------------- connections


def test_number_of_connections_is_limited() -> None:
    with serving("--max-connections", "3") as server, ExitStack() as stack:
        for _ in range(3):
            connection = stack.enter_context(socket.create_connection(server.address, timeout=10))
            connection.sendall(HEALTH)
            until(connection, b"true")
        for _ in range(5):
            refused = server.ask(HEALTH)
            assert refused.status == 503
            assert detail(refused) == "The limit of 3 connections is reached."
        connection.sendall(HEALTH)
        until(connection, b"true")
        stack.close()
        end = time.monotonic() + 5
        while server.ask(get("/api/health")).status != 200:
            assert time.monotonic() < end, "it did not recover"
            time.sleep(0.1)


# ------------------------------------------------------------------ the control API

EVIL = "origin: http://evil.example"


def control(method: str, target: str, host: str, *headers: str) -> bytes:
    lines = (f"{method} /__admin{target} HTTP/1.1", f"host: {host}", "content-length: 0", "connection: close", *headers)
    return "\r\n".join((*lines, "", "")).encode()


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (control("GET", "/state", "localhost"), 200),
        (control("GET", "/state", "localhost:80"), 200),
        (control("GET", "/state", "127.0.0.1"), 200),
        (control("GET", "/state", "127.1.2.3:5"), 200),
        (control("GET", "/state", "[::1]:80"), 200),
        (control("GET", "/state", "LOCALHOST"), 200),
        (control("GET", "/state", "evil.example"), 403),
        (control("GET", "/state", "localhost.evil.example"), 403),
        (control("GET", "/state", "127.0.0.1.evil.example"), 403),
        (control("GET", "/state", "localhost@evil.example"), 403),
        (control("GET", "/state", ""), 403),
        (control("GET", "/state", "[::1"), 403),
        (control("GET", "/docs", "evil.example"), 403),
        (control("GET", "/state", "localhost", EVIL), 200),
        (control("POST", "/reset", "localhost", EVIL), 403),
        (control("POST", "/reset", "localhost", "origin: null"), 403),
        (control("POST", "/reset", "localhost", "origin: http://["), 403),
        (control("POST", "/reset", "localhost:1", "origin: http://localhost:2"), 403),
        (control("DELETE", "/requests", "localhost", EVIL), 403),
        (control("POST", "/reset", "localhost:1", "origin: http://localhost:1"), 200),
        (control("POST", "/reset", "localhost"), 200),
    ],
    ids=str,
)
def test_cross_origin_pages_cannot_use_the_control_api(limited: Server, request_: bytes, status: int) -> None:
    answer = limited.ask(request_)
    assert answer.status == status
    if status == 403:
        assert detail(answer).startswith("The control API ")


@pytest.fixture(scope="module")
def control_with_token() -> Iterator[Server]:
    with serving("--admin-token", TOKEN) as server:
        yield server


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ((), 401),
        (("authorization: ",), 401),
        (("authorization: Bearer",), 401),
        (("authorization: Bearer another",), 401),
        ((f"authorization: Bearer {TOKEN}x",), 401),
        ((f"authorization: Basic {TOKEN}",), 401),
        (("authorization: Bearer \u00e9",), 401),
        ((f"authorization: Bearer {TOKEN}",), 200),
        ((f"authorization: bearer {TOKEN}",), 200),
        ((f"authorization: Bearer {TOKEN}", EVIL), 403),
    ],
    ids=str,
)
def test_control_api_requires_its_token(control_with_token: Server, headers: tuple[str, ...], status: int) -> None:
    answer = control_with_token.ask(control("POST", "/reset", "any.example", *headers))
    assert answer.status == status
    if status == 401:
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "--admin-token" in detail(answer)
        assert TOKEN not in detail(answer)
    assert control_with_token.ask(get("/api/health")).status == 200


def external_address() -> str | None:
    """An address of this machine that other machines can reach."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # for documents only; nothing is sent
        except OSError:
            return None
        name: str = probe.getsockname()[0]
        return None if name.startswith("127.") else name


@pytest.mark.parametrize(("options", "status"), [((), 403), (("--admin-token", TOKEN), 200)])
def test_other_machines_need_a_token(options: tuple[str, ...], status: int) -> None:
    address = external_address()
    if address is None:
        pytest.skip("this machine has no address but its own")
    with serving("--host", "0.0.0.0", *options) as server:
        server.address = (address, server.address[1])
        assert server.ask(get("/api/health")).status == 200
        answer = server.ask(control("GET", "/state", address, f"authorization: Bearer {TOKEN}"))
        assert answer.status == status
        if status == 403:
            assert detail(answer).startswith("The control API only answers this machine")


@pytest.mark.parametrize(
    ("options", "is_warned"),
    [
        (("--host", "0.0.0.0"), True),
        (("--host", "0.0.0.0", "--api-key", "k"), False),
        (("--host", "127.0.0.1"), False),
    ],
)
def test_server_on_all_addresses_prints_a_warning(options: tuple[str, ...], is_warned: bool) -> None:
    with serving(*options) as server:
        status, errors = server.end()
    assert status == 0
    assert ("warning: clients that reach 0.0.0.0 can change the rows" in errors) is is_warned


# ------------------------------------------------------------------------- the log


@pytest.mark.parametrize("form", ["json", "text"])
def test_requests_cannot_inject_log_lines(form: str) -> None:
    targets = (
        "/api/a%0aINFO:%20forged",
        "/api/%1b[2J%1b]0;x%07",
        "/api/%00%7f%c2%9b",
        "/api/%22,%22a%22:%22b",
        "/%F0%9F%98%80",
    )
    with serving("--log-format", form, "--log-level", "info") as server:
        for target in targets:
            assert server.ask(get(target)).status == 404
        server.ask(b"nonsense\x1b[2J\r\n\r\n")
        _, errors = server.end()
    assert "\x1b[2J" not in errors
    assert not any(ord(letter) < 32 and letter != "\n" for letter in errors if letter != "\x1b" or form == "json")
    lines = [line for line in errors.splitlines() if not line.startswith("warning: ")]
    assert not any(line.lstrip().startswith("INFO: forged") for line in lines)
    if form == "json":
        records = [json.loads(line) for line in lines]
        assert all({"time", "level", "logger"} <= record.keys() for record in records)
        assert sum("path" in record for record in records) == len(targets)


def test_exception_is_logged_as_a_line_of_json(tmp_path: Path) -> None:
    """With any content: here the exception of a handler."""
    (tmp_path / "handlers").mkdir()
    (tmp_path / "handlers" / "__init__.py").touch()
    (tmp_path / "handlers" / "broken.py").write_text(
        'def answer():\n    raise RuntimeError("a\\n\\x1b[2J\\"b")\n', "utf-8"
    )
    (tmp_path / "fixtures" / "demo").mkdir(parents=True)
    contract = {
        "openapi": "3.0.3", "info": {"title": "Broken", "version": "1"}, "servers": [{"url": "/api"}],
        "paths": {"/a": {"get": {"operationId": "broken.answer", "responses": {"200": {"description": "Never."}}}}},
    }  # fmt: skip
    (tmp_path / "openapi.yaml").write_text(json.dumps(contract), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "understudy",
        "serve",
        "--port",
        "0",
        "--api",
        str(tmp_path),
        "--log-format",
        "json",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = urlsplit(process.stdout.readline().partition(" at ")[2].partition(" ")[0])
        answer = exchange((url.hostname or "", url.port or 0), [get("/api/a")])
        process.terminate()
        _, errors = process.communicate(timeout=20)
    assert answer.status == 500
    record, request = (json.loads(line) for line in errors.splitlines())
    assert (request["path"], request["status"]) == ("/api/a", 500)
    assert record["level"] == "error"
    assert "GET /api/a failed: RuntimeError" in record["message"]


# ----------------------------------------------------------------------------- the end


def test_server_stops_after_responding() -> None:
    """It waits for a second."""
    rules = json.dumps({"rules": [{"path": "/api/health", "delay": 0.7}]})
    with serving() as server, socket.create_connection(server.address, timeout=30) as slow:
        assert server.ask(post("/__admin/faults", rules, method="PUT")).status == 200
        slow.sendall(HEALTH)
        time.sleep(0.3)  # until it has been read
        assert server.end()[0] == 0
        assert slow.recv(2**16).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("form", ["text", "json"])
def test_server_stops_during_a_slow_request(number: int, form: str) -> None:
    rules = json.dumps({"rules": [{"path": "/api/health", "delay": 60}]})
    with serving("--log-format", form) as server:
        assert server.ask(post("/__admin/faults", rules, method="PUT")).status == 200
        slow = socket.create_connection(server.address, timeout=10)
        slow.sendall(HEALTH)
        half = socket.create_connection(server.address, timeout=10)
        half.sendall(HEALTH[:20])
        time.sleep(0.3)
        begun = time.monotonic()
        status, errors = server.end(number)
        slow.close()
        half.close()
    assert status == 0
    assert time.monotonic() - begun < 30  # half of what the slow request takes
    assert "Traceback" not in errors
