"""Work pools, with their queues and workers by name. Each pool is created with a queue `default`."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from pydantic_core import from_json

from understudy.contract.columns import ID, Column
from understudy.errors import Conflict, Forbidden, NotFound, Unprocessable
from understudy.filters.criteria import Condition, Criteria, all_of
from understudy.filters.query import Sort
from understudy.operations.actions import change, check_keys, insert, matching, same_row
from understudy.operations.handler_results import NO_CONTENT, Answer
from understudy.operations.observers import observing
from understudy.tables.table import Table
from understudy.values import now
from understudy.workspaces.workspace import Workspace

from .orchestration.client import Client
from .parameters.job_variables import check_defaults_of
from .parameters.parameter_schemas import Mismatch
from .server_events.statuses import keep_pool_status, keep_status
from .work_queues import (
    CONFLICT,
    NAME,
    POOL_ID,
    active_slots,
    change_queue,
    check_changes,
    create_pool,
    create_queue,
    renumber,
)

STATUS = Column(("status",))
PRIORITY, HEARTBEAT = Column(("priority",)), Column(("last_heartbeat_time",))
AGENT = "prefect-agent"  # the type of pools whose status does not depend on their workers
STORAGE = dict.fromkeys(("bundle_upload_step", "bundle_execution_step", "default_result_storage_block_id"))
ADJUSTABLE = {"is_paused", "concurrency_limit"}  # the fields of a reserved pool that can be changed


def shown(tables: Mapping[str, Table], row: dict[str, Any]) -> None:
    """A pool with the slots that its runs take, if it has a limit."""
    if row["type"] == AGENT:
        row["status"] = None
    row["active_slots"] = None
    if row["concurrency_limit"] is not None:
        queues = tables["work_queues"]
        of_pool = queues.index(POOL_ID).rows(UUID(row["id"]).int)
        row["active_slots"] = active_slots(tables, (queues.key(ID, queue) for queue in of_pool))


# ------------------------------------------------------------------------ pools


def create_work_pool(workspace: Workspace, body: dict[str, Any], headers: Mapping[bytes, bytes]) -> Answer:
    with observing(workspace, "work_queues", "work_pools"):
        row = add_pool(workspace, body)
    keep_status(workspace, "work_pools", row)  # follows the event of the creation
    return for_client(headers, workspace.shown("work_pools", row))


def add_pool(workspace: Workspace, body: dict[str, Any]) -> int:
    """Add the pool that a request describes. Returns its number."""
    refuse_reserved(body["name"], "are reserved for internal use.")
    check_defaults(workspace, body["base_job_template"])
    pools = workspace["work_pools"]
    check_keys(workspace, pools, body, "A work pool with this name already exists.")
    paused = body["is_paused"] and body["type"] != AGENT
    status = "PAUSED" if paused else "NOT_READY"
    return create_pool(workspace, completed({"storage_configuration": {}, **body, "status": status}))


def completed(body: dict[str, Any]) -> dict[str, Any]:
    """A request with all fields of the storage configuration, since omitting some makes no difference."""
    own = body.get("storage_configuration")
    return body if own is None else {**body, "storage_configuration": {**STORAGE, **own}}


def read_work_pool(workspace: Workspace, name: str, headers: Mapping[bytes, bytes]) -> Answer:
    return for_client(headers, workspace.shown("work_pools", pool_named(workspace, name)))


def read_work_pools(
    workspace: Workspace, criteria: Criteria, limit: int, headers: Mapping[bytes, bytes], offset: int = 0
) -> Answer:
    return for_client(headers, workspace.page("work_pools", criteria, Sort(NAME), limit, offset))


def for_client(headers: Mapping[bytes, bytes], shown: bytes) -> Answer:
    """Pools in a form that the client can read: old clients fail on a field that they do not know."""
    if Client.of(headers).knows_result_storage:
        return shown
    pools = from_json(shown)
    for pool in pools if isinstance(pools, list) else [pools]:
        del pool["storage_configuration"]["default_result_storage_block_id"]
    return pools


def check_defaults(workspace: Workspace, template: dict[str, Any]) -> None:
    """Check the defaults of the variables of a pool's template.

    Raises:
        ApiError: they are not valid.
    """
    try:
        check_defaults_of(workspace, template.get("variables"))
    except Mismatch as error:
        raise Unprocessable(f"Validation failed for work pool's job variable defaults: {error}") from None


def update_work_pool(workspace: Workspace, name: str, body: dict[str, Any]) -> Answer:
    if not body.keys() <= ADJUSTABLE:
        refuse_reserved(
            name, "are reserved for internal use and can only be updated to set concurrency limits or pause."
        )
    pools, row = workspace["work_pools"], pool_named(workspace, name)
    check_keys(workspace, pools, body, CONFLICT, row)
    status = changed_status(workspace, pools.values(row), body)
    change(pools, row, {**completed(body), **status})
    if status:  # the same as before, too
        keep_pool_status(workspace, row)
    return NO_CONTENT


def changed_status(workspace: Workspace, pool: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, str]:
    """The status of a pool that is paused or resumed. A resumed pool is ready if a worker is online."""
    if pool["type"] == AGENT or "is_paused" not in body:
        return {}
    if body["is_paused"]:
        return {"status": "PAUSED"}
    workers = workspace["workers"]
    online = matching(workers, [(POOL_ID, pool["id"].int), (STATUS, "ONLINE")])
    return {"status": "READY" if online else "NOT_READY"}


def delete_work_pool(workspace: Workspace, name: str) -> Answer:
    refuse_reserved(name, "are reserved for internal use and can not be deleted.")
    pools, queues = workspace["work_pools"], workspace["work_queues"]
    row = pool_named(workspace, name)
    own = queues.index(POOL_ID).rows(pools.key(ID, row))
    # In the order in which their events are stored.
    workspace.delete("work_queues", sorted(own, key=lambda queue: queues.values(queue)["priority"]))
    workspace.delete("work_pools", [row])
    return NO_CONTENT


# ----------------------------------------------------------------------- queues


def create_work_queue(workspace: Workspace, work_pool_name: str, body: dict[str, Any]) -> Answer:
    pool = pool_id(workspace, work_pool_name)
    # The braces are in the real server's text.
    detail = "A work queue with this name already exists in work pool {{work_pool_name!r}}."
    names = {"name": body["name"], "work_pool_id": pool}
    check_keys(workspace, workspace["work_queues"], names, detail)
    return workspace.shown("work_queues", create_queue(workspace, pool, body))


def read_work_queue(workspace: Workspace, work_pool_name: str, name: str) -> Answer:
    return workspace.shown("work_queues", queue_named(workspace, work_pool_name, name))


def update_work_queue(workspace: Workspace, work_pool_name: str, name: str, body: dict[str, Any]) -> Answer:
    pool_id(workspace, work_pool_name)
    row = queue_named(workspace, work_pool_name, name)
    check_changes(workspace, row, body)
    change_queue(workspace, row, body)
    return NO_CONTENT


def delete_work_queue(workspace: Workspace, work_pool_name: str, name: str) -> Answer:
    pool_row = pool_named(workspace, work_pool_name)
    row = queue_named(workspace, work_pool_name, name)
    pool = workspace["work_pools"].values(pool_row)
    if pool["default_queue_id"] == workspace["work_queues"].values(row)["id"]:
        raise Conflict("Can't delete a pool's default queue.")  # a real server fails with 500
    workspace.delete("work_queues", [row])
    renumber(workspace, pool["id"])
    return NO_CONTENT


def read_work_queues(
    workspace: Workspace, work_pool_name: str, criteria: Criteria, limit: int, offset: int = 0
) -> Answer:
    return workspace.page("work_queues", in_pool(workspace, work_pool_name, criteria), Sort(PRIORITY), limit, offset)


# ---------------------------------------------------------------------- workers


def worker_heartbeat(
    workspace: Workspace, work_pool_name: str, name: str, heartbeat_interval_seconds: int | None
) -> Answer:
    pools, workers, pool_row = workspace["work_pools"], workspace["workers"], pool_named(workspace, work_pool_name)
    pool = pools.values(pool_row)
    beat: dict[str, Any] = {"name": name, "work_pool_id": pool["id"], "status": "ONLINE"}
    beat["last_heartbeat_time"] = now()
    if heartbeat_interval_seconds is not None:
        beat["heartbeat_interval_seconds"] = heartbeat_interval_seconds
    row = same_row(workers, beat)
    if row is None:
        insert(workers, beat)
    else:
        workers.update(row, beat)
    if pool["status"] == "NOT_READY":
        change(pools, pool_row, {"status": "READY"})
        keep_pool_status(workspace, pool_row)
    return NO_CONTENT


def read_workers(workspace: Workspace, work_pool_name: str, criteria: Criteria, limit: int, offset: int = 0) -> Answer:
    return workspace.page("workers", in_pool(workspace, work_pool_name, criteria), Sort(HEARTBEAT, True), limit, offset)


def delete_worker(workspace: Workspace, work_pool_name: str, name: str) -> Answer:
    workers = workspace["workers"]
    rows = matching(workers, [(POOL_ID, pool_id(workspace, work_pool_name).int), (NAME, name)])
    if not rows:
        raise NotFound("Worker not found.")
    workspace.delete("workers", rows)
    return NO_CONTENT


# ---------------------------------------------------------------------- by name


def refuse_reserved(name: str, what: str) -> None:
    if name.lower().startswith("prefect"):
        raise Forbidden(f"Work pools starting with 'Prefect' {what}")


def pool_named(workspace: Workspace, name: str) -> int:
    rows = matching(workspace["work_pools"], [(NAME, name)])
    if not rows:
        raise NotFound(f'Work pool "{name}" not found.')
    return rows.min()


def pool_id(workspace: Workspace, name: str) -> UUID:
    found: UUID = workspace["work_pools"].values(pool_named(workspace, name))["id"]
    return found


def queue_named(workspace: Workspace, pool: str, name: str) -> int:
    pools, queues = workspace["work_pools"], workspace["work_queues"]
    for row in matching(pools, [(NAME, pool)]):
        found = matching(queues, [(POOL_ID, pools.key(ID, row)), (NAME, name)])
        if found:
            return found.min()
    raise NotFound(f"Work pool queue '{pool}/{name}' not found.")


def in_pool(workspace: Workspace, name: str, criteria: Criteria) -> Criteria:
    """Criteria for rows, restricted to those of a pool."""
    return all_of([criteria, Condition(POOL_ID, "eq_", pool_id(workspace, name).int)])
