"""Types of numeric options of commands, which refuse what no program can work with."""

import math
from typing import Any

import click

from understudy.options import MOST


class Number(click.FloatRange):
    """A number from `least` to `most`. NaN and infinity are refused, which click lets through."""

    def __init__(self, least: float, most: float) -> None:
        super().__init__(least, most)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


SEED = click.IntRange(-MOST, MOST)
