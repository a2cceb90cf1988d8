"""Delays: fixed, or drawn from a distribution."""

import math
from dataclasses import dataclass
from random import Random
from typing import Any

LONGEST = 3600.0  # seconds of any delay, at most
Z99 = 2.3263478740408408  # the 99th percentile of the standard normal distribution


@dataclass(frozen=True)
class Fixed:
    seconds: float

    def draw(self, randomness: Random) -> float:
        return self.seconds


@dataclass(frozen=True)
class Uniform:
    least: float
    most: float

    def draw(self, randomness: Random) -> float:
        return randomness.uniform(self.least, self.most)


@dataclass(frozen=True)
class LogNormal:
    """A log-normal distribution with its median and 99th percentile in seconds."""

    median: float
    p99: float

    def draw(self, randomness: Random) -> float:
        drawn = self.median * math.exp(randomness.gauss(0, math.log(self.p99 / self.median) / Z99))
        return min(drawn, LONGEST)


Delay = Fixed | Uniform | LogNormal


def delay_of(value: Any) -> Delay:
    """Parse the delay of a rule: seconds, `from` and `to`, or `median` and `p99`.

    Raises:
        ValueError: the second is less than the first.
    """
    if not isinstance(value, dict):
        return Fixed(value)
    (name, first), (other, second) = value.items()
    if second < first:
        raise ValueError(f"`{other}` must not be less than `{name}`")
    return Uniform(first, second) if "from" in value else LogNormal(first, second)
