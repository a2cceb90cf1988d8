"""Many clients at once never hold more slots than a limit has."""

from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from time import sleep

import httpx
import pytest

from tests.conftest import SMALL
from tests.servers import client, stand_in

CLIENTS, TRIES, LIMIT = 32, 10_000, 5
PATH = "/v2/concurrency_limits"


class Slots:
    """The slots that clients hold, as counted by themselves."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._held = self.most = self.taken = 0

    def take(self) -> None:
        with self._lock:
            self._held, self.taken = self._held + 1, self.taken + 1
            self.most = max(self.most, self._held)

    def release(self) -> None:
        """Call this before the release request, since others may get the slot before the client has the response."""
        with self._lock:
            self._held -= 1


def work(url: str, tries: int, known: Slots) -> None:
    with client(url) as api:
        for _ in range(tries):
            answer = api.post(f"{PATH}/increment-with-lease", json={"names": ["shared"], "slots": 1})
            if answer.status_code == httpx.codes.LOCKED:
                continue
            lease = answer.raise_for_status().json()["lease_id"]
            known.take()
            sleep(0.002)  # in which others request the slot
            known.release()
            api.post(f"{PATH}/decrement-with-lease", json={"lease_id": lease}).raise_for_status()


@pytest.mark.timeout(600)
def test_clients_in_parallel_never_hold_more_than_the_limit() -> None:
    with stand_in(SMALL) as api:
        api.post(f"{PATH}/", json={"name": "shared", "limit": LIMIT}).raise_for_status()
        known, url = Slots(), str(api.base_url).rstrip("/")
        with ThreadPoolExecutor(CLIENTS) as clients:
            tries = [TRIES // CLIENTS + 1] * CLIENTS
            list(clients.map(work, [url] * CLIENTS, tries, [known] * CLIENTS))
        assert 0 < known.most <= LIMIT < known.taken
        assert api.get(f"{PATH}/shared").json()["active_slots"] == 0
