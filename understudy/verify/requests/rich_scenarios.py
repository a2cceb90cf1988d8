"""Scenarios that end with a rich body, and read the row that it creates or changes."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace

from understudy.contract.scenario_files import Step
from understudy.verify.requests.endpoint import Endpoint, schema_of
from understudy.verify.requests.endpoint_map import EndpointMap
from understudy.verify.requests.rich_bodies import Change, changed, changes
from understudy.verify.requests.scenario_requests import Scenario, follows_link, request_of

FEW = 5  # steps of a scenario that are not too many
ROW = "rich"  # the name of the response to a rich body


def fullest(endpoint_map: EndpointMap, scenarios: Iterable[Scenario]) -> dict[str, Scenario]:
    """For each operation, by its label, the beginning of a scenario up to an accepted request to the operation.

    Of all such beginnings, it is the one with the least `cost`.
    """
    found: dict[str, Scenario] = {}
    for scenario in scenarios:
        for index, step in enumerate(scenario.steps):
            if "status" not in step and "clients" not in step and not follows_link(step):
                label = request_of(endpoint_map, step)[0].label
                part = replace(scenario, steps=scenario.steps[: index + 1])
                found[label] = min(part, found.get(label, part), key=cost)
    return found


def cost(scenario: Scenario) -> tuple[int, int]:
    """A sort key: scenarios with few steps come first, and among these the one whose last body is the longest."""
    return max(len(scenario.steps), FEW), -len(json.dumps(scenario.steps[-1].get("body")))


def changes_of_last(endpoint: Endpoint, scenario: Scenario) -> list[Change]:
    """The changes of the body of the last request of a scenario, which is sent to an operation.

    The name at the end of its path stays as it is, so that the row can be read by it.
    """
    kept = {(field,) for name, (_, field) in endpoint.named_fields.items() if endpoint.path.endswith(f"{{{name}}}")}
    return [each for each in changes(schema_of(endpoint), scenario.steps[-1].get("body")) if each[0] not in kept]


def enriched(scenario: Scenario, some: Iterable[Change]) -> Scenario:
    """A scenario with some changes of the body of its last request."""
    *before, last = scenario.steps
    return replace(scenario, steps=(*before, {"as": ROW, **last, "body": changed(last.get("body"), some)}))


def with_reads(endpoint_map: EndpointMap, endpoint: Endpoint, scenario: Scenario) -> Scenario:
    """A scenario that reads the row which its last request, to an operation, has created or changed."""
    return replace(scenario, steps=(*scenario.steps, *reads_of(endpoint_map, endpoint, scenario.steps[-1])))


def reads_of(endpoint_map: EndpointMap, endpoint: Endpoint, step: Step) -> Iterator[Step]:
    """The requests that read the row which the path of a request names, or which it has created."""
    path = step["send"].partition(" ")[2]
    if endpoint_map.find("GET", path) is not None:
        yield {"send": f"GET {path}"}
    table = next((table for table, creates in endpoint_map.creates.items() if creates == endpoint), "")
    row = f"{{{step['as']}.id}}"
    for lookup in endpoint_map.reads:
        if lookup.table == table and lookup.field == "id" and len(lookup.endpoint.parameters) == 1:
            yield {"send": f"GET {lookup.endpoint.path.replace(f'{{{lookup.parameter}}}', row)}"}
    selection = endpoint_map.selections.get(table)
    if selection is not None and selection.own and "id" in selection.filters[selection.own]["properties"].value:
        yield {"send": f"POST {selection.lists.path}", "body": {selection.own: {"id": {"any_": [row]}}}}
