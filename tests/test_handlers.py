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
