"""WebSocket connections with the limits of all connections."""

import asyncio
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from understudy.http.connections import TRANSPORT
from understudy.http.limits import Limits
from understudy.http.responses import refusal
from understudy.network.ip_addresses import unmapped


class WebSocket(WebSocketsSansIOProtocol):
    """Uvicorn's WebSocket protocol, which responds to each handshake within the client timeout.

    Args:
        limits: the limits of a client.
    """

    def __init__(self, *args: Any, limits: Limits, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._limits = limits
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self.client is not None:
            self.client = unmapped(self.client[0]), self.client[1]
        self._deadline = self.loop.call_later(self._limits.seconds, self._expire)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._deadline is not None:
            self._deadline.cancel()
        self.transport.lost()  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.close_sent:
            # Uvicorn does not respond to a handshake that the library cannot parse.
            self.close_sent = True
            self.transport.write(refusal(HTTPStatus.BAD_REQUEST, f"{self.conn.handshake_exc}"))
            self.transport.close()

    async def run_asgi(self) -> None:
        self.scope[TRANSPORT] = self.transport  # type: ignore[literal-required]
        await super().run_asgi()

    def _expire(self) -> None:
        """Abort a handshake without a response from the application."""
        if not self.handshake_complete:
            self.transport.abort()
