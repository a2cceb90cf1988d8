"""`understudy compare`: two stand-ins, one of them with other rows."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests import jsonl
from tests.conftest import SMALL
from tests.servers import free_port, stand_in
from understudy.contract.contract import Contract
from understudy.operations.api_folder import own_folder
from understudy.sampling.moving_fields import moving_fields, without

LOST, CHANGED = "fc6a7ef8-992b-4e20-a781-7f6b204f5d87", "fc66ff61-5877-4357-a3a6-7b1dad52f037"


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A stand-in on the small set, without one of its artifacts, and another type of one."""
    folder = Path(shutil.copytree(SMALL, tmp_path_factory.mktemp("other") / "set"))
    rows = [row for row in jsonl.read(folder / "artifacts.jsonl") if row["id"] != LOST]
    jsonl.write(folder / "artifacts.jsonl", [{**row, "type": "odd"} if row["id"] == CHANGED else row for row in rows])
    with stand_in(folder) as client:
        yield client


def compare(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "understudy", "compare", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def url(api: httpx.Client) -> str:
    return str(api.base_url).rstrip("/")


def test_equal_servers_have_no_differences(small: httpx.Client) -> None:
    for source in ([], ["--fixtures", str(SMALL)]):
        result = compare(url(small), url(small), "--requests", "150", *source)
        assert (result.returncode, result.stdout) == (0, "0 differences in 150 requests.\n")


def test_differences_are_reported_once_per_cause_with_the_smallest_request(
    small: httpx.Client, other: httpx.Client
) -> None:
    result = compare(url(small), url(other), "--requests", "3000", "--seed", "1")
    assert result.returncode == 1
    lines = result.stdout.splitlines()
    assert lines[0].endswith(" differences in 3,000 requests, by cause:")
    assert any("POST /artifacts/count: the body" in line for line in lines)
    assert "   120 and 119" in lines
    assert f"   curl -s {url(small)}/artifacts/count -X POST -H 'content-type: application/json' -d '{{}}'" in lines
    assert f"   only in the first: {LOST}; only in the second: none" in lines
    assert lines[-1] == "Repeat with --seed 1"


def test_seed_repeats_the_requests(small: httpx.Client, other: httpx.Client) -> None:
    first, again = (compare(url(small), url(other), "--requests", "60", "--seed", "7").stdout for _ in range(2))
    assert first == again


def test_differing_requests_are_saved_and_replayed(small: httpx.Client, other: httpx.Client, tmp_path: Path) -> None:
    saved = tmp_path / "cases.jsonl"
    compare(url(small), url(other), "--requests", "800", "--seed", "1", "--save", str(saved))
    cases = jsonl.read(saved)
    assert len(cases) > 1
    moving = moving_fields(Contract.load(own_folder() / "openapi.yaml"))
    for case in cases:
        answer = small.request(case["method"], case["path"], json=case["body"]).json()
        assert case["answer"] == without(moving, answer), "all but what changes with time"
    again = compare(url(small), url(other), "--replay", str(saved))
    assert (again.returncode, again.stdout.splitlines()[0]) == (
        1,
        f"{len(cases)} differences in {len(cases)} requests, by cause:",
    )
    mended = compare(url(small), url(small), "--replay", str(saved))
    assert (mended.returncode, mended.stdout) == (0, f"0 differences in {len(cases)} requests.\n")


def test_number_that_changes_with_time_may_differ_by_seconds(tmp_path: Path) -> None:
    saved = tmp_path / "cases.jsonl"
    jsonl.write(saved, [{"method": "POST", "path": "/flow_runs/lateness", "body": {}}])
    times = "2026-03-29T00:00:00Z", "2026-03-29T00:00:04Z", "2026-03-30T00:00:00Z"
    with ExitStack() as stack:
        now, soon, later = (stack.enter_context(stand_in(SMALL, "--now", time)) for time in times)
        assert now.post("/flow_runs/lateness", json={}).json() != soon.post("/flow_runs/lateness", json={}).json()
        near, far = (compare(url(now), url(api), "--replay", str(saved)) for api in (soon, later))
    assert (near.returncode, near.stdout) == (0, "0 differences in 1 request.\n")
    assert "POST /flow_runs/lateness: the body" in far.stdout


def test_headers_are_sent_to_both_servers(small: httpx.Client) -> None:
    outdated = compare(url(small), url(small), "--requests", "20", "--header", "x-prefect-api-version: 0.1.0")
    assert (outdated.returncode, outdated.stdout) == (0, "0 differences in 20 requests.\n")


ERRORS = {
    "no URL": (["nonsense", "nonsense"], "nonsense: cannot be reached ("),
    "no port": (["http://a:b", "http://a:b"], "http://a:b: cannot be reached ("),
    "a password in a URL": (["http://me:secret@{none}", "{api}"], "http://{none}: cannot be reached ("),
    "a header that no server takes": (["{api}", "{api}", "--header", "x: ü"], "{api}: cannot be reached ("),
    "nobody there": (["{nobody}", "{nobody}"], "{nobody}: cannot be reached ("),
    "no API there": (
        ["{root}", "{root}"],
        "{root}/artifacts/filter: does not exist; is this the URL of an API, such as ",
    ),
    "no API at the second": (["{api}", "{root}"], "{root}/artifacts/filter: does not exist; is this the URL of an API"),
    "a header without a colon": (["{api}", "{api}", "--header", "x"], "--header takes 'NAME: VALUE', not 'x'"),
    "no such fixtures": (["{api}", "{api}", "--fixtures", "nowhere"], "nowhere: no such fixture folder"),
    "no such cases": (["{api}", "{api}", "--replay", "nowhere"], "nowhere: cannot be read (No such file or directory)"),
    "cases that are none": (
        ["{api}", "{api}", "--replay", "{text}"],
        "{text}, line 1: is not JSON (",
    ),
    "cases that lack a path": (
        ["{api}", "{api}", "--replay", "{odd}"],
        "{odd}, line 1: is not a request with a method and a path",
    ),
    "fixtures that are none": (
        ["{api}", "{api}", "--fixtures", "{set}"],
        "{set}/flows.jsonl, line 1: Input should be an object",
    ),
    "cases that change things": (
        ["{api}", "{api}", "--replay", "{write}"],
        "{write}, line 1: POST /flows/bulk_delete is not a request that is known to change nothing",
    ),
    "a file that cannot be written": (["{api}", "{api}", "--requests", "1", "--save", "/"], "/: cannot be written ("),
}


@pytest.mark.parametrize("name", ERRORS)
def test_error_is_reported_in_one_line(small: httpx.Client, tmp_path: Path, name: str) -> None:
    words = {
        "{api}": url(small),
        "{root}": url(small).removesuffix("/api"),
        "{none}": f"127.0.0.1:{free_port()}/api",
        "{nobody}": f"http://127.0.0.1:{free_port()}/api",
        "{text}": str(tmp_path / "text"),
        "{write}": str(tmp_path / "write"),
        "{odd}": str(tmp_path / "odd"),
        "{set}": str(tmp_path),
    }
    jsonl.write(tmp_path / "odd", [{"method": []}])
    jsonl.write(tmp_path / "flows.jsonl", [5])
    (tmp_path / "text").write_text("hello\n", encoding="utf-8")
    jsonl.write(tmp_path / "write", [{"method": "POST", "path": "/flows/bulk_delete", "body": {}}])
    arguments, expected = ERRORS[name]
    for word, value in words.items():
        arguments = [argument.replace(word, value) for argument in arguments]
        expected = expected.replace(word, value)
    result = compare(*arguments)
    assert result.returncode == 2, result
    line = result.stderr.splitlines()[-1]
    assert line.startswith(f"error: {expected}")
    assert "Traceback" not in result.stderr
