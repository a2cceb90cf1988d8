"""Random delays with a fixed average and within bounds.

Source: `prefect.utilities.math.clamped_poisson_interval`.
"""

from math import exp, log, log2
from random import uniform

LARGE = 50.0  # the factor from which on the lower bound is 0
LEAST = 1e-10


def clamped(average: float, factor: float) -> float:
    """A delay as between the events of a Poisson process, at most `1 + factor` times the average.

    The lower bound is such that delays are as often below the median as above it.
    """
    upper = 1 + factor
    lower = 0.0 if upper >= LARGE else log2(2**upper / (2**upper - 1))
    # The inverse of the distribution, at a random place between the bounds.
    place = uniform(1 - exp(-lower), 1 - exp(-upper))  # noqa: S311 - no secret
    return -log(max(1 - place, LEAST)) * average
