"""An HTTP transport with the network options of a command."""

from collections.abc import Iterator
from typing import Any

import httpx

from understudy.errors import UnderstudyError
from understudy.network.network import Network
from understudy.text import one_line

MOST_BYTES = 100_000_000  # of the body of a response, decoded
BY_PROXY = "through the proxy"  # in the error of a request, unless it is sent directly
ENCODINGS = ("", "identity", "gzip", "deflate")  # each of them expands a chunk at most a thousand times


class LimitedResponse(httpx.Response):
    """A response whose body may not be larger than `MOST_BYTES`, also after it is decoded.

    Reading it raises `httpx.DecodingError` if it is.
    """

    def iter_bytes(self, chunk_size: int | None = None) -> Iterator[bytes]:
        encoding = self.headers.get("content-encoding", "").strip().lower()
        if encoding not in ENCODINGS:
            raise httpx.DecodingError(f"the response has the content encoding {encoding!r}", request=self.request)
        size = 0
        for chunk in super().iter_bytes(chunk_size):
            size += len(chunk)
            if size > MOST_BYTES:
                self.close()
                text = f"the response is larger than {MOST_BYTES // 1_000_000} MB"
                raise httpx.DecodingError(text, request=self.request)
            yield chunk


class Transport(httpx.HTTPTransport):
    """A transport to one server. Errors name the proxy, if there is one, and bodies are limited to `MOST_BYTES`.

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
        except OSError as error:
            raise UnderstudyError(f"a file of TLS that the environment names cannot be used ({error})") from None
        except (ImportError, ValueError, httpx.InvalidURL) as error:
            raise UnderstudyError(f"the proxy {self.proxy} cannot be used ({one_line(str(error))})") from None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        try:
            response = super().handle_request(request)
        except httpx.TransportError as error:
            if self.proxy is None:
                raise
            raise type(error)(f"{str(error) or type(error).__name__}, {BY_PROXY} {self.proxy}") from error
        return LimitedResponse(
            response.status_code, headers=response.headers, stream=response.stream, extensions=response.extensions
        )
