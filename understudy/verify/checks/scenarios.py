"""Sequences of requests that the contract has with an operation (`x-scenarios`), sent one after the other."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from understudy.sampling.answers import Answer, same, shortened
from understudy.sampling.random_requests import Request
from understudy.verify import rules
from understudy.verify.check_context import CheckContext
from understudy.verify.check_results import Broken, unlike
from understudy.verify.checks.invalid_requests import matches
from understudy.verify.requests.endpoints import Endpoint

ANYTHING = "*"  # any value but null
LEFT_OUT = "nothing"  # in what is shown of an object without a name
PLACEHOLDER = re.compile(r"\{([\w.]+)\}")


@dataclass(frozen=True)
class Scenario:
    """A sequence of requests, with what the contract expects of the responses.

    Args:
        endpoint: the operation that it is about.
        name: its name there.
        steps: the requests, as the contract has them.
    """

    endpoint: Endpoint
    name: str
    steps: tuple[Mapping[str, Any], ...]


def scenarios(context: CheckContext) -> Iterator[Scenario]:
    """All scenarios of the contract."""
    for endpoint in context.endpoint_map.endpoints:
        for name, steps in endpoint.place.value.get("x-scenarios", {}).items():
            yield Scenario(endpoint, name, tuple(steps))


def operations(context: CheckContext, scenario: Scenario) -> list[Endpoint]:
    """The operation that a scenario is about, and the others of its requests but those that create rows of a table."""
    asked = (request_of(context, step)[0] for step in scenario.steps)
    return [scenario.endpoint, *(each for each in asked if each not in context.endpoint_map.creates.values())]


def check(context: CheckContext, scenario: Scenario) -> None:
    """Send the requests until one is not answered as expected."""
    values: dict[str, Any] = {"mark": context.own.mark()}
    requests: list[Request] = []
    with context.results.scenario():
        for number, step in enumerate(scenario.steps, start=1):
            broken = broken_by(context, step, values, requests)
            subject = f"{scenario.name}, request {number}"
            context.results.record(rules.SCENARIO, scenario.endpoint.label, subject, broken)
            if broken is not None:
                return


def broken_by(
    context: CheckContext, step: Mapping[str, Any], values: dict[str, Any], requests: list[Request]
) -> Broken | None:
    """Send the request of a step; how the response differs from what the step expects, if it does."""
    try:
        expected = filled(step, values)
    except KeyError as error:
        return Broken(tuple(requests), f"a value {error.args[0]}", "none")
    endpoint, request = request_of(context, expected)
    answer = context.ask(endpoint, request)
    requests.append(request)
    values[step.get("as", "")] = answer.body
    return unexpected(expected, tuple(requests), answer)


def request_of(context: CheckContext, step: Mapping[str, Any]) -> tuple[Endpoint, Request]:
    """The operation and the request of a step.

    Raises:
        KeyError: the contract has no such operation.
    """
    method, _, path = step["send"].partition(" ")
    found = [
        endpoint
        for endpoint in context.endpoint_map.endpoints
        if endpoint.method == method and matches(endpoint.path, path.partition("?")[0])
    ]
    if not found:
        raise KeyError(f"{method} {path}")
    endpoint = min(found, key=lambda each: each.path.count("{"))
    return endpoint, Request(method, path, endpoint.path, step.get("body"), endpoint.body)


def filled(value: Any, values: Mapping[str, Any]) -> Any:
    """A value of the contract with placeholders replaced: `{mark}`, or `{run.id}` of the response called `run`."""
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
    """The value at a way such as `run.id` or `schedules.0.id`.

    Raises:
        KeyError: no such value was returned.
    """
    found: Any = values
    try:
        for name in way.split("."):
            found = found[int(name) if isinstance(found, list) else name]
    except (IndexError, KeyError, TypeError, ValueError):
        raise KeyError(way) from None
    return found


def unexpected(step: Mapping[str, Any], requests: tuple[Request, ...], answer: Answer) -> Broken | None:
    """How a response differs from what a step expects; None if it does not."""
    status = step.get("status")
    if not answer.is_success if status is None else answer.status != status:
        expected = "a success" if status is None else f"{status}"
        return Broken(requests, expected, f"{answer.status} with {shortened(answer.body)}")
    if "shows" not in step:
        return None
    shown = part_of(answer.body, step["shows"])
    return None if same(shown, step["shows"]) else unlike(requests, step["shows"], shown)


def part_of(value: Any, wanted: Any) -> Any:
    """The part of a value that something is expected of, in the form of what is expected."""
    if wanted == ANYTHING:
        return value if value is None else ANYTHING
    if isinstance(wanted, dict) and isinstance(value, dict):
        return {name: part_of(value.get(name, LEFT_OUT), part) for name, part in wanted.items()}
    if isinstance(wanted, list) and isinstance(value, list) and len(value) == len(wanted):
        return [part_of(*pair) for pair in zip(value, wanted, strict=True)]
    return value
