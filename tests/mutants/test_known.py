"""A proxy without a mutant is transparent, and every mutant can be detected."""

import asyncio
import http.client
import re
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.types import ASGIApp

from tests.apps import app_on
from tests.mutants.known import MUTANTS
from tests.mutants.known.vocabulary import ARTIFACT, in_state
from tests.mutants.mutant import Behaviour, Mutant, Step, patch, post, unchanged
from tests.mutants.origin import Inside
from tests.mutants.proxy import BASE, Proxy, proxied
from tests.servers import stand_in
from tests.sessions import ID, NAME, TIME
from tests.wire import METHODS, NOBODY, PATHS, Request
from understudy.operations.api_folder import Api, own_folder
from understudy.reports.reproduction import HEADERS

DEMO = own_folder() / "fixtures" / "demo"
JSON = {"content-type": "application/json"}
UNUSUAL = [
    Request("POST", "/api/artifacts/filter", b'{"limit": 50}', {**JSON, "accept-encoding": "gzip"}),
    Request("POST", "/api/artifacts/filter", b'{"limit": 3}', {**JSON, "accept-encoding": "gzip"}),
    Request("POST", "/api/flows/filter", b'{"limit": 201}', JSON),
    Request("POST", "/api/flows/filter", b"{bad", JSON),
    Request("POST", "/api/flows/filter", b"\xff", JSON),
    Request("POST", "/api/flows/filter", b'{"limit": 1}', {"content-type": "text/plain"}),
    Request("POST", "/api/flows/", b'{"name": "daily-report"}', JSON),
    Request("POST", "/api/flows?a=b&a=%20", b"{}", {**JSON, "host": "elsewhere:99"}),
    Request("GET", "/api/flows/name/line%0Abreak"),
    Request("GET", "/api/hello", headers={"x-prefect-api-version": "0.1.0"}),
    Request("GET", "/api/hello", headers={"origin": "http://elsewhere"}),
    Request("OPTIONS", "/api/flows/", headers={"origin": "http://elsewhere", "access-control-request-method": "POST"}),
    Request("GET", "/docs"),
    Request("GET", "/openapi.json", headers={"accept-encoding": "gzip"}),
    Request("DELETE", f"/api/flows/{NOBODY}"),
]


def sent(url: str, request: Request) -> tuple[int, list[tuple[str, str]], bytes]:
    """The response to a request to the byte, except for the date and the server's address."""
    site = urlsplit(url).netloc
    connection = http.client.HTTPConnection(site, timeout=60)
    connection.request(request.method, request.path, request.body, request.headers)
    response = connection.getresponse()
    headers = [(name.lower(), value.replace(site, "SITE")) for name, value in response.getheaders()]
    answer = response.status, sorted(each for each in headers if each[0] != "date"), response.read()
    connection.close()
    return answer


def test_proxy_without_a_mutant_is_transparent() -> None:
    requests = [*UNUSUAL, *(Request(method, path) for path in PATHS for method in METHODS)]
    with stand_in(DEMO) as api, proxied(str(api.base_url).rstrip("/"), unchanged) as url:
        for request in requests:
            assert sent(url, request) == sent(str(api.base_url), request), request


@pytest.fixture(scope="module")
def known() -> frozenset[str]:
    """The ids and times of the demo set, which are not replaced."""
    texts = [path.read_text(encoding="utf-8") for path in DEMO.glob("*.jsonl")]
    return frozenset(value for text in texts for kind in (ID, TIME) for value in kind.findall(text))


@pytest.fixture(scope="module")
def fresh(api: Api) -> Callable[[], ASGIApp]:
    """Makes a correct server on the demo set."""

    def make() -> ASGIApp:
        return app_on(DEMO, api)

    return make


@pytest.fixture(scope="module")
def read_only(fresh: Callable[[], ASGIApp]) -> ASGIApp:
    return fresh()


class Player:
    """Sends steps to a server. New ids and times in its responses are named in their order, "$1", "@1"."""

    def __init__(self, client: httpx.AsyncClient, known: frozenset[str]) -> None:
        self._client = client
        self._known = known
        self._names: dict[str, str] = {}

    async def play(self, step: Step) -> tuple[Any, ...]:
        body = None if step.body is None else self._filled(step.body)
        answer = await self._client.request(step.method, self._filled(step.path), content=body, headers=step.headers)
        text = TIME.sub(self._name("@"), ID.sub(self._name("$"), answer.text))
        return answer.status_code, *(answer.headers.get(name) for name in HEADERS), text

    def _filled(self, text: str) -> str:
        values = {name: value for value, name in self._names.items()}
        return NAME.sub(lambda match: values.get(match[0], match[0]), text)

    def _name(self, sign: str) -> Callable[[re.Match[str]], str]:
        def name(match: re.Match[str]) -> str:
            if match[0] in self._known:
                return match[0]
            count = sum(name.startswith(sign) for name in self._names.values())
            return self._names.setdefault(match[0], f"{sign}{count + 1}")

        return name


async def played(server: ASGIApp, behaviour: Behaviour, steps: Sequence[Step], known: frozenset[str]) -> list[Any]:
    """The responses of a server behind a proxy."""
    proxy = Proxy(Inside(server), behaviour)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(proxy), base_url=f"http://proxy{BASE}") as client:
        player = Player(client, known)
        return [await player.play(step) for step in steps]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_mutant_can_be_detected(
    mutant: Mutant, fresh: Callable[[], ASGIApp], read_only: ASGIApp, known: frozenset[str]
) -> None:
    def answers(behaviour: Behaviour) -> list[Any]:
        return asyncio.run(played(fresh() if mutant.writes else read_only, behaviour, mutant.seen_by, known))

    assert answers(mutant.behaviour) != answers(unchanged)


def test_mutants_answer_lists_and_counts_that_are_objects(fresh: Callable[[], ASGIApp]) -> None:
    server = fresh()
    count = post("/ui/task_runs/count", flow_runs=in_state("COMPLETED"))
    steps = [patch(f"/artifacts/{ARTIFACT}", data=1), *[post("/events/filter", limit=3)] * 5, count]
    for mutant in MUTANTS:
        statuses = [status for status, *_ in asyncio.run(played(server, mutant.behaviour, steps, frozenset()))]
        assert statuses[-1] == 200, mutant.name


def test_correct_servers_have_equal_responses(fresh: Callable[[], ASGIApp], known: frozenset[str]) -> None:
    one, other = fresh(), fresh()
    for mutant in sorted(MUTANTS, key=lambda mutant: mutant.writes):
        truth, again = (asyncio.run(played(server, unchanged, mutant.seen_by, known)) for server in (one, other))
        assert truth == again, mutant.name


def test_mutants_have_unique_names() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len({mutant.says for mutant in MUTANTS}) == len(MUTANTS)
