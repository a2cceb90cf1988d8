"""How long something takes: always the same, or drawn anew each time."""

import math
from dataclasses import dataclass
from random import Random
from typing import Any

LONGEST = 3600.0  # seconds; as long as any delay may be
Z99 = 2.3263478740408408  # how many standard deviations 99 % of a normal distribution are below


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
    """Half of all take less than `median` seconds, and one in a hundred more than `p99`."""

    median: float
    p99: float

    def draw(self, randomness: Random) -> float:
        drawn = self.median * math.exp(randomness.gauss(0, math.log(self.p99 / self.median) / Z99))
        return min(drawn, LONGEST)


Delay = Fixed | Uniform | LogNormal


def delay_of(value: Any) -> Delay:
    """A delay as a rule says it: seconds, `from` and `to`, or `median` and `p99`.

    Raises:
        ValueError: the second is less than the first.
    """
    if not isinstance(value, dict):
        return Fixed(value)
    (name, first), (other, second) = value.items()
    if second < first:
        raise ValueError(f"`{other}` must not be less than `{name}`")
    return Uniform(first, second) if "from" in value else LogNormal(first, second)
