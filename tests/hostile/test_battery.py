"""After any input, the server responds or closes the connection, writes no traceback, and serves other clients."""

import json
import os
import re
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from tests.conftest import SMALL
from tests.hostile import bodies, control, filters, framing, nesting, slow, targets, values
from tests.hostile.exchange import Address, Answer, exchange
from tests.hostile.inputs import CLOSED, FILTER, REFUSED, Input, get, post
from tests.servers import ROOT, running

KINDS = (nesting, values, bodies, framing, targets, filters, control)
INPUTS = [each for kind in KINDS for each in kind.INPUTS]
LONGEST_WAIT = 1.0  # seconds, of another client
LONGEST_ANSWER = 5.0  # seconds
TRIES = 3  # to see whether it was the server, or the machine
MORE_MEMORY = 16 * 2**20  # bytes
# By default, glibc keeps freed memory, up to twice the largest block that was ever freed, 64 MiB at most. With fixed
# thresholds, it returns all but this, so that the size of the process is what it uses.
GIVES_BACK = dict.fromkeys(("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"), str(128 * 2**10))
NOBODY = "00000000-0000-4000-8000-000000000000"
CHEAP = b"GET /api/health HTTP/1.1\r\nhost: x\r\n\r\n"


class Bystander(threading.Thread):
    """Another client, which sends cheap requests all the time, and records how long each takes."""

    def __init__(self, address: Address) -> None:
        super().__init__(daemon=True)
        self._address = address
        self._over = threading.Event()
        self._waits: list[tuple[float, float]] = []

    def run(self) -> None:
        with socket.create_connection(self._address, timeout=60) as connection:
            while not self._over.wait(0.005):
                begun = time.monotonic()
                connection.sendall(CHEAP)
                answer = b""
                while not answer.endswith(b"true"):
                    answer += connection.recv(4096) or b"true"
                assert answer.startswith(b"HTTP/1.1 200 ")
                self._waits.append((begun, time.monotonic() - begun))

    def stop(self) -> None:
        self._over.set()
        self.join()

    def longest(self, since: float = 0) -> float:
        """The longest wait that was not over at some time, including the next one, so that a current one counts."""
        count, end = len(self._waits), time.monotonic() + 60
        while len(self._waits) < count + 2 and self.is_alive() and time.monotonic() < end:
            time.sleep(0.002)
        assert self.is_alive(), "another client was not answered"
        return max((wait for begun, wait in reversed(self._waits) if begun + wait >= since), default=0.0)


@dataclass
class Target:
    """A server under attack. `ordinary` is the response to an ordinary request before."""

    address: Address
    log: Path
    bystander: Bystander
    ordinary: bytes = b""
    memory: int = 0
    read: int = field(default=0)

    def new_lines(self) -> str:
        with self.log.open(encoding="utf-8", errors="replace") as file:
            file.seek(self.read)
            text = file.read()
            self.read = file.tell()
        return text

    def ask(self) -> bytes:
        """The response to an ordinary request now."""
        ids = [json.loads(line)["id"] for line in (SMALL / "artifacts.jsonl").read_text("utf-8").splitlines()[:5]]
        body = json.dumps({"artifacts": {"id": {"any_": ids}}, "sort": "ID_DESC"})
        answer = exchange(self.address, [post(FILTER, body)])
        assert answer.status == 200
        return answer.body

    def memory_now(self) -> int:
        """The memory of the process, in bytes, without the written rows, and without snapshots of them."""
        assert exchange(self.address, [post("/__admin/reset", "")]).status == 200
        (workspace,) = exchange(self.address, [get("/__admin/state")]).document["workspaces"]
        for name in workspace["snapshots"]:
            deleted = exchange(self.address, [post(f"/__admin/snapshots/{quote(name, safe='')}", "", method="DELETE")])
            assert deleted.status == 204
        return int(exchange(self.address, [get("/__admin/state")]).document["memory"])


@contextmanager
def under_fire(log: Path, *options: str) -> Iterator[Target]:
    """A server whose log is a file."""
    serve = [sys.executable, "-m", "understudy", "serve", "--port", "0", "--fixtures", str(SMALL), *options]
    command = ["sh", "-c", 'exec "$@" 2>"$LOG"', "sh", *serve]
    with running(command, {**os.environ, **GIVES_BACK, "LOG": str(log)}, ROOT) as process:
        assert process.stdout is not None
        url = next(line for line in process.stdout if line.strip().startswith("export ")).partition("=")[2]
        parts = urlsplit(url.strip())
        address = (parts.hostname or "", parts.port or 0)
        bystander = Bystander(address)
        target = Target(address, log, bystander)
        target.ordinary = target.ask()  # the first request imports and compiles what it needs
        bystander.start()
        yield target
        bystander.stop()


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with under_fire(tmp_path_factory.mktemp("hostile") / "log") as server:
        warm_up(server)
        yield server


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with under_fire(tmp_path_factory.mktemp("slow") / "log", "--client-timeout", "1") as server:
        yield server


def warm_up(server: Target) -> None:
    """Let the server allocate what its operations and its largest requests need.

    Operations are compiled at their first request.
    """
    document = exchange(server.address, [get("/openapi.json")]).document
    for path, methods in document["paths"].items():
        for method in methods:
            whole = re.sub(r"\{[^}]*\}", NOBODY, f"/api{path}")
            exchange(server.address, [post(whole, "{}", method=method.upper())])
    for each in bodies.INPUTS:
        exchange(server.address, each.sent())
    server.memory = server.memory_now()
    server.new_lines()


def test_number_of_inputs() -> None:
    names = [str(each) for each in (*INPUTS, *slow.INPUTS)]
    assert len(names) >= 300
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("hostile", INPUTS, ids=str)
def test_input_is_handled(target: Target, hostile: Input) -> None:
    waits = []
    for _ in range(TRIES):
        begun = time.monotonic()
        hold(hostile, exchange(target.address, hostile.sent(), has_body=not hostile.is_head))
        assert target.ask() == target.ordinary
        waits.append(target.bystander.longest(begun))
        if waits[-1] <= LONGEST_WAIT:
            break
    assert min(waits) <= LONGEST_WAIT, f"others waited {waits} seconds"
    assert_quiet(target.new_lines())


def hold(hostile: Input, answer: Answer) -> None:
    assert answer.status in hostile.statuses, (answer.status, answer.body[:300])
    assert answer.seconds < LONGEST_ANSWER
    assert "set-cookie" not in answer.headers
    assert "evil" not in answer.headers.get("location", "")
    if answer.status != CLOSED and answer.status >= REFUSED and hostile.says_json and not hostile.is_head:
        document = answer.headers.get("content-type", "")
        assert document.startswith("application/json"), (document, answer.body[:300])
        assert answer.document.get("detail") or answer.document.get("exception_message"), answer.body[:300]


def assert_quiet(log: str) -> None:
    assert "Traceback" not in log
    assert "failed:" not in log
    assert "ERROR" not in log


def test_slow_requests_are_rejected(impatient: Target) -> None:
    """All at the same time, so that it takes no longer than one."""

    def sent(hostile: Input) -> Callable[[], None]:
        answer = exchange(impatient.address, hostile.sent())
        return lambda: hold(hostile, answer)

    with ThreadPoolExecutor(len(slow.INPUTS)) as pool:
        for check in list(pool.map(sent, slow.INPUTS)):
            check()
    assert impatient.ask() == impatient.ordinary
    assert impatient.bystander.longest() <= LONGEST_WAIT
    assert_quiet(impatient.new_lines())


def test_memory_does_not_grow(target: Target) -> None:
    more = target.memory_now() - target.memory
    print(f"{target.memory >> 20} MiB, {more / 2**20:+.0f} MiB; longest wait {target.bystander.longest():.2f} s")  # noqa: T201
    assert more < MORE_MEMORY
