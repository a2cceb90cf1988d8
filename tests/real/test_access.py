"""Authentication: the same requests to a real server and to the stand-in, without, with and with wrong credentials."""

import base64
import random
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SMALL
from tests.real.conftest import effort
from tests.servers import real_server, stand_in
from tests.wire import JSON, NOBODY, ORIGIN, PREFLIGHT, SOMEBODY, Request, exchange, shown

SECRET = "user:pass"
FORBIDDEN = 403
COUNT = 200  # requests of a test, unless it has fewer
COMPARED = ("content-type", "allow", "location", "www-authenticate", "access-control-allow-origin")
PASSING = re.compile(r"[0-9a-f]{64}|[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\dT[\d:.]+Z")

Headers = dict[str, str]


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


# Without a non-ASCII password, on which only the real server fails.
AUTHORIZATIONS = (
    None, "", "Basic", "Basic ", basic(SECRET), basic(SECRET).lower(), basic(SECRET).replace("Basic", "basic"),
    basic(SECRET).replace("Basic", "BASIC"), basic(SECRET).replace(" ", "  "), basic(SECRET).replace(" ", "\t"),
    basic(SECRET) + " ", basic(SECRET) + " x", basic(SECRET)[:12] + " " + basic(SECRET)[12:], basic(SECRET) + "=",
    basic(SECRET) + "\u00e9", basic(SECRET)[:-2], basic(SECRET)[:10] + "!" + basic(SECRET)[10:], basic("user:wrong"),
    basic("user:"), basic("user"), basic(""), basic("user:pass\n"), "Basic /w==", "Basic x",
    f"Bearer {SECRET}", basic(SECRET).replace("Basic", "Bearer"), f"Basic {SECRET}", basic(SECRET)[6:], SECRET,
)  # fmt: skip
PATHS = (
    ("GET", "/api/health"), ("HEAD", "/api/health"), ("POST", "/api/health"), ("GET", "/api/health/"),
    ("GET", "/api/health?x=1"), ("GET", "/api/ready"), ("PUT", "/api/ready"), ("GET", "/api/version"),
    ("GET", "/api/hello"), ("GET", "/api/admin/version"), ("GET", "/api/csrf-token?client=z"), ("GET", "/api/nope"),
    ("GET", "/api"), ("GET", "/api/"), ("POST", "/api/flows"), ("GET", "/api/flows/name/health"),
    ("GET", "/api/health/health"), ("GET", "/nope"), ("GET", f"/api/artifacts/{SOMEBODY}"),
    ("DELETE", f"/api/artifacts/{NOBODY}"), ("OPTIONS", "/api/health"), ("OPTIONS", "/api/flows/filter"),
)  # fmt: skip
BODIES = (b"", b"{}", b"{bad", b'{"limit":-1}', b'{"limit":1,"sort":"NAME_ASC"}')


def guarded() -> Iterator[Request]:
    """Requests to a server that requires a password."""
    for value in AUTHORIZATIONS:
        yield Request("GET", "/api/hello", None, authorized(value))
    for value in (None, basic("user:wrong"), basic(SECRET)):
        for method, path in PATHS:
            for more in ({}, ORIGIN, {"x-prefect-api-version": "0.1.0"}, PREFLIGHT if method == "OPTIONS" else {}):
                yield Request(method, path, None, {**authorized(value), **more})
        for body in BODIES:
            yield Request("POST", "/api/flows/filter", body, {**JSON, **authorized(value)})


def authorized(value: str | None) -> Headers:
    return {} if value is None else {"authorization": value}


def changes() -> Iterator[Request]:
    """Requests to a server that requires a token: TOKEN stands for that of the client "a", OLD for its last one."""
    tokens: tuple[Headers, ...] = (
        {}, {"prefect-csrf-token": "TOKEN"}, {"prefect-csrf-client": "a"}, csrf("TOKEN", "a"), csrf("TOKEN", "b"),
        csrf("TOKEN", "A"), csrf("TOKEN", ""), csrf("", "a"), csrf("x", "a"), csrf("OLD", "a"), csrf("x", "nobody"),
        csrf("\u00e9", "nobody"),  # spaces around a value are kept by httptools, and left out by h11
    )  # fmt: skip
    for headers in tokens:
        for more in ({}, {**ORIGIN, **authorized(basic(SECRET))}, {"x-prefect-api-version": "0.1.0"}):
            for method, path in PATHS:
                yield Request(method, path, None, {**headers, **more})
            for body in BODIES:
                yield Request("POST", "/api/flows/filter", body, {**JSON, **headers, **more})
    yield Request("OPTIONS", "/api/flows/filter", None, PREFLIGHT)
    yield Request("GET", "/api/csrf-token")
    yield Request("GET", "/api/csrf-token?client=")
    yield Request("GET", "/api/csrf-token?client=x&client=y")


def csrf(token: str, client: str) -> Headers:
    return {"prefect-csrf-token": token, "prefect-csrf-client": client}


@contextmanager
def pair(folder: Path, environment: Mapping[str, str], *options: str) -> Iterator[tuple[str, str]]:
    """The URLs of a real server and of a stand-in."""
    with ExitStack() as stack:
        real = stack.enter_context(real_server(SMALL, folder / "real", environment))
        yield str(real.base_url), str(stack.enter_context(stand_in(SMALL, *options)).base_url)


def some_of(requests: Iterator[Request], randomness: random.Random) -> Iterator[Request]:
    """A random part of the requests, in their order."""
    every = list(requests)
    chosen = randomness.sample(range(len(every)), min(effort(COUNT), len(every)))
    return (every[number] for number in sorted(chosen))


def test_credentials(tmp_path: Path, randomness: random.Random) -> None:
    with pair(tmp_path, {"PREFECT_SERVER_API_AUTH_STRING": SECRET}, "--auth", SECRET) as urls:
        assert list(differences(urls, some_of(guarded(), randomness))) == []


@pytest.mark.parametrize("secret", [None, SECRET], ids=["alone", "with-credentials"])
def test_tokens_against_forgery(tmp_path: Path, randomness: random.Random, secret: str | None) -> None:
    environment = {"PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "true"}
    options = ["--csrf"]
    if secret is not None:
        environment["PREFECT_SERVER_API_AUTH_STRING"] = secret
        options += ["--auth", secret]
    with pair(tmp_path, environment, *options) as urls:
        assert list(differences(urls, some_of(changes(), randomness))) == []


def differences(urls: tuple[str, str], requests: Iterator[Request]) -> Iterator[str]:
    """The requests with different responses of the two servers, and the responses."""
    tokens = [tokens_of(url) for url in urls]
    for request in requests:
        real, ours = (answer(url, filled(request, own)) for url, own in zip(urls, tokens, strict=True))
        if real != ours:
            yield f"{request}\n   real {real}\n   ours {ours}"


def tokens_of(url: str) -> Headers:
    """The token of the client "a", and an earlier one; empty if the server issues none."""
    path = Request("GET", "/api/csrf-token?client=a", None, authorized(basic(SECRET)))
    old, new = (
        issued for _, headers, body in (exchange(url, path), exchange(url, path)) for issued in [shown(body, headers)]
    )
    return {"OLD": old["token"], "TOKEN": new["token"]} if "token" in new else {}


def filled(request: Request, tokens: Headers) -> Request:
    """A request with tokens instead of the words for them."""
    headers = {
        name: re.sub("OLD|TOKEN", lambda match: tokens[match[0]], value) for name, value in request.headers.items()
    }
    return replace(request, headers=headers)


def answer(url: str, request: Request) -> dict[str, Any]:
    """Status, some headers, and the body without transient values."""
    status, headers, body = exchange(url, request)
    kept = {name: value for name, value in headers.items() if name in COMPARED}
    if status == FORBIDDEN:
        kept.pop("access-control-allow-origin", None)  # the real server sends it only sometimes: see docs/explanation
    return {"status": status, "headers": kept, "body": lasting(shown(body, headers))}


def lasting(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: lasting(part) for name, part in value.items()}
    return PASSING.sub("…", value) if isinstance(value, str) else value
