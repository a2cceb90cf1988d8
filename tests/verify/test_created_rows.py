"""The rows that a run makes: how they are marked, and which of them are remembered."""

from typing import Any

import pytest

from tests.verify.contexts import Inspector
from understudy.sampling.answers import Answer
from understudy.verify.requests.created_rows import LONG, MARK, OwnRows, value_for
from understudy.verify.requests.endpoints import Surface, schema_of

RUN = "0badcafe"


@pytest.fixture
def own(surface: Surface) -> OwnRows:
    return OwnRows(surface, RUN)


def test_marks_are_of_this_run_and_all_different(own: OwnRows, surface: Surface) -> None:
    marks = [own.mark() for _ in range(3)]
    assert len(set(marks)) == 3
    assert all(mark.startswith(f"{MARK}-{RUN}-") for mark in marks)
    assert not set(marks) & {OwnRows(surface, "0badcaff").mark() for _ in range(3)}


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
def test_what_this_run_made_is_remembered(inspector: Inspector, own: OwnRows, name: str) -> None:
    label, answer, made = NOTED[name]
    for _ in range(2):
        own.note(inspector.endpoint(label), answer)
    assert own.made == {"artifacts": [], "flows": made}


def test_values_keep_the_contract(inspector: Inspector, own: OwnRows) -> None:
    readings = inspector.readings(strict=True)
    for lookups in (inspector.surface.creates.values(), [each.endpoint for each in inspector.surface.updates.values()]):
        for endpoint in lookups:
            body = {name: value_for(part, own.mark()) for name, part in schema_of(endpoint).entries("properties")}
            assert set(readings.body(endpoint, body)) >= set(body)


def test_values_are_marked_and_long(inspector: Inspector) -> None:
    schema = schema_of(inspector.surface.creates["artifacts"])
    body: dict[str, Any] = {name: value_for(part, "mark") for name, part in schema.entries("properties")}
    assert body["key"] == body["type"] == "mark"
    assert body["metadata_"]["mark"] == "mark"
    assert len(body["metadata_"]["long"]) == LONG
    assert schema["properties"]["metadata_"]["additionalProperties"].value["x-truncate"] < LONG
