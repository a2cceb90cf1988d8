"""Options: numbers in their ranges, as code hands them over."""

import math
from dataclasses import fields
from typing import Any

import pytest

from understudy import StandIn
from understudy.errors import UnderstudyError
from understudy.options import RANGES, Options

ODD = [math.nan, math.inf, -math.inf, -(10**25), 10**25, 10**5000, True, "5", b"5", [], 1j]


@pytest.mark.parametrize("name", RANGES)
def test_a_number_outside_its_range_is_refused(name: str) -> None:
    least, most = RANGES[name]
    for value in (*ODD, least - 1, most + 1, *([] if name == "client_timeout" else [float(most)])):
        with pytest.raises(UnderstudyError, match=f"^`{name}` takes a (whole )?number from {least} to {most}$"):
            StandIn(**option(name, value))
    for value in (least, most):
        assert getattr(Options(**option(name, value)), name) == value


@pytest.mark.parametrize(
    ("name", "least", "most"), [("port", 0, 65_535), ("max_workspaces", 0, 10**12), ("seed", -(10**12), 10**12)]
)
def test_what_the_ranges_are(name: str, least: int, most: int) -> None:
    """A port above the highest cannot be listened on."""
    assert RANGES[name] == (least, most)


def option(name: str, value: object) -> dict[str, Any]:
    return {name: value}


def test_every_number_has_a_range() -> None:
    numbers = {field.name for field in fields(Options) if field.type in (int, float, int | None)}
    assert numbers - {"descriptor"} == set(RANGES)


@pytest.mark.parametrize("value", [-1, 10**25, math.nan, "5", 1.0, True])
def test_a_descriptor_is_that_of_a_listener(value: Any) -> None:
    with pytest.raises(UnderstudyError, match="takes the descriptor of a listening TCP socket"):
        Options(descriptor=value)
