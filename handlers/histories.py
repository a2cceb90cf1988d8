"""Histories: runs counted by the interval in which they were expected to start, and their lateness.

Times are compared in whole milliseconds, and durations are in whole seconds, as a real server's database has them.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from understudy.contract.columns import Column
from understudy.errors import Unprocessable
from understudy.filters.criteria import Condition, Criteria, all_of
from understudy.operations.handler_results import Answer
from understudy.values import MICROSECOND, key_of, now
from understudy.workspaces.workspace import Workspace

from .states import TERMINAL

EXPECTED = Column(("expected_start_time",))
SHORTEST = 1.0  # the minimum length of an interval in seconds
MOST = 500  # the maximum number of intervals

Sums = list[int]
"""The number of runs, and the total seconds of their run times and of their lateness."""


def flow_run_history(
    workspace: Workspace,
    criteria: Criteria,
    history_start: datetime,
    history_end: datetime,
    history_interval_seconds: float,
) -> Answer:
    return history(workspace, "flow_runs", criteria, history_start, history_end, history_interval_seconds)


def task_run_history(
    workspace: Workspace,
    criteria: Criteria,
    history_start: datetime,
    history_end: datetime,
    history_interval_seconds: float,
) -> Answer:
    return history(workspace, "task_runs", criteria, history_start, history_end, history_interval_seconds)


def average_flow_run_lateness(workspace: Workspace, criteria: Criteria) -> Answer:
    table, moment = workspace["flow_runs"], now()
    rows = workspace.select("flow_runs", criteria)
    late = [whole_lateness(table.values(row), moment) for row in rows]
    return sum(late) / len(late) if late else None


def history(
    workspace: Workspace, name: str, criteria: Criteria, begin: datetime, end: datetime, seconds: float
) -> list[dict[str, Any]]:
    """The intervals of a number of seconds between two times, with the runs of a table by state."""
    if not seconds >= SHORTEST:
        raise Unprocessable("History interval must not be less than 1 second.")
    if end <= begin:
        return []
    try:
        interval = timedelta(seconds=seconds)
        count = min(-((begin - end) // interval), MOST)
        starts = [begin + number * interval for number in range(count + 1)]
    except OverflowError:
        raise Unprocessable("The last interval of the history ends after the year 9999.") from None
    states = states_by_interval(workspace, name, criteria, starts, interval)
    return [
        {"interval_start": start, "interval_end": stop, "states": states[number]}
        for number, (start, stop) in enumerate(pairwise(starts))
    ]


def states_by_interval(
    workspace: Workspace, name: str, criteria: Criteria, starts: list[datetime], interval: timedelta
) -> Mapping[int, list[dict[str, Any]]]:
    """The summaries of the runs of each interval, by the number of the interval."""
    table, moment, first = workspace[name], now(), milliseconds(starts[0])
    within = [
        criteria,
        Condition(EXPECTED, "after_", key_of(starts[0])),
        Condition(EXPECTED, "before_", key_of(starts[-1] - MICROSECOND)),
    ]
    sums: dict[tuple[int, str | None, str | None], Sums] = defaultdict(lambda: [0, 0, 0])
    for row in workspace.select(name, all_of(within)):
        run = table.values(row)
        seconds = (milliseconds(run["expected_start_time"]) - first) / 1000
        of_state = sums[int(seconds // interval.total_seconds()), run["state_type"], run["state_name"]]
        for position, amount in enumerate((1, whole_run_time(run, moment), whole_delay(run, moment))):
            of_state[position] += amount
    states = defaultdict(list)
    for (number, state_type, state_name), (count, run_time, lateness) in sorted(sums.items(), key=nulls_first):
        states[number].append({
            "state_type": state_type, "state_name": state_name, "count_runs": count,
            "sum_estimated_run_time": float(run_time), "sum_estimated_lateness": float(lateness),
        })  # fmt: skip
    return states


def nulls_first(item: tuple[tuple[int, str | None, str | None], Sums]) -> list[Any]:
    number, *names = item[0]
    return [number, *((name is not None, name or "") for name in names)]


def whole_run_time(run: Mapping[str, Any], moment: datetime) -> int:
    """The seconds that a run has been running."""
    total = round(run["total_run_time"] * 1000)
    if run["state_type"] == "RUNNING" and run["state_timestamp"] is not None:
        total += milliseconds(moment) - milliseconds(run["state_timestamp"])
    return int(max(0, total) // 1000)


def whole_delay(run: Mapping[str, Any], moment: datetime) -> int:
    """The seconds between the expected and the actual start of a run, or until now if it should have started."""
    start = late_start(run, moment)
    return 0 if start is None else (milliseconds(start) - milliseconds(run["expected_start_time"])) // 1000


def whole_lateness(run: Mapping[str, Any], moment: datetime) -> int:
    """The same, from times without fractions of a second."""
    start = late_start(run, moment.replace(microsecond=0))
    return 0 if start is None else milliseconds(start) // 1000 - milliseconds(run["expected_start_time"]) // 1000


def late_start(run: Mapping[str, Any], moment: datetime) -> datetime | None:
    """The start of a run that started late, or the present if it should have started; None if it is not late.

    A run without a state is not late, since a database compares its state with no value.
    """
    start: datetime | None = run["start_time"]
    expected = run["expected_start_time"]
    if expected is None:
        return None
    if start is None and run["state_type"] is not None and run["state_type"] not in TERMINAL:
        start = moment
    return start if start is not None and start > expected else None


def milliseconds(moment: datetime) -> int:
    """The milliseconds since 1970, rounded."""
    return int((key_of(moment) + 500) // 1000)
