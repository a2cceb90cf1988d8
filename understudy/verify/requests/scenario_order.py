"""The order of scenarios: first those that add the most to what earlier ones do, per request."""

import heapq
import json
from collections.abc import Collection, Iterator, Sequence
from random import Random

from understudy.contract.scenario_files import Step
from understudy.verify.requests.scenario_requests import PLACEHOLDER, Scenario

SECOND = 10  # requests that take as long as a second of waiting, since few servers make use of the whole time

Feature = tuple[str, str, str]
"""Something that a request does: its operation, and a field of its body with the value, the expected status, or the
operation that has deleted a row before.
"""


def most_new_first(scenarios: Sequence[Scenario], randomness: Random) -> Iterator[Scenario]:
    """All scenarios, in random order among those that add nothing or equally much."""
    left = randomness.sample(scenarios, k=len(scenarios))
    features = [set(features_in(each)) for each in left]
    covered: set[Feature] = set()
    heap = [(-gain(features[number], each), number) for number, each in enumerate(left)]
    heapq.heapify(heap)
    while heap:
        _, number = heapq.heappop(heap)
        # What a scenario does that is new becomes less from one to the next, never more.
        now = -gain(features[number] - covered, left[number]), number
        if heap and now > heap[0]:
            heapq.heappush(heap, now)
            continue
        covered |= features[number]
        yield left[number]


def gain(features: Collection[Feature], scenario: Scenario) -> float:
    """What a scenario adds, per request. A second of waiting counts as some requests."""
    requests: float = sum(1 + SECOND * step.get("within", 0) for step in scenario.steps)
    return len(features) / requests


def features_in(scenario: Scenario) -> Iterator[Feature]:
    """What the requests of a scenario do. Those after a delete show what was deleted along with a row."""
    deletes = ""
    for step in scenario.steps:
        yield from features_of(step)
        operation = PLACEHOLDER.sub("{}", step["send"])
        if deletes:
            yield operation, "after", deletes
        if operation.startswith("DELETE"):
            deletes = operation


def features_of(step: Step) -> set[Feature]:
    """What the request of a step does. Values from other responses, and marks, are treated as equal."""
    operation, body = PLACEHOLDER.sub("{}", step["send"]), step.get("body")
    parts = body.items() if isinstance(body, dict) else [("", body)]
    fields = {(operation, name, PLACEHOLDER.sub("{}", json.dumps(value))) for name, value in parts}
    return {(operation, name, f"{step.get(name)}") for name in ("status", "clients")} | fields
