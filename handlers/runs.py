"""Common functions for flow runs and task runs: estimates, which change with time while a run is in progress."""

from typing import Any

from understudy.values import moment, now

from .states import TERMINAL, show_state, whole


def estimate(row: dict[str, Any]) -> None:
    """Set the estimated run time of a run, and its estimated delay."""
    row["estimated_run_time"] = row["total_run_time"]
    if row["state_type"] == "RUNNING" and row["state_timestamp"] is not None:
        row["estimated_run_time"] += since(row["state_timestamp"])
    row["estimated_start_time_delta"] = lateness(row)
    if row["state"] is not None:
        row["state"] = whole(row["state"], row)
    show_state(row["state"])


def lateness(row: dict[str, Any]) -> float:
    """Seconds between a run's expected and its actual start, or until now if it should have started."""
    expected, start = row["expected_start_time"], row["start_time"]
    if expected is None:
        return 0.0
    if start is not None:
        return max(0.0, (moment(start) - moment(expected)).total_seconds())
    if row["state_type"] in TERMINAL:
        return 0.0
    return max(0.0, since(expected))


def since(text: str) -> float:
    return (now() - moment(text)).total_seconds()
