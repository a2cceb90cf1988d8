"""An HTTP transport with the network options of a command."""

from typing import Any

import httpx

from understudy.errors import UnderstudyError
from understudy.network.network import Network
from understudy.text import one_line


class Transport(httpx.HTTPTransport):
    """A transport to one server. Errors name the proxy, if there is one.

    Args:
        network: the network options.
        url: the URL of the server.
        options: further options of `httpx.HTTPTransport`.

    Raises:
        UnderstudyError: the certificates or the proxy cannot be used.
    """

    def __init__(self, network: Network, url: str, **options: Any) -> None:
        self.proxy = network.proxy_for(url)
        try:
            super().__init__(
                verify=network.certificates(), proxy=None if self.proxy is None else self.proxy.url, **options
            )
        except (ImportError, ValueError, httpx.InvalidURL) as error:
            raise UnderstudyError(f"the proxy {self.proxy} cannot be used ({one_line(str(error))})") from None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return super().handle_request(request)
        except httpx.TransportError as error:
            if self.proxy is None:
                raise
            raise type(error)(f"{str(error) or type(error).__name__}, through the proxy {self.proxy}") from error
