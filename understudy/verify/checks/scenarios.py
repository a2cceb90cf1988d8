"""Scenarios: sequences of requests in the contract (`x-scenarios`), sent one after the other."""

from collections.abc import Sequence
from typing import Any

from understudy.contract.scenario_files import Step
from understudy.sampling.answers import Answer, same
from understudy.sampling.random_requests import Request
from understudy.verify import rules
from understudy.verify.check_context import CheckContext
from understudy.verify.check_results import Broken, answered, unlike
from understudy.verify.cleanup import delete
from understudy.verify.requests.scenario_requests import Scenario, filled, request_of, values_of

ANYTHING = "*"  # any value but null
LEFT_OUT = "nothing"  # stands for a field that an object does not have


def check(context: CheckContext, scenario: Scenario) -> None:
    """Send the requests until a response is not as expected, and delete the rows."""
    before = context.own.sizes()
    send(context, scenario)
    delete(context, context.own.made_since(before))


def send(context: CheckContext, scenario: Scenario) -> None:
    values: dict[str, Any] = values_of(context.own.mark())
    requests: list[Request] = []
    with context.results.scenario():
        for number, step in enumerate(scenario.steps, start=1):
            broken = broken_by(context, step, values, requests)
            if broken is not None and is_by_services(context, scenario.steps[:number]):
                return
            subject = f"{scenario.name}, request {number}"
            context.results.record(rules.SCENARIO, scenario.endpoint.label, subject, broken)
            if broken is not None:
                return


def broken_by(context: CheckContext, step: Step, values: dict[str, Any], requests: list[Request]) -> Broken | None:
    """Send the request of a step. Returns how the response differs from what the step expects, if it does."""
    try:
        expected = filled(step, values)
    except KeyError as error:
        return Broken(tuple(requests), f"a value {error.args[0]}", "none")
    endpoint, request = request_of(context.endpoint_map, expected)
    answer = context.ask(endpoint, request)
    requests.append(request)
    values[step.get("as", "")] = answer.body
    return unexpected(expected, tuple(requests), answer)


def is_by_services(context: CheckContext, steps: Sequence[Step]) -> bool:
    """Whether a reference server with services also responds to the last step differently than expected."""
    if context.references is None:
        return False
    context.references.restart(with_services=True)
    values, broken = values_of(context.own.mark()), None
    for step in steps:
        expected = filled(step, values)
        _, request = request_of(context.endpoint_map, expected)
        answer = context.references.ask(request)
        values[step.get("as", "")] = answer.body
        broken = unexpected(expected, (request,), answer)
    return broken is not None


def unexpected(step: Step, requests: tuple[Request, ...], answer: Answer) -> Broken | None:
    """How a response differs from what a step expects; None if it does not."""
    status = step.get("status")
    if not answer.is_success if status is None else answer.status != status:
        expected = "a success" if status is None else f"{status}"
        return answered(requests, expected, answer)
    if "shows" not in step:
        return None
    shown = part_of(answer.body, step["shows"])
    return None if same(shown, step["shows"]) else unlike(requests, step["shows"], shown)


def part_of(value: Any, wanted: Any) -> Any:
    """The part of a value that an expectation is about, in the form of the expectation."""
    if wanted == ANYTHING:
        return value if value is None else ANYTHING
    if isinstance(wanted, dict) and isinstance(value, dict):
        return {name: part_of(value.get(name, LEFT_OUT), part) for name, part in wanted.items()}
    if isinstance(wanted, list) and isinstance(value, list) and len(value) == len(wanted):
        return [part_of(*pair) for pair in zip(value, wanted, strict=True)]
    return value
