"""Options: numbers in their ranges, as passed by code."""

import math
from dataclasses import fields
from typing import Any

import pytest

from understudy import StandIn
from understudy.errors import UnderstudyError
from understudy.options import RANGES, Options

INVALID = [math.nan, math.inf, -math.inf, -(10**25), 10**25, 10**5000, True, "5", b"5", [], 1j]


@pytest.mark.parametrize("name", RANGES)
def test_number_out_of_range_is_rejected(name: str) -> None:
    least, most = RANGES[name]
    for value in (*INVALID, least - 1, most + 1, *([] if name == "client_timeout" else [float(most)])):
        with pytest.raises(UnderstudyError, match=f"^`{name}` takes a (whole )?number from {least} to {most}$"):
            StandIn(**option(name, value))
    for value in (least, most):
        assert getattr(Options(**option(name, value)), name) == value


@pytest.mark.parametrize(
    ("name", "least", "most"), [("port", 0, 65_535), ("max_workspaces", 0, 10**12), ("seed", -(10**12), 10**12)]
)
def test_ranges(name: str, least: int, most: int) -> None:
    """A server cannot listen on a higher port."""
    assert RANGES[name] == (least, most)


def option(name: str, value: object) -> dict[str, Any]:
    return {name: value}


def test_every_number_has_a_range() -> None:
    numbers = {field.name for field in fields(Options) if field.type in (int, float, int | None)}
    assert numbers - {"descriptor"} == set(RANGES)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("fixtures", 5, "takes a text or None, not 5"),
        ("fixtures", b"x", "takes a text or None, not b'x'"),
        ("store", ["a"], r"takes a text or None, not \['a'\]"),
        ("host", None, "takes a text, not None"),
        ("now", 5, "takes a text or None, not 5"),
        ("auth", 5, "takes a text or None, not 5"),
        ("admin_token", 5, "takes a text or None, not 5"),
        ("strict", "no", "takes True or False, not 'no'"),
        ("csrf", 1, "takes True or False, not 1"),
        ("trusted_proxies", "10.0.0.1", "takes a list of texts, not '10.0.0.1'"),
        ("trusted_proxies", 5, "takes a list of texts, not 5"),
    ],
)
def test_value_of_another_type_is_rejected(name: str, value: object, words: str) -> None:
    with pytest.raises(UnderstudyError, match=f"^`{name}` {words}$"):
        StandIn(**option(name, value))


@pytest.mark.parametrize("value", [-1, 10**25, math.nan, "5", 1.0, True])
def test_descriptor_must_be_a_listening_socket(value: Any) -> None:
    with pytest.raises(UnderstudyError, match="takes the descriptor of a listening TCP socket"):
        Options(descriptor=value)
