"""A fixture set whose rows leave out parts of objects, refer to rows that do not exist, and have equal times."""

from pathlib import Path
from typing import Any

from tests import jsonl

Row = dict[str, Any]
TIME, LATER = "2025-06-15T12:00:00Z", "2025-06-15T12:00:01Z"


def id_of(kind: int, number: int = 0) -> str:
    return f"00000000-0000-4000-8000-0000000{kind:02}{number:03}"


def row(kind: int, number: int = 0, **fields: object) -> Row:
    return {"id": id_of(kind, number), "created": TIME, "updated": TIME, **fields}


FLOW, POOL, QUEUE, DEPLOYMENT, RUN, LOST = (id_of(kind) for kind in (1, 2, 3, 4, 5, 99))


def run(kind: int, number: int = 0, data: object = None, **fields: object) -> Row:
    state_id = id_of(kind + 50, number)
    state = {"id": state_id, "type": "COMPLETED", "name": "Completed", "timestamp": LATER, "data": data}
    latest = {"state_id": state_id, "state_type": "COMPLETED", "state_name": "Completed", "state_timestamp": LATER}
    times = {"expected_start_time": TIME, "start_time": TIME, "end_time": LATER, "total_run_time": 1.0}
    return row(kind, number, **latest, **times, state=state, **fields)


def task_run(number: int, key: str, dynamic_key: str, **inputs: int) -> Row:
    sources = {name: [{"input_type": "task_run", "id": id_of(6, other)}] for name, other in inputs.items()}
    return run(
        6, number, name=key, flow_run_id=RUN, task_key=key, dynamic_key=dynamic_key, task_inputs=sources, labels={}
    )


def scheduled(number: int, expected: str) -> Row:
    """A flow run that starts at the time of others."""
    made = run(5, number, name="scheduled", flow_id=id_of(1, 1), next_scheduled_start_time=LATER)
    made["state"] |= {"type": "SCHEDULED", "name": "Scheduled"}
    shown = {"state_type": "SCHEDULED", "state_name": "Scheduled", "start_time": None, "expected_start_time": expected}
    return {**made, **shown}


def schema(number: int, properties: Row, title: str = "Parent", **times: str) -> Row:
    fields = {"title": title, "type": "object", "properties": properties}
    more = {"checksum": f"sha256:{number}", "version": "1", "block_type_id": id_of(10)}
    return row(11, number, fields=fields, **more, **times)


TWIN = schema(5, {"first": {}}, "Twin", created=LATER)
OLDER_TWIN = schema(6, {"second": {}}, "Twin")


def running(number: int, since: str) -> Row:
    """A task run without a flow run, which has been running since a time."""
    task = run(6, number, name="running", task_key="running", dynamic_key=str(number), labels={})
    task["state"] |= {"type": "RUNNING", "name": "Running", "timestamp": since}
    return {**task, "state_type": "RUNNING", "state_name": "Running", "state_timestamp": since}


TABLES: dict[str, list[Row]] = {
    "flows": [row(1, name="flow", labels=None), row(1, 1, name="scheduled", labels={})],
    "work_pools": [
        row(
            2,
            name="pool",
            type="process",
            default_queue_id=QUEUE,
            storage_configuration={"bundle_execution_step": {}},
        )
    ],
    "work_queues": [row(3, name="default", work_pool_id=POOL, priority=1, filter={"tags": ["a"]})],
    "deployments": [
        row(
            4,
            name="deployment",
            flow_id=FLOW,
            labels=None,
            concurrency_options={"collision_strategy": "ENQUEUE"},
            created_by={"type": "USER"},
            updated_by={},
        ),
        row(
            4,
            1,
            name="in a queue",
            flow_id=FLOW,
            labels={},
            work_queue_id=QUEUE,
            work_queue_name="default",
            enforce_parameter_schema=True,
            parameter_openapi_schema={"type": "object", "properties": {"x": {"type": "integer"}}},
        ),
    ],
    "deployment_schedules": [
        row(7, number, deployment_id=DEPLOYMENT, schedule={"cron": "0 0 * * *", "timezone": "UTC", "day_or": True})
        for number in (2, 0, 1)
    ]
    + [
        row(7, number, deployment_id=id_of(4, 1), schedule=schedule)
        for number, schedule in enumerate(
            (
                {"interval": 3600, "anchor_date": "2025-01-01T00:00:00+00:00"},
                {"interval": 0.0000026, "anchor_date": "2025-01-01T00:00:00", "timezone": None},
                {"interval": 60, "anchor_date": "2025-01-01T00:00:00+02:00"},
                {"cron": "0 0 * * *", "day_or": 0},
            ),
            3,
        )
    ],
    "flow_runs": [
        run(
            5,
            name="run",
            flow_id=FLOW,
            labels=None,
            created_by={"display_value": "me"},
            empirical_policy={"max_retries": 1, "retry_delay_seconds": 10.0},
            data=1e16,
        ),
        {**run(5, 10, name="microseconds", flow_id=FLOW, labels={}), "total_run_time": 1.1 + 2.2},
        *(scheduled(number, expected) for number, expected in ((3, TIME), (1, LATER), (2, LATER), (4, TIME))),
    ],
    "task_runs": [
        task_run(0, "source", "0"),
        task_run(1, "c", "0", x=0),
        task_run(2, "a", "1", x=0),
        task_run(3, "a", "0", x=0),
        task_run(4, "b", "0", x=0),
        {**run(6, 20, name="microseconds", task_key="d", dynamic_key="0", labels={}), "total_run_time": 0.3000000004},
        running(11, "2025-06-15T12:00:00.000400Z"),
        running(10, TIME),
        running(12, "2025-06-15T12:00:00.000300Z"),
    ],
    "block_types": [row(10, number, name=f"type {number}", slug=f"type-{number}") for number in range(3)],
    "block_schemas": [
        row(
            11,
            number,
            checksum=f"sha256:{number}",
            version="1",
            capabilities=[],
            fields={"title": "Block", "type": "object", "properties": {}},
            block_type_id=LOST if number == 3 else id_of(10, number),
        )
        for number in range(4)
    ]
    + [schema(4, {"a": {"$ref": "#/definitions/Twin"}, "b": {"$ref": "#/definitions/Twin"}}), TWIN, OLDER_TWIN],
    "block_schema_references": [
        row(13, number, name=name, parent_block_schema_id=id_of(11, 4), reference_block_schema_id=nested["id"])
        for number, (name, nested) in enumerate((("a", OLDER_TWIN), ("b", TWIN)))
    ],
    "block_documents": [
        row(
            12,
            number,
            name="lost" if number == 3 else "document",
            data={},
            block_type_id=LOST if number == 3 else id_of(10, number),
            block_schema_id=id_of(11, min(number, 2)),
        )
        for number in range(4)
    ],
}
READS: list[tuple[str, str, Row | None]] = [
    ("GET", f"/deployments/{DEPLOYMENT}", None),
    ("GET", f"/deployments/{DEPLOYMENT}/schedules", None),
    ("GET", f"/deployments/{id_of(4, 1)}/schedules", None),
    ("POST", "/deployments/filter", {}),
    ("GET", f"/flow_runs/{RUN}", None),
    ("GET", f"/flow_runs/{id_of(5, 10)}", None),
    ("GET", f"/task_runs/{id_of(6, 20)}", None),
    ("POST", "/flow_runs/paginate", {}),
    ("GET", f"/flow_runs/{RUN}/graph", None),
    ("GET", f"/flow_runs/{RUN}/graph-v2", None),
    ("GET", f"/flow_run_states/{id_of(55)}", None),
    ("GET", f"/work_queues/{QUEUE}", None),
    ("POST", "/work_pools/pool/queues/filter", {}),
    *(("GET", f"/block_documents/{id_of(12, number)}", None) for number in range(4)),
    *(("GET", f"/block_schemas/{id_of(11, number)}", None) for number in range(7)),
    ("GET", "/block_schemas/checksum/sha256:4", None),
    ("POST", "/block_schemas/filter", {}),
    *(("POST", "/block_documents/filter", {"sort": sort}) for sort in ("NAME_ASC", "NAME_DESC")),
    ("POST", "/flows/filter", {}),
    ("POST", "/ui/flows/next-runs", {"flow_ids": [id_of(1, 1)]}),
    *(("POST", "/task_runs/filter", {"sort": sort}) for sort in ("DURATION_ASC", "DURATION_DESC")),
]

IN_QUEUE = f"/deployments/{id_of(4, 1)}/create_flow_run/bulk"
QUEUES: tuple[str, str, Any] = ("POST", "/work_pools/pool/queues/filter", {})
WRITES: list[tuple[str, str, Any]] = [
    ("POST", IN_QUEUE, [{"work_queue_name": "refused", "parameters": {"x": "no number"}}]),
    QUEUES,
    (
        "POST",
        IN_QUEUE,
        [{"work_queue_name": "lost"}, {"infrastructure_document_id": LOST}, {"work_queue_name": "lost, too"}],
    ),
    QUEUES,
]


def write(folder: Path) -> Path:
    folder.mkdir()
    for table, rows in TABLES.items():
        jsonl.write(folder / f"{table}.jsonl", rows)
    return folder
