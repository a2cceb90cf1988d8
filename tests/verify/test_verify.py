"""`understudy verify`, as a user runs it, on correct and broken stand-ins."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import httpx
import pytest

from tests.conftest import SMALL
from tests.mutants.exchange import Request
from tests.servers import free_port, stand_in
from tests.sessions import ID
from tests.verify.reduced import reduced_contract
from tests.verify.servers import everything, mutated, repeating, url_of, watched
from understudy.cli import commands
from understudy.contract.contract import Contract
from understudy.operations.api_folder import own_folder
from understudy.reports.verdict import Rule
from understudy.sampling.random_requests import safe_operations
from understudy.verify import rules
from understudy.verify import verify as verification

RULES = [rule for rule in vars(rules).values() if isinstance(rule, Rule)]
MEANING = 24_000  # requests: sufficient for all checks of the small set
SAFE = {path for method, path, _ in safe_operations(Contract.load(own_folder() / "openapi.yaml")) if method == "POST"}


def verify(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command with a contract of artifacts and flows."""
    command = [sys.executable, "-m", "tests.verify.reduced", "verify", *arguments]
    return subprocess.run(command, env=keyless(), capture_output=True, text=True, timeout=800, check=False)


def keyless() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PREFECT_API_KEY"}


@dataclass(frozen=True)
class Ended:
    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


class Command:
    """The same command, in this process; or another one, by its name."""

    def __init__(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str = "verify"
    ) -> None:
        self._name = name
        self._capsys = capsys
        self._monkeypatch = monkeypatch

    def __call__(self, *arguments: str) -> Ended:
        self._monkeypatch.setattr(sys, "argv", ["understudy", self._name, *arguments])
        try:
            commands.run()
        except SystemExit as end:
            return Ended(int(str(end.code)), *self._capsys.readouterr())
        return Ended(0, *self._capsys.readouterr())

    def few(self, url: str, requests: int, *arguments: str) -> Ended:
        """A verification of a few requests, always the same."""
        return self(url, "--max-requests", str(requests), "--seed", "1", *arguments)


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command, with a contract of artifacts and flows."""
    monkeypatch.delenv("PREFECT_API_KEY", raising=False)
    monkeypatch.setattr(verification, "own_contract", reduced_contract)
    return Command(capsys, monkeypatch)


# ----------------------------------------------------------------------- a whole run


@dataclass(frozen=True)
class Whole:
    """A verification with writes of a correct server, and the content of the server before and after."""

    result: subprocess.CompletedProcess[str]
    before: dict[tuple[str, str], bytes]
    after: dict[tuple[str, str], bytes]
    reports: Path

    @property
    def document(self) -> Any:
        return json.loads((self.reports / "json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    reports = tmp_path_factory.mktemp("reports")
    with stand_in(SMALL, "--strict") as api:
        before = everything(api)
        written = [option for name in ("junit", "json", "html") for option in (f"--{name}", str(reports / name))]
        result = verify(
            url_of(api), "--max-requests", str(MEANING), "--seed", "1", "--strict", "--allow-writes", *written
        )
        return Whole(result, before, everything(api), reports)


def test_stand_in_passes(whole: Whole) -> None:
    assert whole.result.returncode == 0
    assert whole.result.stderr.splitlines() == [f"verifying: {share} %" for share in range(0, 101, 10)]
    *lines, cells, last = whole.result.stdout.splitlines()
    assert re.fullmatch(r"0 violations in [\d,]+ requests, \d+\.\d s; repeat with --seed 1", last)
    assert re.fullmatch(r"\d+ cells: \d+ passed(, \d+ .*)?", cells)
    assert "failed" not in cells
    held = [line for line in lines if line and not line.startswith("The ")]
    assert [line for line in held if not line.startswith("passed ")] == []


def test_every_rule_is_checked(whole: Whole) -> None:
    checks = {rule["name"]: rule["checks"] for rule in whole.document["rules"]}
    assert [rule.name for rule in RULES if not checks.get(rule.name)] == []
    assert any(name.startswith("schemathesis ") for name in checks)


def test_created_rows_are_deleted_and_nothing_else_has_changed(whole: Whole) -> None:
    assert whole.after == whole.before
    assert all(len(json.loads(rows)) > 10 for rows in whole.before.values())


def test_rows_were_created(whole: Whole) -> None:
    checks = {rule["name"]: rule["checks"] for rule in whole.document["rules"]}
    assert checks["create"] > 20
    assert checks["delete"] > 20


def test_reports_of_a_pass_match_the_summary(whole: Whole) -> None:
    document = whole.document
    assert (document["passed"], document["violations"], document["known"], document["seed"]) == (True, [], [], 1)
    assert f"0 violations in {document['requests']:,} requests" in whole.result.stdout
    suites = ET.parse(whole.reports / "junit").getroot()
    assert suites.find(".//failure") is None
    assert len(list(suites.iter("testcase"))) > len(RULES)
    page = (whole.reports / "html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "0 violations" in page


# ------------------------------------------------------------------------- requests


def test_verify_is_read_only_by_default(command: Command, small: httpx.Client) -> None:
    with watched(small) as (url, log):
        assert command.few(url, 900).status == 0
    assert {request.method for request in log} <= {"GET", "HEAD", "OPTIONS", "POST", "TRACE"}
    # A path with a slash too many is redirected.
    assert {request.path.removesuffix("/") for request in log if request.method == "POST"} <= SAFE


def requests_of(log: list[Request]) -> list[tuple[str, str, bytes]]:
    """Requests, without ids that the run generated."""
    known = set(ID.findall("".join(path.read_text(encoding="utf-8") for path in SMALL.glob("*.jsonl"))))

    def fixed(text: str) -> str:
        return ID.sub(lambda match: match[0] if match[0] in known else "an id", text)

    return [(request.method, fixed(request.path), request.body) for request in log]


def test_seed_determines_the_requests(command: Command, small: httpx.Client) -> None:
    logs = []
    for seed, requests in (("7", 560), ("7", 560), ("8", 250)):
        with watched(small) as (url, log):
            result = command(url, "--max-requests", str(requests), "--seed", seed)
        assert result.lines[-1].endswith(f"; repeat with --seed {seed}")
        logs.append(requests_of(log))
    assert logs[0] == logs[1]
    assert logs[0][:250] != logs[2]


def test_without_a_seed_one_is_drawn(command: Command, small: httpx.Client) -> None:
    assert len({command(url_of(small), "--max-requests", "1").out.rpartition(" ")[2] for _ in range(2)}) == 2


def test_number_of_requests_is_limited(command: Command, small: httpx.Client) -> None:
    with watched(small) as (url, log):
        result = command.few(url, 100)
    assert len(log) == 100
    assert result.status == 0
    assert "Ended after 100 requests, the limit of --max-requests." in result.lines
    assert result.lines[-1].startswith("0 violations in 100 requests, ")


def test_created_rows_are_deleted_after_the_limit_of_requests(command: Command) -> None:
    with stand_in(SMALL) as api:
        before = everything(api)
        with watched(api) as (url, log):
            result = command.few(url, 20, "--allow-writes")
        made = sum(request.is_a("POST /(artifacts|flows)/") for request in log)
        assert made > 4
        last = [f"{request.method} {request.path}" for request in log[20 + made :]]
        assert [request.method for request in log[20 : 20 + made]] == ["DELETE"] * made
        assert sorted(last) == ["POST /artifacts/filter", "POST /flows/filter"], "what a server makes by itself"
        assert result.lines[-1].startswith(f"0 violations in {len(log)} requests, ")
        assert everything(api) == before


def handle_interrupts() -> None:
    """Handle interrupts, which processes in a shell's background ignore, maybe also these tests."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_created_rows_are_deleted_after_an_interrupt() -> None:
    with stand_in(SMALL) as api:
        before = everything(api)
        with watched(api) as (url, log):
            command = [sys.executable, "-m", "tests.verify.reduced", "verify", url, "--allow-writes"]
            process = subprocess.Popen(
                command,
                env=keyless(),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                preexec_fn=handle_interrupts,  # noqa: PLW1509 - it does nothing but this
            )
            while len(log) < 100:
                assert process.poll() is None
                time.sleep(0.01)
            assert everything(api) != before
            process.send_signal(signal.SIGINT)
            _, complaint = process.communicate(timeout=60)
        assert process.returncode == 130
        assert "Traceback" not in complaint
        assert everything(api) == before


def test_rate_is_limited(command: Command, small: httpx.Client, tmp_path: Path) -> None:
    command.few(url_of(small), 11, "--rate", "25", "--json", str(tmp_path / "json"))
    took = json.loads((tmp_path / "json").read_text(encoding="utf-8"))["seconds"]
    assert took >= 10 / 25


AUTHORIZED: dict[str, tuple[list[str], dict[str, str], str | None]] = {
    "nothing": ([], {}, None),
    "a user": (["--auth", "me:a:b"], {}, "Basic bWU6YTpi"),
    "a key": ([], {"PREFECT_API_KEY": "k"}, "Bearer k"),
    "an empty key": ([], {"PREFECT_API_KEY": ""}, None),
    "a header": (["--header", "Authorization: mine"], {}, "mine"),
    "a header before a key": (["--header", "Authorization: mine"], {"PREFECT_API_KEY": "k"}, "mine"),
    "a user before a key": (["--auth", "me:"], {"PREFECT_API_KEY": "k"}, "Basic bWU6"),
}


@pytest.mark.parametrize("name", AUTHORIZED)
def test_every_request_has_the_credentials(
    command: Command, small: httpx.Client, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    arguments, environment, expected = AUTHORIZED[name]
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    with watched(small) as (url, log):
        assert command.few(url, 30, *arguments).status == 0
    assert {request.headers.get("authorization") for request in log} == {expected}


def test_every_request_has_the_headers(command: Command, small: httpx.Client) -> None:
    with watched(small) as (url, log):
        command.few(url, 60, "--header", "x-one: 1", "--header", "X-Two:2 : 3")
    assert {(request.headers["x-one"], request.headers["x-two"]) for request in log} == {("1", "2 : 3")}


# ------------------------------------------------------------------------- findings

BROKEN = {
    # kind: the mutant, the broken rule, the place, and the number of requests that show it
    "a filter": ("key-any-first-only", "same rows", "POST /artifacts/filter, artifacts.key.any_", 900, []),
    "a page": ("default-limit-100", "page", "POST /artifacts/filter, ID_DESC", 4000, []),
    "a write": ("create-200", "response", "POST /artifacts/, key, ", 20, ["--allow-writes"]),
    "a shape": ("field-of-another-type", "response", "POST /flows/filter, ", 20, []),
    "a refusal": ("wrong-method-404", "method", "TRACE /health, ", 20, []),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_mutant_is_reported_with_its_broken_rule(command: Command, scratch: httpx.Client, kind: str) -> None:
    name, rule, where, requests, options = BROKEN[kind]
    with mutated(name, scratch) as url:
        result = command.few(url, requests, *options)
    says = {each.name: each.says for each in RULES}[rule]
    assert result.status == 1
    assert any(re.fullmatch(rf"failed  {rule} .*{re.escape(says)}", line) for line in result.lines)
    found = [following for line, following in pairwise(result.lines) if re.fullmatch(rf"\d+\. {rule}: .*", line)]
    assert any(line.strip().startswith(where) for line in found)
    assert re.fullmatch(r"[\d,]+ violations? of \d+ rules? in .*; repeat with --seed 1", result.lines[-1])


def test_curl_commands_show_the_contradiction(command: Command, small: httpx.Client) -> None:
    with mutated("count-one-more", small) as url:
        lines = [line.strip() for line in command.few(url, 4000).lines]
        start = next(number for number, line in enumerate(lines) if re.match(r"\d+\. count: ", line))
        (_, expected), (_, found) = (line.split() for line in lines[start + 2 : start + 4])
        curls = [line for line in lines[start:] if line.startswith("curl ")][:2]
        rows, count = (json.loads(subprocess.check_output(curl, shell=True)) for curl in curls)
    assert (len(rows), count) == (int(expected), int(found))
    assert len(rows) == count - 1


def test_known_deviation_is_not_a_violation(command: Command, small: httpx.Client, tmp_path: Path) -> None:
    known = tmp_path / "known.md"
    known.write_text("```yaml\nrule: method\noperation: '*'\nsubject: ''\n```\n", encoding="utf-8")
    with mutated("allow-missing", small) as url:
        every, none = command.few(url, 30, "--known", str(known)), command.few(url, 30)
        known.write_text(known.read_text(encoding="utf-8").replace("'*'", "TRACE /health"), encoding="utf-8")
        one = command.few(url, 30, "--known", str(known))
    assert [every.status, one.status, none.status] == [0, 1, 1]
    listed = [{line for line in ended.lines if re.match("   (TRACE|HEAD) /", line)} for ended in (every, one, none)]
    assert listed[0] == set()
    assert listed[1] == listed[2] - {"   TRACE /health, 1 time"}
    assert len(listed[2]) > 5
    assert every.lines[-1].startswith("0 violations in 30 requests, ")
    assert f"{len(listed[2])} violations of 1 rule in 30 requests" in none.lines[-1]


def test_reports_of_a_failure_match_the_summary(command: Command, small: httpx.Client, tmp_path: Path) -> None:
    written = [option for name in ("junit", "json", "html") for option in (f"--{name}", str(tmp_path / name))]
    with mutated("wrong-method-404", small) as url:
        result = command.few(url, 40, *written)
    document = json.loads((tmp_path / "json").read_text(encoding="utf-8"))
    assert (document["url"], document["seed"], document["requests"], document["passed"]) == (url, 1, 40, False)
    number = len(document["violations"])
    assert f"{number} violations of 1 rule in 40 requests" in result.lines[-1]
    for violation in document["violations"]:
        assert violation["rule"] == "method"
        assert f"   {violation['requests'][-1]['curl']}" in result.lines
    failures = list(ET.parse(tmp_path / "junit").getroot().iter("failure"))
    assert len(failures) == len({violation["operation"] for violation in document["violations"]})
    page = (tmp_path / "html").read_text(encoding="utf-8")
    assert f"{number} violations" in page
    assert all(violation["operation"].removeprefix("TRACE ") in page for violation in document["violations"])


def test_fixture_set_makes_hidden_rows_known(command: Command, small: httpx.Client) -> None:
    with mutated("flow-runs-id-not-any-ignored-for-artifacts", small) as url:
        result = command.few(url, 4000, "--fixtures", str(SMALL))
    where = "   POST /artifacts/filter, flow_runs.id.not_any_, "
    assert result.status == 1
    found = [line for line, following in pairwise(result.lines) if following.startswith(where)]
    rules = {line.split(" ", 1)[1].partition(":")[0] for line in found}
    assert rules <= {"filter", "same rows", "combination"}
    assert rules


# -------------------------------------------------------------------- unusual servers

UNUSUAL = [
    "",
    "null",
    "[]",
    "{}",
    "5",
    '"text"',
    "[[]]",
    "[{}]",
    '[{"id": []}]',
    '{"results": [5]}',
    '[{"id": "x"}]',
    "{bad",
]


@pytest.mark.parametrize("text", UNUSUAL)
def test_server_with_constant_responses_fails(command: Command, text: str) -> None:
    with repeating(200, text) as url:
        result = command.few(url, 150, "--allow-writes")
    assert result.status == 1
    assert result.lines[-1].endswith("repeat with --seed 1")


# ---------------------------------------------------------------------------- errors


DEVIATION = "a deviation has operation, rule, subject and optionally found, each a text"
ERRORS: dict[str, tuple[list[str], str]] = {
    "no URL": (["nonsense"], "nonsense: cannot be reached (it does not begin with http:// or https://)"),
    "no port": (["http://a:b"], "http://a:b: cannot be reached ("),
    "no host": (["http:///api"], "http:///api: cannot be reached (it has no host)"),
    "a port that is too large": (["http://a:70000"], "http://a:70000: cannot be reached (Port out of range 0-65535)"),
    "a port that nobody has": (["http://a:0"], "http://a:0: cannot be reached (its port is not from 1 to 65535)"),
    "a line end in a URL": (["{api}\n"], "{api}\\n: cannot be reached (it contains a space or a character that is not"),
    "a query in a URL": (["{api}?x=1"], "{api}?x=1: cannot be reached (it has a query or a fragment: leave out "),
    "a password in a wrong URL": (["http://me:secret@a:b"], "http://a:b: cannot be reached ("),
    "a password in a URL": (["http://me:secret@{none}"], "http://{none}: POST /artifacts/filter got no response ("),
    "no TLS": (
        ["https://{plain}"],
        "https://{plain}: POST /artifacts/filter got no response ([SSL: WRONG_VERSION_NUMBER]",
    ),
    "nobody there": (["{nobody}"], "{nobody}: POST /artifacts/filter got no response ("),
    "no API there": (["{root}"], "{root}/artifacts/filter: does not exist; is this the URL of an API, such as "),
    "a server of files": (
        ["{reading}"],
        "{reading}/artifacts/filter: does not respond like an API; is this the URL of",
    ),
    "a web page": (["{page}"], "{page}/artifacts/filter: does not respond like an API; is this the URL of an API"),
    "a text": (["{text}"], "{text}/artifacts/filter: does not respond like an API; is this the URL of an API"),
    "a redirect": (["{moved}"], "{moved}/artifacts/filter: redirects to nowhere; use the URL of the API itself (302)"),
    "too many requests": (["{busy}"], "{busy}/artifacts/filter: refuses requests that are too frequent; --rate makes"),
    "a login that is missing": (
        ["{private}"],
        "{private}/artifacts/filter: requires authentication (--auth or --header) (401)",
    ),
    "a login that is wrong": (
        ["{closed}", "--auth", "a:b"],
        "{closed}/artifacts/filter: forbids it with these credentials (403)",
    ),
    "a header without a colon": (["{api}", "--header", "x"], "--header takes 'NAME: VALUE', not 'x'"),
    "a header without a name": (["{api}", "--header", ": x"], "--header takes 'NAME: VALUE', not ': x'"),
    "a header that no server takes": (["{api}", "--header", "x: ü"], "{api}: cannot be reached ("),
    "a login without a colon": (["{api}", "--auth", "me"], "--auth takes 'USER:PASSWORD'"),
    "no such document": (["{api}", "--known", "nowhere"], "nowhere: cannot be read (No such file or directory)"),
    "a document that is wrong": (["{api}", "--known", "{wrong}"], f"{{wrong}}, line 1: {DEVIATION}"),
    "no such fixtures": (["{api}", "--fixtures", "nowhere"], "nowhere: no such fixture folder"),
    "fixtures that are wrong": (["{api}", "--fixtures", "{set}"], "{set}/flows.jsonl, line 1: "),
    "a JUnit report that cannot be written": (["{api}", "--junit", "/"], "/: cannot be written ("),
    "a JSON report that cannot be written": (["{api}", "--json", "/"], "/: cannot be written ("),
    "an HTML report that cannot be written": (["{api}", "--html", "/no/where"], "/no/where: cannot be written ("),
    "two reports in one file": (
        ["{api}", "--json", "{set}/x", "--html", "{set}/./x"],
        "{set}/x: is given for two reports; use another file for one of them",
    ),
    "a folder of scripts that is a file": (["{api}", "--repro", "{wrong}"], "{wrong}: is not a folder"),
    "a folder of scripts in a file": (["{api}", "--repro", "{wrong}/x"], "{wrong}/x: cannot be written ("),
    "a name that nothing has": (
        ["{api}", "--only", "nope"],
        "--only: no tag or operation is named `nope`; it takes a tag",
    ),
    "a name with a typo": (
        ["{api}", "--only", "flow"],
        "--only: no tag or operation is named `flow`; did you mean `flows`?",
    ),
    "an operation that changes rows": (
        ["{api}", "--only", "flows", "--only", "flows.create_flow"],
        "--only: `flows.create_flow` changes rows, and is only checked with --allow-writes",
    ),
    "no published document": (["{closed}", "--spec-only"], "{closed}: "),
    "no requests": (["{api}", "--max-requests", "0"], "Invalid value for '--max-requests': "),
    "no rate": (["{api}", "--rate", "0"], "Invalid value for '--rate': "),
    "no number": (["{api}", "--seed", "x"], "Invalid value for '--seed': "),
}


@pytest.fixture(scope="module")
def words(small: httpx.Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    folder = tmp_path_factory.mktemp("files")
    (folder / "wrong").write_text("```yaml\nrule: x\n```\n", encoding="utf-8")
    (folder / "flows.jsonl").write_text("5\n", encoding="utf-8")
    with ExitStack() as stack:
        private, closed, moved, busy = (stack.enter_context(repeating(status, "{}")) for status in (401, 403, 302, 429))
        text = stack.enter_context(repeating(200, "hello", "text/plain"))
        reading = stack.enter_context(repeating(405, '{"detail": "Method Not Allowed"}'))
        page = stack.enter_context(repeating(200, "\n<!DOCTYPE html>"))
        yield {
            "{reading}": reading,
            "{page}": page,
            "{api}": url_of(small),
            "{root}": url_of(small).removesuffix("/api"),
            "{plain}": urlsplit(url_of(small)).netloc + "/api",
            "{none}": f"127.0.0.1:{free_port()}/api",
            "{text}": text,
            "{moved}": moved,
            "{busy}": busy,
            "{nobody}": f"http://127.0.0.1:{free_port()}/api",
            "{private}": private,
            "{closed}": closed,
            "{wrong}": str(folder / "wrong"),
            "{set}": str(folder),
        }


@pytest.mark.parametrize("name", ERRORS)
def test_error_is_reported_in_one_line(command: Command, words: dict[str, str], name: str) -> None:
    arguments, expected = ERRORS[name]
    for word, value in words.items():
        arguments = [argument.replace(word, value) for argument in arguments]
        expected = expected.replace(word, value)
    limit = () if "--spec-only" in arguments else ("--max-requests", "3")
    result = command(*limit, *arguments)
    assert result.status == 2
    *before, line = result.err.splitlines()
    assert line.startswith(f"error: {expected}")
    assert [each for each in before if each.strip() and not each.startswith(("verifying", "warning: "))] == []


@pytest.mark.parametrize("key", ["a\nb", "ü"])
def test_key_that_cannot_be_sent_is_named(command: Command, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("PREFECT_API_KEY", key)
    result = command(f"http://127.0.0.1:{free_port()}/api", "--max-requests", "3")
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith("error: PREFECT_API_KEY cannot be sent in an HTTP header: ")


def test_error_ends_the_process() -> None:
    result = verify("nonsense")
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""


def test_published_document_matches_the_contract(
    command: Command, small: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "own_contract", lambda: Contract.load(own_folder() / "openapi.yaml"))
    assert command(url_of(small), "--spec-only") == Ended(0, "0 drifts.\n", "")
