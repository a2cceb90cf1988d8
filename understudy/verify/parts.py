"""The parts of a run, and the order in which they run."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TypeVar

from understudy.verify.check_results import Task

T = TypeVar("T")


@dataclass(frozen=True)
class Part:
    """A part of a run: its name in reports, "OPERATION: what is checked", and its task."""

    name: str
    task: Task


Kinds = Sequence[Sequence[Part]]
"""Parts of several kinds, each in its order."""


def repeated(parts: Callable[[str], list[Part]], name: str, last: int, first: int = 2) -> list[Part]:
    """The parts of several rounds, by default from the second on. `parts` returns those of a round, given its name."""
    return [part for number in range(first, last + 1) for part in parts(f"{name} {number}")]


def shares(parts: Sequence[Part], count: int = 2) -> Kinds:
    """Parts divided into several kinds, so that they get as many shares of the requests."""
    return [parts[start::count] for start in range(count)]


def scheduled(stages: Sequence[Kinds], spent: Callable[[], int]) -> Iterator[Part]:
    """The parts of each stage, the next always of the kind that has used the fewest requests.

    Args:
        stages: the parts by stage and kind.
        spent: the number of requests sent so far.
    """
    for kinds in stages:
        left, used = [deque(kind) for kind in kinds], [0] * len(kinds)
        while any(left):
            kind = min((index for index, parts in enumerate(left) if parts), key=used.__getitem__)
            before = spent()
            yield left[kind].popleft()
            used[kind] += spent() - before


def in_turns(lists: Iterable[Iterable[T]]) -> list[T]:
    """One item of each list, then the next one of each."""
    return [item for each in zip_longest(*lists) for item in each if item is not None]
