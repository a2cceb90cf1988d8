"""Rules of both flow runs and task runs.

Source of each: the class of the same name in `prefect.server.orchestration.core_policy`.
"""

from math import floor
from typing import Any

from .policy import rule
from .transition import Transition, detail


@rule({"PENDING", "CANCELLING", "RUNNING", "CANCELLED"}, {"PENDING"})
def prevent_pending_transitions(transition: Transition) -> None:
    """A run is submitted once: one that is pending, running or was cancelled does not become pending.

    A pending run can get another, unusual state name. It keeps what its state says about the submission.
    """
    initial, proposed = transition.initial, transition.proposed
    if initial["type"] == "PENDING" and proposed["name"] not in (initial["name"], "Pending"):
        for name in ("scheduled_time", "deployment_concurrency_lease_id"):
            proposed["state_details"][name] = detail(initial, name)
        return
    transition.abort(f"This run is in a {initial['type']} state and cannot transition to a PENDING state.")


@rule({"SCHEDULED"}, {"PENDING"})
def copy_scheduled_time(transition: Transition) -> None:
    """A run that becomes pending keeps its scheduled time."""
    if detail(transition.proposed, "scheduled_time") is None:
        transition.proposed["state_details"]["scheduled_time"] = detail(transition.initial, "scheduled_time")


@rule({"SCHEDULED", "PENDING"}, {"RUNNING"})
def wait_for_scheduled_time(transition: Transition) -> None:
    """A run does not start before its scheduled time."""
    scheduled = detail(transition.initial, "scheduled_time")
    if scheduled is None:
        return
    delay = scheduled - transition.time
    seconds = floor(delay.total_seconds()) + round(delay.microseconds / 1e6)
    if seconds > 0:
        transition.wait(seconds, "Scheduled time is in the future")


def is_persisted(data: Any) -> bool:
    """Whether the data of a state are the metadata of a stored result."""
    return isinstance(data, dict) and data.get("type") != "unpersisted"
