"""Types of numeric command-line options."""

import math
from typing import Any

import click

from understudy.options import MOST


class WholeNumber(click.IntRange):
    """A whole number from `least` to `most`, with a name of its own in help and errors."""

    name = "whole number"

    def __init__(self, least: int, most: int) -> None:
        super().__init__(least, most)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "N"


class Number(click.FloatRange):
    """A number from `least` to `most`. Unlike Click's type, it refuses NaN and infinity."""

    name = "number"

    def __init__(self, least: float, most: float) -> None:
        super().__init__(least, most)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


SEED = WholeNumber(-MOST, MOST)
