"""Slots of concurrency limits: which clients get them, and when they become free."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.servers import client, stand_in
from tests.test_handlers import created

RUNS = [str(uuid4()) for _ in range(3)]


def a_limit(api: httpx.Client, name: str, limit: int, **fields: object) -> dict[str, Any]:
    return created(api, "/v2/concurrency_limits/", name=name, limit=limit, **fields)


def take(api: httpx.Client, *names: str, slots: int = 1, **fields: object) -> httpx.Response:
    return api.post("/v2/concurrency_limits/increment", json={"names": names, "slots": slots, **fields})


def lease(api: httpx.Client, *names: str, slots: int = 1, **fields: object) -> dict[str, Any]:
    body = {"names": names, "slots": slots, **fields}
    made: dict[str, Any] = api.post("/v2/concurrency_limits/increment-with-lease", json=body).raise_for_status().json()
    return made


def release(api: httpx.Client, lease_id: str) -> None:
    api.post("/v2/concurrency_limits/decrement-with-lease", json={"lease_id": lease_id}).raise_for_status()


def slots(api: httpx.Client, name: str) -> int:
    return int(api.get(f"/v2/concurrency_limits/{name}").raise_for_status().json()["active_slots"])


def holders(api: httpx.Client, tag: str) -> list[str]:
    return list(api.get(f"/concurrency_limits/tag/{tag}").raise_for_status().json()["active_slots"])


def of_tags(api: httpx.Client, verb: str, run: str, *tags: str) -> httpx.Response:
    return api.post(f"/concurrency_limits/{verb}", json={"names": tags, "task_run_id": run})


# ---------------------------------------------------------------- global limits


def test_slots_are_taken_of_all_limits_or_none(own: httpx.Client) -> None:
    wide, narrow = a_limit(own, "wide", 5), a_limit(own, "narrow", 1)
    taken = take(own, "wide", "narrow", "missing").raise_for_status().json()
    assert taken == [{name: each[name] for name in ("id", "name", "limit")} for each in (narrow, wide)]
    refused = take(own, "wide", "narrow")
    assert (refused.status_code, refused.json()) == (423, {"detail": "Locked"})
    assert float(refused.headers["retry-after"]) > 0
    assert (slots(own, "wide"), slots(own, "narrow")) == (1, 1)
    body = {"names": ["narrow", "missing"], "slots": 3, "occupancy_seconds": 2.5}
    released = own.post("/v2/concurrency_limits/decrement", json=body).raise_for_status().json()
    assert [each["name"] for each in released] == ["narrow"]
    assert (slots(own, "wide"), slots(own, "narrow")) == (1, 0)


def test_limits_that_do_not_exist_or_are_inactive_are_never_full(own: httpx.Client) -> None:
    a_limit(own, "off", 1, active=False)
    assert take(own, "missing").raise_for_status().json() == []
    assert [take(own, "off", slots=9).status_code for _ in range(2)] == [200, 200]
    assert slots(own, "off") == 0


def test_more_slots_than_the_limit_and_rates_without_decay_are_rejected(own: httpx.Client) -> None:
    for name in ("a", "b"):
        a_limit(own, name, 2)
    too_many = take(own, "a", slots=3)
    assert (too_many.status_code, too_many.json()["detail"]) == (422, "Slots requested is greater than the limit")
    no_rate = take(own, "b", "a", mode="rate_limit")
    assert no_rate.status_code == 422
    assert no_rate.json()["detail"].endswith("The following limits do not have a decay configured: 'a,b'")


def test_slots_of_a_rate_become_free_with_time(own: httpx.Client) -> None:
    a_limit(own, "slow", 3, slot_decay_per_second=1e-6)
    a_limit(own, "fast", 3, slot_decay_per_second=1e6)
    assert [take(own, "slow", slots=3, mode="rate_limit").status_code for _ in range(2)] == [200, 423]
    assert take(own, "slow").headers["retry-after"] == "1000000.0"
    assert [take(own, "fast", slots=3, mode="rate_limit").status_code for _ in range(9)] == [200] * 9


def test_wait_is_at_most_that_of_a_real_server(own: httpx.Client) -> None:
    for name in ("global", "tag:t"):
        a_limit(own, name, 1, active_slots=1, denied_slots=1000)
    assert [take(own, name).headers["retry-after"] for name in ("global", "tag:t")] == ["30.0", "10.0"]


# ----------------------------------------------------------------------- leases


def test_lease_holds_slots_until_it_is_released(own: httpx.Client) -> None:
    a_limit(own, "leased", 4)
    made = lease(own, "leased", slots=3)
    assert ([each["name"] for each in made["limits"]], slots(own, "leased")) == (["leased"], 3)
    renewed = own.post(f"/v2/concurrency_limits/leases/{made['lease_id']}/renew", json={"lease_duration": 60})
    assert renewed.status_code == 204
    for _ in range(2):
        release(own, made["lease_id"])
        assert slots(own, "leased") == 0
    gone = own.post(f"/v2/concurrency_limits/leases/{made['lease_id']}/renew")
    assert gone.status_code == 410
    assert gone.json() == {"detail": "Lease not found - it may have expired or been revoked"}


def test_lease_has_an_id_and_lasts_a_minute_to_a_day(own: httpx.Client) -> None:
    wrong = own.post("/v2/concurrency_limits/leases/mine/renew")
    assert (wrong.status_code, wrong.json()["exception_detail"][0]["loc"]) == (422, ["path", "lease_id"])
    both = own.post("/v2/concurrency_limits/leases/mine/renew", json={"lease_duration": 59})
    assert [each["loc"] for each in both.json()["exception_detail"]] == [
        ["path", "lease_id"],
        ["body", "lease_duration"],
    ]
    assert both.json()["request_body"] == {"lease_duration": 59}
    body = {"names": ["a"], "slots": 1}
    statuses = [
        own.post("/v2/concurrency_limits/increment-with-lease", json={**body, "lease_duration": seconds}).status_code
        for seconds in (59, 60, 86400, 86401)
    ]
    assert statuses == [422, 200, 200, 422]


@pytest.fixture
def expiring(tmp_path: Path) -> Iterator[httpx.Client]:
    """A stand-in whose only limit has two slots: of a lease that has expired, and of one that has not."""
    now = datetime.now(timezone.utc)
    limit, expired, current = (str(uuid4()) for _ in range(3))
    times = dict.fromkeys(("created", "updated"), (now - timedelta(hours=1)).isoformat())
    row = {"id": limit, **times, "name": "tag:t", "limit": 2, "active_slots": 2}
    leases = [
        {"id": each, **times, "expires": (now + wait).isoformat(), "limit_ids": [limit], "holder": holder}
        for each, wait, holder in (
            (expired, timedelta(minutes=-1), {"type": "task_run", "id": RUNS[0]}),
            (current, timedelta(hours=1), {"type": "task_run", "id": RUNS[1]}),
        )
    ]
    for table, rows in (("concurrency_limits_v2", [row]), ("concurrency_leases", leases)):
        (tmp_path / f"{table}.json").write_text(json.dumps(rows), encoding="utf-8")
    with stand_in(tmp_path) as api:
        api.headers["x-expired"], api.headers["x-current"] = expired, current
        yield api


def test_slots_of_an_expired_lease_are_free(expiring: httpx.Client) -> None:
    assert (slots(expiring, "tag:t"), holders(expiring, "t")) == (1, [RUNS[1]])
    renewed = expiring.post(f"/v2/concurrency_limits/leases/{expiring.headers['x-expired']}/renew")
    assert renewed.status_code == 410
    assert [take(expiring, "tag:t").status_code for _ in range(2)] == [200, 423]
    release(expiring, expiring.headers["x-expired"])
    assert slots(expiring, "tag:t") == 2
    release(expiring, expiring.headers["x-current"])
    assert (slots(expiring, "tag:t"), holders(expiring, "t")) == (1, [])


# ------------------------------------------------------------------------- tags


def test_task_runs_hold_the_slots_of_tags(own: httpx.Client) -> None:
    limit = created(own, "/concurrency_limits/", tag="db", concurrency_limit=2)
    for run in RUNS[:2]:
        taken = of_tags(own, "increment", run, "db", "other").raise_for_status().json()
        assert taken == [{"id": limit["id"], "name": "db", "limit": 2}]
    refused = of_tags(own, "increment", RUNS[2], "db")
    assert (refused.status_code, refused.headers["retry-after"]) == (423, "10.0")
    assert refused.json() == {"detail": "Concurrency limit for the db tag has been reached"}
    assert (holders(own, "db"), slots(own, "tag:db")) == (RUNS[:2], 2)
    released = of_tags(own, "decrement", RUNS[0], "db", "other").raise_for_status().json()
    assert [each["name"] for each in released] == ["tag:db"]
    assert (holders(own, "db"), slots(own, "tag:db")) == ([RUNS[1]], 1)


def test_tag_with_limit_0_blocks(own: httpx.Client) -> None:
    created(own, "/concurrency_limits/", tag="none", concurrency_limit=0)
    refused = of_tags(own, "increment", RUNS[0], "none")
    assert (refused.status_code, "retry-after" in refused.headers) == (423, False)
    assert refused.json()["detail"].startswith('The concurrency limit on tag "none" is 0 and will deadlock')


def test_holders_of_a_tag_are_reset(own: httpx.Client) -> None:
    created(own, "/concurrency_limits/", tag="t", concurrency_limit=3)
    of_tags(own, "increment", RUNS[0], "t").raise_for_status()
    own.post("/concurrency_limits/tag/t/reset", json={"slot_override": RUNS[1:]}).raise_for_status()
    assert holders(own, "t") == RUNS[1:]
    own.post("/concurrency_limits/tag/t/reset").raise_for_status()
    assert holders(own, "t") == []
    assert own.post("/concurrency_limits/tag/missing/reset").status_code == 404


def test_former_limit_stores_its_holders(tmp_path: Path) -> None:
    row = {"tag": "old", "concurrency_limit": 1}
    (tmp_path / "concurrency_limits.json").write_text(json.dumps([row]), encoding="utf-8")
    with stand_in(tmp_path) as api:
        assert [of_tags(api, "increment", run, "old").status_code for run in RUNS[:2]] == [200, 423]
        assert holders(api, "old") == RUNS[:1]
        assert [each["name"] for each in of_tags(api, "decrement", RUNS[0], "old").json()] == ["old"]
        api.post("/concurrency_limits/tag/old/reset", json={"slot_override": RUNS[1:]}).raise_for_status()
        assert holders(api, "old") == RUNS[1:]
        assert [api.delete("/concurrency_limits/tag/old").status_code for _ in range(2)] == [200, 404]


# --------------------------------------------------------------------- together


def test_clients_in_parallel_never_take_more_than_the_limit(own: httpx.Client) -> None:
    a_limit(own, "shared", 5)

    def work(_: int) -> list[int]:
        seen = []
        with client(str(own.base_url).rstrip("/")) as api:
            for _ in range(5):
                body = {"names": ["shared"], "slots": 1}
                taken = api.post("/v2/concurrency_limits/increment-with-lease", json=body)
                seen.append(slots(api, "shared"))
                if taken.status_code == 200:
                    release(api, taken.json()["lease_id"])
                else:
                    assert taken.status_code == 423
        return seen

    with ThreadPoolExecutor(32) as clients:
        most = max(max(seen) for seen in clients.map(work, range(32)))
    assert most <= 5
    assert slots(own, "shared") == 0


def test_page_beyond_the_last_row_is_empty(own: httpx.Client) -> None:
    """A real server fails with 500 where the end of the page is beyond 64 bits."""
    created(own, "/concurrency_limits/", tag="a-tag", concurrency_limit=1)
    for offset in (1, 2**63 - 201, 2**63 - 1):
        assert own.post("/concurrency_limits/filter", json={"offset": offset}).raise_for_status().json() == []
