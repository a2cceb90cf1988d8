"""Criteria for the rows of a table, as a tree.

The tree does not depend on how rows are stored. `selection` evaluates it with bitmaps, and caches the results of its
parts. The most frequent kinds are named tuples, which are fastest to create, hash and compare. No two kinds must be
equal, so kinds with the same fields are not named tuples.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from understudy.contract.columns import Column, Step


@dataclass(frozen=True)
class Every:
    """Met by every row. EVERY is its only instance."""


class Condition(NamedTuple):
    """Met if `operator` holds for a column's key and the operand (keys as returned by `key_of`)."""

    column: Column
    operator: str
    operand: Hashable


class Related(NamedTuple):
    """Met if a row that `step` leads to meets `criteria`."""

    step: Step
    criteria: "Criteria"


@dataclass(frozen=True)
class Not:
    """Met if `criteria` is not."""

    criteria: "Criteria"


@dataclass(frozen=True)
class All:
    """Met if each of `criteria` is."""

    criteria: tuple["Criteria", ...]


@dataclass(frozen=True)
class Either:
    """Met if one of `criteria` is."""

    criteria: tuple["Criteria", ...]


Criteria = Every | Condition | Related | Not | All | Either

EVERY = Every()


def all_of(criteria: Sequence[Criteria]) -> Criteria:
    """`All`, simplified: without EVERY, and without a wrapper around one criterion."""
    if len(criteria) == 1:
        return criteria[0]
    parts = tuple([part for part in criteria if part is not EVERY])
    return parts[0] if len(parts) == 1 else All(parts) if parts else EVERY


def reached(steps: Sequence[Step], criteria: Criteria) -> Criteria:
    """Criteria on the rows at the end of a path of steps, as criteria on the rows at its start."""
    for step in reversed(steps):
        criteria = Related(step, criteria)
    return criteria


def together(paths: Iterable[tuple[tuple[Step, ...], Criteria]]) -> Criteria:
    """Criteria at the ends of several paths. Where the paths share steps, one row must meet them all."""
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
