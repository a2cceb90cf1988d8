"""The stored events of rows of a real server and of the stand-in, after the same requests."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import httpx

from tests.real.alike import Likeness
from tests.servers import real_server, stand_in, wait_until

Step = tuple[str, str, Any]
# Without matching events, since a real server would execute an automation in time only in some runs.
TRIGGER = {"type": "event", "posture": "Reactive", "threshold": 1, "within": 0, "expect": ["of.no.event"]}
STEPS: list[Step] = [
    ("POST", "/flows/", {"name": "one", "tags": ["a"], "labels": {"b": 1}}),
    ("POST", "/flows/", {"name": "one", "tags": ["b"]}),
    ("PATCH", "/flows/$0", {"tags": []}),
    ("PATCH", "/flows/$0", {}),
    ("POST", "/work_pools/", {"name": "pool", "type": "process", "description": "d"}),
    ("PATCH", "/work_pools/pool", {"description": "e", "concurrency_limit": 2}),
    ("PATCH", "/work_pools/pool", {"description": "e"}),
    ("PATCH", "/work_pools/pool", {"is_paused": True}),
    ("PATCH", "/work_pools/pool", {"is_paused": False}),
    ("POST", "/work_pools/pool/queues", {"name": "fast", "priority": 1}),
    ("PATCH", "/work_pools/pool/queues/fast", {"concurrency_limit": 3, "is_paused": True}),
    ("PATCH", "/work_pools/pool/queues/fast", {"is_paused": False, "description": "x"}),
    ("POST", "/work_pools/pool/workers/heartbeat", {"name": "w"}),
    ("POST", "/deployments/", {"name": "d", "flow_id": "$0", "work_pool_name": "pool", "parameters": {"a": 1}}),
    ("PATCH", "/deployments/$13", {"description": "new", "tags": ["t"]}),
    ("PATCH", "/deployments/$13", {"job_variables": {"a": 1}, "paused": True}),
    ("POST", "/deployments/$13/resume_deployment", None),
    ("POST", "/deployments/", {"name": "d", "flow_id": "$0", "work_pool_name": "pool", "version": "2"}),
    ("POST", "/work_pools/pool/get_scheduled_flow_runs", {}),
    ("POST", "/variables/", {"name": "v", "value": {"a": 1}, "tags": ["a"]}),
    ("PATCH", "/variables/$19", {"value": 2}),
    ("PATCH", "/variables/name/v", {}),
    ("DELETE", "/variables/name/v", None),
    ("POST", "/v2/concurrency_limits/", {"name": "l", "limit": 2}),
    ("POST", "/v2/concurrency_limits/increment", {"names": ["l"], "slots": 1}),
    ("PATCH", "/v2/concurrency_limits/l", {"limit": 3}),
    ("DELETE", "/v2/concurrency_limits/l", None),
    ("POST", "/concurrency_limits/", {"tag": "t", "concurrency_limit": 2}),
    ("POST", "/concurrency_limits/", {"tag": "t", "concurrency_limit": 3}),
    ("POST", "/concurrency_limits/tag/t/reset", {}),
    ("DELETE", "/concurrency_limits/tag/t", None),
    ("POST", "/artifacts/", {"key": "k", "type": "markdown", "data": "one", "flow_run_id": "$0"}),
    ("POST", "/artifacts/", {"key": "k", "type": "table", "data": "two"}),
    ("PATCH", "/artifacts/$32", {"data": "three"}),
    ("POST", "/artifacts/", {"data": "no key"}),
    ("DELETE", "/artifacts/$32", None),
    ("DELETE", "/artifacts/$31", None),
    ("POST", "/block_types/", {"name": "Door", "slug": "door", "description": "<b>"}),
    ("PATCH", "/block_types/$37", {"logo_url": "https://logo.example"}),
    ("POST", "/block_schemas/", {
        "block_type_id": "$37", "fields": {"properties": {}, "secret_fields": ["code"]}, "capabilities": ["open"],
    }),
    ("POST", "/block_documents/", {
        "name": "front", "block_type_id": "$37", "block_schema_id": "$39",
        "data": {"code": "1234", "street": "Elm", "number": 7},
    }),
    ("PATCH", "/block_documents/$40", {"data": {"street": "Oak"}, "merge_existing_data": True}),
    ("DELETE", "/block_documents/$40", None),
    ("DELETE", "/block_types/$37", None),
    ("POST", "/automations/", {"name": "auto", "trigger": TRIGGER, "actions": [{"type": "do-nothing"}]}),
    ("PATCH", "/automations/$44", {"enabled": False}),
    ("DELETE", "/automations/$44", None),
    ("DELETE", "/deployments/$13", None),
    ("DELETE", "/work_pools/pool", None),
    ("DELETE", "/flows/$0", None),
    ("POST", "/work_pools/", {"name": "asleep", "type": "process", "is_paused": True}),
    ("PATCH", "/work_pools/asleep", {"storage_configuration": {"bundle_upload_step": None}, "description": "f"}),
    ("POST", "/work_pools/", {"name": "for-agents", "type": "prefect-agent", "is_paused": True}),
    ("POST", "/flows/", {"name": "two"}),
    ("POST", "/deployments/", {
        "name": "e", "flow_id": "$53", "work_pool_name": "asleep", "work_queue_name": "by need",
    }),
    ("PATCH", "/deployments/$54", {"work_pool_name": "asleep", "work_queue_name": "by change"}),
    ("POST", "/deployments/$54/create_flow_run", {"name": "run", "work_queue_name": "by run"}),
    ("POST", "/deployments/", {"name": "f", "flow_id": "$53", "work_queue_name": "first"}),
    ("POST", "/work_queues/", {"name": "second"}),
    ("PATCH", "/work_pools/for-agents", {"is_paused": False}),
    ("PATCH", "/work_pools/asleep", {"is_paused": False}),
    ("POST", "/deployments/", {"name": "g", "flow_id": "$53", "concurrency_limit": 1}),
    ("POST", "/deployments/get_scheduled_flow_runs", {"deployment_ids": ["$61"]}),
    ("POST", "/automations/", {
        "name": "owned", "trigger": TRIGGER, "actions": [{"type": "do-nothing"}], "owner_resource": "prefect.flow.mine",
    }),
    ("DELETE", "/automations/owned-by/prefect.flow.mine", None),
]  # fmt: skip


def play(api: httpx.Client) -> None:
    """Send the steps; "$3" is the id in the answer of the fourth."""
    ids: list[str] = []
    for method, path, body in STEPS:
        text = f"{path}\n{json.dumps(body)}"
        for number, row_id in reversed([*enumerate(ids)]):
            text = text.replace(f"${number}", row_id)
        own_path, _, own_body = text.partition("\n")
        while True:
            response = api.request(method, own_path, **({} if body is None else {"json": json.loads(own_body)}))
            if not response.is_server_error:  # a real server's database is locked at times
                break
        assert response.is_success, (method, path, body, response.text)
        row = response.json() if response.content else None
        ids.append(str(row["id"]) if isinstance(row, dict) and "id" in row else "-")


def events(api: httpx.Client) -> list[dict[str, Any]]:
    """All events but those of the blocks that a real server installs, in the order of time."""
    page = api.post("/events/filter", json={"filter": {"order": "ASC"}}).raise_for_status().json()
    found: list[dict[str, Any]] = page["events"]
    while page["next_page"]:
        page = api.get(page["next_page"]).raise_for_status().json()
        found += page["events"]
    names = {"Door", "front"}
    return [each for each in found if "block" not in each["event"] or each["resource"].get(NAME) in names]


NAME = "prefect.resource.name"
SETS = {"updated_fields", "updates"}  # in no order


def comparable(event: dict[str, Any]) -> dict[str, Any]:
    payload = event["payload"]
    if payload.keys() == SETS:
        payload = {"updates": payload["updates"], "updated_fields": sorted(payload["updated_fields"])}
    return {**event, "payload": payload, "follows": None}


def sorted_events(api: httpx.Client) -> list[dict[str, Any]]:
    """Events by name and resource, and by time otherwise, without repetitions.

    A real server repeats the events of a request that failed on its locked database and was sent again.
    """
    found = {repr((each["event"], each["resource"], each["payload"])): each for each in map(comparable, events(api))}
    return sorted(found.values(), key=lambda each: (each["event"], each["resource"].get(NAME, "")))


def test_same_events_are_stored(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with (
        real_server(tmp_path / "empty", tmp_path / "real", services=True) as real,
        stand_in(tmp_path / "empty") as ours,
    ):
        play(real)
        play(ours)
        found = sorted_events(ours)
        wait_until(lambda: len(sorted_events(real)) >= len(found), "a real server keeps fewer events", seconds=60)
        expected = sorted_events(real)
    names = [Counter(f"{each['event']} {each['resource'].get(NAME)}" for each in every) for every in (found, expected)]
    assert (names[0] - names[1], names[1] - names[0]) == (Counter(), Counter())
    likeness = Likeness()
    for one, other in zip(expected, found, strict=True):
        assert likeness.difference(one, other) is None, (one, other)
