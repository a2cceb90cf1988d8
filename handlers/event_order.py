"""The order of stored events: by time, and those of one time as the database of a real server finds them.

Source: the plans that SQLite makes for the queries of Prefect's `events/storage/database.py`.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from pydantic_core import from_json
from pyroaring import BitMap

from understudy.contract.columns import Column
from understudy.tables.table import Table

from .event_filters import ID

OCCURRED, NAME, KEY = Column(("occurred",)), Column(("event",)), Column(("id",))
RELATED = ("related", "any_resource")


def page_of(events: Table, rows: BitMap, filter_: Mapping[str, Any], offset: int, limit: int) -> list[int]:
    """A page of the events that meet a filter, in its order."""
    index, descending = events.index(OCCURRED), filter_["order"] == "DESC"
    shown = index.page(rows, descending, offset, limit)
    if not shown:
        return shown
    first, last = sorted(events.key(OCCURRED, row) for row in (shown[0], shown[-1]))
    whole = rows & index.starting_at(first) & index.up_to(last)  # with all events of the first and of the last time
    before = len(rows - index.up_to(last) if descending else rows - index.starting_at(first))
    if is_distinct(filter_):
        found = sorted(whole, key=partial(resource_of, events))
    else:
        found = as_found(events, whole, filter_, descending=descending)
    return by_time(events, found, descending=descending)[offset - before :][:limit]


def distinct(events: Table, rows: BitMap, filter_: Mapping[str, Any]) -> BitMap:
    """The first event of each resource. Those of several resources are sorted by them, whatever the direction."""
    descending = filter_["order"] == "DESC"
    found = as_found(events, rows, filter_, descending=descending and len(values_of(filter_, "resource", "id")) == 1)
    first: dict[str, int] = {}
    for row in by_time(events, found, descending=descending):
        first.setdefault(resource_of(events, row), row)
    return BitMap(first.values())


def by_time(events: Table, rows: Iterable[int], *, descending: bool) -> list[int]:
    """Events by time; those of one time stay in the order in which they are."""
    return sorted(rows, key=partial(events.key, OCCURRED), reverse=descending)


def as_found(events: Table, rows: Iterable[int], filter_: Mapping[str, Any], *, descending: bool) -> list[int]:
    """Events in the order in which those of one time are found, by an index that is read in either direction."""
    names, resources = values_of(filter_, "event", "name"), values_of(filter_, "resource", "id")
    if (names and len(resources) == 1) or (resources and len(names) > 1):  # an index of names, resources and times
        return sorted(rows, key=lambda row: (events.key(NAME, row), resource_of(events, row), row), reverse=descending)
    if names:  # one of names, times and ids
        return sorted(rows, key=lambda row: (events.key(NAME, row), events.key(KEY, row)), reverse=descending)
    if is_found_by_id(filter_):
        return sorted(rows, key=partial(events.key, KEY))
    return sorted(rows, reverse=descending)  # one of times, which has those of one time as they were added


def is_found_by_id(filter_: Mapping[str, Any]) -> bool:
    """Whether events are found by their ids: those of a filter, or those in a table of their resources."""
    given = (values_of(filter_, "id", "id"), values_of(filter_, "resource", "labels"))
    return any(given) or any(map(has_part, map(filter_.get, RELATED)))


def has_part(value: Any) -> bool:
    """Whether a filter on resources, of which there can be a list, filters anything."""
    parts = value if isinstance(value, list) else [value or {}]
    return any(any(part.values()) for part in parts)


def values_of(filter_: Mapping[str, Any], part: str, name: str) -> set[Any]:
    """The different values in a part of a filter."""
    return set((filter_.get(part) or {}).get(name) or ())


def is_distinct(filter_: Mapping[str, Any]) -> bool:
    return bool((filter_.get("resource") or {}).get("distinct"))


def resource_of(events: Table, row: int) -> str:
    resource: str = from_json(events.encoded(row))["resource"][ID]
    return resource
