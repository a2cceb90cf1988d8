"""`serve --watch`: changed files are loaded again; if that fails, the server keeps the earlier ones."""

import http.client
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.servers import ROOT, client, greeting
from tests.store.conftest import FEW

FLOW = '{"id": "8f7c1b1e-3c55-4d0b-9a53-7a1c6e2b9f10", "name": "%s", "created": "2026-01-01T00:00:00Z", ' \
    '"updated": "2026-01-01T00:00:00Z"}\n'  # fmt: skip


@dataclass
class Watched:
    """A server that watches a folder, and a client of it."""

    folder: Path
    process: subprocess.Popen[str]
    api: httpx.Client

    @property
    def flows(self) -> Path:
        return self.folder / "fixtures" / "demo" / "flows.jsonl"

    def names(self) -> list[str]:
        return sorted(flow["name"] for flow in self.api.post("/flows/filter", json={}).json())

    def edit(self, path: Path, edit: Callable[[str], str]) -> str:
        """Change a file like editors do, by replacing it. Returns the log line of the change."""
        after = path.with_name(f".{path.name}.new")
        after.write_text(edit(path.read_text(encoding="utf-8")), encoding="utf-8")
        after.replace(path)
        return self.logged(path.name)

    def logged(self, name: str) -> str:
        assert self.process.stderr is not None
        return next(line for line in self.process.stderr if f"a change of {name}" in line)


@contextmanager
def watching(folder: Path, *options: str) -> Iterator[Watched]:
    shutil.copytree(ROOT / "handlers", folder / "handlers", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(FEW, folder / "fixtures" / "demo")
    shutil.copy(ROOT / "openapi.yaml", folder)
    shutil.copytree(ROOT / "openapi", folder / "openapi")
    command = [sys.executable, "-m", "understudy", "serve", "--watch", "--quiet", "--port", "0", "--api", str(folder)]
    with subprocess.Popen(
        [*command, *options], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            with client(greeting(process.stdout)[-1].partition("=")[2].strip()) as api:
                yield Watched(folder, process, api)
        finally:
            process.kill()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    with watching(tmp_path) as served:
        yield served


def test_fixtures_are_loaded_again(watched: Watched) -> None:
    before = watched.names()
    assert watched.api.post("/flows/", json={"name": "written"}).status_code == 201
    line = watched.edit(watched.flows, lambda text: text + FLOW % "added")
    assert line == "INFO:     reloaded after a change of flows.jsonl; changes in memory are discarded\n"
    assert watched.names() == sorted([*before, "added"])


def test_contract_is_loaded_again(watched: Watched) -> None:
    watched.edit(watched.folder / "openapi.yaml", lambda text: text.replace("  /hello:", "  /good-day:", 1))
    assert watched.api.get("/hello").status_code == 404
    assert watched.api.get("/good-day").status_code == 200
    path = watched.folder / "openapi" / "flows.yaml"
    watched.edit(path, lambda text: text.replace("x-message: Flow not found", "x-message: No flow", 1))
    assert watched.api.get("/flows/name/none").json() == {"detail": "No flow"}


def test_handlers_are_loaded_again_after_small_changes(watched: Watched) -> None:
    """Python's bytecode cache does not notice two edits in a second that keep the length."""
    path = watched.folder / "handlers" / "service.py"
    watched.edit(path, lambda text: f'{text}\n\ndef read_hello() -> str:\n    return "ciao!"\n')
    assert watched.api.get("/hello").json() == "ciao!"
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    after = path.with_name("service.new")
    after.write_text(path.read_text(encoding="utf-8").replace("ciao!", "salve"), encoding="utf-8")
    os.utime(after, ns=times)
    after.replace(path)
    watched.logged(path.name)
    assert watched.api.get("/hello").json() == "salve"


def test_invalid_files_are_not_loaded(watched: Watched) -> None:
    assert watched.api.post("/flows/", json={"name": "written"}).status_code == 201
    names = watched.names()
    # Each is noticed before those above it.
    for path, broken, reason in (
        (watched.flows, "{bad\n", "Invalid JSON"),
        (watched.folder / "handlers" / "artifacts.py", "\nimport nothing_there\n", "No module named 'nothing_there'"),
        (watched.folder / "handlers" / "service.py", "\nraise SystemExit('no')\n", "SystemExit"),
        (watched.folder / "openapi.yaml", "\n  - nonsense: [", "is not YAML"),
    ):
        line = watched.edit(path, lambda text, broken=broken: text + broken)  # type: ignore[misc]
        assert line.startswith(f"ERROR:    cannot reload after a change of {path.name}: ")
        assert reason in line
        assert watched.names() == names


def test_fault_rules_are_loaded_again(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("rules: []\n", encoding="utf-8")
    with watching(tmp_path / "api", "--faults", str(rules)) as watched:
        assert watched.api.get("/hello").status_code == 200
        watched.edit(rules, lambda _: "rules: [{path: /api/hello, answer: 503}]\n")
        assert watched.api.get("/hello").status_code == 503


def test_store_keeps_its_rows(tmp_path: Path) -> None:
    with watching(tmp_path / "api", "--store", str(tmp_path / "rows.json")) as watched:
        assert watched.api.post("/flows/", json={"name": "written"}).status_code == 201
        names = watched.names()
        assert "stores keep their rows" in watched.edit(watched.flows, lambda text: text + FLOW % "added")
        assert watched.names() == names
        assert watched.api.post("/flows/", json={"name": "more"}).status_code == 201
        kept = "".join(path.read_text(encoding="utf-8") for path in tmp_path.glob("rows.json*"))
        assert '"name":"written"' in kept
        assert '"name":"more"' in kept
        watched.api.post("/../__admin/reset").raise_for_status()
        assert "added" in watched.names()


@pytest.mark.parametrize("is_kept", [False, True], ids=["memory", "store"])
def test_no_request_is_lost_during_a_reload(tmp_path: Path, is_kept: bool) -> None:
    """Clients continue to send requests, each over one connection."""
    options = ("--store", str(tmp_path / "rows.json")) if is_kept else ()
    with watching(tmp_path / "api", *options) as watched, ThreadPoolExecutor() as pool:
        is_over = False

        def ask_on() -> int:
            url = urlsplit(str(watched.api.base_url))
            connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=60)
            connection.connect()
            socket, count = connection.sock, 0
            while not is_over:
                connection.request(
                    "POST", "/api/flows/", f'{{"name": "f{count}"}}', {"content-type": "application/json"}
                )
                answer = connection.getresponse()
                assert (answer.status, answer.read()[:1]) in ((200, b"{"), (201, b"{"))
                assert connection.sock is socket
                count += 1
            connection.close()
            return count

        asking = [pool.submit(ask_on) for _ in range(3)]
        for number in range(3):
            watched.edit(watched.flows, lambda text, number=number: text.replace("{", "{ ", 1 + number))  # type: ignore[misc]
        is_over = True
        assert all(each.result() > 0 for each in asking)


def test_slow_request_uses_the_handlers_of_its_start(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("rules: [{path: /api/hello, delay: 4}]\n", encoding="utf-8")
    with watching(tmp_path / "api", "--faults", str(rules)) as watched, ThreadPoolExecutor() as pool:
        slow = pool.submit(watched.api.get, "/hello")
        watched.edit(rules, lambda _: "rules: [{path: /api/hello, answer: 503}]\n")
        assert slow.result().status_code == 200
        assert watched.api.get("/hello").status_code == 503
