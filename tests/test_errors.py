"""Errors that are reported together."""

import pytest

from understudy.errors import MOST, ErrorList


@pytest.mark.parametrize("count", [2, MOST - 1, MOST, MOST + 1, MOST + 7])
def test_the_first_errors_are_shown_and_the_others_counted(count: int) -> None:
    errors = ErrorList()
    for number in range(count):
        errors.add(f"error {number}")
    head, *lines = str(errors).split("\n")
    shown = [f"error {number}" for number in range(min(count, MOST))]
    more = [f"and {count - MOST} more"] if count > MOST else []
    assert head == f"{count} errors:"
    assert [line.strip() for line in lines] == [*shown, *more]
