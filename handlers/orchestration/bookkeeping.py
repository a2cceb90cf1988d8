"""What is recorded on a run with each new state, regardless of the policy.

Source of each: the class of the same name in `prefect.server.orchestration.global_policy`.
"""

from datetime import datetime

from understudy.values import MICROSECOND, in_utc, key_of

from ..states import TERMINAL, times_of
from .policy import Rule, transform
from .transition import FLOW_RUNS, Transition


@transform
def ensure_flow_run_state_timestamp_is_unique(transition: Transition) -> None:
    """No two states of a run have the same time: the later one is moved by microseconds."""
    states, proposed = transition.workspace[transition.runs.states], transition.proposed
    taken = times_of(states, transition.runs.owner, transition.run["id"])
    while key_of(proposed["timestamp"]) in taken:
        proposed["timestamp"] += MICROSECOND


@transform
def set_run_state_type(transition: Transition) -> None:
    transition.run["state_type"] = transition.proposed_type


@transform
def set_run_state_name(transition: Transition) -> None:
    transition.run["state_name"] = transition.proposed["name"]


@transform
def set_run_state_timestamp(transition: Transition) -> None:
    transition.run["state_timestamp"] = transition.proposed["timestamp"]


@transform
def set_start_time(transition: Transition) -> None:
    """Set the time at which the run first started running."""
    if transition.proposed_type == "RUNNING" and transition.run["start_time"] is None:
        transition.run["start_time"] = transition.proposed["timestamp"]


@transform
def set_end_time(transition: Transition) -> None:
    """Set the time of a terminal state, and remove it when the run leaves that. A run that ends also has a start
    time.
    """
    run, moment = transition.run, transition.proposed["timestamp"]
    if transition.proposed_type not in TERMINAL:
        if transition.initial_type in TERMINAL:
            run["end_time"] = None
    elif run["end_time"] is None:
        run["start_time"] = run["start_time"] or moment
        run["end_time"] = moment


@transform
def increment_run_time(transition: Transition) -> None:
    """Add the seconds in which the run was running."""
    if transition.initial_type == "RUNNING":
        began: datetime = transition.initial["timestamp"]
        seconds = (transition.proposed["timestamp"] - began).total_seconds()
        transition.run["total_run_time"] = round(transition.run["total_run_time"] + seconds, 6)


@transform
def set_expected_start_time(transition: Transition) -> None:
    """Set the scheduled time of the first state, or else the time of that state."""
    proposed = transition.proposed
    if transition.run["expected_start_time"] is None:
        is_scheduled = transition.proposed_type == "SCHEDULED"
        moment = in_utc(proposed["state_details"]["scheduled_time"]) if is_scheduled else proposed["timestamp"]
        transition.run["expected_start_time"] = moment


@transform
def set_next_scheduled_start_time(transition: Transition) -> None:
    """Set the scheduled time of the state, and remove it when the run leaves the state."""
    if transition.proposed_type == "SCHEDULED":
        scheduled = transition.proposed["state_details"]["scheduled_time"]
        transition.run["next_scheduled_start_time"] = in_utc(scheduled)
    elif transition.initial_type == "SCHEDULED":
        transition.run["next_scheduled_start_time"] = None


@transform
def update_state_details(transition: Transition) -> None:
    """Set the id of the run in its state."""
    details, run = transition.proposed["state_details"], transition.run
    if transition.runs is FLOW_RUNS:
        details["flow_run_id"] = run["id"]
    else:
        details |= {"flow_run_id": run["flow_run_id"], "task_run_id": run["id"]}


@transform
def update_subflow_state_details(transition: Transition) -> None:
    """Set the id of the task run that represents the subflow run in its parent."""
    parent = transition.run["parent_task_run_id"]
    if parent is not None:
        transition.proposed["state_details"]["task_run_id"] = parent


@transform
def increment_flow_run_count(transition: Transition) -> None:
    """Count how often the run has started. Resuming a run does not count."""
    is_resumed = transition.client.has_pauses and transition.policy["resuming"]
    if transition.proposed_type == "RUNNING" and not is_resumed:
        transition.run["run_count"] += 1


@transform
def remove_resuming_indicator(transition: Transition) -> None:
    ends = transition.proposed_type in TERMINAL or transition.proposed_type == "RUNNING"
    if ends and transition.client.has_pauses and transition.policy["resuming"]:
        transition.policy["resuming"] = False


@transform
def increment_task_run_count(transition: Transition) -> None:
    if transition.proposed_type == "RUNNING":
        transition.run["run_count"] += 1


COMMON: tuple[Rule, ...] = (
    set_run_state_type,
    set_run_state_name,
    set_run_state_timestamp,
    set_start_time,
    set_end_time,
    increment_run_time,
    set_expected_start_time,
    set_next_scheduled_start_time,
    update_state_details,
)
