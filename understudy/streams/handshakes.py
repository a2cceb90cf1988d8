"""Dispatch of WebSocket handshakes to the handlers of their paths."""

import logging
from collections.abc import Awaitable
from time import perf_counter
from urllib.parse import quote

from pydantic_core import ValidationError
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.utils import ClientDisconnected

from understudy.errors import ApiError
from understudy.faults.fault_rule import Effect
from understudy.http.connections import break_off, close, pause
from understudy.http.error_responses import error_of
from understudy.http.request_log import RequestLog
from understudy.http.responses import encode
from understudy.http.routing_table import ROUTE, RoutingTable
from understudy.site import Site
from understudy.streams.stream import Closed, Stream
from understudy.text import one_line

logger = logging.getLogger("understudy")

INTERNAL_ERROR = 1011  # RFC 6455, section 7.4.1
ENDED = 1000


class StreamMiddleware:
    """Serves the streams of the contract. Handshakes for other paths are refused.

    Args:
        app: responds to requests that are not for WebSockets.
        site: what is served.
        log: where each connection has a line once it is closed.
    """

    def __init__(self, app: ASGIApp, site: Site, log: RequestLog | None = None) -> None:
        self._app = app
        self._site = site
        self._log = log
        self._table = RoutingTable(site.api.streams, site.api.contract.base_path)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "websocket":
            return self._app(scope, receive, send)
        return self._connect(scope, receive, send)

    async def _connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        begin = perf_counter()
        scope = {**scope, "method": "GET", ROUTE: self._table.find("GET", scope["path"])}
        exchange = self._site.journal.begin(scope)
        effect = self._site.faults.effect(scope) if self._site.faults.rules else None
        if effect is not None:
            exchange.faults = effect.rules
            send = FaultySend(effect, scope, send).send
        stream = Stream(self._site, scope, receive, send, exchange)
        try:
            await self._serve(stream, scope, receive, send, effect)
        finally:
            stream.end()
            exchange.end()
            if self._log is not None:
                self._log.write(scope, exchange.status, perf_counter() - begin, None)

    async def _serve(self, stream: Stream, scope: Scope, receive: Receive, send: Send, effect: Effect | None) -> None:
        route = scope[ROUTE]
        try:
            if effect is not None:
                await inject(effect, scope, receive)
            if route is None:
                await stream.close()
                return
            await stream.workspace()
            await route.operation.handler(stream, **route.arguments)
            await stream.close(ENDED)
        except (Closed, ClientDisconnected):
            if not stream.is_accepted:
                raise ClientDisconnected from None  # so that uvicorn does not respond
        except ApiError as error:
            await refuse(stream, send, error, stream.is_accepted)
        except Exception as error:  # noqa: BLE001 - what a client sends can raise anything
            logger.warning("the stream %s was closed: %s", quote(scope["path"]), reason_of(error))
            await stream.close(INTERNAL_ERROR)


async def inject(effect: Effect, scope: Scope, receive: Receive) -> None:
    """Apply a fault rule to a handshake.

    Raises:
        ApiError: the rule has a status.
        ClientDisconnected: it ends the connection without a response.
    """
    await pause(effect.delay, scope)
    if effect.status is not None:
        raise error_of(effect.status, effect.retry_after)
    if effect.connection in ("drop", "reset", "hang"):
        await break_off(effect.connection, scope, receive)
        raise ClientDisconnected


def reason_of(error: Exception) -> str:
    """What is wrong with a message, without its content."""
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False)[0]
        return f"{'.'.join(map(str, first['loc'])) or 'a message'}: {one_line(first['msg'])}"
    return one_line(repr(error))


async def refuse(stream: Stream, send: Send, error: ApiError, is_accepted: bool) -> None:
    """Respond to a handshake with an error, or close an open connection."""
    if is_accepted:
        await stream.close(INTERNAL_ERROR)
        return
    headers = [(b"content-type", b"application/json"), *error.raw_headers]
    await send({"type": "websocket.http.response.start", "status": error.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": encode(error.body)})
    stream.is_closed = True


class FaultySend:
    """Sends messages after the delay of a fault rule for pieces of responses, or breaks off at the first of them."""

    def __init__(self, effect: Effect, scope: Scope, send: Send) -> None:
        self._effect = effect
        self._scope = scope
        self._send = send

    async def send(self, message: Message) -> None:
        if message["type"] == "websocket.send":
            if self._effect.connection == "cut":
                close(self._scope)
                return
            if self._effect.chunk_delay is not None:
                await pause(self._effect.chunk_delay(), self._scope)
        await self._send(message)
