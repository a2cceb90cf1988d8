"""Times that a server changes and two others keep, or vice versa."""

from typing import Any

import pytest

from understudy.values import moment
from understudy.verify.expectations.kept_times import KeptTimes

RUN, OTHER = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
EARLIER, NOON, SOON, LATER = (
    "2026-01-01T11:59:59Z",
    "2026-01-01T12:00:00Z",
    "2026-01-01T12:00:01Z",
    "2026-01-01T12:00:02Z",
)


def row(start: str, **others: Any) -> dict[str, Any]:
    return {"id": RUN, "name": "a", "start": start, **others}


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ([row(NOON), row(SOON), row(LATER)], None),
        ([row(NOON), row(SOON), row(SOON)], ("start", LATER, SOON)),
        ([row(NOON), row(SOON), row(EARLIER)], None),
        ([[row(SOON)], [row(NOON)], [row(LATER)]], ("start", LATER, LATER)),
        ([row(SOON), row(NOON), row(NOON)], None),
        ([row(NOON), row(NOON), row(NOON)], None),
        ([row(NOON), row(SOON), {**row(NOON), "id": OTHER}], None),
        ([row(NOON), row(SOON), {"id": RUN}], None),
        ([row(NOON), row(SOON), row("2026-01-01T14:00:02+02:00")], None),
    ],
    ids=[
        "all kept",
        "changed",
        "changed late",
        "kept",
        "all changed",
        "two disagree",
        "another row",
        "not shown",
        "another offset",
    ],
)
def test_time_is_changed_differently(now: list[Any], expected: Any) -> None:
    times = KeptTimes(moving=(), clock=lambda: moment(NOON))
    assert times.changed_otherwise(times.in_same_rows([row(NOON), row(SOON), row(LATER)])) is None
    assert times.changed_otherwise(times.by_ids(now, [{}, {}, {}])) == expected


def test_times_of_rows_by_their_ids() -> None:
    times, ids = KeptTimes(["due"], clock=lambda: moment(NOON)), [{OTHER: RUN}, {}]
    there = {"id": OTHER, "state": {"at": NOON, "due": NOON}, "steps": [NOON]}
    here = {"id": RUN, "state": {"at": NOON, "due": NOON}, "steps": [NOON]}
    assert times.changed_otherwise(times.by_ids([there, here], ids)) is None
    here = {"id": RUN, "state": {"at": SOON, "due": SOON}, "steps": [SOON]}
    assert times.changed_otherwise(times.by_ids([[there], [here]], ids)) == ("state.at", NOON, SOON)
    assert times.changed_otherwise(times.by_ids([[there], [here]], ids)) == ("state.at", NOON, SOON), "it shows again"
    there["state"] = {"at": SOON, "due": NOON}
    assert times.changed_otherwise(times.by_ids([there, here], ids)) is None, "all have changed it by now"
