"""The client that sends requests to a server: its headers, timeouts, tokens and proxy."""

from typing import Any

import httpx

from understudy.contract.contract import Contract
from understudy.errors import UnderstudyError
from understudy.network.direct_transport import KEEPALIVE, DirectTransport
from understudy.network.network import DEFAULT_NETWORK, Network
from understudy.network.proxies import without_password
from understudy.network.transport import Transport
from understudy.network.urls import url_flaw
from understudy.sampling.client_authentication import CsrfTokens
from understudy.text import one_line

FRAMING = ("content-length", "transfer-encoding")  # headers that say where a body ends
PATIENCE = 60.0  # seconds to wait for one response
PLAIN = {"accept-encoding": "identity"}  # compressing long lists takes longer than sending them


class FewCookies(httpx.Cookies):
    """Cookies that are parsed only from responses that set some, since httpx takes long to find none."""

    def extract_cookies(self, response: httpx.Response) -> None:
        if "set-cookie" in response.headers:
            super().extract_cookies(response)


class Client(httpx.Client):
    """An HTTP client with `FewCookies`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._cookies = FewCookies()


def client(
    url: str, headers: dict[str, str], contract: Contract | None = None, network: Network = DEFAULT_NETWORK
) -> httpx.Client:
    """An HTTP client for a server, which fetches and sends CSRF tokens if the contract has them.

    Raises:
        UnderstudyError: the URL, the certificates or the proxy cannot be used.
    """
    url = url.rstrip("/")
    flaw = url_flaw(url)
    if flaw is not None:
        raise UnderstudyError(f"{without_password(url)}: cannot be reached ({flaw})")
    auth = None if contract is None else CsrfTokens(contract, url)
    transport: httpx.BaseTransport = (
        DirectTransport(network, whole=True)
        if network.proxy_for(url) is None
        else Transport(network, url, limits=httpx.Limits(keepalive_expiry=KEEPALIVE))
    )
    try:
        return Client(base_url=url, headers={**PLAIN, **headers}, auth=auth, timeout=PATIENCE, transport=transport)
    except ValueError as error:
        raise UnderstudyError(f"{without_password(url)}: cannot be reached ({one_line(str(error))})") from None


def shown_url(client: httpx.Client) -> str:
    """The base URL of a client, without its credentials."""
    return without_password(str(client.base_url).rstrip("/"))


def header_of(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if name.strip().lower() in FRAMING:
        raise UnderstudyError(f"--header cannot set {name.strip()}, since it differs between requests")
    if not colon or not name.strip():
        raise UnderstudyError(f"--header takes 'NAME: VALUE', not '{text}'")
    return name.strip(), value.strip()
