"""The leaves of filters, compared with `openapi.yaml` as plain YAML."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.verify.document import body_of, resolved
from understudy.verify.requests.endpoint_map import EndpointMap
from understudy.verify.requests.field_operators import FieldOperator, asked, field_operators_of

LISTS = {
    "artifacts": "POST /artifacts/filter",
    "artifact_collections": "POST /artifacts/latest/filter",
    "flows": "POST /flows/filter",
}


def ways(schema: dict[str, Any]) -> Iterator[str]:
    """The path of names to each operator of a filter."""
    for name, part in resolved(schema)["properties"].items():
        inner = resolved(part)
        if "properties" in inner:
            yield from (f"{name}.{way}" for way in ways(part))
        elif name != "operator":
            yield name


def written(table: str) -> list[str]:
    """The leaves of a list in the document."""
    body = body_of(LISTS[table])
    assert body is not None
    filters = {name: part for name, part in body["properties"].items() if "x-filters" in resolved(part)}
    return [f"{name}.{way}" for name, part in filters.items() for way in ways(part)]


def field_operators(endpoint_map: EndpointMap, table: str) -> dict[str, FieldOperator]:
    return {
        field_operator.subject: field_operator for field_operator in field_operators_of(endpoint_map.selections[table])
    }


@pytest.mark.parametrize("table", LISTS)
def test_leaves_are_those_of_the_document(endpoint_map: EndpointMap, table: str) -> None:
    assert list(field_operators(endpoint_map, table)) == written(table)
    assert len(written(table)) > 50


def test_all_operations_on_a_table_have_the_same_leaves(endpoint_map: EndpointMap) -> None:
    for selection in endpoint_map.selections.values():
        for endpoint in selection.all:
            body = endpoint.body
            assert body is not None
            parts = [part.value for name, part in body["properties"].items() if name in selection.filters]
            assert parts == [part.value for part in selection.filters.values()], endpoint.label


LOOKED_AT = {
    "artifacts.key.like_": ("artifacts", "like_", ("key",)),
    "artifacts.key.exists_": ("artifacts", "exists_", ("key",)),
    "flow_runs.state.type.any_": ("flow_runs", "any_", ("state_type",)),
    "flow_runs.start_time.before_": ("flow_runs", "before_", ("start_time", "expected_start_time")),
    "flow_runs.start_time.is_null_": ("flow_runs", "is_null_", ("start_time",)),
    "flow_runs.created_by.id_": ("flow_runs", "any_", ("created_by.id",)),
    "flow_runs.parent_flow_run_id.any_": ("flow_runs", "any_", ("flow_run_id",)),
    "deployments.flow_or_deployment_name.like_": ("deployments", "like_", ("name", "name")),
}


@pytest.mark.parametrize("subject", LOOKED_AT)
def test_leaf_has_a_table_an_operator_and_a_field(endpoint_map: EndpointMap, subject: str) -> None:
    field_operator = field_operators(endpoint_map, "artifacts")[subject]
    assert (field_operator.table, field_operator.operator, field_operator.fields) == LOOKED_AT[subject]


def test_unchecked_leaves_are_those_that_are_marked(endpoint_map: EndpointMap) -> None:
    ignored = {
        field_operator.subject
        for field_operator in field_operators_of(endpoint_map.selections["artifacts"])
        if field_operator.is_ignored
    }
    assert ignored == {f"deployments.concurrency_limit.{operator}" for operator in ("ge_", "le_", "is_null_")}


def test_leaf_is_sent_alone_or_with_others(endpoint_map: EndpointMap) -> None:
    every = {
        field_operator.names: field_operator
        for field_operator in field_operators_of(endpoint_map.selections["artifacts"])
    }
    like, state = every["artifacts", "key", "like_"], every["flow_runs", "state", "type", "any_"]
    body = state.filters(["FAILED"])
    assert body == {"flow_runs": {"state": {"type": {"any_": ["FAILED"]}}}}
    assert state.is_asked(body)
    assert not like.is_asked(body)
    both = {**body, "artifacts": {"key": {"like_": "a"}, "operator": "or_"}, "limit": 3}
    assert not state.is_asked(both)
    assert list(asked(both, every)) == [(state, ["FAILED"]), (like, "a")]
    assert list(asked({"flow_runs": None, "artifacts": {"key": {}}}, every)) == []


def test_cell_is_the_operator_with_its_path(endpoint_map: EndpointMap) -> None:
    cell = field_operators(endpoint_map, "artifacts")["flow_runs.state.type.any_"].cell("POST /artifacts/count")
    assert (cell.operation, cell.field, cell.operator) == ("POST /artifacts/count", "flow_runs.state.type", "any_")
