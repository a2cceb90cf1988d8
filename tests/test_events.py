"""Events: recorded once, filtered as by a real server, counted by name, resource and time."""

from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from handlers.event_filters import stream_test, with_defaults

NOON = datetime(2026, 3, 3, 12, tzinfo=timezone.utc)
SPAN = {"since": (NOON - timedelta(days=1)).isoformat(), "until": (NOON + timedelta(days=1)).isoformat()}


def event(name: str, minutes: int = 0, resource: str = "pump.1", **more: Any) -> dict[str, Any]:
    labels = {"prefect.resource.id": resource, **more.pop("labels", {})}
    occurred = (NOON + timedelta(minutes=minutes)).isoformat()
    return {"id": str(uuid4()), "occurred": occurred, "event": name, "resource": labels, **more}


def related(resource: str, role: str, **labels: str) -> dict[str, str]:
    return {"prefect.resource.id": resource, "prefect.resource.role": role, **labels}


@pytest.fixture
def plant(own: httpx.Client) -> httpx.Client:
    """A server with the events of a few pumps and valves."""
    own.post("/events", json=plant_events()).raise_for_status()
    return own


def plant_events() -> list[dict[str, Any]]:
    return [
        event("pump.on", 0, labels={"prefect.resource.name": "North", "kind": "Big"}),
        event("pump.off", 10, related=[related("hall.1", "hall", floor="1")]),
        event("Pump.on", 20, "pump.2", related=[related("hall.2", "hall", floor="2"), related("t.1", "tag")]),
        event("valve%open", 30, "valve.1", payload={"by": "Ann", "note": "é"}),
    ]


def page(api: httpx.Client, limit: int = 50, **filters: Any) -> dict[str, Any]:
    response = api.post("/events/filter", json={"filter": {"occurred": SPAN, **filters}, "limit": limit})
    found: dict[str, Any] = response.raise_for_status().json()
    return found


def names(api: httpx.Client, **filters: Any) -> list[str]:
    return [each["event"] for each in page(api, **filters)["events"]]


def test_event_is_stored_once_as_sent(own: httpx.Client) -> None:
    sent = event("pump.on", payload={"n": [1, None]}, related=[related("hall.1", "hall")])
    for name in ("pump.on", "pump.off"):
        assert own.post("/events", json=[{**sent, "event": name}]).status_code == 204
    (kept,) = page(own)["events"]
    assert list(kept) == ["occurred", "event", "resource", "related", "payload", "id", "follows", "received"]
    assert {**kept, "received": None} == {
        **sent,
        "occurred": sent["occurred"].replace("+00:00", "Z"),
        "follows": None,
        "received": None,
    }


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, "valve%open Pump.on pump.off pump.on"),
        ({"order": "ASC"}, "pump.on pump.off Pump.on valve%open"),
        # The database of a real server ignores the case of a prefix, in which % is a wildcard.
        ({"event": {"prefix": ["PUMP"]}}, "Pump.on pump.off pump.on"),
        ({"event": {"prefix": ["%.off"]}}, "pump.off"),
        ({"event": {"name": ["pump.on"]}}, "pump.on"),
        ({"event": {"exclude_prefix": ["pump"]}}, "valve%open"),
        ({"event": {"exclude_name": ["pump.on", "valve%open"], "prefix": []}}, "Pump.on pump.off"),
        ({"resource": {"id": ["pump.2"]}}, "Pump.on"),
        ({"resource": {"id_prefix": ["pump."]}}, "Pump.on pump.off pump.on"),
        ({"resource": {"distinct": True}}, "valve%open Pump.on pump.off"),
        ({"resource": {"distinct": True}, "order": "ASC"}, "pump.on Pump.on valve%open"),
        ({"resource": {"labels": {"kind": "b?g"}}}, "pump.on"),
        ({"resource": {"labels": {"kind": ["!small"]}}}, "pump.on"),
        ({"resource": {"labels": {"kind": []}}}, ""),
        ({"resource": {"labels": {"prefect.resource.role": "hall"}}}, ""),
        ({"resource": {"labels": {'a "quote"': "!x"}}}, ""),
        ({"related": {"role": ["hall"]}}, "Pump.on pump.off"),
        ({"related": {"role": ["hall"], "labels": {"floor": "2"}}}, "Pump.on"),
        ({"related": {"id": ["hall.2"], "labels": {"prefect.resource.role": "tag"}}}, ""),
        ({"related": [{"id": ["hall.2"]}, {"role": ["tag"]}]}, "Pump.on"),
        ({"related": {"resources_in_roles": [["hall.1", "hall"], ["t.1", "hall"]]}}, "pump.off"),
        ({"related": {"id": ["pump.1"]}}, ""),
        ({"any_resource": {"id": ["pump.1", "t.1"]}}, "Pump.on pump.off pump.on"),
        ({"any_resource": {"id_prefix": ["hall"]}}, "Pump.on pump.off"),
        ({"text": {"query": "north ann"}}, "valve%open pump.on"),
        ({"text": {"query": "+hall -tag"}}, "pump.off"),
        ({"id": {"id": [str(uuid4())]}}, ""),
    ],
)
def test_filters(plant: httpx.Client, filters: dict[str, Any], found: str) -> None:
    assert names(plant, **filters) == found.split()


# A real server filters new events without its database: case-sensitively, and without related resources.
OF_STREAMS: list[tuple[dict[str, Any], str]] = [
    ({}, "pump.on pump.off Pump.on valve%open"),
    ({"event": {"prefix": ["PUMP"]}}, ""),
    ({"event": {"prefix": ["pump", "valve"]}}, "pump.on pump.off valve%open"),
    ({"event": {"prefix": ["%.off"]}}, ""),
    ({"event": {"name": ["pump.on"]}}, "pump.on"),
    ({"event": {"exclude_prefix": ["pump"]}}, "Pump.on valve%open"),
    ({"event": {"exclude_name": ["pump.on", "valve%open"], "prefix": []}}, "pump.off Pump.on"),
    ({"event": {"name": ["pump.on", "Pump.on"], "prefix": ["pump"]}}, "pump.on"),
    ({"resource": {"id": ["pump.2"]}}, "Pump.on"),
    ({"resource": {"id_prefix": ["pump."]}}, "pump.on pump.off Pump.on"),
    ({"resource": {"id": ["pump.1", "pump.2"], "id_prefix": ["pump.2"]}}, "Pump.on"),
    ({"resource": {"labels": {"kind": "B?g"}}}, "pump.on"),
    ({"resource": {"labels": {"kind": "b?g"}}}, ""),
    ({"resource": {"labels": {"kind": ["!Small"]}}}, "pump.on"),
    ({"resource": {"labels": {"kind": ["!Big"]}}}, ""),
    ({"resource": {"labels": {"kind": ["!Big", "B*"]}}}, "pump.on"),
    ({"resource": {"labels": {"kind": ["Small", "B*"]}}}, "pump.on"),
    ({"resource": {"labels": {"kind": []}}}, ""),
    ({"resource": {"labels": {"kind": "Big", "other": "*"}}}, ""),
    ({"related": {"role": ["hall"]}}, "pump.on pump.off Pump.on valve%open"),
    ({"related": {"role": ["hall"], "labels": {"floor": "2"}}}, "pump.on pump.off Pump.on valve%open"),
    ({"related": {"id": ["pump.1"]}}, "pump.on pump.off Pump.on valve%open"),
    ({"related": [{"id": ["hall.2"]}, {"role": ["tag"]}]}, "pump.on pump.off Pump.on valve%open"),
    ({"related": {"resources_in_roles": [["hall.1", "hall"]]}}, "pump.on pump.off Pump.on valve%open"),
    ({"any_resource": {"id": ["pump.1", "t.1"]}}, "pump.on pump.off Pump.on"),
    ({"any_resource": {"id_prefix": ["hall"]}}, "pump.off Pump.on"),
    ({"any_resource": [{"id": ["pump.2"]}, {"labels": {"floor": "2"}}]}, "Pump.on"),
    ({"any_resource": [{"id": ["pump.2"]}, {"labels": {"floor": "1"}}]}, ""),
    ({"text": {"query": "north ann"}}, "pump.on valve%open"),
    ({"text": {"query": "+hall -tag"}}, "pump.off"),
    ({"text": {"query": "NORTH"}}, "pump.on"),
    ({"text": {"query": "-on"}}, "pump.off valve%open"),
    ({"text": {"query": "+pump +north"}}, "pump.on"),
]


def of_stream(filters: dict[str, Any], events: list[dict[str, Any]]) -> list[str]:
    span = {name: datetime.fromisoformat(text) for name, text in {**SPAN, **filters.get("occurred", {})}.items()}
    test = stream_test(with_defaults({**filters, "occurred": span}, NOON))
    return [each["event"] for each in events if test({"related": [], "payload": {}, **each})]


@pytest.mark.parametrize(("filters", "found"), OF_STREAMS, ids=[str(filters) for filters, _ in OF_STREAMS])
def test_filters_of_streams(filters: dict[str, Any], found: str) -> None:
    assert of_stream(filters, plant_events()) == found.split()


def test_stream_has_the_events_within_bounds_of_time_and_of_ids() -> None:
    events = plant_events()
    occurred = {"since": events[1]["occurred"], "until": events[2]["occurred"]}
    assert of_stream({"occurred": occurred}, events) == ["pump.off", "Pump.on"]
    assert of_stream({"id": {"id": [events[3]["id"]]}}, events) == ["valve%open"]
    assert of_stream({"id": {"id": []}}, events) == ["pump.on", "pump.off", "Pump.on", "valve%open"]


AT_ONCE = [("b", "r.1", 5), ("a", "r.2", 4), ("a", "r.1", 3), ("b", "r.2", 2), ("a", "r.2", 1)]
"""Names, resources and ids of events of one time, in the order in which they are recorded."""


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, "12345"),
        ({"order": "ASC"}, "54321"),
        ({"event": {"name": ["a", "b"]}}, "52431"),
        ({"event": {"name": ["a", "b"]}, "order": "ASC"}, "13425"),
        ({"event": {"name": ["a"]}, "id": {"id": [str(UUID(int=number)) for number in (1, 3, 4)]}}, "431"),
        ({"event": {"name": ["a", "b"]}, "resource": {"id": ["r.1", "r.2"]}}, "25143"),
        ({"event": {"name": ["a"]}, "resource": {"id": ["r.2"]}}, "14"),
        ({"event": {"name": ["a"]}, "resource": {"id": ["r.1", "r.2"]}}, "431"),
        ({"resource": {"id": ["r.2"]}}, "124"),
        ({"id": {"id": [str(UUID(int=number)) for number in (5, 1, 3)]}}, "135"),
        ({"resource": {"labels": {"prefect.resource.id": "r.*"}}}, "12345"),
        ({"resource": {"labels": {"prefect.resource.id": "r.*"}}, "order": "ASC"}, "12345"),
        ({"related": {"role": ["hall"]}, "order": "ASC"}, "12345"),
        ({"related": [{}, {"id": ["hall.1"]}]}, "12345"),
        ({"any_resource": {"id_prefix": ["r"]}, "order": "ASC"}, "12345"),
        ({"related": {}, "any_resource": []}, "12345"),
        ({"related": {}, "any_resource": [], "order": "ASC"}, "54321"),
        ({"resource": {"distinct": True}}, "54"),
        ({"resource": {"distinct": True}, "related": {"role": ["hall"]}}, "31"),
        ({"resource": {"distinct": True}, "event": {"name": ["a"]}}, "31"),
        ({"resource": {"distinct": True, "id": ["r.2"]}}, "1"),
        ({"resource": {"distinct": True, "id": ["r.2"]}, "order": "ASC"}, "4"),
        ({"resource": {"distinct": True, "id": ["r.2"]}, "event": {"name": ["a"]}}, "1"),
        ({"resource": {"distinct": True, "id": ["r.2"]}, "event": {"name": ["a", "b"]}}, "4"),
        ({"resource": {"distinct": True, "id": ["r.1", "r.2"]}, "event": {"name": ["a"]}}, "34"),
        ({"resource": {"distinct": True, "id": ["r.1", "r.2"]}, "event": {"name": ["a", "b"]}}, "52"),
        ({"resource": {"distinct": True, "id": ["r.1", "r.2"]}, "event": {"name": ["a", "b"]}, "order": "ASC"}, "34"),
    ],
)
def test_events_of_one_time_are_in_the_order_of_a_real_server(
    own: httpx.Client, filters: dict[str, Any], found: str
) -> None:
    hall = [related("hall.1", "hall")]
    sent = [
        {**event(name, 0, resource, related=hall), "id": str(UUID(int=number))} for name, resource, number in AT_ONCE
    ]
    own.post("/events", json=[event("z", -1), *sent, event("z", 1)]).raise_for_status()
    shown = page(own, **filters)["events"]
    assert "".join(str(UUID(each["id"]).int) for each in shown if each["event"] != "z") == found


@pytest.mark.parametrize("order", ["ASC", "DESC"])
@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_page_can_begin_and_end_among_simultaneous_events(own: httpx.Client, order: str, limit: int) -> None:
    sent = [event("pump.on", number // 4, related=[related("hall.1", "hall")]) for number in range(13)]
    own.post("/events", json=sent).raise_for_status()
    filters = {"related": {"role": ["hall"]}, "order": order}
    shown = page(own, limit, **filters)
    found = shown["events"]
    while shown["next_page"]:
        shown = own.get(shown["next_page"]).raise_for_status().json()
        found += shown["events"]
    by_id = sorted(sent, key=lambda each: each["id"])
    times = sorted(by_id, key=lambda each: each["occurred"], reverse=order == "DESC")
    assert [each["id"] for each in found] == [each["id"] for each in times]


def test_pages_are_linked_within_a_workspace(plant: httpx.Client) -> None:
    first = page(plant, limit=3, any_resource={"id_prefix": ["pump", "valve"]})
    assert (len(first["events"]), first["total"]) == (3, 4)
    assert first["next_page"].startswith(f"{str(plant.base_url).rstrip('/')}/events/filter/next?page-token=")
    last = plant.get(first["next_page"]).json()
    assert ([each["event"] for each in last["events"]], last["total"], last["next_page"]) == (["pump.on"], 4, None)


@pytest.mark.parametrize("token", ["", "a", "YWJj", "ZTMwPQ=="])
def test_unknown_page_token_is_rejected(own: httpx.Client, token: str) -> None:
    refused = own.get("/events/filter/next", params={"page-token": token})
    assert (refused.status_code, refused.json()) == (403, {"detail": "Forbidden"})


def test_events_of_180_days_are_found_by_default(own: httpx.Client) -> None:
    now = datetime.now(timezone.utc)
    ages = {"new": timedelta(), "old": timedelta(days=179), "older": timedelta(days=182), "later": -timedelta(days=1)}
    events = [{**event(name), "occurred": (now - age).isoformat()} for name, age in ages.items()]
    own.post("/events", json=events).raise_for_status()
    found = own.post("/events/filter").json()["events"]
    assert [each["event"] for each in found] == ["new", "old"]


def count(api: httpx.Client, what: str, **body: Any) -> list[dict[str, Any]]:
    response = api.post(f"/events/count-by/{what}", json={"filter": {"occurred": SPAN}, **body})
    counts: list[dict[str, Any]] = response.raise_for_status().json()
    return counts


def test_events_are_counted_by_resource_under_its_latest_name(plant: httpx.Client) -> None:
    counts = count(plant, "resource")
    assert [(each["value"], each["label"], each["count"]) for each in counts] == [
        ("pump.1", "pump.1", 2),
        ("pump.2", "pump.2", 1),
        ("valve.1", "valve.1", 1),
    ]
    assert (counts[0]["start_time"], counts[0]["end_time"]) == ("2026-03-03T12:00:00Z", "2026-03-03T12:10:00Z")


def test_resources_with_as_many_events_of_one_name_are_in_descending_order(own: httpx.Client) -> None:
    named = {"labels": {"prefect.resource.name": "North"}}
    sent = [event("pump.on", 0, f"pump.{number}", **named) for number in (2, 1, 3)]
    own.post("/events", json=[*sent, event("pump.on", 0, "pump.4"), event("pump.off", 0, "pump.4")])
    body = {"filter": {"occurred": SPAN}}
    counted = own.post("/events/count-by/resource", json=body).raise_for_status().json()
    assert [each["value"] for each in counted] == ["pump.4", "pump.3", "pump.2", "pump.1"]


def test_resource_has_the_first_name_of_its_last_time(own: httpx.Client) -> None:
    sent = [event("pump.on", 0, labels={"prefect.resource.name": name}) for name in ("South", "North", "West")]
    own.post("/events", json=sent).raise_for_status()
    (counted,) = own.post("/events/count-by/resource", json={"filter": {"occurred": SPAN}}).raise_for_status().json()
    assert (counted["label"], counted["count"]) == ("North", 3)


def test_events_are_counted_by_time_with_all_intervals(plant: httpx.Client) -> None:
    counts = count(plant, "time", time_unit="hour", time_interval=12)
    assert [each["count"] for each in counts] == [0, 0, 4, 0]
    assert counts[2] == {
        "value": "2",
        "label": "2026-03-03T12:00:00+00:00",
        "count": 4,
        "start_time": "2026-03-03T12:00:00Z",
        "end_time": "2026-03-03T23:59:59.999999Z",
    }


def test_last_half_of_a_millisecond_is_counted_in_the_next_second(own: httpx.Client) -> None:
    resource = {"prefect.resource.id": "one"}
    times = ["2026-03-03T23:59:59.999499Z", "2026-03-03T23:59:59.999500Z"]
    events = [{"id": str(uuid4()), "event": "x", "occurred": time, "resource": resource} for time in times]
    own.post("/events", json=events).raise_for_status()
    span = {"since": "2026-03-03T00:00:00Z", "until": "2026-03-04T12:00:00Z"}
    counts = own.post("/events/count-by/day", json={"filter": {"occurred": span}}).raise_for_status().json()
    assert [each["count"] for each in counts] == [1, 1]


@pytest.mark.parametrize("countable", ["time", "event"])
@pytest.mark.parametrize("interval", [1e18, 7e307])
def test_intervals_out_of_range_are_rejected(own: httpx.Client, countable: str, interval: float) -> None:
    body = {"filter": {"occurred": SPAN}, "time_interval": interval}
    refused = own.post(f"/events/count-by/{countable}", json=body)
    assert refused.status_code == 422
    assert refused.json() == {"detail": "A time or a number is out of range."}


def test_too_many_intervals_are_rejected(own: httpx.Client) -> None:
    body = {"filter": {"occurred": SPAN}, "time_unit": "second"}
    refused = own.post("/events/count-by/event", json=body)
    assert refused.status_code == 422
    assert refused.json()["detail"].startswith("The given interval would create 172800 buckets, which is too many.")


@pytest.mark.parametrize(
    ("path", "body", "errors"),
    [
        ("/events", [{**event("a"), "resource": {}}], ["body.0.resource: value_error"]),
        ("/events", [{**event("a"), "related": [{"prefect.resource.id": "x"}]}], ["body.0.related.0: value_error"]),
        ("/events", [event("a" * 1025)], ["body.0.event: value_error"]),
        ("/events/count-by/hour", {}, ["path.countable: enum", "body.filter: missing"]),
        (
            "/events/filter",
            {"filter": {"related": {"x": 1}}},
            [
                "body.filter.related.EventRelatedFilter.x: extra_forbidden",
                "body.filter.related.list[EventRelatedFilter]: list_type",
            ],
        ),
        (
            "/events/filter",
            {"filter": {"related": {"resources_in_roles": [["a"], 5]}}},
            [
                "body.filter.related.EventRelatedFilter.resources_in_roles.0.1: missing",
                "body.filter.related.EventRelatedFilter.resources_in_roles.1: tuple_type",
                "body.filter.related.list[EventRelatedFilter]: list_type",
            ],
        ),
    ],
)
def test_errors_have_locations(own: httpx.Client, path: str, body: Any, errors: list[str]) -> None:
    refused = own.post(path, json=body)
    assert refused.status_code == 422
    listed = refused.json()["exception_detail"]
    assert [f"{'.'.join(map(str, each['loc']))}: {each['type']}" for each in listed] == errors
