"""The rows that a run creates: how they are marked, and which of them are recorded."""

from typing import Any

import pytest

from tests.verify.contexts import ContextFactory
from understudy.contract.catalog import Catalog
from understudy.contract.contract import Contract
from understudy.operations.api_folder import own_folder
from understudy.sampling.answers import Answer
from understudy.verify.requests.created_rows import LONG, MARK, CreatedRows, may_be_changed, value_for
from understudy.verify.requests.endpoint import schema_of
from understudy.verify.requests.endpoint_map import EndpointMap

RUN = "0badcafe"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.of(Contract.load(own_folder() / "openapi.yaml"))


@pytest.fixture
def own(endpoint_map: EndpointMap, catalog: Catalog) -> CreatedRows:
    return CreatedRows(endpoint_map, RUN, catalog)


def test_marks_contain_the_run_and_are_unique(own: CreatedRows, endpoint_map: EndpointMap, catalog: Catalog) -> None:
    marks = [own.mark() for _ in range(3)]
    assert len(set(marks)) == 3
    assert all(mark.startswith(f"{MARK}-{RUN}-") for mark in marks)
    assert not set(marks) & {CreatedRows(endpoint_map, "0badcaff", catalog).mark() for _ in range(3)}


NOTED: dict[str, tuple[str, Answer, list[str]]] = {
    "a row that was created": ("POST /flows/", Answer(201, {"id": "1", "name": "other"}), ["1"]),
    "a row of this run that was found": ("POST /flows/", Answer(200, {"id": "1", "name": f"{MARK}-{RUN}-1"}), ["1"]),
    "a row of another run that was found": ("POST /flows/", Answer(200, {"id": "1", "name": f"{MARK}-1badcafe-1"}), []),
    "somebody's row that was found": ("POST /flows/", Answer(200, {"id": "1", "name": "other"}), []),
    "a row that was refused": ("POST /flows/", Answer(409, {"id": "1", "name": f"{MARK}-{RUN}-1"}), []),
    "an answer without an id": ("POST /flows/", Answer(201, {"name": "other"}), []),
    "an answer that is no row": ("POST /flows/", Answer(201, "created"), []),
    "a row that is read": ("GET /flows/{id}", Answer(200, {"id": "1", "name": f"{MARK}-{RUN}-1"}), []),
    "an operation on another path": ("POST /flows/filter", Answer(201, {"id": "1"}), []),
}


@pytest.mark.parametrize("name", NOTED)
def test_rows_created_by_this_run_are_recorded(context_factory: ContextFactory, own: CreatedRows, name: str) -> None:
    label, answer, made = NOTED[name]
    for _ in range(2):
        own.note(context_factory.endpoint(label), answer)
    assert own.made == {"artifacts": [], "flows": made}


def test_values_are_valid(context_factory: ContextFactory, own: CreatedRows) -> None:
    interpreter = context_factory.interpreter(strict=True)
    for lookups in (
        context_factory.endpoint_map.creates.values(),
        [each.endpoint for each in context_factory.endpoint_map.updates.values()],
    ):
        for endpoint in lookups:
            body = {name: value_for(part, own.mark()) for name, part in schema_of(endpoint).entries("properties")}
            assert set(interpreter.body(endpoint, body)) >= set(body)


def test_values_are_marked_and_long(context_factory: ContextFactory) -> None:
    schema = schema_of(context_factory.endpoint_map.creates["artifacts"])
    body: dict[str, Any] = {name: value_for(part, "mark") for name, part in schema.entries("properties")}
    assert body["key"] == body["type"] == "mark"
    assert body["metadata_"]["mark"] == "mark"
    assert len(body["metadata_"]["long"]) == LONG
    assert schema["properties"]["metadata_"]["additionalProperties"].value["x-truncate"] < LONG


def test_bodies_changed_by_a_handler_before_validation() -> None:
    """A new task run with a name of 0 gets another name."""
    map_of_all = EndpointMap.of(Contract.load(own_folder() / "openapi.yaml"))
    bodies = {each.label: each.body for each in map_of_all.endpoints if each.body is not None}
    assert may_be_changed(bodies["POST /task_runs/"])
    assert not may_be_changed(bodies["POST /flows/"])
