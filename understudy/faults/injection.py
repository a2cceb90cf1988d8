"""Fault injection: applies rules to requests, to their connections, and to their responses."""

import time
from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from understudy.faults.corruption import CORRUPTIONS
from understudy.faults.fault_rule import Effect
from understudy.faults.faults import Faults
from understudy.faults.throttling import Throttling
from understudy.http.connections import TRANSPORT, close, disconnect, gone, pause, unless_stopped
from understudy.http.error_responses import error_of
from understudy.http.journal import EXCHANGE
from understudy.http.responses import send_response
from understudy.operations.request_headers import without

EFFECT = "understudy.effect"  # the key of the effect on a request in the ASGI scope
STALE = "understudy.stale"  # the key of the age of the rows to read, in seconds


class FaultMiddleware:
    """Delays requests, and closes or slows down their connections."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app = app
        self._faults = faults

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        effect = self._faults.effect(scope) if scope["type"] == "http" and self._faults.rules else None
        if effect is None:
            return self._app(scope, receive, send)
        if EXCHANGE in scope:
            scope[EXCHANGE].faults = effect.rules
        return unless_stopped(self._apply(effect, scope, receive, send), scope, receive)

    async def _apply(self, effect: Effect, scope: Scope, receive: Receive, send: Send) -> None:
        await pause(effect.delay, scope)  # the request is performed even if the client disconnects meanwhile
        if effect.connection in ("drop", "reset", "hang"):
            await disconnect(effect.connection, scope, receive)
            return
        await self._app({**scope, EFFECT: effect}, receive, Sender(effect, scope, send).send)
        if effect.connection == "cut":
            await gone(receive)


class Sender:
    """Sends a response in pieces, slowly, or only half of it."""

    def __init__(self, effect: Effect, scope: Scope, send: Send) -> None:
        self._effect = effect
        self._scope = scope
        self._send = send
        self._is_cut = effect.connection == "cut"
        self._throttling = Throttling(effect.throttle, effect.chunk_delay)
        self._start: float | None = None  # when the body began, by `time.monotonic`

    async def send(self, message: Message) -> None:
        if message["type"] != "http.response.body" or not self._is_changed:
            await self._send(message)
            return
        body = message.get("body", b"")
        if self._is_cut:
            await self._send({**message, "body": body[: len(body) // 2], "more_body": True})
            close(self._scope)
            return
        await self._pieces(body, more=message.get("more_body", False))

    @property
    def _is_changed(self) -> bool:
        return self._is_cut or self._effect.chunk_delay is not None or self._effect.throttle is not None

    async def _pieces(self, body: bytes, *, more: bool) -> None:
        transport = self._scope[TRANSPORT]
        self._start = time.monotonic() if self._start is None else self._start
        for piece, due in self._throttling.pieces(body):
            await pause(self._start + due - time.monotonic(), self._scope)
            if transport.is_closing():
                return  # the client has disconnected
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})
        await self._send({"type": "http.response.body", "body": b"", "more_body": more})


class ResponseFaultMiddleware:
    """Responds with errors, with corrupted bodies, or from old rows."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        effect: Effect | None = scope.get(EFFECT)
        if effect is None:
            return self._app(scope, receive, send)
        if effect.status is not None:
            raise error_of(effect.status, effect.retry_after)
        if effect.stale is not None:
            scope = {**scope, STALE: effect.stale}
        if effect.corrupt is None:
            return self._app(scope, receive, send)
        # The body is corrupted first, and compressed afterwards if the client accepts that.
        return self._app(without(scope, b"accept-encoding"), receive, Corruption(effect.corrupt, scope, send).send)


class Corruption:
    """Collects an uncompressed response, and sends it with a corrupted body."""

    def __init__(self, kind: str, scope: Scope, send: Send) -> None:
        self._corrupt = CORRUPTIONS[kind]
        self._scope = scope
        self._send = send
        self._start: Message = {}
        self._body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        self._body += message.get("body", b"")
        if message.get("more_body", False):
            return
        body = self._corrupt(self._body) if self._body else b""
        headers = [header for header in self._start["headers"] if header[0].lower() not in (b"content-length", b"vary")]
        await send_response(self._scope, self._send, self._start["status"], body, headers)
