"""A server with a store: stopped, started, rejected, and with a full disk."""

import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.servers import ROOT, client, greeting
from tests.store.conftest import FEW
from understudy.store.write_log import log_file

# Root ignores permissions; without this capability they apply.
AS_ANYBODY = () if os.geteuid() else ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")


@dataclass
class Served:
    """A server, the lines that it printed when it was ready, and a client of it."""

    process: subprocess.Popen[str]
    lines: list[str]
    api: httpx.Client

    def artifact(self, key: str) -> httpx.Response:
        return self.api.post("/artifacts/", json={"key": key})

    def artifact_keys(self) -> list[Any]:
        return sorted(row["key"] for row in self.api.post("/artifacts/latest/filter", json={}).json())

    def stop(self, number: signal.Signals = signal.SIGTERM) -> str:
        """End the process. Returns what it wrote to stderr."""
        self.process.send_signal(number)
        return self.process.communicate(timeout=20)[1]


def command(path: Path) -> list[str]:
    serve = [sys.executable, "-m", "understudy", "serve", "--port", "0", "--quiet"]
    return [*AS_ANYBODY, *serve, "--fixtures", str(FEW), "--store", str(path)]


@contextmanager
def serving(path: Path, *prefix: str) -> Iterator[Served]:
    with subprocess.Popen(
        [*prefix, *command(path)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            lines = greeting(process.stdout)
            with client(lines[-1].partition("=")[2].strip()) as api:
                yield Served(process, lines, api)
        finally:
            process.kill()


def refused(path: Path, *prefix: str) -> str:
    """The single line on stderr of a server that does not start."""
    call = [*prefix, *command(path)]
    result = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert (result.returncode, result.stdout) == (2, ""), result
    (line,) = result.stderr.splitlines()
    return line


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rows.json"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_acknowledged_writes_survive_a_restart(path: Path, number: signal.Signals) -> None:
    with serving(path) as first:
        assert first.lines[1] == f"  rows from {FEW}, stored in {path}:\n"
        assert first.artifact("new").status_code == 201
        keys = first.artifact_keys()
        assert first.stop(number) == ""
    with serving(path) as second:
        assert second.lines[1].startswith(f"  rows from {path}, written ")
        rows = [line.strip() for line in second.lines[2:6]]
        assert rows == ["4 artifacts", "4 artifact_collections", "2 flows", "1 flow_run"]
        assert second.artifact_keys() == keys


def test_second_server_is_rejected_with_the_pid_of_the_first(path: Path) -> None:
    with serving(path) as first:
        assert refused(path) == f"error: {path}: is in use by the process {first.process.pid}"
        assert first.artifact("new").status_code == 201
        first.stop(signal.SIGKILL)
    with serving(path) as second:
        assert "new" in second.artifact_keys()


def test_folder_created_again_belongs_to_the_second_server(path: Path) -> None:
    folder = path.parent / "folder"
    folder.mkdir()
    with serving(folder / "rows.json") as first:
        shutil.rmtree(folder)
        folder.mkdir()
        with serving(folder / "rows.json") as second:
            assert second.artifact("second").status_code == 201
            answer = first.artifact("first")
            assert answer.status_code == 507
            assert "was changed by another process" in answer.json()["detail"]
            assert "first" not in first.artifact_keys()
            assert second.artifact("third").status_code == 201
            assert first.stop().count("was changed by another process") == 1
            assert second.artifact("fourth").status_code == 201
    with serving(folder / "rows.json") as again:
        assert {"second", "third", "fourth"} <= set(again.artifact_keys())


def test_signal_during_a_flush_loses_nothing(path: Path) -> None:
    """Writers continue until the server has stopped; acknowledged writes exist afterwards."""
    with serving(path) as first, ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(write_until_the_end, first.api, f"w{number}-") for number in range(4)]
        while len(first.artifact_keys()) < 20:
            pass
        assert first.stop() == ""
        assert first.process.returncode == 0
        answered = {key for writer in writers for key in writer.result()}
    with serving(path) as second:
        count = second.api.post("/artifacts/latest/count").json()
        for key in answered:
            assert second.api.get(f"/artifacts/{key}/latest").status_code == 200
        assert len(answered) <= count


def write_until_the_end(api: httpx.Client, prefix: str) -> list[str]:
    answered: list[str] = []
    with httpx.Client(base_url=api.base_url) as own:
        while True:
            key = f"{prefix}{len(answered)}"
            try:
                if own.post("/artifacts/", json={"key": key}).status_code == 201:
                    answered.append(key)
            except httpx.HTTPError:
                return answered


def test_full_disk_rejects_writes_and_serves_reads(path: Path) -> None:
    """The disk is full for this process: it may not write files larger than the log."""
    with serving(path) as served:
        assert served.artifact("old").status_code == 201
        keys = served.artifact_keys()
        log = log_file(path)
        before = path.read_bytes(), log.read_bytes()
        limits = resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, (len(before[1]), limits[1]))
        for _ in range(2):
            answer = served.artifact("new")
            assert answer.status_code == 507
            assert answer.json() == {"detail": "The change could not be stored (File too large). Nothing was changed."}
        flow = served.api.post("/flows/filter", json={}).json()[0]
        tags = {"tags": ["x" * 1000]}
        assert served.api.patch(f"/flows/{flow['id']}", json=tags).status_code == 507
        assert served.api.get(f"/flows/{flow['id']}").json() == flow
        assert served.artifact_keys() == keys
        assert (path.read_bytes(), log.read_bytes()) == before
        assert {each.name for each in path.parent.iterdir()} == {f".{path.name}.lock", path.name, log.name}
        resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, limits)
        assert served.artifact("new").status_code == 201
        errors = served.stop()
        assert errors.count("could not be stored: File too large") == 3
        assert "Traceback" not in errors
    with serving(path) as again:
        assert again.artifact_keys() == sorted([*keys, "new"])


def test_full_disk_at_the_stop_keeps_the_log(path: Path) -> None:
    with serving(path) as served:
        assert served.artifact("new").status_code == 201
        keys = served.artifact_keys()
        resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, (100, 100))
        assert f"{path} could not be rewritten (File too large); its log has the latest writes\n" in served.stop()
        assert served.process.returncode == 0
    assert log_file(path).exists()
    with serving(path) as again:
        assert again.artifact_keys() == keys
        assert again.stop() == ""
    assert list(path.parent.iterdir()) == [path]


def test_stopped_server_leaves_one_file(path: Path) -> None:
    with serving(path) as served:
        for number in range(3):
            assert served.artifact(f"new-{number}").status_code == 201
        assert log_file(path).exists()
        assert served.stop() == ""
    assert list(path.parent.iterdir()) == [path]
    artifacts = json.loads(path.read_bytes())["artifacts"].values()
    assert [row["key"] for row in artifacts if row["key"].startswith("new-")] == ["new-0", "new-1", "new-2"]


def test_full_disk_at_the_start_is_reported_in_one_line(path: Path) -> None:
    """The first write does not fit: the pid in the lock file, or the rows."""
    with serving(path) as served:
        served.stop()
    before = path.read_bytes()
    for size in (0, 100):
        new = path.with_name("new.json")
        assert refused(new, "prlimit", f"--fsize={size}").endswith("(File too large)")
        importing = [sys.executable, "-m", "understudy", "store", "import", str(FEW), str(new)]
        ended = subprocess.run(
            ["prlimit", f"--fsize={size}", *importing], capture_output=True, text=True, timeout=60, check=False
        )
        assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1), ended
        assert ended.stderr.endswith("(File too large)\n")
    assert refused(path, "prlimit", "--fsize=0") == f"error: {path}: cannot be written here (File too large)"
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_workspace_is_rejected_while_the_disk_is_full(path: Path) -> None:
    name = "accounts/7c0f3ed5-4b8a-4c5e-9d57-0c1f8a6b2d11/workspaces/00000000-0000-4000-8000-000000000000"
    with serving(path) as served:
        limits = resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, (100, limits[1]))
        answer = served.api.post(f"/{name}/flows/", json={"name": "new"})
        assert answer.status_code == 507
        assert "cannot be opened" in answer.json()["detail"]
        assert "(File too large)" in answer.json()["detail"]
        assert {each.name for each in path.parent.iterdir()} == {f".{path.name}.lock", path.name}
        resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, limits)
        assert served.api.post(f"/{name}/flows/", json={"name": "new"}).status_code == 201
        assert "Traceback" not in served.stop()


def test_deleted_current_folder_is_reported(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    script = 'mkdir "$0" && cd "$0" && rmdir "$0" && exec "$@"'
    line = refused(Path("rows.json"), "bash", "-c", script, str(gone))
    assert line == "error: rows.json: cannot be read (No such file or directory)"


def test_connections_leave_descriptors_for_the_store(path: Path) -> None:
    """The limit is too low for both: fewer connections are accepted, and writes always continue."""
    with serving(path, "prlimit", "--nofile=256:256") as served:
        assert served.artifact("before").status_code == 201
        address = (served.api.base_url.host, served.api.base_url.port or 0)
        with ExitStack() as stack:
            for _ in range(150):  # clients that only connect; 64 are served
                stack.enter_context(closing(socket.create_connection(address)))
            # On the connection of before.
            assert [served.artifact(f"new-{number}").status_code for number in range(5)] == [201] * 5
        assert served.stop().startswith("warning: this process can open 256 files, too few for --max-connections 1000")
    assert refused(path, "prlimit", "--nofile=20:20").startswith("error: this process may open 20 files, too few to")
    with serving(path, "prlimit", "--nofile=128:4096") as served:
        soft, _ = resource.prlimit(served.process.pid, resource.RLIMIT_NOFILE)
        assert soft > 1000
        assert served.stop() == ""


@pytest.mark.parametrize(("files", "expected"), [(256, "64 None"), (255, "63 this process can open 255 files, ")])
def test_connections_that_just_fit_are_accepted(files: int, expected: str) -> None:
    code = """if True:
        from understudy.server.file_descriptors import fit_connections
        from understudy.options import Options
        options, warning = fit_connections(Options(max_connections=64))
        print(options.max_connections, warning)
    """
    limited = ["prlimit", f"--nofile={files}:{files}", sys.executable, "-c", code]
    printed = subprocess.run(limited, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert printed.startswith(expected)


def test_missing_permission_rejects_writes_until_it_is_restored(path: Path) -> None:
    with serving(path) as served:
        assert served.artifact("old").status_code == 201
        for locked, rights in ((path, 0o644), (log_file(path), 0o644)):
            locked.chmod(rights & 0o555)
            answer = served.artifact("new")
            assert answer.status_code == 507
            assert "(Permission denied)" in answer.json()["detail"]
            assert "new" not in served.artifact_keys()
            locked.chmod(rights)
        assert served.artifact("new").status_code == 201


def test_read_only_folder_is_reported_at_the_start(tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o555)
    path = folder / "rows.json"
    assert refused(path) == f"error: {path}: cannot be written here (Permission denied)"


def test_missing_folder_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "none" / "rows.json"
    assert refused(path) == f"error: {path}: cannot be written here (No such file or directory)"


def test_damaged_file_is_rejected_and_not_changed(path: Path) -> None:
    path.write_text('{"flows": {\n"1": {}}}', encoding="utf-8")
    assert refused(path) == (
        f"error: {path}, line 2: name: Field required; `understudy store repair {path}` saves what can be read"
    )
    assert path.read_text(encoding="utf-8") == '{"flows": {\n"1": {}}}'
