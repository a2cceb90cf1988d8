"""Put a fixture set into a real server's database, with its ids and times.

Runs under the real server's Python: `python load.py FIXTURES DATABASE`.
"""

import asyncio
import json
import os
import sys
from datetime import datetime, timedelta
from itertools import groupby, islice
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4, uuid5

Row = dict[str, Any]

COLLECTIONS = UUID("6f1d5f7c-6a51-4a5c-9d3e-0d8f6c1b2a34")
TABLES = {
    "work_pools": "WorkPool",
    "work_queues": "WorkQueue",
    "flows": "Flow",
    "deployments": "Deployment",
    "flow_runs": "FlowRun",
    "task_runs": "TaskRun",
    "artifacts": "Artifact",
    "artifact_collections": "ArtifactCollection",
    "flow_run_inputs": "FlowRunInput",
    "deployment_schedules": "DeploymentSchedule",
    "variables": "Variable",
    "logs": "Log",
    "workers": "Worker",
    "concurrency_limits": "ConcurrencyLimit",
    "concurrency_limits_v2": "ConcurrencyLimitV2",
    "saved_searches": "SavedSearch",
    "task_run_state_cache": "TaskRunStateCache",
    "automations": "Automation",
    "automation_related_resources": "AutomationRelatedResource",
    "block_types": "BlockType",
    "block_schemas": "BlockSchema",
    "block_schema_references": "BlockSchemaReference",
    "block_documents": "BlockDocument",
    "block_document_references": "BlockDocumentReference",
    "events": "Event",
    "event_resources": "EventResource",
}
FORMER = {("deployment", "job_variables"): "infra_overrides"}
"""Columns that have another name than their field."""
BATCH = 1000


def read(folder: Path, table: str) -> list[Row]:
    path = folder / f"{table}.jsonl"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def latest(artifacts: list[Row]) -> list[Row]:
    newest: dict[str, Row] = {}
    for row in artifacts:
        if row.get("key") is not None and moment(row["created"]) >= moment(newest.get(row["key"], row)["created"]):
            newest[row["key"]] = row
    return [{**row, "id": str(uuid5(COLLECTIONS, key)), "latest_id": row["id"]} for key, row in newest.items()]


ID, ROLE = "prefect.resource.id", "prefect.resource.role"


def event_columns(row: Row) -> Row:
    """The columns of an event that its JSON does not have."""
    ids = [resource[ID] for resource in row.setdefault("related", [])]
    row.setdefault("payload", {})
    times = dict.fromkeys(("recorded", "created", "updated"), row["received"])
    return {**row, **times, "resource_id": row["resource"][ID], "related_resource_ids": ids}


def event_resources(row: Row) -> list[Row]:
    times = dict.fromkeys(("created", "updated"), row["received"])
    return [
        {
            "id": str(uuid4()),
            "event_id": row["id"],
            "occurred": row["occurred"],
            "resource_id": resource[ID],
            "resource_role": role,
            "resource": {name: value for name, value in resource.items() if name not in (ID, ROLE)},
            **times,
        }
        for resource, role in [(row["resource"], ""), *((each, each[ROLE]) for each in row["related"])]
    ]


def related_deployments(row: Row) -> list[Row]:
    """The deployments that an automation runs."""
    deployments = {
        action["deployment_id"]
        for action in row["actions"]
        if action["type"] == "run-deployment" and action.get("source", "selected") == "selected"
    }
    return [
        {
            "id": str(uuid4()),
            "automation_id": row["id"],
            "resource_id": f"prefect.deployment.{deployment}",
            "automation_owned_by_resource": False,
            "created": row["created"],
            "updated": row["updated"],
        }
        for deployment in sorted(deployments)
    ]


def column_value(column: Any, value: Any) -> Any:
    """The value that SQLAlchemy requires for a column, from JSON."""
    kind = type(column.type).__name__
    if value is None:
        return None
    if kind == "Timestamp":
        return moment(value)
    if kind == "UUID":
        return UUID(value)
    if kind == "Interval":
        return timedelta(seconds=value)
    return value


def values(model: Any, row: Row) -> Row:
    columns = model.__table__.columns
    named = {FORMER.get((model.__tablename__, name), name): value for name, value in row.items()}
    named.setdefault("labels", {})  # which a real server stores, too; the column alone would be null
    return {name: column_value(columns[name], value) for name, value in named.items() if name in columns}


async def encrypt(database: Any, documents: list[Row]) -> None:
    """Replace the data of block documents by what the real server stores: text that is encrypted with its key."""
    from prefect.server.utilities.encryption import encrypt_fernet  # noqa: PLC0415

    async with database.session_context(begin_transaction=True) as session:
        for row in documents:
            row["data"] = await encrypt_fernet(session, row.get("data", {}))


async def load(folder: Path) -> None:
    # Prefect reads its settings when it is imported, so they must be set before.
    import sqlalchemy  # noqa: PLC0415
    from prefect.server.database import orm_models, provide_database_interface  # noqa: PLC0415

    rows = {table: read(folder, table) for table in TABLES}
    rows["artifact_collections"] = rows["artifact_collections"] or latest(rows["artifacts"])
    rows["events"] = list(map(event_columns, rows["events"]))
    rows["event_resources"] = [resource for row in rows["events"] for resource in event_resources(row)]
    rows["automation_related_resources"] = [each for row in rows["automations"] for each in related_deployments(row)]
    database = provide_database_interface()
    await database.create_db()
    await encrypt(database, rows["block_documents"])
    engine = await database.engine()
    async with engine.connect() as connection:
        # Rows refer to each other in circles, a pool to its queue and the queue to its pool.
        await connection.execute(sqlalchemy.text("PRAGMA foreign_keys=OFF"))
        await connection.commit()
        for table, name in TABLES.items():
            model = getattr(orm_models, name)
            # Rows without an order are returned as they were inserted.
            for _, same_columns in groupby((values(model, row) for row in rows[table]), key=tuple):
                while batch := list(islice(same_columns, BATCH)):
                    await connection.execute(sqlalchemy.insert(model.__table__), batch)
        for runs, model, owner in (
            ("flow_runs", orm_models.FlowRunState, "flow_run_id"),
            ("task_runs", orm_models.TaskRunState, "task_run_id"),
        ):
            for row in rows[runs]:
                if row.get("state"):
                    times = dict.fromkeys(("created", "updated"), row["state"]["timestamp"])
                    state = {"state_details": {}, **times, **row["state"], owner: row["id"]}
                    await connection.execute(sqlalchemy.insert(model.__table__), values(model, state))
        await connection.commit()


if __name__ == "__main__":
    os.environ["PREFECT_API_DATABASE_CONNECTION_URL"] = f"sqlite+aiosqlite:///{Path(sys.argv[2]).resolve()}"
    asyncio.run(load(Path(sys.argv[1])))
