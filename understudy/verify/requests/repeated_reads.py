"""Scenarios in which reads are repeated before and after a write, since a server may have cached their responses."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from understudy.contract.scenario_files import Step
from understudy.verify.requests.endpoint import Endpoint
from understudy.verify.requests.endpoint_map import EndpointMap
from understudy.verify.requests.scenario_requests import Scenario, follows_link, request_of

TIMES = 2  # how often each operation that reads is repeated around writes by one method
ASKED = ("send", "body", "headers")  # the keys of a step that are repeated


def with_repeated_reads(endpoint_map: EndpointMap, scenarios: Iterable[Scenario]) -> Iterator[Scenario]:
    """Scenarios that also send their reads before and after each write.

    Each operation that reads is only repeated around a few writes by each method, as not all of them change what it
    shows. Scenarios that wait for something, or with streams, are unchanged.
    """
    sent: Counter[tuple[str, str]] = Counter()
    for each in scenarios:
        yield each if each.takes_turns else replace(each, steps=tuple(repeating(endpoint_map, each, sent)))


def repeating(endpoint_map: EndpointMap, scenario: Scenario, sent: Counter[tuple[str, str]]) -> Iterator[Step]:
    """The steps of a scenario with repeated reads.

    Args:
        endpoint_map: the operations.
        scenario: the scenario.
        sent: how often the method of a write and the operation of a read were sent, to which these are added.
    """
    endpoints = [None if follows_link(step) else request_of(endpoint_map, step)[0] for step in scenario.steps]
    reads = reads_of(zip(scenario.steps, endpoints, strict=True))
    last: list[Step] = []  # the reads since the last write
    for step, endpoint in zip(scenario.steps, endpoints, strict=True):
        pairs = {} if endpoint is None or endpoint.is_safe else {(endpoint.method, read): each for read, each in reads}
        new = [each for pair, each in pairs.items() if sent[pair] < TIMES]
        sent.update(pairs.keys())
        yield from (each for each in new if each not in last)
        yield step
        yield from new
        last = new or ([] if pairs else last)


def reads_of(steps: Iterable[tuple[Step, Endpoint | None]]) -> list[tuple[str, Step]]:
    """The operations that read, and their last requests, without the names of the responses."""
    found = {
        endpoint.label: {name: step[name] for name in ASKED if name in step}
        for step, endpoint in steps
        if endpoint is not None and endpoint.is_safe
    }
    return list(found.items())
