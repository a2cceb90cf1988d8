"""Flow runs of deployments: created by clients, and by schedules."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from understudy.errors import ApiError, BadRequest, Conflict, Unprocessable
from understudy.operations.actions import check_keys, same_row
from understudy.operations.handler_results import Answer
from understudy.values import MICROSECOND, in_utc, new_id, new_ordered_id, now, time_of_change
from understudy.workspaces.workspace import Workspace

from . import CONFLICT
from .deployments import NO_SCHEMA, row_of
from .flow_runs import labels_of
from .names import new_name
from .orchestration import flow_states
from .orchestration.client import Client
from .orchestration.transition import new_state, proposed_state
from .parameters.hydration import Hydration, HydrationError, without_context
from .parameters.job_variables import check_run_variables
from .parameters.parameter_schemas import CIRCULAR, Mismatch, check
from .request_origin import creator_of
from .schedules import schedules_of
from .scheduling.dates import dates_of
from .work_queues import POOL_ID, pool_of, pool_queue

MOST = 100  # the maximum number of runs in a request
SCHEDULED = {"type": "SCHEDULED"}
# What a real server's scheduler does where a request does not say it.
LEAST_RUNS, MOST_RUNS = 3, 100
LEAST_TIME, MOST_TIME = timedelta(hours=1), timedelta(days=100)
KNOWN = 1000  # the maximum number of schedules whose next dates are cached
KINDS = {"interval": "IntervalSchedule", "cron": "CronSchedule", "rrule": "RRuleSchedule"}
Body = dict[str, Any]
Row = Mapping[str, Any]


def create_flow_run_from_deployment(
    workspace: Workspace, id: UUID, body: Body, headers: Mapping[bytes, bytes]
) -> Answer:
    deployment, created_by = workspace["deployments"].values(row_of(workspace, id)), creator_of(headers)
    try:
        parameters = parameters_of(workspace, deployment, body)
    except HydrationError as error:
        raise BadRequest(f"Error hydrating flow run parameters: {error}") from None
    try:
        check_parameters(deployment, body, parameters)
    except Mismatch as error:
        raise Conflict(f"Error creating flow run: {error}") from None
    body = {**body, "created_by": created_by}
    row, is_new = create_run(workspace, deployment, body, parameters, Client.of(headers))
    return workspace.shown("flow_runs", row), 201 if is_new else 200


def bulk_create_flow_runs_from_deployment(
    workspace: Workspace, id: UUID, body: list[Body], headers: Mapping[bytes, bytes]
) -> Answer:
    if len(body) > MOST:
        raise BadRequest(f"Cannot create more than {MOST} flow runs at once.")
    deployment = workspace["deployments"].values(row_of(workspace, id))
    runs, created_by = ManyRuns(workspace, deployment, Client.of(headers)), creator_of(headers)
    runs.create_queues(body)
    return {"results": [runs.result({**each, "created_by": created_by}) for each in body]}


WITHOUT_POOL = re.compile(r"because deployment \S+ is not associated with a work pool\..*")


class ManyRuns:
    """Creates several runs of a deployment.

    A real server creates all in one transaction, first the queues that they name, even those of runs that it refuses.
    If one refers to something that does not exist, the queues and the runs before it are not stored, although the
    response says that they were created, and those after it fail.
    """

    def __init__(self, workspace: Workspace, deployment: Body, client: Client) -> None:
        self._workspace = workspace
        self._deployment = deployment
        self._client = client
        self._new: list[int] = []
        self._new_queues: list[int] = []
        self._conflict: Conflict | None = None

    def create_queues(self, bodies: Iterable[Body]) -> None:
        """Create the queues that runs name, in the pool of the deployment."""
        pool, queues = pool_of(self._workspace, self._deployment), self._workspace["work_queues"]
        if pool is None:
            return
        before = set(queues.index(POOL_ID).rows(pool["id"].int))
        for name in dict.fromkeys(body.get("work_queue_name") for body in bodies):
            if name and name != self._deployment["work_queue_name"]:
                pool_queue(self._workspace, pool["name"], name)
        self._new_queues = sorted(set(queues.index(POOL_ID).rows(pool["id"].int)) - before)

    def result(self, body: Body) -> Body:
        """The result of creating a run."""
        try:
            row = self._create(body)
        except (HydrationError, Mismatch, ApiError) as error:
            if isinstance(error, Conflict) and error.body["detail"] == CONFLICT:
                self._end_with(error)
            return {"flow_run_id": None, "status": "FAILED", "error": reason_of(error)}
        return {"flow_run_id": self._workspace["flow_runs"].values(row)["id"], "status": "CREATED", "error": None}

    def _create(self, body: Body) -> int:
        parameters = parameters_of(self._workspace, self._deployment, body)
        check_parameters(self._deployment, body, parameters)
        if self._conflict is not None:
            raise self._conflict
        row, is_new = create_run(self._workspace, self._deployment, body, parameters, self._client)
        self._new += [row] if is_new else []
        return row

    def _end_with(self, conflict: Conflict) -> None:
        self._workspace.delete("flow_runs", self._new)
        self._workspace.delete("work_queues", self._new_queues)
        self._new, self._new_queues, self._conflict = [], [], conflict


def reason_of(error: Exception) -> str:
    """Why one of several runs was not created, which has another wording than for a single run."""
    if isinstance(error, Mismatch):
        return f"Parameter validation failed: {error}"
    if not isinstance(error, ApiError):
        return str(error)
    detail = str(error.body["detail"])
    known = {
        NO_SCHEMA: "Parameter schema enforcement is enabled but deployment has no valid schema.",
        CIRCULAR: "Invalid schema: circular references detected.",
    }
    return WITHOUT_POOL.sub("because deployment is not associated with a work pool.", known.get(detail, detail))


def parameters_of(workspace: Workspace, deployment: Body, body: Body) -> Any:
    """The parameters of a run: those of its deployment, overridden by its own."""
    parameters = {**deployment["parameters"], **body.get("parameters", {})}
    return Hydration(workspace, raises=True, render=without_context).object(parameters)


def check_parameters(deployment: Body, body: Body, parameters: Any) -> None:
    enforced = body.get("enforce_parameter_schema")
    if not (deployment["enforce_parameter_schema"] if enforced is None else enforced):
        return
    if not isinstance(deployment["parameter_openapi_schema"], dict):
        raise Conflict(NO_SCHEMA)
    check(parameters, deployment["parameter_openapi_schema"])


def create_run(workspace: Workspace, deployment: Body, body: Body, parameters: Any, client: Client) -> tuple[int, bool]:
    """Create a run of a deployment. Returns its number, and whether it is new."""
    runs, pool = workspace["flow_runs"], pool_of(workspace, deployment)
    try:
        check_run_variables(workspace, deployment, body.get("job_variables"))
    except Mismatch as error:
        raise Unprocessable(f"Error creating flow run: {error}") from None
    values = {name: value for name, value in body.items() if name not in ("state", "enforce_parameter_schema")}
    values |= {"flow_id": deployment["flow_id"], "deployment_id": deployment["id"], "parameters": parameters}
    values |= {"deployment_version": deployment["version"], **queue_for(workspace, deployment, pool, body)}
    values["tags"] = list(dict.fromkeys([*deployment["tags"], *body.get("tags", ())]))
    document = body.get("infrastructure_document_id") or deployment["infrastructure_document_id"]
    values["infrastructure_document_id"] = document
    if not body.get("idempotency_key") or "job_variables" not in body:
        # The real server gives no default to a run with a key, for which null was given.
        values["job_variables"] = body.get("job_variables") or {}
    existing = same_row(runs, values) if body.get("idempotency_key") else None
    if existing is not None:
        return existing, False
    check_keys(workspace, runs, values, CONFLICT)
    moment = now()
    created = moment + MICROSECOND
    values |= {"id": new_id(), "created": created, "updated": time_of_change(created)}
    values |= {"name": body.get("name") or new_name(), "labels": labels_of(workspace, values)}
    state = proposed_state(body.get("state") or SCHEDULED, moment)
    return flow_states.add_flow_run(workspace, values, state, client), True


def queue_for(workspace: Workspace, deployment: Body, pool: Body | None, body: Body) -> Body:
    """The queue of a run: the one that it names, which is created if necessary, or that of its deployment."""
    name = body.get("work_queue_name")
    if not name:
        return {"work_queue_name": deployment["work_queue_name"], "work_queue_id": deployment["work_queue_id"]}
    if pool is None:
        raise BadRequest(
            f"Cannot create flow run in work queue {name} because deployment {deployment['id']} is not associated with"
            " a work pool. Please remove work_pool_name and try again."
        )
    return {"work_queue_name": name, "work_queue_id": pool_queue(workspace, pool["name"], name)}


# -------------------------------------------------------------------- scheduled


def schedule_deployment(
    workspace: Workspace,
    id: UUID,
    start_time: datetime | None,
    end_time: datetime | None,
    min_time: float | None,
    min_runs: int | None,
    max_runs: int | None,
) -> Answer:
    """Create the runs of a deployment's schedules; none if the deployment does not exist."""
    deployment = workspace["deployments"].get(id)
    if deployment is None:
        return None
    start = start_time or now()
    try:
        end = end_time or start + MOST_TIME
        least = start + (LEAST_TIME if min_time is None else timedelta(seconds=min_time))
    except (OverflowError, ValueError):
        raise Unprocessable("The times are out of range.") from None
    fewest, most = LEAST_RUNS if min_runs is None else min_runs, MOST_RUNS if max_runs is None else max_runs
    for schedule in schedules_of(workspace, id):
        if schedule["active"]:
            for date in enough_dates(dates_of(schedule["schedule"], start, end, most), fewest, least):
                schedule_run(workspace, deployment, schedule, date)
    return None


def dates_to_schedule(schedule: Row, time: datetime) -> Sequence[datetime]:
    """The dates for which a real server's scheduler creates runs at a time; none if a schedule cannot be evaluated."""
    return dates_ahead(tuple(schedule["schedule"].items()), time)


@lru_cache(maxsize=KNOWN)  # at one time, many deployments have the same schedule, and each is looked at several times
def dates_ahead(schedule: tuple[tuple[str, Any], ...], time: datetime) -> Sequence[datetime]:
    """The dates to schedule, from the fields of a schedule."""
    try:
        dates = dates_of(dict(schedule), time, time + MOST_TIME, MOST_RUNS)
        return enough_dates(dates, LEAST_RUNS, time + LEAST_TIME)
    except (ApiError, ValueError, OverflowError):
        return ()


def enough_dates(dates: Iterable[datetime], fewest: int, least: datetime) -> list[datetime]:
    """The first dates, until there are enough of them and they reach far enough into the future."""
    found: list[datetime] = []
    for date in dates:
        found.append(date)
        if len(found) >= fewest and date >= least:
            break
    return found


def key_at(deployment: Row, schedule: Row, date: datetime) -> str:
    """The idempotency key of a schedule's run at a time."""
    return f"scheduled {deployment['id']} {schedule['id']} {date}"


def is_scheduled(workspace: Workspace, deployment: Row, schedule: Row, date: datetime) -> bool:
    """Whether a schedule's run at a time was created."""
    values = {"flow_id": deployment["flow_id"], "idempotency_key": key_at(deployment, schedule, date)}
    return same_row(workspace["flow_runs"], values) is not None


def schedule_run(workspace: Workspace, deployment: Row, schedule: Row, date: datetime) -> None:
    """Create a schedule's run at a time, unless it exists."""
    moment = now()
    if is_scheduled(workspace, deployment, schedule, date):
        return
    kind = next(name for field, name in KINDS.items() if field in schedule["schedule"])
    start = in_utc(date)
    details = {"scheduled_time": date}  # in the time zone of the schedule
    state = new_state("SCHEDULED", moment, message="Flow run scheduled", state_details=details)
    values = {
        "id": new_ordered_id(), "created": moment, "updated": moment + MICROSECOND, "name": new_name(),
        "flow_id": deployment["flow_id"], "deployment_id": deployment["id"],
        "deployment_version": deployment["version"], "work_queue_name": deployment["work_queue_name"],
        "work_queue_id": deployment["work_queue_id"], "auto_scheduled": True,
        "idempotency_key": key_at(deployment, schedule, date),
        "parameters": {**deployment["parameters"], **schedule["parameters"]},
        "infrastructure_document_id": deployment["infrastructure_document_id"],
        "tags": ["auto-scheduled", *deployment["tags"]],
        "created_by": {"id": schedule["id"], "type": "SCHEDULE", "display_value": schedule["slug"] or kind},
    }  # fmt: skip
    values["labels"] = labels_of(workspace, values)
    values |= {"expected_start_time": start, "next_scheduled_start_time": start}
    values |= {"state": state, "state_id": state["id"], "state_type": state["type"], "state_name": state["name"]}
    # Its state goes through no policy, and has no event.
    workspace["flow_runs"].insert(values)
    workspace["flow_run_states"].insert({**state, "flow_run_id": values["id"]})
