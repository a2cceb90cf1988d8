"""The policies of task runs, each a list of rules in order.

Source: the classes of the same names in `prefect.server.orchestration.core_policy` and `global_policy`.
"""

from typing import Any

from .bookkeeping import COMMON, ensure_flow_run_state_timestamp_is_unique, increment_task_run_count
from .policy import Policy
from .shared_rules import copy_scheduled_time, prevent_pending_transitions, wait_for_scheduled_time
from .task_rules import (
    cache_insertion,
    cache_retrieval,
    copy_task_parameters_id,
    handle_task_terminal_state_transitions,
    prevent_running_tasks_from_stopped_flows,
    rename_reruns,
    retry_failed_tasks,
    update_flow_run_tracker_on_tasks,
)
from .task_slots import release_task_concurrency_slots, secure_task_concurrency_slots

# A real server lets the times of a task run's states collide.
GLOBAL_TASK_POLICY = (ensure_flow_run_state_timestamp_is_unique, *COMMON, increment_task_run_count)

CORE_TASK_POLICY = Policy(
    (
        cache_retrieval,
        handle_task_terminal_state_transitions,
        prevent_running_tasks_from_stopped_flows,
        secure_task_concurrency_slots,
        copy_scheduled_time,
        wait_for_scheduled_time,
        retry_failed_tasks,
        rename_reruns,
        update_flow_run_tracker_on_tasks,
        cache_insertion,
        release_task_concurrency_slots,
        *GLOBAL_TASK_POLICY,
    )
)

BACKGROUND_TASK_POLICY = Policy(
    (
        prevent_pending_transitions,
        cache_retrieval,
        handle_task_terminal_state_transitions,
        copy_scheduled_time,
        copy_task_parameters_id,
        wait_for_scheduled_time,
        retry_failed_tasks,
        rename_reruns,
        update_flow_run_tracker_on_tasks,
        cache_insertion,
        release_task_concurrency_slots,
        *GLOBAL_TASK_POLICY,
    )
)

MINIMAL_TASK_POLICY = Policy((release_task_concurrency_slots, *GLOBAL_TASK_POLICY))


def task_policy(proposed: dict[str, Any], *, force: bool) -> Policy:
    """The policy for a proposed state. Rules of deferred tasks always apply, the others unless the state is forced."""
    if proposed["state_details"].get("deferred"):
        return BACKGROUND_TASK_POLICY
    return MINIMAL_TASK_POLICY if force else CORE_TASK_POLICY
