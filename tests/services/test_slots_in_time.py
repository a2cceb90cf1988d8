"""Slots of global concurrency limits, with a frozen clock: when they become free, and how long clients wait."""

import httpx

from tests.services.conftest import posted
from tests.test_concurrency_limits import a_limit, lease, release, slots, take
from understudy.admin.client import RemoteWorkspace


def wait(api: httpx.Client, *names: str, slots: int = 1) -> float:
    """The seconds that the server asks a client to wait for taken slots."""
    refused = take(api, *names, slots=slots)
    assert refused.status_code == 423, refused.text
    return float(refused.headers["retry-after"])


def test_decaying_slots_become_free_one_by_one(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    a_limit(api, "rate", 3, slot_decay_per_second=0.5)
    take(api, "rate", slots=3).raise_for_status()
    workspace.clock.advance(1.9)
    assert (slots(api, "rate"), wait(api, "rate")) == (3, 2.0)
    workspace.clock.advance(0.2)
    assert slots(api, "rate") == 2
    take(api, "rate").raise_for_status()
    assert wait(api, "rate", slots=2) == 4.0
    workspace.clock.advance(60)
    assert slots(api, "rate") == 0


def test_wait_is_the_average_time_that_slots_were_taken(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    """The average begins with 2 seconds, and each slot weighs as much as two."""
    a_limit(api, "one", 1)
    take(api, "one").raise_for_status()
    assert wait(api, "one") == 2.0
    posted(api, "/v2/concurrency_limits/decrement", names=["one"], slots=1, occupancy_seconds=12)
    take(api, "one").raise_for_status()
    assert wait(api, "one") == 2 + (12 - 2) / 2
    posted(api, "/v2/concurrency_limits/decrement", names=["one"], slots=1)
    take(api, "one").raise_for_status()
    assert wait(api, "one") == 7.0


def test_slots_that_were_taken_together_share_their_time(api: httpx.Client) -> None:
    a_limit(api, "two", 2)
    for taken, occupied in ((2, 12), (1, 0.01)):
        take(api, "two", slots=taken).raise_for_status()
        posted(api, "/v2/concurrency_limits/decrement", names=["two"], slots=taken, occupancy_seconds=occupied)
    take(api, "two", slots=2).raise_for_status()
    assert wait(api, "two", slots=2) == 3 + (0.1 - 3) / 4  # none is shorter than a tenth of a second


def test_duration_of_a_lease_counts(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    a_limit(api, "leased", 1)
    held = lease(api, "leased")["lease_id"]
    workspace.clock.advance(20)
    release(api, held)
    assert slots(api, "leased") == 0
    take(api, "leased").raise_for_status()
    assert wait(api, "leased") == 2 + (20 - 2) / 2


def test_duration_of_an_expired_lease_counts_until_its_expiration(
    workspace: RemoteWorkspace, api: httpx.Client
) -> None:
    a_limit(api, "leased", 4)
    lease(api, "leased", slots=4, lease_duration=60)
    workspace.clock.advance(59.9)
    assert slots(api, "leased") == 4
    workspace.clock.advance(600)
    assert slots(api, "leased") == 0
    take(api, "leased", slots=4).raise_for_status()
    assert wait(api, "leased", slots=4) == 2 + (60 / 4 - 2) / 8


def test_renewed_lease_lasts_longer(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    a_limit(api, "leased", 1)
    held = lease(api, "leased", lease_duration=60)["lease_id"]
    workspace.clock.advance(50)
    posted(api, f"/v2/concurrency_limits/leases/{held}/renew", lease_duration=120)
    workspace.clock.advance(119)
    assert slots(api, "leased") == 1
    workspace.clock.advance(1)
    assert slots(api, "leased") == 0


def test_denied_slots_increase_the_wait_for_some_time(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    a_limit(api, "wanted", 10, denied_slots=10)
    workspace.clock.advance(4.1)
    take(api, "wanted", slots=10).raise_for_status()
    assert wait(api, "wanted") == 2.0 * (1 + 8) / 10


def test_client_waits_for_the_limit_with_the_longest_wait(api: httpx.Client) -> None:
    a_limit(api, "calm", 10, active_slots=10)
    a_limit(api, "wanted", 1, active_slots=1, denied_slots=2)
    assert wait(api, "calm", "wanted") == wait(api, "wanted") == 6.0
    assert wait(api, "calm") == 0.2


def test_limit_reduced_to_zero_has_no_average(api: httpx.Client) -> None:
    a_limit(api, "gone", 1)
    take(api, "gone").raise_for_status()
    api.patch("/v2/concurrency_limits/gone", json={"limit": 0}).raise_for_status()
    body = {"names": ["gone"], "slots": 1, "occupancy_seconds": 5}
    assert api.post("/v2/concurrency_limits/decrement", json=body).status_code == 409
    posted(api, "/v2/concurrency_limits/decrement", names=["gone"], slots=1)
    assert slots(api, "gone") == 0
