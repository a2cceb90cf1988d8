"""The client address of a request, and access to the control API by it."""

import socket
from collections.abc import Iterator

import httpx
import pytest

from tests.http.test_authentication import serving
from understudy.admin.access_control import check, forwarded_for
from understudy.errors import Forbidden, UnderstudyError
from understudy.network.ip_addresses import address_of, is_loopback, is_unspecified, unmapped
from understudy.options import Options

LOCAL = {"X-Forwarded-For": "127.0.0.1"}
OTHER = "203.0.113.5"  # for documents only (RFC 5737)


def external_address() -> str:
    """An address of this machine that other machines can reach."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # for documents only; nothing is sent
        except OSError:
            pytest.skip("this machine has no address but its own")
        name: str = probe.getsockname()[0]
    if is_loopback(name):
        pytest.skip("this machine has no address but its own")
    return name


def status(api: httpx.Client, host: str, **headers: str) -> int:
    """The status of the control API at another address of the server."""
    url = api.base_url.copy_with(host=host, path="/__admin/state")
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.get(url, headers=sent, trust_env=False, verify=False).status_code


# --------------------------------------------------------------- the client's address


@pytest.fixture(scope="module")
def everywhere() -> Iterator[httpx.Client]:
    """A server for all addresses, with what uvicorn would read of its environment."""
    with serving("--host", "0.0.0.0", FORWARDED_ALLOW_IPS="*", WEB_CONCURRENCY="many") as api:
        yield api


@pytest.mark.parametrize("name", ["X_Forwarded_For", "X_Real_IP", "Forwarded"])
def test_headers_cannot_make_a_client_local(everywhere: httpx.Client, name: str) -> None:
    value = "for=127.0.0.1" if name == "Forwarded" else "127.0.0.1"
    assert status(everywhere, external_address(), **{name: value, "Host": "localhost"}) == 403
    assert status(everywhere, "127.0.0.1", **{name: value}) == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Forwarded_For": OTHER},
        {"X_Forwarded_For": f"127.0.0.1, {OTHER}"},
        {"X_Forwarded_For": f"{OTHER}, 127.0.0.1"},
        {"X_Forwarded_For": "unknown"},
        {"X_Forwarded_For": ""},
        {"X_Real_IP": OTHER},
        {"Forwarded": f'for="{OTHER}:4711";proto=https'},
        {"Forwarded": 'proto=https;For="[2001:db8::1]"'},
        {"Forwarded": "for=127.0.0.1, for=_hidden"},
    ],
    ids=str,
)
def test_forwarded_request_of_another_machine_is_not_local(everywhere: httpx.Client, headers: dict[str, str]) -> None:
    assert status(everywhere, "127.0.0.1", **headers) == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])
def test_each_name_of_this_machine_is_local(everywhere: httpx.Client, host: str) -> None:
    assert status(everywhere, host) == 200


def test_rate_limit_uses_the_address_of_the_connection(everywhere: httpx.Client) -> None:
    """Otherwise a client that sends another address with each request would not be limited."""
    rules = {"rules": [{"rate": {"requests": 1, "seconds": 60}, "answer": 429, "path": "/hello"}]}
    url = everywhere.base_url.copy_with(host="127.0.0.1", path="/__admin/faults")
    httpx.put(url, json=rules, trust_env=False, verify=False).raise_for_status()
    try:
        statuses = [
            everywhere.get("/hello", headers={"x-forwarded-for": f"203.0.113.{n}"}).status_code for n in range(3)
        ]
    finally:
        httpx.delete(url, trust_env=False, verify=False)
    assert statuses == [200, 429, 429]


def test_trusted_proxies_determine_the_client_address() -> None:
    with serving("--host", "0.0.0.0", "--trusted-proxy", f"{external_address()}/32", "--trusted-proxy", "::1") as api:
        assert status(api, external_address(), **{**LOCAL, "Host": "localhost"}) == 200
        assert status(api, external_address(), X_Forwarded_For=OTHER, Host="localhost") == 403
        # The proxy appends an address to those that its client has sent.
        assert status(api, external_address(), X_Forwarded_For=f"127.0.0.1, {OTHER}", Host="localhost") == 403


@pytest.mark.parametrize("proxy", ["", "*", "localhost", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.1:80"])
def test_invalid_proxy_address_is_rejected(proxy: str) -> None:
    with pytest.raises(UnderstudyError, match=r"a trusted proxy is an IP address or network, such as 10\.0\.0\.0/8"):
        Options(trusted_proxies=(proxy,))


def test_disconnected_client_is_not_local() -> None:
    """Its address is no longer known."""
    with pytest.raises(Forbidden):
        check({"type": "http", "method": "POST", "client": None, "headers": [(b"host", b"localhost")]}, None)


def test_forwarded_addresses() -> None:
    headers = [
        (b"x-forwarded-for", b"10.0.0.1, 10.0.0.2:80,[::1]:443"),
        (b"x-forwarded-for", b"::1"),
        (b"forwarded", b'by=10.9.9.9;for="[2001:db8::1]:47011", For=10.0.0.3'),
        (b"x-forwarded-host", b"10.9.9.9"),
    ]
    assert forwarded_for(headers) == ["10.0.0.1", "10.0.0.2", "::1", "::1", "2001:db8::1", "10.0.0.3"]


# ------------------------------------------------------------------------------ IPv6


def test_local_clients_of_both_address_families() -> None:
    """On `::`, clients of IPv4 have the address ::ffff:127.0.0.1."""
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
    with serving("--host", "::") as api:
        for host in ("127.0.0.1", "::1", "::", "::ffff:127.0.0.1", "localhost"):
            assert status(api, host) == 200, host
        assert status(api, external_address(), Host="localhost") == 403


@pytest.mark.parametrize(
    ("text", "address", "loopback", "unspecified"),
    [
        ("127.0.0.1", "127.0.0.1", True, False),
        ("127.8.0.1", "127.8.0.1", True, False),
        ("::1", "::1", True, False),
        ("::ffff:127.0.0.1", "127.0.0.1", True, False),
        ("::FFFF:7f00:1", "127.0.0.1", True, False),
        ("::ffff:10.0.0.1", "10.0.0.1", False, False),
        ("::127.0.0.1", "::7f00:1", False, False),
        ("0.0.0.0", "0.0.0.0", False, True),
        ("::", "::", False, True),
        ("2001:DB8::1", "2001:db8::1", False, False),
        ("localhost", "localhost", False, False),
        ("", "", False, False),
    ],
)
def test_addresses(text: str, address: str, loopback: bool, unspecified: bool) -> None:
    assert (unmapped(text), is_loopback(text), is_unspecified(text)) == (address, loopback, unspecified)
    assert (address_of(text) is None) is (text in ("localhost", ""))
