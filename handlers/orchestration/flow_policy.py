"""The policies of flow runs, each a list of rules in order.

Source: the classes of the same names in `prefect.server.orchestration.core_policy` and `global_policy`.
"""

from .bookkeeping import (
    COMMON,
    ensure_flow_run_state_timestamp_is_unique,
    increment_flow_run_count,
    remove_resuming_indicator,
    update_subflow_state_details,
)
from .flow_rules import (
    bypass_cancelling_flow_runs_with_no_infra,
    enforce_cancelling_to_cancelled_transition,
    ensure_only_scheduled_flows_marked_late,
    handle_flow_terminal_state_transitions,
    handle_pausing_flows,
    handle_resuming_paused_flows,
    preserve_deployment_concurrency_lease_id,
    prevent_duplicate_transitions,
    prevent_result_data_loss,
    retry_failed_flows,
)
from .flow_slots import (
    enforce_deployment_concurrency_on_late,
    release_flow_concurrency_slots,
    remove_deployment_concurrency_lease_for_old_client_versions,
    secure_flow_concurrency_slots,
    validate_deployment_concurrency_at_running,
)
from .policy import Policy
from .shared_rules import copy_scheduled_time, prevent_pending_transitions, wait_for_scheduled_time
from .subflows import update_subflow_parent_task

GLOBAL_FLOW_POLICY = (
    ensure_flow_run_state_timestamp_is_unique,
    *COMMON,
    update_subflow_parent_task,
    update_subflow_state_details,
    increment_flow_run_count,
    remove_resuming_indicator,
)

CORE_FLOW_POLICY = Policy(
    (
        preserve_deployment_concurrency_lease_id,
        prevent_duplicate_transitions,
        handle_flow_terminal_state_transitions,
        enforce_cancelling_to_cancelled_transition,
        bypass_cancelling_flow_runs_with_no_infra,
        prevent_pending_transitions,
        validate_deployment_concurrency_at_running,
        secure_flow_concurrency_slots,
        remove_deployment_concurrency_lease_for_old_client_versions,
        ensure_only_scheduled_flows_marked_late,
        handle_pausing_flows,
        handle_resuming_paused_flows,
        copy_scheduled_time,
        wait_for_scheduled_time,
        retry_failed_flows,
        release_flow_concurrency_slots,
        *GLOBAL_FLOW_POLICY,
    )
)

MARK_LATE_RUNS_POLICY = Policy(
    (ensure_only_scheduled_flows_marked_late, enforce_deployment_concurrency_on_late, *GLOBAL_FLOW_POLICY)
)

MINIMAL_FLOW_POLICY = Policy(
    (
        preserve_deployment_concurrency_lease_id,
        prevent_result_data_loss,
        bypass_cancelling_flow_runs_with_no_infra,
        release_flow_concurrency_slots,
        *GLOBAL_FLOW_POLICY,
    )
)
