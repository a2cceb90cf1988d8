"""Mutants made from the contract: none fails, whatever is sent."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx

from tests.apps import app_on
from tests.mutants.exchange import JSON_TYPE, Request
from tests.mutants.generated import generated
from tests.mutants.known.vocabulary import ARTIFACT, FLOW, RUN
from tests.mutants.mutant import BrokenServer, Mutant
from tests.mutants.origin import Inside
from understudy.operations.api_folder import Api, own_folder
from understudy.verify.requests.endpoint import Endpoint, example_of
from understudy.verify.requests.endpoint_map import EndpointMap

JUNK: tuple[Any, ...] = (
    "x",
    [],
    ["x", 1],
    {},
    None,
    10**400,
    True,
    "9999-12-31T23:59:59.999999Z",
    "0001-01-01T00:00:00Z",
    "5",
)
ROWS = {"artifacts": ARTIFACT, "flows": FLOW, "flow_runs": RUN}


def bodies(endpoint: Endpoint) -> Iterator[Any]:
    """Bodies with a value, in one place each, that is not allowed there, or rarely sent."""
    if endpoint.body is None:
        yield {}
        return
    example = dict(example_of(endpoint))
    for name, part in endpoint.body.entries("properties"):
        yield from ({**example, name: junk} for junk in JUNK)
        for inner, place in part.entries("properties") if name in ROWS else ():
            yield from ({name: {inner: {way: junk}}} for way, _ in place.entries("properties") for junk in JUNK)


def requests_to(endpoint: Endpoint) -> list[Request]:
    path, headers = endpoint.path.replace("{id}", ROWS[resource(endpoint)]), httpx.Headers({"content-type": JSON_TYPE})
    return [Request(endpoint.method, path, headers, json.dumps(body).encode(), "/api") for body in bodies(endpoint)]


def resource(endpoint: Endpoint) -> str:
    return endpoint.path.split("/")[1]


def test_no_mutant_fails_whatever_is_sent(api: Api) -> None:
    origin = Inside(app_on(own_folder() / "fixtures" / "demo", api))
    endpoints = [each for each in EndpointMap.of(api.contract).endpoints if resource(each) in ROWS]
    requests = {each.label: requests_to(each) for each in endpoints}
    tables = {table: [f"POST /{table}/filter", f"POST /{table}/count"] for table in ROWS}

    async def play(mutant: Mutant, labels: list[str]) -> None:
        broken = BrokenServer(origin.ask)
        for label in labels:
            for request in requests[label]:
                assert (await mutant.behaviour(request, broken)).status < 500

    kinds: dict[str, tuple[Mutant, list[str]]] = {}
    for mutant in generated(api.contract):
        place, _, kind = mutant.name.rpartition(":")
        place = place.partition(":")[0]
        if place in tables or place in requests:
            kinds.setdefault(kind, (mutant, tables.get(place, [place])))
    for mutant, labels in kinds.values():
        asyncio.run(play(mutant, labels))


def test_texts_are_read_differently_only_where_rows_and_operands_may_differ_so(api: Api) -> None:
    names = {mutant.name for mutant in generated(api.contract)}
    assert "flows:flows.name.like_:unicode" in names
    assert names.isdisjoint(
        {"variables:variables.name.like_:unicode", "artifact_collections:artifacts.key.like_:unicode"}
    )
    assert {"flow_runs:flow_runs.name.any_:folded", "artifacts:artifacts.key.any_:folded"} < names
    assert "flow_runs:flow_runs.state.type.any_:folded" not in names
