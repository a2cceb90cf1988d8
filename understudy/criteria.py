"""What a request asks of the rows of a table, as a small tree.

The tree knows nothing of how rows are stored. `selection` evaluates it with bitmaps.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from understudy.columns import Column, Step


@dataclass(frozen=True)
class Every:
    """Met by every row. There is one, EVERY."""


@dataclass(frozen=True)
class Test:
    """Met where `operator` holds between a column's key and the operand (keys, as `key_of` makes them)."""

    __test__ = False  # not for pytest to collect

    column: Column
    operator: str
    operand: Hashable


@dataclass(frozen=True)
class Related:
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


Criteria = Every | Test | Related | Not | All | Either

EVERY = Every()


def all_of(criteria: Iterable[Criteria]) -> Criteria:
    """`All`, without what every row meets and without a shell around one."""
    parts = tuple([part for part in criteria if part is not EVERY])
    return parts[0] if len(parts) == 1 else All(parts) if parts else EVERY


def reached(steps: Iterable[Step], criteria: Criteria) -> Criteria:
    """Criteria on the rows at the end of a path of steps, as criteria on the rows at its start."""
    for step in reversed(tuple(steps)):
        criteria = Related(step, criteria)
    return criteria


def together(paths: Iterable[tuple[tuple[Step, ...], Criteria]]) -> Criteria:
    """Criteria at the ends of several paths, met by one row wherever the paths run together."""
    here = []
    beyond: dict[Step, list[tuple[tuple[Step, ...], Criteria]]] = {}
    for steps, criteria in paths:
        if steps:
            beyond.setdefault(steps[0], []).append((steps[1:], criteria))
        else:
            here.append(criteria)
    return all_of([*here, *(Related(step, together(rest)) for step, rest in beyond.items())])
