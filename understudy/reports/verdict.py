"""What a verification found out about a server: rule by rule, and cell by cell of what can be asked."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from understudy.sampling.random_requests import Request

SEPARATOR = ", "
"""Between the parts of a body that a violation is about, in its subject."""


class State(Enum):
    """What is known of a cell, the worst first."""

    FAILED = "failed"
    PASSED = "passed"
    COVERED = "covered"
    UNREACHED = "not reachable with this data"


@dataclass(frozen=True, order=True)
class Cell:
    """One thing that can be asked: an operator on a field of a filter, of one operation.

    `operation` is method and path in the contract ("POST /pets/filter"), `field` the way into the
    body ("owners.name"), `operator` the name there ("any_").
    """

    operation: str
    field: str
    operator: str


@dataclass(frozen=True)
class Rule:
    """Something that must hold, whatever the data is: a short name, and a sentence for people."""

    name: str
    says: str


@dataclass(frozen=True)
class Violation:
    """A rule that did not hold, shown by the fewest and smallest requests that were found.

    `subject` is what of the operation it is about ("owners.name.any_"), empty where it is about all of
    it. `requests` were asked in this order.
    """

    rule: Rule
    operation: str
    subject: str
    requests: tuple[Request, ...]
    expected: str
    found: str

    @property
    def cause(self) -> tuple[str, str, str]:
        """What tells it from others, however often it is seen."""
        return self.rule.name, self.operation, self.subject

    @property
    def asked(self) -> str:
        """The method and path that were answered wrongly: the operation's, unless another method was asked of it."""
        alone = self.requests[0] if len(self.requests) == 1 else None
        return self.operation if alone is None else f"{alone.method} {alone.operation}"

    @property
    def parts(self) -> frozenset[str]:
        """What of the operation it is about, part by part."""
        return frozenset(filter(None, self.subject.split(SEPARATOR)))

    def is_seen_in(self, other: "Violation") -> bool:
        """Whether another violation shows the same fault: the same was asked, or more along with it."""
        is_part = self.parts <= other.parts if self.parts else not other.parts
        return self.asked == other.asked and is_part


@dataclass
class Verdict:
    """All that a run found out.

    Args:
        url: the API that was asked.
        seed: draws the same requests again.
        rules: those that the run is to check; the budget may end before.
        is_interrupted: whether it was ended by a signal.
        checks: how often each rule was held against each operation.
        cells: what is known of each thing that can be asked.
        notes: what a reader should know of the run, a sentence each.
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
    notes: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether the run came to its end, and nothing was found but what was known."""
        return not self.violations and not self.is_interrupted


def by_fault(violations: Sequence[Violation]) -> list[list[Violation]]:
    """Violations by what shows the same fault, in the order in which they were found.

    A fault in one criterion breaks rules about it alone, and others about all that has it as a part. These go with
    the violation that is about the least.
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
