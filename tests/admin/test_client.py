"""Control clients of servers elsewhere: behind a prefix, behind a proxy, and with a token."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from click.testing import CliRunner

from tests.cli.test_admin_commands import run_command
from tests.conftest import SMALL
from tests.workspaces.urls import at, new_name
from understudy import StandIn
from understudy.admin.client import RemoteWorkspace, url_at
from understudy.admin.control_calls import TIMEOUT, ControlCalls
from understudy.admin.control_errors import ControlError
from understudy.admin.control_url import is_at, is_whole, prefixes
from understudy.cli.commands import main
from understudy.network.network import DEFAULT_NETWORK
from understudy.network.proxies import proxy_for, without_password

TOKEN = "t0ken of admins"
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
COMMANDS: dict[str, list[str]] = {
    "state": [], "reset": [],
    "load": [str(SMALL), "--replace"], "save": ["s"], "restore": ["s"], "delete-snapshot": ["s"],
    "drop": ["--idle", "9"], "requests": [], "find": [], "count": [], "clear": [], "faults": [], "clock": [],
    "explain": ["/flows/filter", "a92c0e6f-17ec-4406-b9bc-2ccdf572df00"],
}  # fmt: skip


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(scope="module")
def standin() -> Iterator[StandIn]:
    with StandIn(SMALL) as standin:
        yield standin


@pytest.fixture(scope="module")
def locked() -> Iterator[StandIn]:
    """A server whose control API requires a token."""
    with StandIn(SMALL, admin_token=TOKEN) as standin:
        yield standin


@contextmanager
def forwarding(servers: dict[str, StandIn]) -> Iterator[str]:
    """The address of a proxy that shows each server below a prefix, which it strips; other paths are not found."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            prefix = next((each for each in servers if self.path.startswith(f"{each}/")), None)
            if prefix is None:
                self.send_error(404)
                return
            inner = HTTPConnection(urlsplit(servers[prefix].url).netloc)
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            inner.request(self.command, self.path.removeprefix(prefix), body, dict(self.headers))
            answer = inner.getresponse()
            content = answer.read()
            inner.close()
            self.send_response(answer.status)
            for name in ("content-type", "content-encoding", "www-authenticate"):
                if value := answer.getheader(name):
                    self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - names that http.server calls

        def log_message(self, format: str, *args: Any) -> None:
            """Do not log."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


# ------------------------------------------------------------------------- a token


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_sends_the_token(locked: StandIn, name: str) -> None:
    locked.save("s")
    arguments = ["admin", name, *COMMANDS[name], "--url", locked.url]
    for more in ([], ["--token", "another"]):
        result = CliRunner().invoke(main, [*arguments, *more], env={"UNDERSTUDY_ADMIN_TOKEN": TOKEN})
        if more:
            assert str(result.exception).startswith("The token is wrong")
        else:
            assert (result.exit_code, result.stderr) == (0, "")


def test_token_can_be_read_from_a_file(locked: StandIn, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n", encoding="utf-8")
    assert run_command("state", "--url", locked.url, "--token", f"@{file}", UNDERSTUDY_ADMIN_TOKEN="x").returncode == 0


def test_missing_token_is_reported_with_a_hint(locked: StandIn) -> None:
    refused = run_command("state", "--url", locked.url)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert refused.stderr.startswith("error: The control API requires the server's --admin-token")
    assert "--token" in refused.stderr
    assert "UNDERSTUDY_ADMIN_TOKEN" in refused.stderr


@pytest.mark.parametrize("token", ["", " ", "\u00e9", "a\nb"])
def test_invalid_token_is_rejected(standin: StandIn, token: str) -> None:
    with pytest.raises(ControlError, match=r"^`token` (is empty|has |cannot be sent)"):
        RemoteWorkspace(standin.url, token=token)
    refused = CliRunner().invoke(main, ["admin", "state", "--url", standin.url, "--token", token])
    assert refused.exit_code == 2
    assert "Invalid value for '--token'" in refused.stderr


# ------------------------------------------------------------------------ a prefix


@pytest.mark.parametrize("prefix", ["/prefect", "/a/b/c", "/api"])
def test_control_api_is_below_the_prefix(standin: StandIn, prefix: str) -> None:
    name = new_name()
    with forwarding({prefix: standin}) as site:
        for url, workspace in ((f"{site}{prefix}/api", "default"), (f"{site}{prefix}/api{at(name)}/", name)):
            remote = RemoteWorkspace(url)
            assert remote.name == workspace
            assert remote.reset() == standin.reset()
            assert CliRunner().invoke(main, ["admin", "state", "--url", url]).exit_code == 0


def test_prefix_selects_one_of_two_servers(standin: StandIn, locked: StandIn) -> None:
    """A reset of the other one would delete its rows."""
    with forwarding({"/one": locked, "": standin}) as site:
        RemoteWorkspace(f"{site}/api").save("of the open one")
        RemoteWorkspace(f"{site}/one/api", token=TOKEN).save("of the locked one")
        with pytest.raises(ControlError, match="requires the server's --admin-token"):
            RemoteWorkspace(f"{site}/one/api").reset()
    standin.delete_snapshot("of the open one")
    locked.delete_snapshot("of the locked one")


def test_url_of_another_page_of_the_server_is_rejected(standin: StandIn) -> None:
    site = standin.url.removesuffix("/api")
    for path in ("/docs", "/api/flows", "/v2"):
        with pytest.raises(ControlError) as error:
            RemoteWorkspace(f"{site}{path}").reset()
        assert str(error.value) == f"{site}{path} is not a URL of the API, which is at {standin.url}"
    assert RemoteWorkspace(site).reset() == standin.reset()


def test_api_is_found_below_an_incomplete_url(standin: StandIn, locked: StandIn) -> None:
    site, ids = standin.url.removesuffix("/api"), at(new_name())
    with forwarding({"/p": standin, "/q": locked}) as outer:
        for url, api in (
            (site, standin.url),
            (f"{site}/", standin.url),
            (standin.url, standin.url),
            (f"{standin.url}{ids}", f"{standin.url}{ids}"),
            (f"{outer}/p", f"{outer}/p/api"),
            (f"{outer}/p/api/", f"{outer}/p/api"),
        ):
            assert url_at(url) == api
        assert url_at(f"{outer}/q", TOKEN) == f"{outer}/q/api"
        with pytest.raises(ControlError, match=r"returned 404; is it an Understudy server\?"):
            url_at(outer)


def test_paths_and_prefixes() -> None:
    ids = at(new_name())
    state = {"api": "/api", "workspace_path": "/api/accounts/{account_id}/workspaces/{workspace_id}"}
    assert list(prefixes("/a/api/")) == ["", "/a", "/a/api"]
    assert [path for path in ("", "/", "/api", "/api/", f"/api{ids}") if not is_at(path, state)] == []
    others = ("/ap", "/api/x", "/a/api", ids, f"/api{ids}/x", "/api/accounts/x/workspaces/y")
    assert [path for path in others if is_at(path, state)] == []
    assert [is_whole(path, state) for path in ("", "/a", "/a/api", f"/a/api{ids}")] == [False, False, True, True]


def test_plugin_uses_a_server_with_a_token_and_a_prefix(locked: StandIn, tmp_path: Path) -> None:
    prefix = "/p"
    (tmp_path / "test_it.py").write_text(
        "def test_it(understudy, understudy_client):\n"
        "    understudy_client.get('/hello').raise_for_status()\n"
        "    assert understudy.count(path='/hello') == 1\n"
        f"    assert '{prefix}/api/' in understudy.url\n",
        encoding="utf-8",
    )
    (tmp_path / "token").write_text(TOKEN, encoding="utf-8")
    with forwarding({prefix: locked}) as site:
        for options, words in (
            ([f"--understudy-token=@{tmp_path / 'token'}", "-n1"], "1 passed"),
            ([], "requires the server's --admin-token"),
            (["--understudy-token= "], "--understudy-token is empty"),
        ):
            command = [
                sys.executable,
                "-m",
                "pytest",
                "-p",
                "no:cacheprovider",
                "--understudy-url",
                f"{site}{prefix}",
                *options,
            ]
            ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False)
            assert words in ended.stdout + ended.stderr


# --------------------------------------------------------------------- a transport


class Counting(httpx.HTTPTransport):
    """Counts the requests that are sent through it."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.count += 1
        return super().handle_request(request)


@pytest.mark.parametrize("prefix", [None, ""])
def test_transport_sends_every_request(standin: StandIn, prefix: str | None) -> None:
    with Counting() as transport:
        remote = RemoteWorkspace(standin.url, transport, prefix=prefix)
        remote.state()
        assert transport.count >= 1
        remote.clear()
        before = transport.count
        remote.reset()
        assert list(remote.faults) == []
        assert remote.requests == []
        assert transport.count == before + 3


def test_endless_pages_are_rejected(standin: StandIn) -> None:
    """A broken proxy or server that returns one page again and again must not keep the client in a loop."""

    class OnePage(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            request.url = request.url.copy_remove_param("before")
            response = super().handle_request(request)
            if not request.url.path.endswith("/requests/find"):
                return response
            return httpx.Response(200, json={**json.loads(response.read()), "next": 7})

    with OnePage() as transport, pytest.raises(ControlError, match="without an end"):
        RemoteWorkspace(standin.url, transport).find()


def test_transport_is_used_instead_of_a_proxy(standin: StandIn, nowhere: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the name nor the proxy exists: only the transport reaches the server."""

    class Rerouting(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            request.url = request.url.copy_with(host="127.0.0.1", port=httpx.URL(standin.url).port)
            request.headers["host"] = "127.0.0.1"
            return super().handle_request(request)

    for name in ("HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://{nowhere}")
    with Rerouting() as transport:
        assert RemoteWorkspace("http://understudy.example/api", transport).reset() == standin.reset()


def test_error_with_a_transport_does_not_mention_a_proxy(nowhere: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example")
    with httpx.HTTPTransport(proxy=f"http://{nowhere}") as transport, pytest.raises(ControlError) as error:
        RemoteWorkspace("http://understudy.example/api", transport).state()
    assert str(error.value).startswith("http://understudy.example/api cannot be reached (")


# ------------------------------------------------------------------------- a proxy


@pytest.fixture
def nowhere() -> str:
    """The address of a port on which no server listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    return f"127.0.0.1:{port}"


def test_local_server_is_reached_without_a_proxy(standin: StandIn, nowhere: str) -> None:
    port = urlsplit(standin.url).port
    for host in ("127.0.0.1", "localhost", "0.0.0.0"):
        ended = run_command(
            "state", "--url", f"http://{host}:{port}/api", HTTP_PROXY=f"http://{nowhere}", ALL_PROXY="socks5://x:1"
        )
        assert (ended.returncode, ended.stderr) == (0, "")


def test_failing_proxy_is_named(nowhere: str) -> None:
    url = "http://understudy.example/api"
    ended = run_command("state", "--url", url, HTTP_PROXY=f"http://somebody:secret@{nowhere}")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(f"error: {url} cannot be reached (")
    assert f"through the proxy http://{nowhere} (from the environment))" in ended.stderr


def test_unusable_proxy_is_named() -> None:
    for proxy in ("ftp://p.example", "socks4://p.example:1"):
        ended = run_command("state", "--url", "http://understudy.example/api", ALL_PROXY=proxy)
        assert ended.returncode == 2
        assert ended.stderr.startswith(f"error: the proxy {proxy} (from the environment) cannot be used (")
        assert ended.stderr.count("\n") == 1


def test_response_of_a_proxy_itself_is_recognized(standin: StandIn) -> None:
    with forwarding({"/nothing": standin}) as site:
        ended = run_command("state", "--url", "http://understudy.example/api", http_proxy=site)
    assert ended.returncode == 2
    assert f"returned 404 through the proxy {site} (from the environment); is it an Understudy" in ended.stderr


def test_proxy_of_a_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "p.example:8080")
    monkeypatch.setenv("all_proxy", "http://all.example")
    monkeypatch.setenv("no_proxy", "internal.example,10.0.0.1,only.example:81")
    expected = {
        "http://a.example/api": "http://p.example:8080",
        "https://a.example": "http://all.example",
        "http://x.internal.example": None,
        "http://10.0.0.1:4200": None,
        "http://u:p@only.example:81": None,
        "http://only.example:82": "http://p.example:8080",
        "http://127.8.0.1": None,
        "http://[::1]:4200": None,
        "http://[::ffff:127.0.0.1]": None,
        "http://LOCALHOST": None,
        "http://app.localhost:1": None,
        "http://localhost.example": "http://p.example:8080",
    }
    assert {url: proxy_for(url) for url in expected} == expected
    assert without_password("http://a:b@p.example:8080") == "http://p.example:8080"


# -------------------------------------------------------------------------- waiting


class Recording(httpx.HTTPTransport):
    """A transport that records for how long a client waits for the last response, in seconds."""

    limit: float | None = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.limit = request.extensions["timeout"]["read"]
        return super().handle_request(request)


def test_clock_is_moved_however_long_it_takes(standin: StandIn) -> None:
    with (
        Recording() as transport,
        RemoteWorkspace(standin.url + at(new_name()), transport) as workspace,
    ):
        workspace.clock.advance(days=1)
        assert transport.limit is None
        workspace.state()
        assert transport.limit == TIMEOUT


def test_server_that_does_not_respond_is_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/api"
        calls = ControlCalls(url, None, None, "", DEFAULT_NETWORK)
        with pytest.raises(ControlError, match=f"^{url} did not respond within 0.1 seconds$"):
            calls.call("GET", "/state", timeout=0.1)
