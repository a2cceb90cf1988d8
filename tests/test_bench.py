"""The benchmark's evaluation of its measurements, and its fixture sets."""

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bench import chart, report, sets, targets, wrk
from bench.__main__ import command_of
from bench.client import Request, client
from bench.errors import BenchError
from bench.results import Cell, Results, Start
from bench.running import free_port
from tests.conftest import SMALL
from tests.servers import ROOT, stand_in
from understudy.loading import fixtures
from understudy.operations.api_folder import Api
from understudy.workspaces.workspace import Workspace


def test_output_of_wrk_is_parsed() -> None:
    output = 'Running\nmeasured {"requests": 10, "duration": 2000000, "p50": 1500, "p99": 9000, "failed": 1}\n'
    assert wrk.parsed(output, "") == wrk.Load(requests=10, seconds=2.0, p50=1.5, p99=9.0, failed=1)


def test_error_of_wrk_is_reported() -> None:
    with pytest.raises(BenchError, match="wrk measured nothing: unable to connect"):
        wrk.parsed("", "unable to connect\n")


def cell(server: str, per_second: float) -> Cell:
    return Cell("demo", "get", server, per_second, p50=1.0, p99=2.0, cpu=0.1, rows=None, failed=0)


@pytest.fixture
def results() -> Results:
    return Results(
        command="python -m bench",
        date="2026-01-01",
        starts=[Start("demo", "understudy", 0.25, 10**8, 5), Start("demo", "real", 3.0, 4 * 10**8, 3)],
        cells=[cell("understudy", 20_000), cell("real", 250), cell("limit", 40_000)],
    )


def test_target_is_met_missed_or_not_measured(results: Results) -> None:
    found = {target.what: target for target in targets.targets(results)}
    one = "one artifact by its id, requests/s"
    assert found["start on the demo set"].met is True
    assert (found[f"{one}, of the real server's"].measured, found[f"{one}, of the real server's"].met) == (80, True)
    assert (found[f"{one}, of the limit's"].measured, found[f"{one}, of the limit's"].met) == (0.5, False)
    assert found["start on the demo set, the real server's / Understudy's"].met is False
    assert found["start on 1,000,000"].met is None


def test_report_has_the_ratios_and_the_verdicts(results: Results) -> None:
    text = report.written(results)
    assert "| Prefect | 250 | 80x | 1.00 ms | 2.00 ms | 0.100 ms | - | 0 |" in text
    assert "| one artifact by its id, requests/s, of the limit's | ≥ 1x | 0.5x | **no** |" in text
    assert "not measured" in text


@pytest.mark.parametrize("out", [[], ["--out", "/some/where"], ["--out=/some/where"]])
def test_command_of_a_report_contains_no_local_folder(out: list[str]) -> None:
    assert command_of(["--sizes", "demo", *out, "--rounds", "2"]) == "python -m bench --sizes demo --rounds 2"


def test_chart_shows_the_results(results: Results) -> None:
    assert chart.drawn(results).startswith("<svg ")


def test_fixture_set_is_valid_and_reproducible(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sets, "SETS", tmp_path / "first")
    first = sets.fixture_set(400)
    monkeypatch.setattr(sets, "SETS", tmp_path / "second")
    second = sets.fixture_set(400)
    assert {path.name: path.read_bytes() for path in first.iterdir()} == {
        path.name: path.read_bytes() for path in second.iterdir()
    }
    workspace = Workspace.empty(api.catalog)
    fixtures.load(first, workspace)
    assert list(fixtures.dangling(workspace)) == []
    assert [len(workspace[table]) for table in ("artifacts", "flow_runs", "task_runs")] == [400, 100, 133]
    with stand_in(first) as server:
        assert server.get(f"/artifacts/{sets.known_artifact(first)['id']}").status_code == 200


def test_client_parses_responses() -> None:
    filter_ = Request("POST", "/artifacts/filter", {"limit": 200})
    with stand_in(SMALL) as server, client(server.base_url.port or 80, "/api") as api:
        assert api.expect(Request("GET", "/health")).json() is True
        for _ in range(3):
            assert api.expect(filter_).content == server.post("/artifacts/filter", json={"limit": 200}).content
        with pytest.raises(BenchError, match=r"POST /artifacts/filter was answered with 422: .*limit"):
            api.expect(Request("POST", "/artifacts/filter", {"limit": 1000}))
    with client(free_port(), "/api") as api, pytest.raises(BenchError, match="got no answer"):
        api.expect(filter_)


def test_client_repeats_a_request_on_a_closed_idle_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor() as pool:
        served = pool.submit(answer_once_a_connection, listener, 2)
        with client(listener.getsockname()[1], "") as api:
            assert [api.expect(Request("GET", "/")).content for _ in range(2)] == [b"0, in pieces", b"1, in pieces"]
        served.result()


def answer_once_a_connection(listener: socket.socket, count: int) -> None:
    for number in range(count):
        connection = listener.accept()[0]
        with connection:
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n%d\r\n" % number)
            connection.sendall(b"b\r\n, in pieces\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    ("document", "heading", "files"),
    [
        ("explanation/performance.md", "# Performance", ["results.md", "writes.md"]),
        ("guides/prefect-test-harness.md", "## What it costs", ["flows.md"]),
    ],
)
def test_tables_of_the_documents_match_the_results(document: str, heading: str, files: list[str]) -> None:
    results = ROOT / "bench" / "results"
    measured = [line for name in files for line in (results / name).read_text(encoding="utf-8").splitlines()]
    shown = (ROOT / "docs" / document).read_text(encoding="utf-8").partition(f"{heading}\n")[2]
    rows = [line for line in shown.splitlines() if line.startswith("|")]
    assert len(rows) >= 7
    assert [row for row in rows if row not in measured] == []
