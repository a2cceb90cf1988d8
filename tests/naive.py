"""A slow evaluation of filters: one row at a time, directly from Prefect's known behaviour.

Written by hand, independently of the contract's annotations and of the engine, to be compared with
both. Rows are plain JSON.
"""

import sqlite3
from collections.abc import Callable
from datetime import datetime
from typing import Any

Row = dict[str, Any]
Database = dict[str, list[Row]]
SQLITE = sqlite3.connect(":memory:")


def meets(database: Database, table: str, row: Row, body: Row) -> bool:
    """Whether a row of `table` meets every filter of a request body."""
    return ROOTS[table](database, row, {name: value for name, value in body.items() if isinstance(value, dict)})


def artifact_meets(database: Database, row: Row, body: Row) -> bool:
    if "artifacts" in body and not artifact(database, row, body["artifacts"]):
        return False
    if any(name in body for name in ("flow_runs", "flows", "deployments")):
        run = by_id(database, "flow_runs", row["flow_run_id"])
        if run is None or not flow_run(database, run, body.get("flow_runs", {})):
            return False
        for name, test, key in (("flows", flow, "flow_id"), ("deployments", deployment, "deployment_id")):
            if name in body:
                related = by_id(database, name, run[key])
                if related is None or not test(database, related, body[name]):
                    return False
    if "task_runs" in body:
        task = by_id(database, "task_runs", row["task_run_id"])
        return task is not None and task_run(database, task, body["task_runs"])
    return True


def flow_meets(database: Database, row: Row, body: Row) -> bool:
    if "flows" in body and not flow(database, row, body["flows"]):
        return False
    if "deployments" in body or "work_pools" in body:
        own = [each for each in database["deployments"] if each["flow_id"] == row["id"]]
        if not any(deployment_and_pool_meet(database, each, body) for each in own):
            return False
    if "flow_runs" in body or "task_runs" in body:
        own = [each for each in database["flow_runs"] if each["flow_id"] == row["id"]]
        return any(run_and_task_meet(database, each, body) for each in own)
    return True


def deployment_and_pool_meet(database: Database, row: Row, body: Row) -> bool:
    if not deployment(database, row, body.get("deployments", {})):
        return False
    if "work_pools" not in body:
        return True
    queue = by_id(database, "work_queues", row["work_queue_id"])
    pool = queue and by_id(database, "work_pools", queue["work_pool_id"])
    return pool is not None and work_pool(database, pool, body["work_pools"])


def run_and_task_meet(database: Database, row: Row, body: Row) -> bool:
    if not flow_run(database, row, body.get("flow_runs", {})):
        return False
    tasks = [each for each in database["task_runs"] if each["flow_run_id"] == row["id"]]
    return "task_runs" not in body or any(task_run(database, each, body["task_runs"]) for each in tasks)


# ------------------------------------------------------------------------ criteria


def combined(criteria: Row, tests: dict[str, Callable[[Any], bool | None]]) -> bool:
    """The tests of the given names, joined by and_ or or_; a test that returns None is ignored."""
    values = [tests[name](value) for name, value in criteria.items() if name in tests and value is not None]
    results = [result for result in values if result is not None]
    if not results:
        return True
    return any(results) if criteria.get("operator") == "or_" else all(results)


def scalar(value: Any) -> Callable[[Row], bool]:
    """The operators on one field of a row."""
    return lambda criteria: combined(
        criteria,
        {
            "any_": lambda wanted: value is not None and value in wanted,
            "not_any_": lambda wanted: None if not wanted else value is not None and value not in wanted,
            "like_": lambda pattern: None if not pattern else value is not None and like(value, f"%{pattern}%"),
            "is_null_": lambda wanted: (value is None) == wanted,
            "exists_": lambda wanted: (value is not None) == wanted,
            "eq_": lambda wanted: value == wanted,
            **bounds(value),
        },
    )


def bounds(value: Any) -> dict[str, Callable[[Any], bool | None]]:
    return {
        "before_": lambda limit: value is not None and moment(value) <= moment(limit),
        "after_": lambda limit: value is not None and moment(value) >= moment(limit),
    }


def tags(values: list[str]) -> Callable[[Row], bool]:
    return lambda criteria: combined(
        criteria,
        {
            "all_": lambda wanted: None if not wanted else set(wanted) <= set(values),
            "any_": lambda wanted: bool(set(wanted) & set(values)),
            "is_null_": lambda wanted: (not values) == wanted,
        },
    )


def state(row: Row) -> Callable[[Row], bool]:
    def some(value: Any) -> Callable[[Row], bool | None]:
        def test(criteria: Row) -> bool | None:
            is_given = criteria.get("any_") is not None or bool(criteria.get("not_any_"))
            return scalar(value)(criteria) if is_given else None

        return test

    return lambda criteria: combined(criteria, {"type": some(row["state_type"]), "name": some(row["state_name"])})


def artifact(database: Database, row: Row, criteria: Row) -> bool:
    fields = ("id", "latest_id", "key", "flow_run_id", "task_run_id", "type")
    return combined(criteria, {field: scalar(row.get(field)) for field in fields})


def flow(database: Database, row: Row, criteria: Row) -> bool:
    deployed = any(each["flow_id"] == row["id"] for each in database["deployments"])
    return combined(
        criteria,
        {
            "id": scalar(row["id"]),
            "name": scalar(row["name"]),
            "tags": tags(row["tags"]),
            "deployment": scalar(deployed or None),
        },
    )


def flow_run(database: Database, row: Row, criteria: Row) -> bool:
    plain = [
        "id", "name", "deployment_id", "work_queue_name", "flow_version", "end_time", "expected_start_time",
        "next_scheduled_start_time", "parent_task_run_id", "idempotency_key",
    ]  # fmt: skip
    start = row["start_time"] or row["expected_start_time"]
    parent = by_id(database, "task_runs", row["parent_task_run_id"])
    creator = row["created_by"] or {}
    return combined(
        criteria,
        {
            **{field: scalar(row[field]) for field in plain},
            "tags": tags(row["tags"]),
            "state": state(row),
            "start_time": lambda given: combined(
                given, {**bounds(start), "is_null_": lambda wanted: (row["start_time"] is None) == wanted}
            ),
            "parent_flow_run_id": scalar(parent and parent["flow_run_id"]),
            "created_by": lambda given: combined(
                given,
                {
                    "id_": lambda wanted: creator.get("id") is not None and creator["id"] in wanted,
                    "type_": lambda wanted: creator.get("type") is not None and creator["type"] in wanted,
                    "is_null_": lambda wanted: (row["created_by"] is None) == wanted,
                },
            ),
        },
    )


def task_run(database: Database, row: Row, criteria: Row) -> bool:
    def in_flow_run(given: Row) -> bool:
        is_null = given.get("is_null_", False)
        if is_null:
            return row["flow_run_id"] is None
        if given.get("any_") is not None:
            return row["flow_run_id"] in given["any_"]
        return True if is_null is None else row["flow_run_id"] is not None

    has_subflow = any(each["parent_task_run_id"] == row["id"] for each in database["flow_runs"])
    return combined(
        criteria,
        {
            **{field: scalar(row[field]) for field in ("id", "name", "start_time", "end_time", "expected_start_time")},
            "tags": tags(row["tags"]),
            "state": state(row),
            "subflow_runs": scalar(has_subflow or None),
            "flow_run_id": in_flow_run,
        },
    )


def deployment(database: Database, row: Row, criteria: Row) -> bool:
    own_flow = by_id(database, "flows", row["flow_id"])
    names = [row["name"], own_flow and own_flow["name"]]
    return combined(
        criteria,
        {
            **{field: scalar(row[field]) for field in ("id", "name", "paused", "work_queue_name")},
            "tags": tags(row["tags"]),
            "flow_or_deployment_name": lambda given: (
                not given.get("like_") or any(scalar(name)(given) for name in names)
            ),
        },
    )


def work_pool(database: Database, row: Row, criteria: Row) -> bool:
    return combined(criteria, {field: scalar(row[field]) for field in ("id", "name", "type")})


def by_id(database: Database, table: str, row_id: str | None) -> Row | None:
    return next((row for row in database[table] if row["id"] == row_id), None)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def like(text: str, pattern: str) -> bool:
    return bool(SQLITE.execute("SELECT ? LIKE ?", (text, pattern)).fetchone()[0])


ROOTS: dict[str, Callable[[Database, Row, Row], bool]] = {
    "artifacts": artifact_meets,
    "artifact_collections": artifact_meets,
    "flows": flow_meets,
}
