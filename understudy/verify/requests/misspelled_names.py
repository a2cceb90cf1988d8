"""Scenarios that also send names that are almost those of rows, which a server may take for the same.

Databases can compare texts regardless of case, or as patterns.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from urllib.parse import quote, unquote

from understudy.contract.scenario_files import Step
from understudy.sampling.counterparts import ID
from understudy.sampling.random_requests import Request
from understudy.verify.requests.endpoint import Endpoint
from understudy.verify.requests.endpoint_map import EndpointMap
from understudy.verify.requests.scenario_requests import CHANGE, Scenario, follows_link, request_of

Spelling = Callable[[str], str]
BETWEEN_IDS = re.compile(f"({ID})")


def in_other_case(name: str) -> str:
    """A name in the other case, except for ids in it: the same session with other ids must send the same name."""
    parts = BETWEEN_IDS.split(name)
    parts[::2] = map(str.swapcase, parts[::2])
    return "".join(parts)


def as_pattern(name: str) -> str:
    """A pattern that matches the name, if the server takes it for one."""
    return f"_{name[1:]}"


SPELLINGS: tuple[Spelling, ...] = (in_other_case, as_pattern, "{} ".format)


def with_misspelled_names(endpoint_map: EndpointMap, scenarios: Iterable[Scenario]) -> Iterator[Scenario]:
    """Scenarios in which the first request to each operation with names in its path is also sent with misspelled names.

    Scenarios that wait for something, or with streams, are unchanged.
    """
    sent: set[str] = set()
    for each in scenarios:
        yield each if each.takes_turns else replace(each, steps=tuple(misspelling(endpoint_map, each, sent)))


def misspelling(endpoint_map: EndpointMap, scenario: Scenario, sent: set[str]) -> Iterator[Step]:
    """The steps of a scenario, and before some of them the same request with misspelled names.

    Args:
        endpoint_map: the operations.
        scenario: the scenario.
        sent: the operations to which such names were sent, to which these are added.
    """
    for step in scenario.steps:
        is_refused = step.get("status", HTTPStatus.OK) >= HTTPStatus.BAD_REQUEST
        endpoint = None if follows_link(step) or is_refused else request_of(endpoint_map, step)[0]
        if endpoint is not None and endpoint.label not in sent:
            sent.add(endpoint.label)
            asked = {name: part for name, part in step.items() if name != "as"}
            for place in places_of_names(endpoint):
                yield from ({**asked, CHANGE: partial(misspelled, place, spelling)} for spelling in SPELLINGS)
        yield step


def places_of_names(endpoint: Endpoint) -> list[int]:
    """Which parts of the path of an operation are names: those that are parameters for any text."""
    texts = {
        each.value["name"] for each in endpoint.parameters if each["schema"].value.keys().isdisjoint(("format", "enum"))
    }
    return [place for place, part in enumerate(endpoint.path.split("/")) if part[1:-1] in texts]


def misspelled(place: int, spelling: Spelling, request: Request) -> Request:
    """A request with another spelling of the name at a place of its path."""
    way, *query = request.path.split("?", 1)
    parts = way.split("/")
    parts[place] = quote(spelling(unquote(parts[place])), safe="")
    return replace(request, path="?".join(["/".join(parts), *query]))
