"""What a request asks of the rows of a table, as a small tree.

The tree knows nothing of how rows are stored. `selection` evaluates it with bitmaps, and remembers
parts of it: what is asked most is a named tuple, which is made, hashed and compared fastest. No two
kinds may be equal, so those that hold the same are none.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from understudy.contract.columns import Column, Step


@dataclass(frozen=True)
class Every:
    """Met by every row. There is one, EVERY."""


class Condition(NamedTuple):
    """Met where `operator` holds between a column's key and the operand (keys, as `key_of` makes them)."""

    column: Column
    operator: str
    operand: Hashable


class Related(NamedTuple):
    """Met where a row that `step` leads to meets `criteria`."""

    step: Step
    criteria: "Criteria"


@dataclass(frozen=True)
class Not:
    """Met where `criteria` is not."""

    criteria: "Criteria"


@dataclass(frozen=True)
class All:
    """Met where each of `criteria` is."""

    criteria: tuple["Criteria", ...]


@dataclass(frozen=True)
class Either:
    """Met where one of `criteria` is."""

    criteria: tuple["Criteria", ...]


Criteria = Every | Condition | Related | Not | All | Either

EVERY = Every()


def all_of(criteria: Iterable[Criteria]) -> Criteria:
    """`All`, without what every row meets and without a shell around one."""
    parts = tuple([part for part in criteria if part is not EVERY])
    return parts[0] if len(parts) == 1 else All(parts) if parts else EVERY


def reached(steps: Sequence[Step], criteria: Criteria) -> Criteria:
    """Criteria on the rows at the end of a path of steps, as criteria on the rows at its start."""
    for step in reversed(steps):
        criteria = Related(step, criteria)
    return criteria


def together(paths: Iterable[tuple[tuple[Step, ...], Criteria]]) -> Criteria:
    """Criteria at the ends of several paths, met by one row wherever the paths run together."""
    here: list[Criteria] = []
    beyond: dict[Step, list[tuple[tuple[Step, ...], Criteria]]] = {}
    for steps, criteria in paths:
        if steps:
            beyond.setdefault(steps[0], []).append((steps[1:], criteria))
        else:
            here.append(criteria)
    for step, rest in beyond.items():
        here.append(Related(step, rest[0][1] if len(rest) == 1 and not rest[0][0] else together(rest)))
    return all_of(here)
