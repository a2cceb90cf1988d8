"""The order of stored events: by time, and for equal times as a real server's database finds them.

Source: SQLite's query plans for Prefect's `events/storage/database.py`.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from pydantic_core import from_json
from pyroaring import BitMap

from understudy.contract.columns import Column
from understudy.tables.index import Tie
from understudy.tables.table import Table

from .event_filters import ID

OCCURRED, NAME, KEY, RESOURCE = (Column((name,)) for name in ("occurred", "event", "id", f"resource.{ID}"))
RELATED = ("related", "any_resource")


def page_of(events: Table, rows: BitMap, filter_: Mapping[str, Any], offset: int, limit: int) -> list[int]:
    """A page of the events that meet a filter, in its order."""
    descending = filter_["order"] == "DESC"
    tie: Tie | None = None  # those that are found by time are in the order of the index already
    if is_distinct(filter_):
        tie = partial(sorted, key=partial(resource_of, events))
    elif values_of(filter_, "event", "name") or is_found_by_id(filter_):
        tie = partial(as_found, events, filter_, descending=descending)
    return events.index(OCCURRED).page(rows, descending, offset, limit, tie)


def distinct(events: Table, rows: BitMap, filter_: Mapping[str, Any]) -> BitMap:
    """The first event of each resource.

    The database sorts events by their resource, and reads an index backwards only for some numbers of names and of
    resources in the filter.
    """
    descending = filter_["order"] == "DESC"
    names, resources = values_of(filter_, "event", "name"), values_of(filter_, "resource", "id")
    is_backwards = bool(resources) and (len(resources) == 1) == (len(names) <= 1)
    tie = partial(as_found, events, filter_, descending=descending and is_backwards)
    first: dict[str, int] = {}
    for row in events.index(OCCURRED).page(rows, descending, 0, len(rows), tie):
        first.setdefault(resource_of(events, row), row)
    return BitMap(first.values())


def as_found(events: Table, filter_: Mapping[str, Any], rows: Iterable[int], *, descending: bool) -> list[int]:
    """Events in the order in which an index, read in either direction, finds those with equal times."""
    names, resources = values_of(filter_, "event", "name"), values_of(filter_, "resource", "id")
    is_by_both = is_distinct(filter_) or len(resources) == 1 or len(names) > 1
    if names and resources and is_by_both:  # an index of names, resources and times
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
    """Whether a filter on resources, or a list of them, has a condition."""
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
