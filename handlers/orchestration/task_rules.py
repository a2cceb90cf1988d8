"""Rules of task runs.

Source of each: the class of the same name in `prefect.server.orchestration.core_policy`.
"""

from typing import Any

from understudy.contract.columns import Column

from ..states import TERMINAL
from .policy import ANY, Finish, rule
from .random_delays import clamped
from .shared_rules import is_persisted
from .transition import Transition, copy_of, detail, new_state

CACHE, CACHE_KEY, CREATED = "task_run_state_cache", Column(("cache_key",)), Column(("created",))
LONGEST_CACHE_KEY = 2000  # characters, the default of a real server


@rule(ANY, {"RUNNING"})
def cache_retrieval(transition: Transition) -> None:
    """A task with the cache key of a completed task does not run, but completes with the same result."""
    key = detail(transition.proposed, "cache_key")
    if not key or detail(transition.proposed, "refresh_cache"):
        return
    cached = latest_cached(transition, key)
    if cached is not None:
        transition.reject("Retrieved state from cache", copy_of(cached, transition.time, name="Cached"))


def latest_cached(transition: Transition, key: str) -> dict[str, Any] | None:
    """The latest cached state under a key that has not expired."""
    cache, states = transition.workspace[CACHE], transition.workspace[transition.runs.states]
    entries = [cache.values(row) for row in cache.index(CACHE_KEY).rows(key)]
    lasting = [
        each for each in entries if each["cache_expiration"] is None or each["cache_expiration"] > transition.time
    ]
    if not lasting:
        return None
    latest = max(lasting, key=lambda each: each["created"])
    return states.get(latest["task_run_state_id"])


@rule(ANY, {"COMPLETED"})
def cache_insertion(transition: Transition) -> Finish:
    """A completed state with a cache key is stored for other tasks."""
    given = detail(transition.proposed, "cache_key")
    if given and len(given) > LONGEST_CACHE_KEY:
        reason = f"Cache key exceeded maximum allowed length of {LONGEST_CACHE_KEY} characters."
        transition.reject(reason, transition.proposed)

    def finish(holds: bool) -> None:
        key, state = detail(transition.validated, "cache_key"), transition.validated
        if holds and key:
            entry = {"cache_key": key, "cache_expiration": detail(state, "cache_expiration")}
            times = {"created": state["timestamp"], "updated": state["timestamp"]}
            transition.workspace[CACHE].insert({"id": state["id"], **times, **entry, "task_run_state_id": state["id"]})

    return finish


@rule(TERMINAL, ANY)
def handle_task_terminal_state_transitions(transition: Transition) -> Finish | None:
    """Decides when a task that has ended may run again. Its retries are then reset."""
    refuse_to_leave(transition)
    proposed, run = transition.proposed, transition.run
    if not proposed:
        return None
    count = run["run_count"]
    if proposed["type"] not in TERMINAL:
        run["run_count"] = 0
    if proposed["type"] == "RUNNING":
        flow_run = transition.linked_flow_run()
        if flow_run is not None and run["flow_run_run_count"] < flow_run["run_count"]:
            proposed["name"] = "Retrying"

    def finish(holds: bool) -> None:
        if not holds:
            run["run_count"] = count

    return finish


def refuse_to_leave(transition: Transition) -> None:
    kind, data = transition.initial["type"], transition.initial["data"]
    if transition.proposed_type in ("CANCELLING", "PAUSED", "CRASHED"):
        transition.abort(f"Run is already {kind}.")
    # A real server fails with 500 on data that are not an object.
    elif kind == "COMPLETED" and data and (is_persisted(data) or not isinstance(data, dict)):
        transition.reject("This run is already completed.")


@rule(ANY, {"RUNNING"})
def prevent_running_tasks_from_stopped_flows(transition: Transition) -> None:
    """A task only runs while its flow runs; while the flow is paused, it is not ready."""
    flow_run = transition.linked_flow_run()
    if flow_run is None:
        return
    state = flow_run["state"] or {}
    kind = state.get("type")
    if kind == "PAUSED":
        details = {name: detail(state, name) for name in ("pause_timeout", "pause_reschedule")}
        reason = f"The flow is paused, new tasks can execute after resuming flow run: {flow_run['id']}."
        transition.reject(reason, new_state("PAUSED", transition.time, "NotReady", state_details=details))
    elif kind != "RUNNING":
        transition.abort("The enclosing flow must be running to begin task execution.")


@rule({"RUNNING"}, {"FAILED"})
def retry_failed_tasks(transition: Transition) -> None:
    """A failed task is retried as often, and with the delays, as its policy has it."""
    policy, proposed, count = transition.policy, transition.proposed, transition.run["run_count"]
    if detail(proposed, "retriable") is False or policy["retries"] is None or count > policy["retries"]:
        return
    delays, jitter = policy["retry_delay"], policy["retry_jitter_factor"]
    delay = (delays[min(count - 1, len(delays) - 1)] if delays else 0) if isinstance(delays, list) else delays or 0
    if jitter and delay > 0:
        delay = clamped(delay, jitter)
    details = {"scheduled_time": transition.after(delay)}
    kept = {"message": proposed["message"], "data": proposed["data"]}
    state = new_state("SCHEDULED", transition.time, "AwaitingRetry", **kept, state_details=details)
    transition.reject("Retrying", state)


@rule(ANY, {"RUNNING"})
def rename_reruns(transition: Transition) -> None:
    """The state of a task that runs again has another name."""
    if transition.initial and transition.run["run_count"] > 0:
        is_awaited = transition.initial["name"] == "AwaitingRetry"
        transition.proposed["name"] = "Retrying" if is_awaited else "Rerunning"


@rule(ANY, {"RUNNING"})
def update_flow_run_tracker_on_tasks(transition: Transition) -> Finish:
    """A task run records the attempt number of its flow run."""

    def finish(holds: bool) -> None:
        flow_run = transition.linked_flow_run()
        if holds and flow_run is not None:
            transition.run["flow_run_run_count"] = flow_run["run_count"]

    return finish


@rule({"SCHEDULED", "PENDING"}, {"PENDING", "RUNNING"})
def copy_task_parameters_id(transition: Transition) -> None:
    """A deferred task keeps the id of its stored parameters."""
    if detail(transition.proposed, "task_parameters_id") is None:
        transition.proposed["state_details"]["task_parameters_id"] = detail(transition.initial, "task_parameters_id")
