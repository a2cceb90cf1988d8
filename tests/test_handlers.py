"""What handlers do to times, which a comparison with another server cannot pin down."""

from typing import Any

import httpx


def created(api: httpx.Client, path: str, **fields: object) -> dict[str, Any]:
    row: dict[str, Any] = api.post(path, json=fields).raise_for_status().json()
    return row


def latest(api: httpx.Client, key: str) -> dict[str, Any]:
    row: dict[str, Any] = api.get(f"/artifacts/{key}/latest").raise_for_status().json()
    return row


def test_a_change_moves_updated_alone_to_a_whole_millisecond(scratch: httpx.Client) -> None:
    for path in ("/artifacts/", "/flows/"):
        before = created(scratch, path, **({"name": "changed"} if path == "/flows/" else {"key": "changed"}))
        scratch.patch(f"{path}{before['id']}", json={}).raise_for_status()
        after = scratch.get(f"{path}{before['id']}").json()
        assert {**after, "updated": before["updated"]} == before
        assert after["updated"] >= before["created"]
        assert after["updated"].endswith("000Z") or "." not in after["updated"]


def test_a_flow_is_updated_right_after_it_is_created(scratch: httpx.Client) -> None:
    flow = created(scratch, "/flows/", name="right after")
    assert flow["updated"] > flow["created"]


def test_a_collection_keeps_its_first_time_and_takes_the_last(scratch: httpx.Client) -> None:
    first = created(scratch, "/artifacts/", key="times")
    collection = latest(scratch, "times")
    second = created(scratch, "/artifacts/", key="times")
    renewed = latest(scratch, "times")
    assert collection["created"] == collection["updated"] == first["created"]
    assert {**collection, "updated": second["created"]} == renewed


def test_a_collection_falls_back_to_the_times_of_the_newest_left(scratch: httpx.Client) -> None:
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


def test_the_parts_of_a_search_count_one_by_one_beside_or(scratch: httpx.Client) -> None:
    """`-done` alone is enough, since a real server puts the parts of a search beside the other criteria."""
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


def test_a_body_of_logs_is_a_sequence(scratch: httpx.Client) -> None:
    bodies: list[Any] = [{}, 3, "text"]
    kinds = [scratch.post("/logs/", json=body).json()["exception_detail"][0]["type"] for body in bodies]
    assert kinds == ["is_instance_of", "is_instance_of", "sequence_str"]
