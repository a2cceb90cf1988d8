"""Connections to a server: proxies and certificates, with `verify` and `compare`."""

import gzip
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
import trustme

from tests.servers import free_port
from understudy.errors import UnderstudyError
from understudy.network.direct_transport import DirectTransport
from understudy.network.network import Network
from understudy.network.transport import Transport

FAR = "http://prefect.invalid/api"  # a reserved name (RFC 2606), which only a proxy can answer for
LOCAL = [
    "http://127.0.0.1:4200/api",
    "http://127.8.8.8/",
    "http://localhost:1",
    "http://a.localhost",
    "http://[::1]:5/",
]


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without proxies."""
    for name in tuple(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    return monkeypatch


class Forwarder(BaseHTTPRequestHandler):
    """Forwards requests for the remote server to a local one, as an HTTP proxy does."""

    target: str
    status: int | None
    paths: list[str]

    def do_POST(self) -> None:
        self.paths.append(self.path)
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.status is not None:
            self._answer(self.status, b"no way")
            return
        url = self.target + httpx.URL(self.path).raw_path.decode()
        headers = {"content-type": self.headers.get("content-type", "application/json")}
        answer = httpx.request(self.command, url, content=body, headers=headers, trust_env=False)
        self._answer(answer.status_code, answer.content)

    do_GET = do_HEAD = do_TRACE = do_POST  # noqa: N815 - as the library calls them

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Do not log."""


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler], context: ssl.SSLContext | None = None) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http{'s' if context else ''}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def proxy(target: str, status: int | None = None) -> Iterator[tuple[str, list[str]]]:
    paths: list[str] = []
    handler = type("Here", (Forwarder,), {"target": target, "status": status, "paths": paths})
    with serving(handler) as url:
        yield url, paths


def run(command: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return subprocess.run(
        [sys.executable, "-m", "understudy", command, *arguments],
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


# -------------------------------------------------------------------------- proxies


@pytest.mark.parametrize("url", LOCAL)
@pytest.mark.parametrize("network", [Network(), Network(proxy="http://p:1")], ids=["environment", "option"])
def test_local_server_is_never_reached_through_a_proxy(clean: pytest.MonkeyPatch, url: str, network: Network) -> None:
    clean.setenv("ALL_PROXY", "http://p:1")
    assert network.proxy_for(url) is None


def test_proxy_is_set_by_option_or_environment(clean: pytest.MonkeyPatch) -> None:
    assert Network().proxy_for(FAR) is None
    clean.setenv("HTTP_PROXY", "http://user:secret@p:1")
    assert str(Network().proxy_for(FAR)) == "http://p:1 (from the environment)"
    assert str(Network(proxy="http://me:secret@q:2").proxy_for(FAR)) == "http://q:2 (--proxy)"
    clean.setenv("NO_PROXY", "prefect.invalid")
    assert Network().proxy_for(FAR) is None


@pytest.mark.parametrize("way", ["option", "environment"])
def test_error_of_a_refused_connection_names_the_proxy(way: str) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    result = run("verify", FAR, "--proxy", url) if way == "option" else run("verify", FAR, HTTP_PROXY=url)
    assert result.returncode == 2
    assert f"through the proxy {url} (" in result.stderr
    compared = run("compare", FAR, FAR, "--requests", "5", HTTP_PROXY=url)
    assert (compared.returncode, f"through the proxy {url} (" in compared.stderr) == (2, True)


@pytest.mark.parametrize("status", [407, 502, 503])
def test_error_of_the_proxy_itself_names_it(status: int) -> None:
    with proxy("http://nowhere", status) as (url, paths):
        result = run("verify", FAR, "--proxy", url)
    assert (result.returncode, len(paths) > 0) == (2, True)
    assert f"cannot be reached through the proxy {url} (--proxy) ({status})" in result.stderr


def test_verify_through_a_proxy(small: httpx.Client) -> None:
    with proxy(str(small.base_url.join("/")).rstrip("/")) as (url, paths):
        result = run("verify", FAR, "--proxy", url, "--max-requests", "12", "--seed", "1")
    assert "12 requests" in result.stdout, result.stderr
    assert len(paths) == 12
    assert all(path.startswith(FAR) for path in paths)


def test_verify_of_a_local_server_bypasses_the_proxy(small: httpx.Client) -> None:
    url = str(small.base_url).rstrip("/")
    result = run("verify", url, "--max-requests", "12", "--seed", "1", ALL_PROXY=f"http://127.0.0.1:{free_port()}")
    assert (result.returncode, "0 violations in 12 requests" in result.stdout) == (0, True)


def test_libraries_that_read_the_environment_use_the_same_proxy(clean: pytest.MonkeyPatch) -> None:
    clean.setenv("HTTP_PROXY", "http://p:1")
    clean.setenv("no_proxy", "x")
    before = dict(os.environ)
    import requests  # noqa: PLC0415 - Schemathesis's own

    with Network().in_environment(LOCAL[0]):
        assert requests.utils.get_environ_proxies(LOCAL[0]) == {}
    with Network(proxy="http://q:2").in_environment(FAR):
        assert requests.utils.select_proxy(FAR, requests.utils.get_environ_proxies(FAR)) == "http://q:2"
    assert dict(os.environ) == before


@pytest.mark.parametrize("url", ["ftp://127.0.0.1:1", "socks9://127.0.0.1:1"])
def test_unusable_proxy_is_reported(url: str) -> None:
    with pytest.raises(UnderstudyError, match=r"the proxy .* cannot be used"):
        Transport(Network(proxy=url), FAR)


# --------------------------------------------------------------------- certificates


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def secure(small: httpx.Client, authority: trustme.CA) -> Iterator[str]:
    """The URL of an API whose certificate is not trusted by default."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    target = str(small.base_url.join("/")).rstrip("/")
    handler = type("Secure", (Forwarder,), {"target": target, "status": None, "paths": []})
    with serving(handler, context) as url:
        yield f"{url}/api"


def test_certificate_is_trusted_by_a_file_or_not_checked(secure: str, authority: trustme.CA, tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    few = ["--max-requests", "12", "--seed", "1"]
    refused = run("verify", secure, *few)
    assert refused.returncode == 2
    assert "certificate verify failed" in refused.stderr
    for options in (["--insecure"], ["--ca-file", str(ca_file)]):
        assert "12 requests" in run("verify", secure, *few, *options).stdout
        compared = run("compare", secure, secure, "--requests", "5", *options)
        assert (compared.returncode, compared.stdout) == (0, "0 differences in 5 requests.\n")


def test_control_api_with_certificates(small: httpx.Client, secure: str, authority: trustme.CA, tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    refused = run("admin", "state", "--url", secure)
    assert (refused.returncode, "certificate verify failed" in refused.stderr) == (2, True)
    assert "; trust it with --ca-file FILE or --insecure)" in refused.stderr
    for options in (["--insecure"], ["--ca-file", str(ca_file)]):
        assert "workspaces" in run("admin", "state", "--url", secure, *options).stdout
    wrong = run("admin", "state", "--url", secure, "--ca-file", str(tmp_path / "nowhere"))
    assert wrong.returncode == 2
    assert wrong.stderr.endswith("nowhere: cannot be used as --ca-file (No such file or directory)\n")
    with proxy(str(small.base_url.join("/")).rstrip("/")) as (url, paths):
        assert "workspaces" in run("admin", "state", "--url", FAR, "--proxy", url).stdout
    assert paths == ["http://prefect.invalid/__admin/state"] * 2


@pytest.mark.parametrize("target", ["https://127.0.0.1:1/api", FAR.replace("http:", "https:")], ids=["direct", "proxy"])
def test_invalid_certificates_of_the_environment_are_reported(target: str, tmp_path: Path) -> None:
    missing = str(tmp_path / "nowhere")
    for command in (["verify", target], ["admin", "state", "--url", target]):
        ended = run(*command, "--proxy", "http://127.0.0.1:1", SSL_CERT_FILE=missing)
        assert ended.returncode == 2
        (line,) = ended.stderr.splitlines()
        assert "a file of TLS" in line
        assert "cannot be used" in line
        assert f"SSL_CERT_FILE={missing}" in line or "the environment names" in line
        assert "http://" not in line.partition("a file of TLS")[2]


def test_invalid_certificate_options_are_reported(tmp_path: Path) -> None:
    empty, pipe = tmp_path / "empty", tmp_path / "pipe"
    empty.touch()
    os.mkfifo(pipe)
    for options, error in {
        ("--ca-file", str(empty)): "it has no certificates in PEM format",
        ("--ca-file", str(tmp_path / "nowhere")): "No such file or directory",
        ("--ca-file", str(pipe)): "it is a pipe, not a regular file",
        ("--ca-file", "/dev/zero"): "it is a character device, not a regular file",
        ("--ca-file", str(empty), "--insecure"): "--insecure and --ca-file exclude each other",
    }.items():
        result = run("verify", "https://127.0.0.1:1/api", *options)
        assert (result.returncode, error in result.stderr) == (2, True), result.stderr


class Bomb(BaseHTTPRequestHandler):
    """Sends 300 MB of zeros, compressed as the path requests: `/gzip`, or `/identity` without compression."""

    def do_GET(self) -> None:
        encoding = self.path.strip("/").replace("+", ", ")
        body = gzip.compress(bytes(300_000_000), 1) if encoding.startswith("gzip") else bytes(300_000_000)
        self.send_response(200)
        self.send_header("content-encoding", encoding)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.mark.parametrize("transport", [Transport(Network(), LOCAL[0]), DirectTransport(Network(), 1)])
@pytest.mark.parametrize(
    ("encoding", "reason"),
    [
        ("gzip", "the response is larger than 100 MB"),
        ("identity", "the response is larger than 100 MB"),
        ("gzip+gzip", "the response has the content encoding 'gzip, gzip'"),
        ("br", "the response has the content encoding 'br'"),
    ],
)
def test_too_large_response_is_not_read_completely(encoding: str, reason: str, transport: httpx.BaseTransport) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Bomb)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    try:
        with httpx.Client(transport=transport) as client, pytest.raises(httpx.DecodingError) as raised:
            client.get(f"{url}/{encoding}")
    finally:
        server.shutdown()
        server.server_close()
    assert str(raised.value) == reason
