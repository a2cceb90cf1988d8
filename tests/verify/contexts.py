"""Check contexts for servers in this process."""

import asyncio
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from starlette.types import ASGIApp

from understudy.contract.catalog import Catalog
from understudy.contract.contract import Contract
from understudy.reports.verdict import Verdict
from understudy.verify import verify
from understudy.verify.check_context import CheckContext
from understudy.verify.expectations.model import Model
from understudy.verify.expectations.request_interpreter import RequestInterpreter
from understudy.verify.requests.endpoint import Endpoint
from understudy.verify.requests.endpoint_map import EndpointMap
from understudy.verify.requests.throttled_client import ThrottledClient

URL = "http://server/api"


class InProcess(httpx.BaseTransport):
    """Calls an application without a socket, one request after the other."""

    def __init__(self, app: ASGIApp) -> None:
        self._transport = httpx.ASGITransport(app)
        self._loop = asyncio.new_event_loop()
        self._lock = threading.Lock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            return self._loop.run_until_complete(self._handled(request))

    async def _handled(self, request: httpx.Request) -> httpx.Response:
        response = await self._transport.handle_async_request(request)
        body = b"".join([chunk async for chunk in response.aiter_raw()])
        return httpx.Response(response.status_code, headers=response.headers, content=body)

    def close(self) -> None:
        self._loop.close()


class ContextFactory:
    """Creates contexts for servers, all with the same contract."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.endpoint_map = EndpointMap.of(contract)
        self.catalog = Catalog.of(contract)
        self._interpreter = {
            strict: RequestInterpreter(self.endpoint_map, self.catalog, strict=strict) for strict in (True, False)
        }

    def endpoint(self, label: str) -> Endpoint:
        """An operation by its method and its path in the contract."""
        return next(endpoint for endpoint in self.endpoint_map.endpoints if endpoint.label == label)

    def interpreter(self, *, strict: bool) -> RequestInterpreter:
        return self._interpreter[strict]

    @contextmanager
    def context_of(
        self, app: ASGIApp, *, seed: int = 1, strict: bool = False, budget: int = 30_000
    ) -> Iterator[CheckContext]:
        """A context for a server whose rows are not known yet."""
        with httpx.Client(transport=InProcess(app), base_url=URL, headers={"accept-encoding": "identity"}) as client:
            yield self.context(client, seed=seed, strict=strict, budget=budget)

    def context(
        self, client: httpx.Client, *, seed: int = 1, strict: bool = False, budget: int = 30_000
    ) -> CheckContext:
        """The same for the server of a client."""
        return CheckContext(
            self.endpoint_map,
            self._interpreter[strict],
            Model(self.endpoint_map.listed_tables, self.catalog),
            ThrottledClient(client, budget, None),
            random.Random(seed),
            Verdict(URL, seed),
        )

    def learn(self, context: CheckContext, folder: Path | None = None) -> CheckContext:
        """Let it learn what the server shows, and the other tables of a fixture set."""
        if folder is not None:
            context.model.add_hidden(verify.workspace_of(self.contract, folder))
        verify.learn(context, self.contract)
        return context
