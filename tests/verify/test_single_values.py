"""Times with other offsets."""

import pytest

from understudy.values import moment
from understudy.verify.requests.single_values import in_zones


def test_same_time_in_the_first_and_in_the_last_time_zone() -> None:
    found = list(in_zones("2026-03-29T01:30:00.5Z"))
    assert found == ["2026-03-29T15:30:00.500000+14:00", "2026-03-28T13:30:00.500000-12:00"]
    assert set(map(moment, found)) == {moment("2026-03-29T01:30:00.5Z")}


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("0001-01-01T00:00:00Z", ["0001-01-01T14:00:00+14:00"]),
        ("9999-12-31T23:59:59Z", ["9999-12-31T11:59:59-12:00"]),
        ("now", []),
        ("2026-13-45T00:00:00Z", []),
        (None, []),
        (5, []),
    ],
)
def test_only_times_of_the_calendar(value: object, found: list[str]) -> None:
    assert list(in_zones(value)) == found
