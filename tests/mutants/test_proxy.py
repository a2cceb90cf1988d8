"""The proxy that broken servers are made with, where it changes nothing."""

import asyncio
import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from uuid import uuid4

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.apps import app_on
from tests.conftest import SMALL
from tests.mutants.behaviours import about, reads_with, replies, sends
from tests.mutants.exchange import Answer, Request
from tests.mutants.generated.writes import nothing_done, remembers
from tests.mutants.mutant import Behaviour, BrokenServer, Step, delete, get, patch, post, unchanged
from tests.mutants.origin import Inside
from tests.mutants.paths import put
from tests.mutants.proxy import BASE, SHOWN, Proxy, listen, proxied, server_of
from understudy.operations.api_folder import Api

PREFECT = [Subprotocol("prefect")]
RESOURCE = {"prefect.resource.id": "a"}


@pytest.fixture
def url(api: Api) -> Iterator[str]:
    """The URL of a proxy before an application in this process."""
    listener, url = listen()
    with listener:
        server = server_of(Proxy(Inside(app_on(SMALL, api)), unchanged))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield url
        server.should_exit = True
        thread.join()


def test_streams_reach_an_application(url: str) -> None:
    found = {"filter": {"event": {"name": ["proxied"]}}}
    time = datetime.now(timezone.utc).isoformat()
    event = {"event": "proxied", "id": str(uuid4()), "occurred": time, "resource": RESOURCE}
    with connect(url.replace("http", "ws") + "/events/in") as stream:
        stream.send(json.dumps(event))
    events = httpx.post(f"{url}/events/filter", json=found).json()["events"]
    assert [each["event"] for each in events] == ["proxied"]


async def twice(request: Request, broken: BrokenServer) -> Answer:
    await broken.ask(request)
    return await broken.ask(request)


async def rewritten(request: Request, broken: BrokenServer) -> Answer:
    answer = await broken.ask(request)
    return answer.saying(answer.json)


LIST, NAME, FLOW = post("/flows/filter", limit=2), post("/flows/", name="a"), "/flows/$1"
TAG = patch(FLOW, tags=["a"])
GONE = delete("/flows/00000000-0000-4000-8000-000000000000")


@pytest.mark.parametrize(
    ("behaviour", "steps", "shown"),
    [
        (unchanged, [LIST, NAME, TAG, get(FLOW), delete(FLOW), GONE], 0),
        (reads_with("POST /flows/filter", put(limit=1)), [LIST, LIST, NAME], 2),
        (reads_with("POST /flows/filter", put(offset=0)), [LIST], 0),  # the same answer to another request
        (rewritten, [LIST, NAME], 0),  # the same answer, written in another way
        (replies("GET .*", lambda _, answer: replace(answer, status=203)), [NAME, get(FLOW)], 1),
        (replies("GET .*", lambda _, answer: replace(answer, headers=httpx.Headers())), [NAME, get(FLOW)], 1),
        (about("DELETE .*", nothing_done), [NAME, delete(FLOW), GONE], 1),
        (sends("PATCH .*", put(tags=["b"])), [NAME, TAG, get(FLOW)], 1),
        (about("PATCH .*", twice), [NAME, TAG], 1),
        (remembers("GET .*", "DELETE .*"), [NAME, get(FLOW), get(FLOW)], 0),
        (remembers("GET .*", "DELETE .*"), [NAME, get(FLOW), TAG, get(FLOW), get(FLOW)], 2),
    ],
)
def test_requests_that_show_a_mutant_are_counted(
    api: Api, behaviour: Behaviour, steps: Sequence[Step], shown: int
) -> None:
    async def count() -> int:
        transport = httpx.ASGITransport(Proxy(Inside(app_on(SMALL, api)), behaviour))
        async with httpx.AsyncClient(transport=transport, base_url="http://proxy") as client:
            new = ""
            for step in steps:
                path = step.path.replace("$1", new)
                answer = await client.request(step.method, f"{BASE}{path}", content=step.body, headers=step.headers)
                new = answer.json()["id"] if answer.status_code == 201 else new
            return int((await client.get(SHOWN)).json())

    assert asyncio.run(count()) == shown


def test_streams_to_another_server_are_refused(url: str) -> None:
    with proxied(url, unchanged) as refusing, pytest.raises(InvalidStatus, match="403"):
        connect(refusing.replace("http", "ws") + "/events/out", subprotocols=PREFECT)
