"""Values of rows that no operation shows, determined through the API."""

from pathlib import Path
from typing import Any

import pytest

from tests import jsonl
from tests.apps import app_on
from tests.conftest import SMALL
from tests.verify.contexts import ContextFactory
from understudy.operations.api_folder import Api
from understudy.values import moment
from understudy.verify.check_context import CheckContext
from understudy.verify.filtered_rows.table_under_test import TableUnderTest
from understudy.verify.filtered_rows.value_search import WANTED

ROWS = {path.stem: jsonl.read(path) for path in SMALL.glob("*.jsonl")}


@pytest.fixture
def subject(context: CheckContext) -> TableUnderTest:
    return TableUnderTest.of(context, context.endpoint_map.selections["flows"])


def found(subject: TableUnderTest, names: str) -> list[Any]:
    return subject.value_search.values(subject.field_operators[tuple(names.split("."))])


def held(table: str, field: str) -> set[Any]:
    return {row.get(field) for row in ROWS[table]} - {None}


MOMENTS = [
    ("flow_runs", "end_time"),
    ("flow_runs", "expected_start_time"),
    ("flow_runs", "next_scheduled_start_time"),
    ("task_runs", "start_time"),
    ("task_runs", "end_time"),
]


@pytest.mark.parametrize(("table", "field"), MOMENTS)
@pytest.mark.parametrize("operator", ["before_", "after_"])
def test_time_of_a_row_is_found_to_the_microsecond(
    subject: TableUnderTest, table: str, field: str, operator: str
) -> None:
    (value,) = found(subject, f"{table}.{field}.{operator}")
    assert moment(value) in {moment(each) for each in held(table, field)}
    counted = [subject.selected.count({table: {field: {"after_": each}}}) for each in ("1900-01-01T00:00:00Z", value)]
    assert counted[0] / 2 <= counted[1] < counted[0]


def test_first_of_two_times_is_used(subject: TableUnderTest) -> None:
    (value,) = found(subject, "flow_runs.start_time.after_")
    starts = {row["start_time"] or row["expected_start_time"] for row in ROWS["flow_runs"]} - {None}
    assert moment(value) in {moment(each) for each in starts}


def test_values_of_two_times_are_not_confused(subject: TableUnderTest) -> None:
    found(subject, "flow_runs.start_time.after_")
    (value,) = found(subject, "flow_runs.expected_start_time.after_")
    assert moment(value) in {moment(each) for each in held("flow_runs", "expected_start_time")}


def test_names_are_those_of_a_row_or_parts_of_them(subject: TableUnderTest) -> None:
    names = found(subject, "flow_runs.name.any_")
    assert names
    assert names == found(subject, "flow_runs.name.like_")
    assert [name for name in names if not any(name.lower() in each.lower() for each in held("flow_runs", "name"))] == []
    assert set(names) & held("flow_runs", "name")


HELD = {
    "flow_runs.tags.all_": ("flow_runs", "tags"),
    "flow_runs.state.name.any_": ("flow_runs", "state_name"),
    "flow_runs.work_queue_name.any_": ("flow_runs", "work_queue_name"),
    "flow_runs.parent_task_run_id.any_": ("flow_runs", "parent_task_run_id"),
    "task_runs.flow_run_id.any_": ("task_runs", "flow_run_id"),
    "deployments.tags.any_": ("deployments", "tags"),
    "work_pools.type.any_": ("work_pools", "type"),
}


@pytest.mark.parametrize("names", HELD)
def test_seen_or_common_values_of_rows_are_found(subject: TableUnderTest, names: str) -> None:
    table, field = HELD[names]
    rows = {value for row in ROWS[table] for value in (row[field] if isinstance(row[field], list) else [row[field]])}
    values = found(subject, names)
    assert 0 < len(values) <= WANTED
    assert set(values) <= rows
    asked = subject.selected.context.throttled_client.asked
    assert found(subject, names) == values
    assert subject.selected.context.throttled_client.asked == asked


UNASKED: dict[str, list[Any]] = {
    "flow_runs.deployment_id.is_null_": [True, False],
    "deployments.concurrency_limit.ge_": [1],
    "flow_runs.state.type.any_": [
        "SCHEDULED", "PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "CRASHED", "PAUSED", "CANCELLING",
    ],
}  # fmt: skip


@pytest.mark.parametrize("names", UNASKED)
def test_values_in_the_contract_are_not_requested(subject: TableUnderTest, names: str) -> None:
    before = subject.selected.context.throttled_client.asked
    assert found(subject, names) == UNASKED[names]
    assert subject.selected.context.throttled_client.asked == before


def test_shown_values_come_first(subject: TableUnderTest) -> None:
    before = subject.selected.context.throttled_client.asked
    assert set(found(subject, "flows.name.like_")) == held("flows", "name")
    assert subject.selected.context.throttled_client.asked == before


def test_values_unlike_any_shown_value_are_not_found(subject: TableUnderTest) -> None:
    assert found(subject, "flow_runs.idempotency_key.any_") == []
    assert found(subject, "deployments.id.any_") == []


def test_no_request_is_sent_with_a_fixture_set(
    context_factory: ContextFactory, context: CheckContext, subject: TableUnderTest
) -> None:
    context_factory.learn(context, SMALL)
    before = context.throttled_client.asked
    assert set(found(subject, "deployments.id.any_")) >= held("deployments", "id")
    assert set(found(subject, "flow_runs.name.any_")) == held("flow_runs", "name")
    assert context.throttled_client.asked == before


def test_values_required_together_are_those_of_one_row(
    context_factory: ContextFactory, context: CheckContext, subject: TableUnderTest
) -> None:
    context_factory.learn(context, SMALL)
    operator = subject.field_operators["flow_runs", "tags", "all_"]
    drawn = [tuple(sorted(subject.value_search.shuffled(operator))) for _ in range(20)]
    assert set(drawn) <= {tuple(sorted(row["tags"])) for row in ROWS["flow_runs"] if len(row.get("tags", ())) > 1}
    assert len(set(drawn)) > 1


def test_values_of_the_first_of_several_fields_are_decisive(
    context_factory: ContextFactory, context: CheckContext, subject: TableUnderTest
) -> None:
    context_factory.learn(context, SMALL)
    operator = subject.field_operators["flow_runs", "start_time", "before_"]
    starts = {row["start_time"] or row["expected_start_time"] for row in ROWS["flow_runs"]} - {None}
    assert set(map(moment, subject.value_search.shuffled(operator))) <= set(map(moment, starts))


def test_number_of_a_row_is_found(all_operations: ContextFactory, api: Api, tmp_path: Path) -> None:
    log = {"name": "prefect", "level": 35, "message": "text", "timestamp": "2026-01-01T00:00:00Z"}
    jsonl.write(tmp_path / "logs.jsonl", [log])
    with all_operations.context_of(app_on(tmp_path, api)) as context:
        all_operations.learn(context)
        subject = TableUnderTest.of(context, context.endpoint_map.selections["logs"])
        assert found(subject, "logs.level.le_") == [35]
