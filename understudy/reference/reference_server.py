"""A server without rows in this process. Requests are sent without a socket."""

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

from starlette.types import ASGIApp, Message

from understudy.contract.contract import MEDIA_TYPE
from understudy.options import Options
from understudy.reference.direct_exchange import exchange
from understudy.sampling.answers import Answer, Row, joined
from understudy.sampling.conversations import PROTOCOL, STREAM, Conversations, Ended, Refused
from understudy.sampling.random_requests import Request
from understudy.server.app import create_app
from understudy.server.site_loading import loaded
from understudy.workspaces.workspace import Workspace
from understudy.workspaces.workspace_names import DEFAULT

JSON = {"content-type": MEDIA_TYPE}
SECONDS = 5.0  # the timeout for a message
TURNS = 100  # iterations of the event loop, in which a stream processes a message


class ReferenceStream:
    """The client's end of a stream, which runs while messages are awaited or requests are sent.

    Args:
        loop: the event loop of the application.
        app: the application.
        path: the path of the stream.
        headers: the headers of the handshake.

    Raises:
        Refused: the stream is refused.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, app: ASGIApp, path: str, headers: Mapping[str, str]) -> None:
        self._loop = loop
        self._sent, self._received = asyncio.Queue[Message](), asyncio.Queue[Message]()
        self._sent.put_nowait({"type": "websocket.connect"})
        protocols = headers[PROTOCOL].split(", ") if PROTOCOL in headers else []
        scope = {
            "type": "websocket",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [],
            "subprotocols": protocols,
        }
        self._task = loop.create_task(self._run(app, scope))
        answer = loop.run_until_complete(self._received.get())
        if answer["type"] != "websocket.accept":
            raise Refused(answer.get("status", 403))

    async def _run(self, app: ASGIApp, scope: dict[str, Any]) -> None:
        await app(scope, self._sent.get, self._received.put)

    def say(self, message: str) -> None:
        self._sent.put_nowait({"type": "websocket.receive", "text": message})
        self._settle()

    def hear(self, seconds: float) -> str | None:
        waiting = asyncio.wait_for(self._received.get(), seconds)
        try:
            message = self._loop.run_until_complete(waiting)
        except asyncio.TimeoutError:
            return None
        if message["type"] == "websocket.close":
            raise Ended(message["code"])
        return str(message["text"])

    def close(self) -> None:
        self._task.cancel()
        self._settle()

    def _settle(self) -> None:
        """Let the stream process a message, so that the next request sees its effect."""
        self._loop.run_until_complete(turns())


async def turns() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


class ReferenceServer:
    """An Understudy with some rows. Close it at the end.

    Args:
        rows: as the API returns them, by table; none by default.
    """

    def __init__(self, rows: Mapping[str, Iterable[Row]] = MappingProxyType({})) -> None:
        with TemporaryDirectory() as folder:
            for table, some in rows.items():
                lines = "".join(f"{json.dumps(row)}\n" for row in some)
                (Path(folder) / f"{table}.jsonl").write_text(lines, encoding="utf-8")
            self._site = loaded(Options(fixtures=folder, journal=0))
            self._workspace = self._site.registry.open(DEFAULT).content.workspace
        self._base = base = self._site.api.contract.base_path
        self._app = app = create_app(self._site)
        self._loop = loop = asyncio.new_event_loop()
        self._streams = Conversations(lambda path, headers: ReferenceStream(loop, app, f"{base}{path}", headers))

    def restart(self, *, with_services: bool = False) -> None:
        """Delete all rows, and run services or not from now on."""
        self._streams.close()
        self._workspace.restore(Workspace.empty(self._site.api.catalog))
        opened = self._site.registry[DEFAULT]
        opened.services.jump(opened.clock.now())
        opened.always_serves = self._workspace.has_services = with_services

    def ask(self, request: Request) -> Answer:
        """The response to a request; that of several clients is sent as often."""
        if request.clients > 1:
            return joined([self.ask(replace(request, clients=1)) for _ in range(request.clients)])
        if request.method == STREAM:
            return self._streams.ask(request, SECONDS)
        content = None if request.body is None else json.dumps(request.body).encode()
        path, headers = f"{self._base}{request.path}", {**JSON, **request.headers}
        return self._loop.run_until_complete(exchange(self._app, request.method, path, headers, content))

    def trace(self, request: Request) -> tuple[Answer, set[str]]:
        """The response to a request, and the tables that it depends on."""
        with self._workspace.watched() as used:
            return self.ask(request), used

    def close(self) -> None:
        """Close the workspace."""
        self._streams.close()
        self._site.registry.close()
        self._loop.close()
