"""Authentication by password or key, tokens against forgery; secrets never appear in output."""

import base64
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx
import pytest
from click.testing import CliRunner

from tests.conftest import SMALL
from tests.servers import ROOT, client
from tests.workspaces.urls import admin, at, new_name
from understudy import StandIn
from understudy.cli.commands import main
from understudy.errors import UnderstudyError
from understudy.http import csrf as csrf_tokens
from understudy.http.authentication import Credentials
from understudy.http.csrf import LIFETIME, Tokens
from understudy.options import Options
from understudy.terminal.secret_options import secret_of

SECRET, KEY, ADMIN = "somebody:pass-w0rd", "pnu_k3y", "t0ken-of-admins"
UNAUTHORIZED = {"exception_message": "Unauthorized"}
PLAIN = {"accept-encoding": "identity"}  # as of curl and wrk, which do not decode; httpx always offers to
PACKED = {"accept-encoding": "gzip"}
ORIGIN = {"origin": "http://x.example"}
FLOW = "a92c0e6f-17ec-4406-b9bc-2ccdf572df00"

Headers = dict[str, str]


def basic(text: str) -> Headers:
    return {"authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}


def bearer(text: str) -> Headers:
    return {"authorization": f"Bearer {text}"}


@contextmanager
def serving(*options: str, errors: Path | None = None, **variables: str) -> Iterator[httpx.Client]:
    """A server started by its command, with variables in its environment; its output goes to a file."""
    command = [sys.executable, "-m", "understudy", "serve", "--port", "0", "--fixtures", str(SMALL), *options]
    environment = {**os.environ, **variables}
    with (errors or Path(os.devnull)).open("a") as stderr:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=stderr, text=True)
        try:
            assert process.stdout is not None
            url = next(line for line in process.stdout if "export " in line).partition("=")[2].strip()
            with client(url) as api:
                yield api
        finally:
            process.terminate()
            stderr.write(process.communicate(timeout=20)[0])


# ----------------------------------------------------------------- authentication


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A server that requires a password or a key, one from the environment and the other from a file."""
    file = tmp_path_factory.mktemp("secrets") / "key"
    file.write_text(f"{KEY}\n", encoding="utf-8")
    with serving("--api-key", f"@{file}", UNDERSTUDY_AUTH=SECRET) as api:
        yield api


WITHIN = (
    ("GET", "/version"), ("GET", "/hello"), ("GET", "/csrf-token?client=a"), ("GET", f"/flows/{FLOW}"),
    ("POST", "/flows/filter"), ("GET", "/nothing"), ("GET", "/health/"), ("HEAD", "/health"), ("POST", "/health"),
    ("PUT", "/ready"), ("GET", "/flows/name/health"), ("OPTIONS", "/health"), ("GET", "/flows"),
)  # fmt: skip
REFUSED: dict[str, Headers] = {
    "nothing": {},
    "another password": basic("somebody:password"),
    "no password": basic("somebody:"),
    "a longer one": basic(f"{SECRET}1"),
    "a shorter one": basic(SECRET[:-1]),
    "a user": basic("somebody"),
    "a password as it is": {"authorization": f"Basic {SECRET}"},
    "a password as a key": bearer(SECRET),
    "a key as a password": basic(KEY),
    "another key": bearer(KEY.upper()),
    "a scheme in small letters": {"authorization": basic(SECRET)["authorization"].replace("Basic", "basic")},
    "another scheme": {"authorization": basic(SECRET)["authorization"].replace("Basic", "Digest")},
    "more behind it": {"authorization": f"{basic(SECRET)['authorization']} x"},
    "a scheme alone": {"authorization": "Basic"},
    "no base64": {"authorization": "Basic ="},
    "no text": {"authorization": "Basic /w=="},
    "another header": {"x-authorization": basic(SECRET)["authorization"]},
    "the key as a header": {"x-api-key": KEY},
}


@pytest.mark.parametrize("way", [PLAIN, PACKED], ids=["plain", "packed"])
@pytest.mark.parametrize("case", REFUSED)
def test_unknown_credentials_are_rejected(both: httpx.Client, case: str, way: Headers) -> None:
    for method, path in WITHIN:
        for name in ("default", new_name()):
            answer = both.request(method, at(name) + path, headers={**REFUSED[case], **way})
            assert answer.status_code == 401, (method, path)
            assert answer.headers["content-type"] == "application/json"
            assert "www-authenticate" not in answer.headers
            assert answer.content == b"" if method == "HEAD" else answer.json() == UNAUTHORIZED


@pytest.mark.parametrize("way", [PLAIN, PACKED], ids=["plain", "packed"])
@pytest.mark.parametrize("credentials", [basic(SECRET), bearer(KEY)], ids=["password", "key"])
def test_valid_credentials_are_accepted(both: httpx.Client, credentials: Headers, way: Headers) -> None:
    with client(str(both.base_url)) as api:
        statuses = [api.request(method, path, headers={**credentials, **way}).status_code for method, path in WITHIN]
    assert statuses == [200, 200, 422, 200, 200, 404, 307, 405, 405, 405, 404, 405, 307]


@pytest.mark.parametrize("way", [PLAIN, PACKED, ORIGIN], ids=["plain", "packed", "cors"])
def test_public_paths_need_no_credentials(both: httpx.Client, way: Headers) -> None:
    for credentials in ({}, basic("wrong:wrong")):
        headers = {**credentials, **way}
        assert both.get("/health", headers=headers).json() is True
        assert both.get(f"{at(new_name())}/ready", headers=headers).json() == {"message": "OK"}
        for path in ("/docs", "/openapi.json", "/openapi.yaml", "/docs/files/swagger-ui.css", "/__admin/state"):
            assert httpx.get(both.base_url.join(path), headers=headers).status_code == (
                403 if path.startswith("/__admin") and headers.get("origin") == "never" else 200
            )


def test_preflight_needs_no_credentials_and_errors_have_cors_headers(both: httpx.Client) -> None:
    headers = {**ORIGIN, "access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    answer = both.options("/flows/filter", headers=headers)
    assert (answer.status_code, answer.text) == (200, "OK")
    assert answer.headers["access-control-allow-headers"] == "authorization"
    for way in (PLAIN, PACKED):
        answer = both.post("/flows/filter", headers={**ORIGIN, **way})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (401, "*")


def test_rejected_write_is_not_made(both: httpx.Client) -> None:
    assert both.post("/flows/", json={"name": "x"}).status_code == 401
    assert both.delete(f"/flows/{FLOW}").status_code == 401
    assert both.get(f"/flows/{FLOW}", headers=bearer(KEY)).status_code == 200
    assert both.get("/flows/name/x", headers=bearer(KEY)).status_code == 404


def test_first_of_two_headers_is_used(both: httpx.Client) -> None:
    credentials = [("authorization", basic(SECRET)["authorization"]), ("authorization", "Basic x")]
    assert [both.get("/hello", headers=pair).status_code for pair in (credentials, credentials[::-1])] == [200, 401]


@pytest.mark.parametrize(("options", "known"), [(["--auth", SECRET], basic(SECRET)), (["--api-key", KEY], bearer(KEY))])
def test_password_or_key_alone(options: list[str], known: Headers) -> None:
    with serving(*options) as api:
        for credentials in (basic(SECRET), bearer(KEY), {}):
            assert api.get("/hello", headers=credentials).status_code == (200 if credentials == known else 401)
        # The real server fails on more than ASCII.
        assert api.get("/hello", headers=basic("s\u00f6mebody:x")).status_code == 401


def test_password_can_be_non_ascii() -> None:
    with serving("--auth", "s\u00f6mebody:\u00e9") as api:
        assert api.get("/hello", headers=basic("s\u00f6mebody:\u00e9")).status_code == 200
        assert api.get("/hello", headers=basic("s\u00f6mebody:e")).status_code == 401


@pytest.mark.parametrize("options", [["--auth", "@nothing"], ["--api-key", "@/"], ["--admin-token", "@nothing"]])
def test_unreadable_file_is_reported_in_one_line(options: list[str]) -> None:
    command = [sys.executable, "-m", "understudy", "serve", *options]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    assert "a file that cannot be read" in ended.stderr


# ------------------------------------------------------------------------- forgery


@pytest.fixture(scope="module")
def guarded() -> Iterator[httpx.Client]:
    with serving("--csrf") as api:
        yield api


def token(api: httpx.Client, who: str, path: str = "") -> str:
    return str(api.get(f"{path}/csrf-token", params={"client": who}).raise_for_status().json()["token"])


def csrf(token_: str, who: str) -> Headers:
    return {"prefect-csrf-token": token_, "prefect-csrf-client": who}


def test_token_is_requested_and_sent(guarded: httpx.Client) -> None:
    issued = [guarded.get("/csrf-token", params={"client": "dancer"}).json() for _ in range(2)]
    first, second = issued
    assert list(first) == ["id", "created", "updated", "token", "client", "expiration"]
    assert len(first["token"]) == 64
    assert UUID(first["id"]).version == 4
    assert (first["id"], first["created"], first["client"]) == (second["id"], second["created"], "dancer")
    assert first["token"] != second["token"]
    for way in (PLAIN, PACKED):
        statuses = [
            guarded.post("/flows/count", headers={**csrf(each["token"], "dancer"), **way}).status_code
            for each in issued
        ]
        assert statuses == [403, 200]


CHANGES = (
    ("POST", "/flows/filter"), ("POST", "/flows/"), ("PATCH", f"/flows/{FLOW}"), ("DELETE", f"/flows/{FLOW}"),
    ("PUT", "/nothing"), ("POST", "/health"), ("POST", "/flows"), ("DELETE", "/nothing"),
)  # fmt: skip


@pytest.mark.parametrize("way", [PLAIN, PACKED, ORIGIN], ids=["plain", "packed", "cors"])
@pytest.mark.parametrize(
    ("headers", "detail"),
    [
        ({}, "Missing CSRF token."),
        ({"prefect-csrf-client": "somebody"}, "Missing CSRF token."),
        ({"prefect-csrf-token": "TOKEN"}, "Missing client identifier."),
        (csrf("TOKEN", "nobody"), "Invalid CSRF token or client identifier."),
        (csrf("TOKEN", "SOMEBODY"), "Invalid CSRF token or client identifier."),
        (csrf("", "somebody"), "Invalid CSRF token or client identifier."),
        (csrf("", ""), "Invalid CSRF token or client identifier."),
        (csrf("x", "somebody"), "Invalid CSRF token or client identifier."),
        (csrf("\u00e9", "somebody"), "Invalid CSRF token or client identifier."),
    ],
)
def test_write_without_its_token_is_rejected(
    guarded: httpx.Client, headers: Headers, detail: str, way: Headers
) -> None:
    issued = token(guarded, "somebody")
    credentials = {name: value.replace("TOKEN", issued) for name, value in headers.items()}
    sent = httpx.Headers({**credentials, **way}, encoding="latin-1")
    for method, path in CHANGES:
        for name in ("default", new_name()):
            answer = guarded.request(method, at(name) + path, headers=sent)
            assert (answer.status_code, answer.json()) == (403, {"detail": detail})


def test_reads_need_no_token(guarded: httpx.Client) -> None:
    for path, status in (("/health", 200), (f"/flows/{FLOW}", 200), ("/nothing", 404), ("/csrf-token", 422)):
        assert guarded.get(path).status_code == status
    assert guarded.options("/flows/", headers={**ORIGIN, "access-control-request-method": "POST"}).status_code == 200


def test_token_is_valid_in_all_workspaces(guarded: httpx.Client) -> None:
    """A client uses one token for all workspaces."""
    one, other = at(new_name()), at(new_name())
    headers = csrf(token(guarded, "traveller", one), "traveller")
    assert guarded.post(f"{other}/flows/count", headers=headers).status_code == 200
    assert guarded.post("/flows/count", headers=headers).status_code == 200


def test_token_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens, start = Tokens(), time.monotonic()
    issued = tokens.issue("a")
    assert issued["expiration"] - issued["updated"] == LIFETIME == timedelta(hours=1)
    hour = LIFETIME.total_seconds()
    for passed, good in ((0, True), (hour - 5, True), (hour * 1.01, False)):
        monkeypatch.setattr("understudy.http.csrf.time.monotonic", lambda passed=passed: start + passed)
        assert tokens.holds("a", issued["token"]) is good
    assert tokens.holds("a", tokens.issue("a")["token"])


def test_number_of_tokens_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csrf_tokens, "CLIENTS", 3)
    tokens = Tokens()
    issued = {client: tokens.issue(client)["token"] for client in "abcd"}
    assert [tokens.holds(client, token) for client, token in issued.items()] == [False, True, True, True]
    again = tokens.issue("b")["token"]
    tokens.issue("e")
    assert [tokens.holds("b", again), tokens.holds("c", issued["c"])] == [True, False]


def test_tokens_are_disabled_by_default(both: httpx.Client) -> None:
    answer = both.get("/csrf-token", params={"client": "a"}, headers=bearer(KEY))
    assert (answer.status_code, answer.json()) == (422, {"detail": "CSRF protection is disabled."})


def test_token_is_checked_before_the_password() -> None:
    with serving("--csrf", "--auth", SECRET) as api:
        assert api.post("/flows/count").status_code == 403
        assert api.post("/flows/count", headers=basic(SECRET)).status_code == 403
        assert api.get("/csrf-token", params={"client": "a"}).status_code == 401
        credentials = csrf(
            api.get("/csrf-token", params={"client": "a"}, headers=basic(SECRET)).raise_for_status().json()["token"],
            "a",
        )
        assert api.post("/flows/count", headers=credentials).status_code == 401
        assert api.post("/flows/count", headers={**credentials, **basic(SECRET)}).status_code == 200


# ------------------------------------------------------------------------- secrecy


@pytest.mark.parametrize("form", ["text", "json"])
def test_secrets_do_not_appear_in_responses_journal_and_log(tmp_path: Path, form: str) -> None:
    errors = tmp_path / "stderr"
    options = ["--log-level", "debug", "--log-format", form, "--api-key", KEY, "--csrf"]
    with serving(*options, errors=errors, UNDERSTUDY_AUTH=SECRET, UNDERSTUDY_ADMIN_TOKEN=ADMIN) as api:
        token = api.get("/csrf-token", params={"client": "a"}, headers=basic(SECRET)).json()["token"]
        credentials = csrf(token, "a")
        answers = [
            api.post("/flows/filter", headers={**credentials, **known, **way}, content=body)
            for known in (basic(SECRET), bearer(KEY), basic(f"{SECRET}x"), bearer(f"{KEY}x"), {})
            for way in (PLAIN, PACKED)
            for body in (b"{}", b"{bad", b'{"limit":-1}')
        ]
        assert {answer.status_code for answer in answers} == {200, 401, 422}
        answers += [api.post("/flows/filter", headers={**basic(SECRET), "prefect-csrf-token": token})]
        allowed = bearer(ADMIN)
        answers += [
            admin(api, "GET", path, headers=headers)
            for path in ("/state", "/faults", "/nothing")
            for headers in (allowed, bearer(f"{ADMIN}x"), {})
        ]
        assert {answer.status_code for answer in answers[-9:]} == {200, 401, 404}
        journal = admin(api, "GET", "/requests", headers=allowed)
        assert journal.status_code == 200
        recorded = [request for request in journal.json()["requests"] if request["path"] != "/api/csrf-token"]
        assert len(recorded) == 31
        assert {request["headers"]["prefect-csrf-token"] for request in recorded} == {"(hidden)"}
        texts = [answer.text + str(answer.headers) for answer in answers] + [json.dumps(recorded)]
    texts.append(errors.read_text(encoding="utf-8"))
    assert "\nPOST /api/flows/filter 401 " in texts[-1] or '"path": "/api/flows/filter"' in texts[-1]
    for text in texts:
        assert [secret for secret in secrets() if secret in text] == []
        assert token not in text


@pytest.mark.parametrize("level", ["debug", "info", "warning"])
@pytest.mark.parametrize("form", ["text", "json"])
def test_logs_have_no_headers_and_no_query(tmp_path: Path, form: str, level: str) -> None:
    """Nor those of a request for a WebSocket, which another library reads."""
    errors = tmp_path / "stderr"
    with serving("--log-level", level, "--log-format", form, errors=errors) as api:
        handshake = (
            f"GET /api/ready?token={SECRET} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            f"Authorization: Bearer {SECRET}\r\nCookie: a={SECRET}\r\nSec-WebSocket-Protocol: {KEY}\r\n\r\n"
        )
        assert api.base_url.port is not None
        with socket.create_connection((api.base_url.host, api.base_url.port), timeout=30) as connection:
            connection.sendall(handshake.encode())
            assert b" 403 " in connection.recv(1000)
        for way in (PLAIN, PACKED):
            headers = {"authorization": f"Bearer {SECRET}", "x-unheard-of": SECRET, **way}
            assert api.get("/ready", headers=headers, params={"token": SECRET}).status_code == 200
    text = errors.read_text(encoding="utf-8")
    assert ("/api/ready" in text) == (level != "warning")
    assert SECRET not in text
    assert KEY not in text
    assert quote(SECRET) not in text


def secrets() -> Iterator[str]:
    for secret in (SECRET, KEY, ADMIN):
        yield secret
        yield base64.b64encode(secret.encode()).decode()
    yield SECRET.partition(":")[2]


def test_options_do_not_show_secrets() -> None:
    for holder in (Options(auth=SECRET, api_key=KEY, admin_token=ADMIN), Credentials(SECRET, KEY)):
        for text in (repr(holder), str(holder), f"{holder}", repr([holder])):
            assert [secret for secret in secrets() if secret in text] == []


# ------------------------------------------------------------------- empty secrets

EMPTY = {
    "auth": ("", " ", ":", "user:", "user: ", ": ", "\t"),
    "api_key": ("", " ", "\n"),
    "admin_token": ("", " ", "\r\n"),
}
UNSENDABLE = {"auth": ("a:b\nc",), "api_key": (" a", "\u00e9", "a\nb"), "admin_token": ("a ", "a\tb", "a\x7f")}
SECRETS: list[tuple[str, str]] = [
    (name, secret) for cases in (EMPTY, UNSENDABLE) for name, each in cases.items() for secret in each
]
UNSTRIPPED = [(name, secret) for name, secret in SECRETS if secret.strip() in ("", secret)]


@pytest.mark.parametrize(("name", "secret"), SECRETS, ids=repr)
def test_empty_secret_is_rejected_by_code(name: str, secret: str) -> None:
    given: dict[str, Any] = {name: secret}
    with pytest.raises(UnderstudyError, match=f"^`{name}` (is empty|has |cannot be sent)"):
        StandIn(SMALL, **given)


@pytest.mark.parametrize("way", ["typed", "file", "variable"])
@pytest.mark.parametrize(("name", "secret"), UNSTRIPPED, ids=repr)
def test_empty_secret_is_rejected_by_the_command(name: str, secret: str, way: str, tmp_path: Path) -> None:
    """It would give everybody access."""
    option, variable, file = f"--{name.replace('_', '-')}", f"UNDERSTUDY_{name.upper()}", tmp_path / "secret"
    file.write_text(secret, encoding="utf-8")
    typed = {"typed": [f"{option}={secret}"], "file": [f"{option}=@{file}"], "variable": []}[way]
    set_ = {variable: secret} if way == "variable" else {}
    result = CliRunner().invoke(main, ["serve", "--store", str(tmp_path), *typed], env=set_)
    assert isinstance(result.exception, SystemExit)
    assert result.exit_code == 2
    error = result.stderr.splitlines()[-1]
    assert error.startswith(f"Error: Invalid value for '{option}': "), error
    assert "empty" in error or "printable" in error


def test_key_can_contain_a_space() -> None:
    with serving("--api-key", "two words") as api:
        assert api.get("/hello", headers=bearer("two words")).status_code == 200
        assert api.get("/hello", headers=bearer("two")).status_code == 401


def test_white_space_around_a_secret_in_a_file_is_stripped(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    for content in (b"k3y", b"k3y\n", b"\xef\xbb\xbfk3y\r\n", b"\n k3y \n\n"):
        file.write_bytes(content)
        assert secret_of("api_key", f"@{file}") == "k3y"


@pytest.mark.parametrize("content", [b"k" * 4097, b"\xff"], ids=["long", "no text"])
def test_file_without_a_secret_is_rejected(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    for path in (file, "/dev/zero", tmp_path):
        with pytest.raises(ValueError, match=r"names a file that cannot be read \((?!\[Errno)"):
            secret_of("api_key", f"@{path}")


@pytest.mark.parametrize("secret", ["user:pass", ":pass", "user:p:w", "user:\u00e9", "a-secret-without-a-colon"])
def test_other_secrets_are_accepted(secret: str) -> None:
    assert Options(auth=secret).auth == secret
