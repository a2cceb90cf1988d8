"""The results of a run: the rules that were checked, and the violations."""

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from understudy.reports.verdict import SEPARATOR, Cell, Rule, State, Verdict, Violation, Write
from understudy.sampling.answers import Answer, shortened
from understudy.sampling.json_difference import difference
from understudy.sampling.random_requests import Request
from understudy.text import one_line
from understudy.verify.requests.throttled_client import BudgetSpent, NoAnswer
from understudy.verify.rules import SUCCESS

TRIES = 3  # how often a check is tried while rows change
SERVER_ERROR = 500


@dataclass(frozen=True)
class Broken:
    """How a rule was broken: the requests, and the expected and actual response to the last one.

    `is_server_error` is true if that is an error of the server itself, which cannot be caused by changed rows.
    """

    requests: tuple[Request, ...]
    expected: str
    found: str
    is_server_error: bool = False


def unlike(requests: tuple[Request, ...], expected: Any, found: Any) -> Broken:
    """A rule broken by an unexpected value. Only the parts that differ are shown."""
    return Broken(requests, *difference(expected, found))


def answered(requests: tuple[Request, ...], expected: str, answer: Answer) -> Broken:
    """A rule broken by a response with an unexpected status or form."""
    found = f"{answer.status} with {shortened(answer.body)}"
    return Broken(requests, expected, found, is_server_error=answer.status >= SERVER_ERROR)


class Refused(Exception):
    """A request that should succeed got another response."""

    def __init__(self, request: Request, answer: Answer, expected: str = "a success") -> None:
        super().__init__(request, answer)
        self.broken = answered((request,), expected, answer)


class TooMany(Exception):
    """A filter selects more rows than are read, so its result cannot be checked."""


Task = Callable[[], object]
"""Checks some rules."""

Check = Callable[[], Broken | None]
"""Sends the requests that it needs, and returns how a rule was broken; None if it was kept.

Its name says what must hold: `is_sorted` returns None if rows are sorted.
"""


class CheckResults:
    """Runs checks, and records their results in a verdict.

    Args:
        verdict: the verdict to fill.
        learn: reads the rows of the server again.
        version: a value that changes with these rows. A check that fails while it changes is repeated.
    """

    def __init__(self, verdict: Verdict, learn: Callable[[], object], version: Callable[[], int]) -> None:
        self.verdict = verdict
        self.writes: list[Write] = []
        self.witness: Callable[[Broken], tuple[Answer, ...]] | None = None
        self._scenario: int | None = None
        self.unsettled = 0
        self._seen = 0  # of `writes`, when rows were last read again
        self._learn = learn
        self._version = version
        self._causes: set[tuple[str, str, str]] = set()

    def hold(self, rule: Rule, operation: str, subject: str, check: Check) -> bool:
        """Check a rule for an operation. Returns whether it was kept."""
        self.count(rule, operation)
        version = self._version()
        broken = self._outcome(check)
        if broken is not None and not broken.is_server_error and not self.is_blamed(rule, operation, subject):
            by_others, self._seen = self._seen == len(self.writes), len(self.writes)
            broken = self._settled(check, version, broken)
            self.unsettled += broken is None and by_others
        if broken is not None:
            self.blame(rule, operation, subject, broken)
        return broken is None

    def _settled(self, check: Check, version: int, broken: Broken) -> Broken | None:
        """The result of a check. If rows have changed since a version, the check is repeated, a few times at most."""
        for _ in range(TRIES):
            self._learn()
            if self._version() == version:
                break
            version, found = self._version(), self._outcome(check)
            if found is None:
                return None
            broken = found
        return broken

    def _outcome(self, check: Check) -> Broken | None:
        try:
            return outcome(check)
        except BudgetSpent:
            raise
        except Exception as error:  # noqa: BLE001 - as in `run`
            self.fail(error)
            return None

    def record(self, rule: Rule, operation: str, subject: str, broken: Broken | None) -> None:
        """Record the result of a check that cannot be repeated, since it is about a change."""
        self.count(rule, operation)
        if broken is not None:
            self.blame(rule, operation, subject, broken)

    def run(self, task: Task) -> None:
        """Run a task. If a missing response stops it, this breaks a rule, too."""
        try:
            task()
        except BudgetSpent:
            raise
        except TooMany:
            return
        except (Refused, NoAnswer) as error:
            broken = broken_by(error)
            self.record(SUCCESS, f"{broken.requests[0].method} {broken.requests[0].operation}", "", broken)
        except Exception as error:  # noqa: BLE001 - one check must not end all others
            self.fail(error)

    def fail(self, error: Exception) -> None:
        """Record an error of a check itself. After a violation, the wrong response may have caused it."""
        text = f"A check stopped: {one_line(f'{type(error).__name__}: {error}')}"
        where = f" ({place_of(error)})"
        target = self.verdict.notes if self.verdict.violations else self.verdict.errors
        if text + where not in target:
            target.append(text + where)

    @contextmanager
    def scenario(self) -> Iterator[None]:
        """Within the block, all writes belong together: a violation is reported with all of them."""
        outer, self._scenario = self._scenario, len(self.writes)
        try:
            yield
        finally:
            self._scenario = outer

    def before(self) -> tuple[Write, ...]:
        """The writes that created the existing rows; within a scenario, all of its writes."""
        start = len(self.writes) if self._scenario is None else self._scenario
        deleted = {write.request.path for write in self.writes if write.request.method == "DELETE"}
        alive = [each for each in self.writes[:start] if each.undo and each.undo.path not in deleted]
        return (*alive, *self.writes[start:])

    def count(self, rule: Rule, operation: str) -> None:
        self.verdict.checks[rule, operation] = self.verdict.checks.get((rule, operation), 0) + 1

    def is_blamed(self, rule: Rule, operation: str, subject: str) -> bool:
        return (rule.name, operation, subject) in self._causes

    def blame(self, rule: Rule, operation: str, subject: str, broken: Broken) -> None:
        writes, answers = self._evidence(broken)
        parts = broken.requests, broken.expected, broken.found
        violation = Violation(rule, operation, subject, *parts, writes, answers)
        self._causes.add(violation.cause)
        self.verdict.violations.append(violation)

    def _evidence(self, broken: Broken) -> tuple[tuple[Write, ...], tuple[Answer, ...]]:
        """The writes that a report shows for a violation: those that a script needs, or else those before it."""
        if self.witness is not None:
            return self.before(), self.witness(broken)
        return (self.before() if self._scenario is not None else ()), ()

    def mark(self, cell: Cell, subject: str, state: State) -> None:
        """Set the state of a cell. It is failed if a violation is about its subject."""
        about = (violation for violation in self.verdict.violations if violation.operation == cell.operation)
        failed = any(subject in violation.subject.split(SEPARATOR) for violation in about)
        self.verdict.cells[cell] = State.FAILED if failed else state


def outcome(check: Check) -> Broken | None:
    """How a check found a rule broken, or was stopped; None if the rule was kept."""
    try:
        return check()
    except BudgetSpent:
        raise
    except TooMany:
        return None
    except (Refused, NoAnswer) as error:
        return broken_by(error)


def broken_by(error: Refused | NoAnswer) -> Broken:
    """The exception that stopped a check, as a broken rule."""
    if isinstance(error, Refused):
        return error.broken
    return Broken((error.request,), "an answer", str(error))


def place_of(error: Exception) -> str:
    """The function and line where an error was raised."""
    last = traceback.extract_tb(error.__traceback__)[-1:]
    return f"{Path(last[0].filename).name}:{last[0].lineno}, {last[0].name}" if last else "unknown"
