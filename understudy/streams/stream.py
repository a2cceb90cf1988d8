"""A stream: one WebSocket connection of a client, as its handler sees it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cached_property
from typing import Any

from pydantic_core import SchemaValidator, from_json, to_json
from starlette.types import Message, Receive, Scope, Send

from understudy.contract.validation import validator
from understudy.http.journal import Exchange
from understudy.operations.api_folder import SWITCHING
from understudy.site import Site
from understudy.workspaces.open_workspace import OpenWorkspace
from understudy.workspaces.workspace import Workspace
from understudy.workspaces.workspace_names import DEFAULT, WORKSPACE

GOING_AWAY = 1001  # RFC 6455, section 7.4.1
LONGEST_REASON = 123  # in bytes, of a control frame; section 5.5


class Closed(Exception):
    """The connection is closed."""


class Stream:
    """A connection to a stream of a workspace.

    Args:
        site: what is served.
        scope: of the handshake.
        receive: receives ASGI messages.
        send: sends ASGI messages; returns once the client has read enough of the earlier ones.
        exchange: the entry in the journal.
    """

    def __init__(self, site: Site, scope: Scope, receive: Receive, send: Send, exchange: Exchange) -> None:
        self._site = site
        self._name: str = scope.get(WORKSPACE, DEFAULT)
        self._receive = receive
        self._send = send
        self._exchange = exchange
        self._incoming: asyncio.Task[Message] | None = None  # a message that is awaited
        self._changed = asyncio.Event()
        self._submitted: set[asyncio.Future[Any]] = set()
        self.subprotocols: list[str] = scope.get("subprotocols", [])
        self.is_accepted = False
        self.is_closed = False

    # ------------------------------------------------------------------ handshake

    @property
    def requires_authentication(self) -> bool:
        return self._site.credentials.are_required

    def is_authenticated(self, token: Any) -> bool:
        """Whether a token is one of the credentials that clients need, or none is needed."""
        return self._site.credentials.accept(token)

    async def accept(self, subprotocol: str | None = None) -> None:
        message = await self._receive()
        if message["type"] != "websocket.connect":
            raise Closed
        await self._send({"type": "websocket.accept", "subprotocol": subprotocol, "headers": []})
        self.is_accepted = True
        self._exchange.add_to_response(SWITCHING, b"", ())

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        """Close the connection; before it was accepted, refuse it with the status 403.

        A reason that is too long for its frame is cut.
        """
        if not self.is_closed:
            self.is_closed = True
            if not self.is_accepted:
                self._exchange.add_to_response(403, b"", ())
            sent = (reason or "").encode()[:LONGEST_REASON].decode(errors="ignore")
            with suppress(OSError, RuntimeError):  # the client has closed it meanwhile
                await self._send({"type": "websocket.close", "code": code, "reason": sent})

    # ------------------------------------------------------------------ messages

    async def receive_text(self, *, is_secret: bool = False) -> str:
        """The next message. A secret one is not in the journal.

        Raises:
            Closed: the client has closed the connection.
            ValueError: the message is not text.
        """
        # Without a task, since a request that the client sends next must not overtake the message.
        incoming, self._incoming = self._incoming, None
        message = await (self._receive() if incoming is None else incoming)
        if message["type"] != "websocket.receive":
            self.is_closed = True
            raise Closed
        text = message.get("text")
        if text is None:
            raise ValueError("a message must be text")
        if not is_secret:
            self._exchange.record_body(self._exchange.body + text.encode("utf-8", "surrogatepass") + b"\n")
        return str(text)

    async def receive_object(self, *, is_secret: bool = False) -> dict[str, Any]:
        """The next message, which is a JSON object.

        Raises:
            Closed: the client has closed the connection.
            ValueError: the message is not a JSON object.
        """
        message = from_json(await self.receive_text(is_secret=is_secret))
        if not isinstance(message, dict):
            raise ValueError("a message must be a JSON object")  # noqa: TRY004 - as for what is not JSON
        return message

    async def send(self, value: Any) -> None:
        """Send a value as JSON; bytes are JSON already.

        Raises:
            Closed: the client has closed the connection.
        """
        encoded = value if isinstance(value, bytes) else to_json(value, inf_nan_mode="null")
        self._exchange.add_to_response(SWITCHING, encoded + b"\n", ())
        try:
            await self._send({"type": "websocket.send", "text": encoded.decode()})
        except OSError:  # ClientDisconnected
            self.is_closed = True
            raise Closed from None

    def validator(self, schema: str) -> SchemaValidator:
        """The validator of a schema of the contract."""
        contract = self._site.api.contract
        return validator(contract.place({"$ref": f"#/components/schemas/{schema}"}, ""), self._site.api.reading)

    # ------------------------------------------------------------------ rows

    async def workspace(self) -> OpenWorkspace:
        return self._site.registry.get_open(self._name) or await self._site.registry.get(self._name)

    async def now(self) -> datetime:
        """The time of the workspace."""
        return (await self.workspace()).clock.now()

    @property
    def is_workspace_open(self) -> bool:
        """Whether the workspace is there: it may have been deleted meanwhile."""
        return self._site.registry.get_open(self._name) is not None

    async def perform(self, operation: Callable[..., Any], **arguments: Any) -> Any:
        """The result of an operation on the workspace, once it is durable."""
        opened = await self.workspace()
        return await opened.perform(operation, **arguments)

    async def submit(self, operation: Callable[..., Any], **arguments: Any) -> None:
        """Perform an operation at once, without waiting until it is durable."""
        task = asyncio.ensure_future((await self.workspace()).perform(operation, **arguments))
        self._submitted.add(task)
        task.add_done_callback(self._settle)

    def _settle(self, task: "asyncio.Future[Any]") -> None:
        self._submitted.discard(task)
        if not task.cancelled():
            task.exception()  # which is in the log: the client gets no response

    async def read(self, operation: Callable[..., Any], **arguments: Any) -> Any:
        """The same of an operation that changes no row."""
        return await (await self.workspace()).read(operation, **arguments)

    @cached_property
    def shared(self) -> dict[str, Any]:
        """An object that all streams of the workspace share while it is open."""
        return self._site.registry[self._name].shared

    @contextmanager
    def watching(self, opened: OpenWorkspace) -> Iterator[None]:
        """A context manager that notices the changes of a workspace."""
        opened.watchers.add(self._changed)
        try:
            yield
        finally:
            opened.watchers.discard(self._changed)

    async def changes(self, table: str) -> AsyncIterator[list[int]]:
        """The rows of a table that are added or changed from now on, until the client closes the connection.

        They are empty at first, and whenever other tables may have changed. They are durable. A client that reads so
        slowly that more rows change than a table remembers misses them.

        Raises:
            Closed: the client has closed the connection, or the workspace was deleted.
        """
        opened = await self.workspace()
        seen = opened.content.workspace[table].changes
        with self.watching(opened):
            yield []
            while True:
                await self._change()
                await self._check_open(opened)
                rows, seen = await opened.read(changed, name=table, seen=seen)
                yield rows

    async def signals(self) -> AsyncIterator[bool]:
        """Wait for both the client and the rows: true when the client has sent something, which is to be received.

        False at first, and whenever rows of the workspace may have changed.

        Raises:
            Closed: the workspace was deleted.
        """
        opened = await self.workspace()
        with self.watching(opened):
            yield False
            while True:
                waiting, incoming = asyncio.ensure_future(self._changed.wait()), self._awaited()
                try:
                    await asyncio.wait({waiting, incoming}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    waiting.cancel()
                if incoming.done():
                    yield True
                    continue
                self._changed.clear()
                await self._check_open(opened)
                yield False

    async def _check_open(self, opened: OpenWorkspace) -> None:
        """Check that the workspace was not deleted meanwhile.

        Raises:
            Closed: it was.
        """
        if self._site.registry.get_open(self._name) is not opened:
            await self.close(GOING_AWAY, "The workspace was deleted.")
            raise Closed

    async def _change(self) -> None:
        """Wait until the workspace may have changed. What the client sends meanwhile is ignored."""
        waiting = asyncio.ensure_future(self._changed.wait())
        try:
            while not waiting.done():
                incoming = self._awaited()
                await asyncio.wait({waiting, incoming}, return_when=asyncio.FIRST_COMPLETED)
                if incoming.done():
                    self._incoming = None
                    if incoming.result()["type"] != "websocket.receive":
                        self.is_closed = True
                        raise Closed
        finally:
            waiting.cancel()
        self._changed.clear()

    def _awaited(self) -> "asyncio.Task[Message]":
        if self._incoming is None:
            self._incoming = asyncio.ensure_future(self._receive())
        return self._incoming

    def end(self) -> None:
        """Stop waiting for messages."""
        if self._incoming is not None:
            self._incoming.cancel()


def changed(workspace: Workspace, name: str, seen: int) -> tuple[list[int], int]:
    """The rows of a table that were changed since a number of changes, and the number of changes now."""
    table = workspace[name]
    rows = table.changed_since(seen)
    return [] if rows is None else sorted(rows & table.live), table.changes
