"""The ledger of a run: every rule that was held against the server, and what came of it."""

from collections.abc import Callable
from dataclasses import dataclass

from understudy.reports.verdict import SEPARATOR, Cell, Rule, State, Verdict, Violation
from understudy.sampling.answers import Answer, shortened
from understudy.sampling.random_requests import Request
from understudy.text import one_line
from understudy.verify.requests.throttled_client import BudgetSpent, NoAnswer
from understudy.verify.rules import ANSWERED


@dataclass(frozen=True)
class Broken:
    """How a rule was broken: by which requests, what was expected of the last one, and what came."""

    requests: tuple[Request, ...]
    expected: str
    found: str


class Refused(Exception):
    """A request that should be a success was answered with something else."""

    def __init__(self, request: Request, answer: Answer, expected: str = "a success") -> None:
        super().__init__(request, answer)
        self.broken = Broken((request,), expected, f"{answer.status} with {shortened(answer.body)}")


class TooMany(Exception):
    """More rows are selected than are read, so that nothing can be said."""


Task = Callable[[], object]
"""Holds some rules."""

Check = Callable[[], Broken | None]
"""Asks what it needs, and says how a rule was broken; None where it was kept."""


class Ledger:
    """Keeps what is found in a verdict.

    Args:
        verdict: is filled.
        has_changed: whether the rows of the server are others than they were. What breaks a rule while
            somebody else writes is looked at once more.
    """

    def __init__(self, verdict: Verdict, has_changed: Callable[[], bool]) -> None:
        self.verdict = verdict
        self.unsettled = 0
        self._has_changed = has_changed
        self._causes: set[tuple[str, str, str]] = set()

    def hold(self, rule: Rule, operation: str, subject: str, check: Check) -> bool:
        """Hold a rule against an operation. Returns whether it was kept."""
        self.count(rule, operation)
        broken = outcome(check)
        if broken is not None and not self.is_blamed(rule, operation, subject) and self._has_changed():
            broken = outcome(check)
            self.unsettled += broken is None
        if broken is not None:
            self.blame(rule, operation, subject, broken)
        return broken is None

    def record(self, rule: Rule, operation: str, subject: str, broken: Broken | None) -> None:
        """Keep what came of a rule that cannot be held twice, since it was about a change."""
        self.count(rule, operation)
        if broken is not None:
            self.blame(rule, operation, subject, broken)

    def run(self, task: Task) -> None:
        """Do a task; where it stops because something was not answered, that breaks a rule too."""
        try:
            task()
        except BudgetSpent:
            raise
        except TooMany:
            return
        except Exception as error:  # noqa: BLE001 - answers can be wrong in more ways than can be told apart
            broken = broken_by(error)
            operation = f"{broken.requests[0].method} {broken.requests[0].operation}" if broken.requests else ""
            self.record(ANSWERED, operation, "", broken)

    def count(self, rule: Rule, operation: str) -> None:
        self.verdict.checks[rule, operation] = self.verdict.checks.get((rule, operation), 0) + 1

    def is_blamed(self, rule: Rule, operation: str, subject: str) -> bool:
        return (rule.name, operation, subject) in self._causes

    def blame(self, rule: Rule, operation: str, subject: str, broken: Broken) -> None:
        violation = Violation(rule, operation, subject, broken.requests, broken.expected, broken.found)
        self._causes.add(violation.cause)
        self.verdict.violations.append(violation)

    def mark(self, cell: Cell, subject: str, state: State) -> None:
        """Say what is known of a cell, which failed where a violation is about its subject."""
        about = (violation for violation in self.verdict.violations if violation.operation == cell.operation)
        failed = any(subject in violation.subject.split(SEPARATOR) for violation in about)
        self.verdict.cells[cell] = State.FAILED if failed else state


def outcome(check: Check) -> Broken | None:
    """How a check found a rule broken, or what stopped it; None where the rule was kept."""
    try:
        return check()
    except BudgetSpent:
        raise
    except TooMany:
        return None
    except Exception as error:  # noqa: BLE001 - as above
        return broken_by(error)


def broken_by(error: Exception) -> Broken:
    """What stopped a check, as what it found."""
    if isinstance(error, Refused):
        return error.broken
    if isinstance(error, NoAnswer):
        return Broken((error.request,), "an answer", str(error))
    return Broken((), "answers that can be compared", one_line(f"{type(error).__name__}: {error}"))
