"""Streams to a server: each a WebSocket with the headers of all requests, and the network options of the command."""

from base64 import b64decode
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack

import httpx
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import connect
from websockets.sync.connection import Connection
from websockets.typing import Subprotocol

from understudy.network.network import Network
from understudy.sampling.conversations import PROTOCOL, Conversations, Ended, Refused

LEFT_OUT = ("accept", "accept-encoding", "connection", "host")  # headers that each client sets itself
SECONDS = 10.0  # the timeout for opening and closing a stream


class WebSocket:
    """An open WebSocket.

    Args:
        opened: a context manager that opens it.
    """

    def __init__(self, opened: AbstractContextManager[Connection]) -> None:
        with ExitStack() as stack:
            self._connection = stack.enter_context(opened)
            self._stack = stack.pop_all()

    def say(self, message: str) -> None:
        try:
            self._connection.send(message)
        except ConnectionClosed:
            raise Ended(code_of(self._connection)) from None

    def hear(self, seconds: float) -> str | None:
        try:
            message = self._connection.recv(seconds)
        except TimeoutError:
            return None
        except ConnectionClosed:
            raise Ended(code_of(self._connection)) from None
        return message if isinstance(message, str) else message.decode("utf-8", "replace")

    def close(self) -> None:
        self._stack.close()


def conversations(client: httpx.Client, network: Network) -> Conversations:
    """The streams of a server; none is open yet.

    Args:
        client: the HTTP client, with the server and the headers of requests.
        network: the network options.
    """
    base = client.base_url
    scheme = "wss" if base.scheme == "https" else "ws"
    proxy = network.proxy_for(str(base))
    context = httpx.create_ssl_context(network.certificates()) if scheme == "wss" else None
    headers = {name: value for name, value in client.headers.items() if name not in LEFT_OUT}

    def opened(path: str, more: Mapping[str, str]) -> WebSocket:
        protocols = more[PROTOCOL].split(", ") if PROTOCOL in more else []
        try:
            return WebSocket(
                connect(
                    f"{str(base.copy_with(scheme=scheme)).rstrip('/')}{path}",
                    additional_headers=headers,
                    user_agent_header=None,
                    subprotocols=list(map(Subprotocol, protocols)) or None,
                    ssl=context,
                    proxy=None if proxy is None else proxy.url,
                    open_timeout=SECONDS,
                    close_timeout=SECONDS,
                    max_size=None,
                )
            )
        except InvalidStatus as error:
            raise Refused(error.response.status_code) from None
        except InvalidHandshake as error:
            raise ConnectionError(f"no WebSocket: {error}") from None

    return Conversations(opened, token_of(headers.get("authorization", "")))


def token_of(authorization: str) -> str | None:
    """The credentials in a header in the form that streams take: a key, or `user:password`; None without any."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "basic":
        return b64decode(value).decode("utf-8", "replace")
    return value or None


def code_of(connection: Connection) -> int | None:
    """The code with which a connection was closed, as a plain number."""
    code = connection.close_code
    return None if code is None else int(code)
