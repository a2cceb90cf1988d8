"""The proxy that broken servers are made with, where it changes nothing."""

import json
import threading
from collections.abc import Iterator
from datetime import datetime, timezone
from uuid import uuid4

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.apps import app_on
from tests.conftest import SMALL
from tests.mutants.mutant import unchanged
from tests.mutants.origin import Inside
from tests.mutants.proxy import Proxy, listen, proxied, server_of
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


def test_streams_to_another_server_are_refused(url: str) -> None:
    with proxied(url, unchanged) as refusing, pytest.raises(InvalidStatus, match="403"):
        connect(refusing.replace("http", "ws") + "/events/out", subprotocols=PREFECT)
