"""The verdict of a verification: results by rule and by cell."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from understudy.sampling.answers import Answer
from understudy.sampling.random_requests import Request

SEPARATOR = ", "
"""Separates the parts of a body in the subject of a violation."""


class State(Enum):
    """The state of a cell, the worst first."""

    FAILED = "failed"
    PASSED = "passed"
    COVERED = "covered"
    UNREACHED = "not reachable with this data"


@dataclass(frozen=True, order=True)
class Cell:
    """An operator on a field of a filter, of one operation.

    `operation` is the method and path in the contract ("POST /pets/filter"), `field` the path in the body
    ("owners.name"), `operator` the name there ("any_").
    """

    operation: str
    field: str
    operator: str


@dataclass(frozen=True)
class Rule:
    """A rule that must hold for any data: its name, and its description."""

    name: str
    says: str


@dataclass(frozen=True)
class Write:
    """A request that may have changed rows, with the id of the row that it created, and the request that deletes it."""

    request: Request
    made: str = ""
    undo: Request | None = None
    changes: bool = True


@dataclass(frozen=True)
class Violation:
    """A violation of a rule, with the fewest and smallest requests that show it.

    `subject` is the part of the operation ("owners.name.any_"), empty for the whole operation. `requests` were sent in
    this order, after `writes`, which created the existing rows; `answers` are the responses, if they are stored.
    """

    rule: Rule
    operation: str
    subject: str
    requests: tuple[Request, ...]
    expected: str
    found: str
    writes: tuple[Write, ...] = ()
    answers: tuple[Answer, ...] = ()

    @property
    def cause(self) -> tuple[str, str, str]:
        """The key that identifies it, regardless of how often it is seen."""
        return self.rule.name, self.operation, self.subject

    @property
    def asked(self) -> str:
        """The method and path with the wrong response: those of the operation, unless the request has another
        method.
        """
        alone = self.requests[0] if len(self.requests) == 1 else None
        return self.operation if alone is None else f"{alone.method} {alone.operation}"

    @property
    def parts(self) -> frozenset[str]:
        """The parts of its subject."""
        return frozenset(filter(None, self.subject.split(SEPARATOR)))

    def is_seen_in(self, other: "Violation") -> bool:
        """Whether another violation shows the same fault: its requests contain the same, or more."""
        is_part = self.parts <= other.parts if self.parts else not other.parts
        return self.asked == other.asked and is_part


@dataclass
class Verdict:
    """All results of a run.

    Args:
        url: the URL of the API.
        seed: the seed of the requests.
        rules: the rules to check, as far as the budget allows.
        is_interrupted: whether a signal ended the run.
        checks: how often each rule was checked for each operation.
        cells: the state of each cell.
        parts: how many parts the run has.
        unreached: the parts that were not checked before the run ended, each as "OPERATION: what is checked".
        notes: remarks for the reader, a sentence each.
        errors: errors of the run itself, not of the server.
    """

    url: str
    seed: int
    rules: tuple[Rule, ...] = ()
    is_interrupted: bool = False
    requests: int = 0
    seconds: float = 0.0
    checks: dict[tuple[Rule, str], int] = field(default_factory=dict)
    violations: list[Violation] = field(default_factory=list)
    known: list[Violation] = field(default_factory=list)
    cells: dict[Cell, State] = field(default_factory=dict)
    parts: int = 0
    unreached: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether the run is complete, without violations other than known deviations."""
        return not self.violations and not self.is_interrupted and not self.errors


def by_fault(violations: Sequence[Violation]) -> list[list[Violation]]:
    """Violations grouped by fault, in the order in which they were found.

    A fault in one criterion violates rules about it alone, and rules about bodies that contain it. They are grouped
    with the violation that has the fewest parts.
    """
    faults: list[list[Violation]] = []
    for violation in sorted(violations, key=lambda each: len(each.parts)):
        same = (fault for fault in faults if fault[0].is_seen_in(violation))
        fault = next(same, None)
        if fault is None:
            faults.append([violation])
        else:
            fault.append(violation)
    order = {id(violation): number for number, violation in enumerate(violations)}
    return sorted(faults, key=lambda fault: min(order[id(violation)] for violation in fault))
