"""Errors that are reported together."""

import pytest

from understudy.errors import MOST, ContractErrors, ErrorList, FixtureErrors, UnderstudyError


@pytest.mark.parametrize("count", [2, MOST - 1, MOST, MOST + 1, MOST + 7])
def test_first_errors_are_shown_and_the_others_counted(count: int) -> None:
    errors = ErrorList()
    for number in range(count):
        errors.add(f"error {number}")
    head, *lines = str(errors).split("\n")
    shown = [f"error {number}" for number in range(min(count, MOST))]
    more = [f"and {count - MOST} more"] if count > MOST else []
    assert head == f"{count} errors:"
    assert [line.strip() for line in lines] == [*shown, *more]


@pytest.mark.parametrize("several", [ContractErrors, FixtureErrors])
def test_several_errors_are_safe_to_print(several: type[UnderstudyError]) -> None:
    errors = ErrorList()
    errors.add("a: \x1b[2J")
    errors.add("b: \r")
    assert str(several(str(errors))) == "2 errors:\n  a: \\x1b[2J\n  b: \\r"
