"""What a verification found out about a server: rule by rule, and cell by cell of what can be asked."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from understudy.verification.generator import Request


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
        """What violations are grouped by."""
        return self.rule.name, self.operation, self.subject


@dataclass
class Verdict:
    """All that a run found out.

    Args:
        url: the API that was asked.
        seed: draws the same requests again.
        checks: how often each rule was held against each operation.
        cells: what is known of each thing that can be asked.
        notes: what a reader should know of the run, a sentence each.
    """

    url: str
    seed: int
    requests: int = 0
    seconds: float = 0.0
    checks: dict[tuple[Rule, str], int] = field(default_factory=dict)
    violations: list[Violation] = field(default_factory=list)
    known: list[Violation] = field(default_factory=list)
    cells: dict[Cell, State] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether nothing was found but what was known."""
        return not self.violations

    @property
    def by_cause(self) -> Sequence[Sequence[Violation]]:
        """The violations of each cause, the causes in the order in which they were found."""
        causes: dict[tuple[str, str, str], list[Violation]] = {}
        for violation in self.violations:
            causes.setdefault(violation.cause, []).append(violation)
        return list(causes.values())
