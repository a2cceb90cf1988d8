"""A server without rows in this process, which is sent requests without a socket."""

import asyncio
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

import httpx

from understudy.contract.contract import MEDIA_TYPE
from understudy.options import Options
from understudy.sampling.answers import Answer, Row
from understudy.sampling.random_requests import Request
from understudy.sampling.sending import answer_of
from understudy.server.app import create_app
from understudy.server.site_loading import loaded
from understudy.workspaces.workspace import Workspace
from understudy.workspaces.workspace_names import DEFAULT

JSON = {"content-type": MEDIA_TYPE}


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
        url = f"http://reference{self._site.api.contract.base_path}"
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(create_app(self._site)), base_url=url)
        self._loop = asyncio.new_event_loop()

    def restart(self) -> None:
        """Delete all rows."""
        self._workspace.restore(Workspace.empty(self._site.api.catalog))

    def ask(self, request: Request) -> Answer:
        """The response to a request."""
        content = None if request.body is None else json.dumps(request.body).encode()
        headers = {**JSON, **request.headers}
        sent = self._client.request(request.method, request.path, content=content, headers=headers)
        response = self._loop.run_until_complete(sent)
        return answer_of(response)

    def trace(self, request: Request) -> tuple[Answer, set[str]]:
        """The response to a request, and the tables that it depends on."""
        with self._workspace.watched() as used:
            return self.ask(request), used

    def close(self) -> None:
        """Close the workspace."""
        self._site.registry.close()
        self._loop.close()
