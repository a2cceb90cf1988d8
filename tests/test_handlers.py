"""How handlers set times, which a comparison with another server cannot check exactly."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from understudy.contract.contract import Contract
from understudy.operations.api_folder import own_folder
from understudy.verify.requests.endpoint import Endpoint
from understudy.verify.requests.endpoint_map import EndpointMap

JSON = {"content-type": "application/json"}


def created(api: httpx.Client, path: str, **fields: object) -> dict[str, Any]:
    row: dict[str, Any] = api.post(path, json=fields).raise_for_status().json()
    return row


def latest(api: httpx.Client, key: str) -> dict[str, Any]:
    row: dict[str, Any] = api.get(f"/artifacts/{key}/latest").raise_for_status().json()
    return row


def test_change_sets_only_updated_to_a_whole_millisecond(scratch: httpx.Client) -> None:
    for path in ("/artifacts/", "/flows/"):
        before = created(scratch, path, **({"name": "changed"} if path == "/flows/" else {"key": "changed"}))
        scratch.patch(f"{path}{before['id']}", json={}).raise_for_status()
        after = scratch.get(f"{path}{before['id']}").json()
        assert {**after, "updated": before["updated"]} == before
        assert after["updated"] >= before["created"]
        assert after["updated"].endswith("000Z") or "." not in after["updated"]


def test_flow_is_updated_right_after_its_creation(scratch: httpx.Client) -> None:
    flow = created(scratch, "/flows/", name="right after")
    assert flow["updated"] > flow["created"]


def test_collection_keeps_its_first_time_and_gets_the_last(scratch: httpx.Client) -> None:
    first = created(scratch, "/artifacts/", key="times")
    collection = latest(scratch, "times")
    second = created(scratch, "/artifacts/", key="times")
    renewed = latest(scratch, "times")
    assert collection["created"] == collection["updated"] == first["created"]
    assert {**collection, "updated": second["created"]} == renewed


def test_collection_gets_the_times_of_the_newest_remaining_artifact(scratch: httpx.Client) -> None:
    first, second, third = (created(scratch, "/artifacts/", key="back") for _ in range(3))
    scratch.patch(f"/artifacts/{second['id']}", json={"data": 1}).raise_for_status()
    second = scratch.get(f"/artifacts/{second['id']}").json()
    scratch.delete(f"/artifacts/{third['id']}").raise_for_status()
    left = latest(scratch, "back")
    assert (left["created"], left["updated"], left["data"]) == (second["created"], second["updated"], 1)
    scratch.delete(f"/artifacts/{second['id']}").raise_for_status()
    assert latest(scratch, "back")["created"] == first["created"]


def test_logs_are_kept_without_null_characters(scratch: httpx.Client) -> None:
    log = {"name": "a\0b", "level": 20, "message": "\0done", "timestamp": "1970-01-01T00:00:00Z"}
    assert scratch.post("/logs/", json=[log, log]).json() is None
    logs = scratch.post("/logs/filter", json={"logs": {"timestamp": {"before_": log["timestamp"]}}}).json()
    assert [(log["name"], log["message"]) for log in logs] == [("ab", "done")] * 2


def test_parts_of_a_search_are_separate_criteria_in_or(scratch: httpx.Client) -> None:
    """`-done` alone is sufficient, since a real server combines the parts of a search with the other criteria."""
    time = "1971-01-01T00:00:00Z"
    logs = [{"name": "a", "level": 20, "message": text, "timestamp": time} for text in ("done", "begun", "done badly")]
    scratch.post("/logs/", json=logs).raise_for_status()
    at = {"before_": time, "after_": time}

    def found(criteria: dict[str, Any]) -> list[str]:
        rows = scratch.post("/logs/filter", json={"logs": {**criteria}, "sort": "TIMESTAMP_ASC"}).json()
        return sorted(row["message"] for row in rows if row["timestamp"] == time)

    text = {"query": "badly -done"}
    assert found({"operator": "and_", "timestamp": at, "text": text}) == []
    assert found({"operator": "or_", "level": {"ge_": 50}, "text": text}) == ["begun", "done badly"]


@pytest.mark.parametrize(("query", "found"), [("engine", True), ('"disk engine"', True), ("+disk +flow", False)])
def test_search_for_logs_covers_the_message_and_then_the_name(own: httpx.Client, query: str, *, found: bool) -> None:
    own.post(
        "/logs/", json=[{"name": "engine", "level": 20, "message": "no disk", "timestamp": "1972-01-01T00:00:00Z"}]
    )
    rows = own.post("/logs/filter", json={"logs": {"text": {"query": query}}}).raise_for_status().json()
    assert bool(rows) is found


def test_body_of_logs_is_a_sequence(scratch: httpx.Client) -> None:
    bodies: list[Any] = [{}, 3, "text"]
    kinds = [scratch.post("/logs/", json=body).json()["exception_detail"][0]["type"] for body in bodies]
    assert kinds == ["is_instance_of", "is_instance_of", "sequence_str"]
    plain = scratch.post("/logs/", content="[]", headers={"content-type": "text/plain"}).json()
    assert plain["exception_detail"][0]["ctx"] == {"type_name": "bytes"}


def test_limit_of_a_tag_is_a_global_one(scratch: httpx.Client) -> None:
    limit = created(scratch, "/concurrency_limits/", tag="disk", concurrency_limit=2)
    assert scratch.get(f"/v2/concurrency_limits/{limit['id']}").json()["name"] == "tag:disk"
    again = scratch.post("/concurrency_limits/", json={"tag": "disk", "concurrency_limit": 5})
    assert (again.status_code, again.json()["id"], again.json()["concurrency_limit"]) == (200, limit["id"], 5)
    assert scratch.get("/concurrency_limits/tag/disk").json() == again.json()
    assert scratch.delete("/concurrency_limits/tag/disk").json() is None
    assert scratch.get("/v2/concurrency_limits/tag:disk").status_code == 404


def test_limit_of_a_tag_that_a_real_server_fails_on_is_rejected(scratch: httpx.Client) -> None:
    created(scratch, "/concurrency_limits/", tag="kept", concurrency_limit=1)
    for tag, limit in (("a/b", 1), ("kept", -1)):
        response = scratch.post("/concurrency_limits/", json={"tag": tag, "concurrency_limit": limit})
        assert response.status_code == 422, tag


def test_slots_of_a_global_limit_decay(scratch: httpx.Client) -> None:
    fields = {"limit": 9, "active_slots": 9}
    created(scratch, "/v2/concurrency_limits/", name="steady", **fields)
    created(scratch, "/v2/concurrency_limits/", name="fast", slot_decay_per_second=1e9, **fields)
    limits = scratch.post("/v2/concurrency_limits/filter", json={}).json()
    assert {limit["name"]: limit["active_slots"] for limit in limits if limit["name"] in ("steady", "fast")} == {
        "steady": 9,
        "fast": 0,
    }
    assert scratch.patch("/v2/concurrency_limits/fast", json={"name": "steady"}).status_code == 409


def test_saved_search_with_the_same_name_is_replaced(scratch: httpx.Client) -> None:
    part = {"object": "flow_run", "property": "name", "type": "text", "operation": "=", "value": None}
    first = scratch.put("/saved_searches/", json={"name": "mine"})
    second = scratch.put("/saved_searches/", json={"name": "mine", "filters": [{**part, "unknown": 1}]})
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json() == {**first.json(), "filters": [part]}


def of_one_row() -> list[Endpoint]:
    """The operations that read the row in their path, and return an error if it is missing."""
    endpoints = EndpointMap.of(Contract.load(own_folder() / "openapi.yaml")).endpoints
    return [
        each
        for each in endpoints
        if each.method == "GET" and each.parameters and "404" in each.place.value["responses"]
    ]


@pytest.mark.parametrize("endpoint", of_one_row(), ids=lambda endpoint: endpoint.path)
def test_missing_row_is_not_found(small: httpx.Client, endpoint: Endpoint) -> None:
    path = endpoint.path
    for parameter in endpoint.parameters:
        path = path.replace(f"{{{parameter.value['name']}}}", str(uuid4()))
    answer = small.get(path)
    assert answer.status_code == 404, answer.text
    assert answer.json() not in ({}, {"detail": ""})


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("2.0", "2"),
        ("-0.0", "0"),
        ("9223372036854775808", "9.223372036854776e+18"),
        ("[2.0]", "[2.0]"),
        ('"2.0"', '"2.0"'),
    ],
)
def test_new_variable_is_returned_as_sent_and_later_as_stored(scratch: httpx.Client, sent: str, stored: str) -> None:
    name = f"sent-{uuid4()}"
    made = scratch.post("/variables/", content=f'{{"name": "{name}", "value": {sent}}}', headers=JSON)
    assert made.status_code == 201
    assert f'"value":{sent},' in made.text
    assert f'"value":{stored},' in scratch.get(f"/variables/{made.json()['id']}").text


@pytest.mark.parametrize(
    ("value", "is_valid"),
    [
        (str(2**64 - 1), True),
        (str(2**64), False),
        (str(-(2**63)), True),
        (str(-(2**63) - 1), False),
        (f'{{"a": [{2**64}]}}', False),
        ("[" * 150 + "]" * 150, True),
        ("[" * 255 + "]" * 255, False),
    ],
)
def test_variable_requires_a_value_that_a_real_server_can_serialize(
    scratch: httpx.Client, value: str, is_valid: bool
) -> None:
    row = created(scratch, "/variables/", name=f"value-{uuid4()}", value=1)
    changed = scratch.patch(f"/variables/{row['id']}", content=f'{{"value": {value}}}', headers=JSON)
    assert changed.status_code == (204 if is_valid else 422)
    assert is_valid or "Value error, Variable value must be serializable to JSON" in changed.text
