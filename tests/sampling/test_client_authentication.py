"""Authentication of `verify` and `compare`: tokens against forgery, and errors."""

import random
import re
from collections.abc import Iterator

import httpx
import pytest
from click.testing import CliRunner

from tests.conftest import SMALL
from tests.servers import stand_in
from tests.verify.servers import repeating, url_of, watched
from understudy.cli.commands import main
from understudy.contract.catalog import Catalog
from understudy.contract.contract import Contract
from understudy.http.csrf import CHANGING
from understudy.operations.api_folder import own_folder
from understudy.reports.verdict import Verdict
from understudy.sampling.client_authentication import CsrfTokens
from understudy.sampling.http_client import client
from understudy.verify.check_context import CheckContext
from understudy.verify.expectations.model import Model
from understudy.verify.expectations.request_interpreter import RequestInterpreter
from understudy.verify.fuzzing import Fuzzing
from understudy.verify.requests.endpoint_map import EndpointMap
from understudy.verify.requests.throttled_client import ThrottledClient

CONTRACT = Contract.load(own_folder() / "openapi.yaml")


@pytest.fixture(scope="module")
def guarded() -> Iterator[httpx.Client]:
    """A server that requires tokens and a login."""
    with stand_in(SMALL, "--csrf", "--auth", "me:secret") as api:
        yield api


@pytest.fixture(scope="module")
def plain() -> Iterator[httpx.Client]:
    with stand_in(SMALL) as api:
        yield api


def run(*arguments: str) -> tuple[int, str]:
    """A command's status and output."""
    result = CliRunner().invoke(main, arguments)
    return result.exit_code, f"{result.output}{result.exception or ''}"


def with_login(api: httpx.Client) -> str:
    return url_of(api).replace("://", "://me:secret@")


def test_verify_sends_a_token_with_each_write(guarded: httpx.Client) -> None:
    with watched(guarded) as (url, log):
        status, output = run(
            "verify", url, "--auth", "me:secret", "--max-requests", "300", "--seed", "1", "--allow-writes"
        )
    assert (status, "0 violations" in output) == (0, True), output
    changes = [request for request in log if request.method in CHANGING]
    assert len({request.headers["prefect-csrf-client"] for request in changes}) == 1
    assert {request.path.partition("?")[0] for request in log[:1]} == {"/csrf-token"}
    assert "requests, " in output


def test_compare_sends_each_server_its_own_token(guarded: httpx.Client, plain: httpx.Client) -> None:
    for first, second in ((with_login(guarded), url_of(plain)), (url_of(plain), with_login(guarded))):
        status, output = run("compare", first, second, "--requests", "30", "--seed", "1")
        assert "in 30 requests" in output
        # Earlier writes to one of them are in its events.
        operations = [line.split()[2] for line in output.splitlines() if re.match(r"\d+\. ", line)]
        assert [path for path in operations if not path.startswith("/events/")] == [], output
        assert status == int(operations != [])


def test_two_servers_that_reject_all_requests_are_not_equal(guarded: httpx.Client) -> None:
    url = url_of(guarded)
    status, output = run("compare", url, url, "--requests", "5")
    assert status != 0
    assert f"{url}/artifacts/filter: requires a CSRF token, but does not issue any (401) (403)" in output


def test_fuzzing_sends_tokens(guarded: httpx.Client) -> None:
    catalog, endpoint_map = Catalog.of(CONTRACT), EndpointMap.of(CONTRACT)
    interpreter, model = (
        RequestInterpreter(endpoint_map, catalog, strict=False),
        Model(endpoint_map.selections, catalog),
    )
    login = httpx.BasicAuth("me", "secret")
    headers = {"authorization": next(login.auth_flow(httpx.Request("GET", "http://x"))).headers["authorization"]}
    with watched(guarded) as (url, log), client(url, headers, CONTRACT) as server:
        throttled_client = ThrottledClient(server, 60, None)
        context = CheckContext(endpoint_map, interpreter, model, throttled_client, random.Random(1), Verdict(url, 1))
        Fuzzing(context, CONTRACT, headers, None, allow_writes=False).run()
    changes = [request for request in log if request.method in CHANGING]
    assert changes
    assert [request for request in changes if "prefect-csrf-token" not in request.headers] == []


def test_token_is_fetched_before_the_first_write_only(plain: httpx.Client, guarded: httpx.Client) -> None:
    for server in (plain, guarded):
        with watched(server) as (url, log), client(url, {}, CONTRACT) as api:
            api.get("/hello")
            assert len(log) == 1
            api.post("/flows/count")
            api.post("/flows/count")
        assert [(request.method, request.path.partition("?")[0]) for request in log] == [
            ("GET", "/hello"),
            ("GET", "/csrf-token"),
            ("POST", "/flows/count"),
            ("POST", "/flows/count"),
        ]


@pytest.mark.parametrize("budget", [1, 2, 5])
def test_tokens_count_as_requests(plain: httpx.Client, guarded: httpx.Client, budget: int) -> None:
    for server in (plain, guarded):
        with watched(server) as (url, log):
            status, output = run("verify", url, "--auth", "me:secret", "--max-requests", str(budget))
        assert status == 0, output
        assert len(log) == budget
        assert f"Ended after {budget} request{'s' if budget > 1 else ''}, the limit of --max-requests." in output


def test_rejected_token_is_fetched_again(guarded: httpx.Client) -> None:
    with watched(guarded) as (url, log), client(url.replace("://", "://me:secret@"), {}, CONTRACT) as api:
        assert api.post("/flows/count").status_code == 200
        tokens = api.auth
        assert isinstance(tokens, CsrfTokens)
        # A request for another token with the same id invalidates the first one.
        guarded.get(
            "/csrf-token", params={"client": tokens.headers["prefect-csrf-client"]}, auth=("me", "secret")
        ).raise_for_status()
        before = tokens.headers
        assert api.post("/flows/count").status_code == 200
        assert tokens.headers != before
    assert [request.method for request in log] == ["GET", "POST", "POST", "GET", "POST"]


def test_token_is_renewed_before_it_expires(guarded: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with client(with_login(guarded), {}, CONTRACT) as api:
        assert api.post("/flows/count").status_code == 200
        tokens = api.auth
        assert isinstance(tokens, CsrfTokens)
        assert not tokens.is_due
        monkeypatch.setattr("understudy.sampling.client_authentication.USED", 0)
        tokens.renew(api)
        assert not tokens.is_due
        assert tokens.fetched == 1


def test_given_header_is_not_replaced(guarded: httpx.Client) -> None:
    given = {"prefect-csrf-token": "mine", "prefect-csrf-client": "me"}
    with watched(guarded) as (url, log), client(url, given, CONTRACT) as api:
        assert api.post("/flows/count").status_code == 403
    assert [request.headers["prefect-csrf-token"] for request in log] == ["mine"]


REFUSALS = {
    "no login": (401, "{}", [], "requires authentication (--auth or --header) (401)"),
    "a wrong login": (401, "{}", ["--auth", "a:b"], "does not accept these credentials (401)"),
    "another wrong login": (403, "{}", ["--auth", "a:b"], "forbids it with these credentials (403)"),
    "no login, and forbidden": (403, "{}", [], "forbids it without credentials (403)"),
    "no token": (
        403,
        '{"detail": "Missing CSRF token."}',
        [],
        "requires a CSRF token, but does not issue any (403) (403)",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_missing_credentials_are_reported(case: str) -> None:
    status, body, options, words = REFUSALS[case]
    with repeating(status, body) as url:
        _, output = run("verify", url, *options)
    assert f"{url}/artifacts/filter: {words}" in output
