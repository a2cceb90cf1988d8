"""Rules of flow runs.

Source of each: the class of the same name in `prefect.server.orchestration.core_policy`.
"""

from datetime import datetime

from understudy.contract.columns import Column
from understudy.operations.actions import matching
from understudy.values import new_id

from ..states import TERMINAL
from .policy import ANY, Finish, rule, transform
from .shared_rules import is_persisted
from .task_states import set_task_run_state
from .transition import TASK_RUNS, State, Transition, detail, new_state, same_id

FLOW_RUN_ID, STATE_TYPE, KEY = Column(("flow_run_id",)), Column(("state_type",)), Column(("key",))


@rule()
def prevent_duplicate_transitions(transition: Transition) -> None:
    """A client may send the same transition twice, since the first response can be lost."""
    before, after = (detail(state, "transition_id") for state in (transition.initial, transition.proposed))
    if same_id(before, after):
        transition.reject("This run has already made this state transition.")


@rule(TERMINAL, ANY)
def handle_flow_terminal_state_transitions(transition: Transition) -> Finish | None:
    """Decides when a run that has ended may continue. It may then pause again."""
    refuse_to_leave(transition)
    if not transition.proposed:
        return None
    before, kind = dict(transition.policy), transition.proposed_type
    if kind not in TERMINAL and transition.client.has_pauses:
        retry = "reschedule" if kind == "SCHEDULED" else None
        transition.policy.update(resuming=False, pause_keys=[], retry_type=retry)

    def finish(holds: bool) -> None:
        if not holds:
            transition.run["empirical_policy"] = before

    return finish


def refuse_to_leave(transition: Transition) -> None:
    initial, kind = transition.initial, transition.proposed_type
    has_result = initial["type"] == "COMPLETED" and initial["data"] and is_persisted(initial["data"])
    if kind in ("CANCELLING", "PAUSED", "CRASHED"):
        transition.abort(f"Run is already in terminal state {initial['type']}.")
    elif has_result and kind not in TERMINAL:
        transition.reject("Run is already COMPLETED.")
    elif loses_result(transition):
        transition.reject(LOST_RESULT)
    elif kind == "SCHEDULED" and transition.run["deployment_id"] is None:
        transition.abort("Cannot reschedule a run without an associated deployment.")


LOST_RESULT = "Cannot overwrite a COMPLETED state that carries persisted result data with one that does not."


def loses_result(transition: Transition) -> bool:
    initial, proposed = transition.initial, transition.proposed
    if {transition.initial_type, transition.proposed_type} != {"COMPLETED"}:
        return False
    return bool(initial["data"]) and is_persisted(initial["data"]) and not is_persisted(proposed["data"])


@rule(TERMINAL, TERMINAL)
def prevent_result_data_loss(transition: Transition) -> None:
    """A completed run keeps its result, even if most rules are skipped."""
    if loses_result(transition):
        transition.reject(LOST_RESULT)


@rule({"CANCELLING"}, ANY - {"CANCELLED"})
def enforce_cancelling_to_cancelled_transition(transition: Transition) -> None:
    """A run that is being cancelled can only become cancelled."""
    transition.reject("Cannot transition flows that are cancelling to a state other than Cancelled.")


@rule({"SCHEDULED", "PAUSED"}, {"CANCELLING"})
def bypass_cancelling_flow_runs_with_no_infra(transition: Transition) -> None:
    """A run without infrastructure is cancelled at once."""
    initial = transition.initial
    if (initial["type"] == "SCHEDULED" and not transition.run["infrastructure_pid"]) or initial["name"] == "Resuming":
        kind = "Scheduled"
    elif initial["type"] == "PAUSED" and detail(initial, "pause_reschedule"):
        kind = "Suspended"
    else:
        return
    reason = f"{kind} flow run has no infrastructure to terminate."
    transition.reject(reason, new_state("CANCELLED", transition.time))


@rule(ANY, {"SCHEDULED"})
def ensure_only_scheduled_flows_marked_late(transition: Transition) -> None:
    initial, proposed = transition.initial, transition.proposed
    if not initial or proposed["name"] != "Late":
        return
    if initial["type"] != "SCHEDULED":
        transition.reject("Only scheduled flows can be marked late.")
    elif initial["name"] == "Late":
        transition.reject("This flow run is already marked late.")


@rule(ANY, {"PAUSED"})
def handle_pausing_flows(transition: Transition) -> Finish | None:
    """A running run can pause, once per key. It is suspended if a worker can start it again."""
    given = detail(transition.proposed, "pause_key")
    key = str(new_id()) if given is None else given
    refuse_to_pause(transition, key)
    if not transition.proposed:
        return None

    def finish(holds: bool) -> None:
        if holds:
            transition.policy["pause_keys"] = [*(transition.policy["pause_keys"] or ()), key]
            delete_inputs(transition)

    return finish


def refuse_to_pause(transition: Transition, key: str) -> None:
    proposed, run = transition.proposed, transition.run
    verb, is_suspended = verb_of(proposed), detail(proposed, "pause_reschedule")
    if not transition.initial:
        transition.abort(f"Cannot {verb} flows with no state.")
    elif transition.initial_type != "RUNNING":
        transition.reject(f"Cannot {verb} flows that are not currently running.")
    elif key in (transition.policy["pause_keys"] or ()):
        transition.reject(f"This {verb} has already fired.")
    elif is_suspended and run["parent_task_run_id"] is not None:
        transition.abort(f"Cannot {verb} subflows.")
    elif is_suspended and run["deployment_id"] is None:
        transition.abort(f"Cannot {verb} flows without a deployment.")


def verb_of(proposed: State) -> str:
    return "suspend" if proposed["name"] == "Suspended" else "pause"


def delete_inputs(transition: Transition) -> None:
    """Delete the inputs under the keys of a new pause, which are from an earlier attempt."""
    inputs, keyset = transition.workspace["flow_run_inputs"], detail(transition.validated, "run_input_keyset")
    for key in (keyset or {}).values():
        for row in list(matching(inputs, [(FLOW_RUN_ID, transition.run["id"].int), (KEY, key)])):
            inputs.delete(row)


@rule({"PAUSED"}, ANY)
def handle_resuming_paused_flows(transition: Transition) -> Finish:
    """A paused run continues or ends. It fails if it was not resumed in time."""
    initial = transition.initial
    refuse_to_resume(transition)

    def finish(holds: bool) -> None:
        if not holds:
            return
        waits = transition.validated["type"] == "SCHEDULED"
        if waits and not detail(initial, "pause_reschedule") and transition.client.has_pauses:
            transition.policy.update(resuming=False, pause_keys=[], retry_type="reschedule")
        else:
            transition.policy["resuming"] = True

    return finish


def refuse_to_resume(transition: Transition) -> None:
    initial, proposed = transition.initial, transition.proposed
    kind, name = proposed["type"], proposed["name"].lower() or proposed["type"].lower()
    time_out = detail(initial, "pause_timeout")
    if kind not in {"RUNNING", "SCHEDULED", "CANCELLING", *TERMINAL}:
        reason = f"This run cannot transition to the StateType.{kind} state from the StateType.{initial['type']} state."
        transition.reject(reason)
    elif detail(initial, "pause_reschedule") and transition.run["deployment_id"] is None:
        transition.reject(f"Cannot reschedule a {name} flow run without a deployment.")
    elif kind != "CANCELLING" and time_out is not None and time_out < transition.time:
        failed = new_state("FAILED", transition.time, message=f"The flow was {name} and never resumed.")
        transition.reject(f"The flow run {verb_of(proposed)} has timed out and can no longer resume.", failed)


@rule({"RUNNING"}, {"FAILED"})
def retry_failed_flows(transition: Transition) -> None:
    """A failed run is retried as often as its policy allows."""
    initial, proposed, policy = transition.initial, transition.proposed, transition.policy
    if policy["retries"] is None or transition.run["run_count"] > policy["retries"]:
        policy["retry_type"] = None
        return
    scheduled = transition.after(policy["retry_delay"] or 0)
    if not transition.client.retries_tasks:
        await_retries(transition, scheduled)
    if transition.client.has_pauses:
        policy.update(resuming=False, pause_keys=[], retry_type="in_process")
    # The run keeps its slot of the deployment's limit.
    lease = detail(initial, "deployment_concurrency_lease_id")
    details = {"scheduled_time": scheduled, "deployment_concurrency_lease_id": lease}
    kept = {"message": proposed["message"], "data": proposed["data"]}
    state = new_state("SCHEDULED", transition.time, "AwaitingRetry", **kept, state_details=details)
    transition.reject("Retrying", state)


def await_retries(transition: Transition, scheduled: datetime) -> None:
    """Let the failed tasks of a flow run wait for its next attempt."""
    task_runs, run_id = transition.workspace[TASK_RUNS.table], transition.run["id"]
    for row in list(matching(task_runs, [(FLOW_RUN_ID, run_id.int), (STATE_TYPE, "FAILED")])):
        state = new_state("SCHEDULED", transition.time, "AwaitingRetry", state_details={"scheduled_time": scheduled})
        set_task_run_state(transition.workspace, row, state, transition.time, force=True)
        task_runs.update(row, {"run_count": 0})


@transform
def preserve_deployment_concurrency_lease_id(transition: Transition) -> None:
    """A run keeps the lease of its slot, even if a client sends none."""
    lease = detail(transition.initial, "deployment_concurrency_lease_id")
    if lease is not None and detail(transition.proposed, "deployment_concurrency_lease_id") is None:
        transition.proposed["state_details"]["deployment_concurrency_lease_id"] = lease
