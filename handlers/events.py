"""Events: what happened to resources, each stored once."""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID

from pydantic_core import from_json, to_jsonable_python
from pyroaring import BitMap

from understudy.errors import Forbidden
from understudy.operations.handler_results import NO_CONTENT, Answer
from understudy.streams.stream import Stream
from understudy.tables.table import Table
from understudy.values import key_of, moment, now
from understudy.workspaces.workspace import Workspace

from .event_counts import by_time, by_value
from .event_filters import name_test, resource_id_tests, stored_tests, stream_test, with_defaults
from .event_order import NAME, OCCURRED, RESOURCE, distinct, is_distinct, page_of
from .streams import accept, receive_filter
from .task_run_events import record

FORBIDDEN = "Forbidden"
LOG = "prefect.log.write"  # the name of events that automations ignore
BACKFILL = timedelta(minutes=15)
"""The maximum age of the events that a stream begins with. Source: PREFECT_EVENTS_MAXIMUM_WEBSOCKET_BACKFILL."""


def create_events(workspace: Workspace, body: list[dict[str, Any]]) -> Answer:
    received = now()
    for event in body:
        store_event(workspace, {**event, "received": received})
    return NO_CONTENT


def store_event(workspace: Workspace, event: Mapping[str, Any]) -> None:
    """Store an event, and the task run that it is about, unless the event is stored already."""
    events = workspace["events"]
    if events.find(event["id"].int) is None:
        events.insert(event)
        record(workspace, event)
        if event["event"] != LOG and workspace.has_services and len(workspace["automations"]):
            inbox, time = workspace["automation_inbox"], now()
            inbox.insert({"id": event["id"], "created": time, "updated": time, "position": inbox.changes})


async def stream_in(stream: Stream) -> None:
    """Stores the events that a client sends."""
    await accept(stream)
    event = stream.validator("Event")
    while True:
        sent = event.validate_json(await stream.receive_text())
        await stream.submit(create_events, body=[sent])


async def stream_out(stream: Stream) -> None:
    """Sends the events that meet a filter: first those of the last minutes, then new ones."""
    await accept(stream)
    given, message = await receive_filter(stream, "EventFilter")
    time = await stream.now()
    filter_ = {**with_defaults(given, time), "order": "ASC"}
    filter_["occurred"]["since"] = max(filter_["occurred"]["since"], time - BACKFILL)
    test = stream_test(filter_)
    known: set[bytes] | None = None  # what the stream begins with
    async for rows in stream.changes("events"):
        if known is None:
            found = await stream.read(backfilled, filter_=filter_) if message.get("backfill", True) else []
            known = set(found)
        else:
            new = [event for event in await stream.read(encoded, rows=rows) if test(from_json(event))]
            found = [event for event in new if event not in known]
        for event in found:
            await stream.send(b'{"type":"event","event":%b}' % event)


def backfilled(workspace: Workspace, filter_: dict[str, Any]) -> list[bytes]:
    """The events that meet a filter, the earliest first."""
    events = workspace["events"]
    rows = selected(events, filter_)
    return encoded(workspace, events.index(OCCURRED).page(rows, False, 0, len(rows)))


def encoded(workspace: Workspace, rows: list[int]) -> list[bytes]:
    return [workspace["events"].encoded(row) for row in rows if row in workspace["events"].live]


def read_events(workspace: Workspace, filter: dict[str, Any] | None, limit: int, api_url: str) -> Answer:
    complete = with_defaults(filter, now())
    rows = selected(workspace["events"], complete)
    return page(workspace["events"], rows, PageToken(complete, len(rows), limit, 0), api_url)


def read_account_events_page(workspace: Workspace, page_token: str, api_url: str) -> Answer:
    try:
        token = PageToken.parsed(page_token)
    except (ValueError, LookupError, TypeError, AttributeError):
        raise Forbidden(FORBIDDEN) from None
    events = workspace["events"]
    return page(events, selected(events, token.filter), token, api_url)


@dataclass(frozen=True)
class PageToken:
    """The token in the URL of a page. `count` is the number of rows at the time of the first page."""

    filter: dict[str, Any]
    count: int
    page_size: int
    offset: int

    @classmethod
    def parsed(cls, text: str) -> "PageToken":
        values = from_json(b64decode(b64decode(text)))
        filter_, count, page_size, offset = (values[name] for name in ("filter", "count", "page_size", "offset"))
        filter_["occurred"] = {name: moment(time) for name, time in filter_["occurred"].items()}
        filter_["id"] = {"id": list(map(UUID, (filter_.get("id") or {}).get("id") or ()))}
        return cls(filter_, count, page_size, offset)

    def text(self) -> str:
        values = {**vars(self), "filter": to_jsonable_python(self.filter)}
        return b64encode(b64encode(json.dumps(values).encode())).decode()

    def following(self) -> "PageToken | None":
        offset = self.offset + self.page_size
        return replace(self, offset=offset) if offset < self.count else None


def page(events: Table, rows: BitMap, token: PageToken, api_url: str) -> bytes:
    """A page of some rows, with the URL of the next one."""
    shown = page_of(events, rows, token.filter, token.offset, token.page_size)
    following, link = token.following(), b"null"
    if following is not None:
        link = json.dumps(f"{api_url}/events/filter/next?page-token={quote(following.text(), safe='=+/')}").encode()
    return b'{"events":%b,"total":%d,"next_page":%b}' % (events.array(shown), token.count, link)


def selected(events: Table, filter_: Mapping[str, Any]) -> BitMap:
    """The rows of the events that meet a filter."""
    occurred, ids = filter_["occurred"], (filter_.get("id") or {}).get("id")
    index = events.index(OCCURRED)
    rows = index.starting_at(key_of(occurred["since"])) & index.up_to(key_of(occurred["until"]))
    if ids:
        rows &= BitMap([row for row in map(events.find, map(key_of, ids)) if row is not None])
    if filter_.get("event"):
        rows &= events.index(NAME).where(name_test(filter_["event"]))
    for test in resource_id_tests(filter_.get("resource") or {}):
        rows &= events.index(RESOURCE).where(test)
    tests = stored_tests(filter_)
    if tests:
        rows = BitMap([row for row in rows if meets(events.encoded(row), tests)])
    return distinct(events, rows, filter_) if is_distinct(filter_) else rows


def meets(encoded: bytes, tests: list[Any]) -> bool:
    event = from_json(encoded)
    return all(test(event) for test in tests)


def count_account_events(
    workspace: Workspace, countable: str, filter: dict[str, Any], time_unit: str, time_interval: float
) -> Answer:
    time, events = now(), workspace["events"]
    complete = with_defaults(filter, time)
    occurred = complete["occurred"]
    complete["resource"] = {**(complete.get("resource") or {}), "distinct": False}
    rows = [from_json(events.encoded(row)) for row in selected(events, complete)]
    if countable in ("event", "resource"):
        return by_value(rows, countable, occurred, time_unit, time_interval)
    return by_time(rows, countable, occurred, time_unit, time_interval, time)
