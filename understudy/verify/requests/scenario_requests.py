"""The requests of the contract's scenarios (`x-scenarios`)."""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

from understudy.contract.scenario_files import ScenarioFiles, Step
from understudy.sampling.answers import Answer
from understudy.sampling.conversations import STREAM, TOKEN
from understudy.sampling.random_requests import Request
from understudy.verify.requests.endpoint import Endpoint
from understudy.verify.requests.endpoint_map import EndpointMap

SENT = {"send", "body", "headers", "within", "optional", "clients"}  # the keys of a step that belong to its request
CHANGE = "change"  # the key of a function that changes the request, in steps that are not from a contract
PLACEHOLDER = re.compile(r"\{([\w.]+)\}")
STREAMED = 5.0  # seconds to wait for messages of a stream, by default


class NewIds(dict[str, str]):
    """Ids that no row has, by name. They do not depend on the seed, since a run may be the second one with it."""

    def __missing__(self, name: str) -> str:
        self[name] = made = str(uuid4())
        return made


class Moments(dict[str, str]):
    """Times by the number of seconds before or after now.

    Args:
        sign: 1 for times in the future, -1 for those in the past.
    """

    def __init__(self, sign: int) -> None:
        self._now = datetime.now(timezone.utc)
        self._sign = sign

    def __missing__(self, seconds: str) -> str:
        return (self._now + self._sign * timedelta(seconds=int(seconds))).isoformat()


@dataclass(frozen=True)
class Scenario:
    """A sequence of requests, with what the contract expects of the responses.

    Args:
        endpoint: the operation that it is about.
        name: its name in the contract.
        steps: the requests, as in the contract.
        operations: the operation that it is about, and those of its requests that do not create rows.
    """

    endpoint: Endpoint
    name: str
    steps: tuple[Step, ...]
    operations: tuple[Endpoint, ...]

    @property
    def expects_bodies(self) -> bool:
        """Whether it states what responses show. Otherwise it is only sent mixed with other requests, or compared."""
        return any("shows" in step for step in self.steps)

    @property
    def optional(self) -> frozenset[str]:
        """The name of the optional service that it needs."""
        return frozenset(step["optional"] for step in self.steps if "optional" in step)

    @property
    def takes_turns(self) -> bool:
        """Whether no other requests may be sent during it: it has a stream, or waits for something."""
        return any(is_streamed(step) or not {"within", "optional"}.isdisjoint(step) for step in self.steps)

    @property
    def has_streams(self) -> bool:
        return any(map(is_streamed, self.steps))


class Script:
    """Gives the requests of a scenario, one after the other; those that need a value that no response had are left out.

    Args:
        endpoint_map: the operations.
        scenario: the scenario.
        mark: a text that no other row has.
    """

    def __init__(self, endpoint_map: EndpointMap, scenario: Scenario, mark: str) -> None:
        self._map = endpoint_map
        self._left = deque(scenario.steps)
        self._values: dict[str, Any] = values_of(mark)
        self._name = ""
        self.follows_link = False  # whether the last request was to a URL that a response had

    def next(self) -> tuple[Endpoint, Request] | None:
        """The next operation and request; None at the end."""
        while self._left:
            drawn = self.next_of(self._left.popleft())
            if drawn is not None:
                return drawn
        return None

    def next_of(self, step: Step) -> tuple[Endpoint, Request] | None:
        """The operation and the request of a step, as the next one.

        None if no response had a value that it needs, or if its change leaves the request as it is.
        """
        self._name, self.follows_link = step.get("as", ""), follows_link(step)
        with suppress(KeyError):
            sent = filled({name: step[name] for name in SENT & step.keys()}, self._values)
            endpoint, request = request_of(self._map, sent)
            changed = step[CHANGE](request) if CHANGE in step else None
            return None if changed == request else (endpoint, changed or request)
        return None

    def learn(self, answer: Answer) -> None:
        """Store the response to the last request."""
        self._values[self._name] = answer.body


def values_of(mark: str) -> dict[str, Any]:
    """The values of placeholders before the first response: `{ref}` is a key that readers of the contract would follow.

    `{token}` is not replaced here but by the client, which has the credentials.
    """
    return {"mark": mark, "ref": "$ref", "token": TOKEN, "ago": Moments(-1), "in": Moments(1), "new": NewIds()}


def scenarios(endpoint_map: EndpointMap) -> Iterator[Scenario]:
    """All scenarios of the contract, except those with requests to operations that it does not have.

    Raises:
        ContractError: a file of scenarios cannot be read, or is not valid.
    """
    files = ScenarioFiles()
    for endpoint in endpoint_map.endpoints:
        for name, steps in files.of(endpoint.place).items():
            try:
                others = operations(endpoint_map, steps)
            except KeyError:
                continue
            yield Scenario(endpoint, name, tuple(steps), (endpoint, *others))


def operations(endpoint_map: EndpointMap, steps: Iterable[Step]) -> list[Endpoint]:
    """The operations of some requests but those that create rows of a table.

    Operations of URLs in responses are not known in advance.

    Raises:
        KeyError: the contract lacks one of them.
    """
    asked = (request_of(endpoint_map, step)[0] for step in steps if not follows_link(step))
    return [each for each in asked if each not in endpoint_map.creates.values()]


def is_streamed(step: Step) -> bool:
    """Whether a step sends messages on a stream."""
    return bool(step["send"].startswith(f"{STREAM} "))


def follows_link(step: Step) -> bool:
    """Whether a request is to a URL from a response."""
    return " /" not in step["send"]


def request_of(endpoint_map: EndpointMap, step: Step) -> tuple[Endpoint, Request]:
    """The operation and the request of a step.

    Raises:
        KeyError: the contract has no such operation.
    """
    method, _, place = step["send"].partition(" ")
    for path in paths_of(place):
        endpoint = endpoint_map.find(method, path.partition("?")[0].partition("#")[0])
        if endpoint is not None:
            body, headers = step.get("body"), step.get("headers", {})
            request = Request(method, path, endpoint.path, body, endpoint.body, headers)
            within = step.get("within", STREAMED if endpoint.is_stream else 0.0)
            optional, clients = step.get("optional", ""), step.get("clients", 1)
            return endpoint, replace(request, within=within, optional=optional, clients=clients)
    raise KeyError(f"{method} {place}")


def paths_of(place: str) -> list[str]:
    """The paths in the API that a path can stand for: itself or, for the URL of a response, any suffix."""
    if "://" not in place:
        return [place]
    parts = place.split("/")
    return [f"/{'/'.join(parts[number:])}" for number in range(3, len(parts))]


def filled(value: Any, values: Mapping[str, Any]) -> Any:
    """A value of the contract with placeholders replaced: `{mark}`, or `{run.id}` of the response named `run`.

    Raises:
        KeyError: no response had this value.
    """
    if isinstance(value, dict):
        return {filled(name, values): filled(part, values) for name, part in value.items()}
    if isinstance(value, list):
        return [filled(part, values) for part in value]
    if not isinstance(value, str):
        return value
    whole = PLACEHOLDER.fullmatch(value)
    if whole is not None:
        return value_at(whole[1], values)
    return PLACEHOLDER.sub(lambda match: str(value_at(match[1], values)), value)


def value_at(way: str, values: Mapping[str, Any]) -> Any:
    """The value at a path such as `run.id` or `schedules.0.id`.

    Raises:
        KeyError: no response had this value.
    """
    found: Any = values
    try:
        for name in way.split("."):
            found = found[int(name) if isinstance(found, list) else name]
    except (IndexError, KeyError, TypeError, ValueError):
        raise KeyError(way) from None
    return found
