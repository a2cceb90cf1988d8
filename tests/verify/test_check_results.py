"""The results of a run: checked rules, their outcomes, and repeated checks."""

from collections.abc import Callable, Iterable, Iterator

import pytest

from understudy.reports.verdict import Cell, Rule, State, Verdict, Write
from understudy.sampling.answers import Answer
from understudy.sampling.random_requests import Request
from understudy.verify.check_results import Broken, Check, CheckResults, Refused, TooMany, answered
from understudy.verify.requests.throttled_client import BudgetSpent, NoAnswer

RULE, OTHER = Rule("tails", "A tail wags."), Rule("heads", "A head does not.")
LIST = "POST /pets/filter"
REQUEST = Request("POST", "/pets/filter", "/pets/filter", {"limit": 1})
BROKEN = Broken((REQUEST,), "a tail", "a head")


class Rows:
    """The rows of a server, which have changed or not each time that they are read."""

    def __init__(self, changes: Iterable[bool]) -> None:
        self._changes = iter(changes)
        self.version = 0

    def learn(self) -> None:
        self.version += next(self._changes)


def results(*changes: bool) -> CheckResults:
    """The results of such a server."""
    rows = Rows(changes)
    return CheckResults(Verdict("http://server/api", 1), rows.learn, lambda: rows.version)


def outcomes(*each: Broken | Exception | None) -> Check:
    """A check with another outcome each time."""
    coming: Iterator[Broken | Exception | None] = iter(each)

    def check() -> Broken | None:
        outcome = next(coming)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return check


def test_kept_rule_is_counted() -> None:
    kept = results()
    assert kept.hold(RULE, LIST, "name", outcomes(None))
    assert kept.hold(RULE, LIST, "name", outcomes(None))
    assert kept.hold(OTHER, LIST, "name", outcomes(None))
    assert kept.verdict.checks == {(RULE, LIST): 2, (OTHER, LIST): 1}
    assert kept.verdict.passed


def test_broken_rule_is_a_violation() -> None:
    blaming = results(False)
    assert not blaming.hold(RULE, LIST, "name", outcomes(BROKEN))
    (violation,) = blaming.verdict.violations
    assert (violation.rule, violation.operation, violation.subject) == (RULE, LIST, "name")
    assert (violation.requests, violation.expected, violation.found) == ((REQUEST,), "a tail", "a head")
    assert blaming.verdict.checks == {(RULE, LIST): 1}


def test_check_is_repeated_if_rows_changed() -> None:
    settled = results(True)
    assert settled.hold(RULE, LIST, "name", outcomes(BROKEN, None))
    assert settled.verdict.passed
    assert settled.unsettled == 1


def test_rows_are_not_read_again_for_a_server_error() -> None:
    """Changed rows do not cause it."""
    broken = answered((REQUEST,), "a tail", Answer(500, "no"))
    assert (broken.expected, broken.found) == ("a tail", "500 with 'no'")
    failed = results()
    assert not failed.hold(RULE, LIST, "name", outcomes(broken))
    assert not failed.hold(RULE, LIST, "refused", outcomes(Refused(REQUEST, Answer(503, None))))
    assert [each.subject for each in failed.verdict.violations] == ["name", "refused"]
    settled = results(True)
    assert settled.hold(RULE, LIST, "name", outcomes(answered((REQUEST,), "a tail", Answer(404, None)), None))


def test_check_is_repeated_if_it_noticed_changed_rows() -> None:
    """A list during the check may show a new row, so that all rows are read before the check ends."""
    rows, answers = Rows([True, False, False]), iter([BROKEN, None])

    def check() -> Broken | None:
        rows.learn()
        return next(answers)

    settled = CheckResults(Verdict("http://server/api", 1), rows.learn, lambda: rows.version)
    assert settled.hold(RULE, LIST, "name", check)
    assert settled.verdict.passed


def test_rows_changed_by_the_run_itself_are_not_reported() -> None:
    settled = results(True, True)
    settled.writes.append(Write(REQUEST))
    assert settled.hold(RULE, LIST, "name", outcomes(BROKEN, None))
    assert settled.unsettled == 0
    assert settled.hold(RULE, LIST, "another", outcomes(BROKEN, None))
    assert settled.unsettled == 1


def test_check_is_repeated_some_times_if_rows_keep_changing() -> None:
    settled = results(True, True, True)
    assert settled.hold(RULE, LIST, "name", outcomes(BROKEN, BROKEN, BROKEN, None))
    assert settled.unsettled == 1


def test_repeatedly_broken_rule_is_a_violation() -> None:
    blaming, second = results(True, False), Broken((REQUEST,), "a tail", "nothing")
    assert not blaming.hold(RULE, LIST, "name", outcomes(BROKEN, second))
    assert [violation.found for violation in blaming.verdict.violations] == ["nothing"]
    assert blaming.unsettled == 0


def test_rows_are_read_again_once_for_each_cause() -> None:
    blaming = results(False)
    for _ in range(3):
        assert not blaming.hold(RULE, LIST, "name", outcomes(BROKEN))
    assert len(blaming.verdict.violations) == 3
    with pytest.raises(StopIteration):
        blaming.hold(RULE, LIST, "age", outcomes(BROKEN))


STOPPED: dict[str, tuple[Callable[[], Exception], tuple[Request, ...], str, str]] = {
    "a refusal": (lambda: Refused(REQUEST, Answer(500, "oh")), (REQUEST,), "a success", "500 with 'oh'"),
    "an answer of another kind": (lambda: Refused(REQUEST, Answer(200, 5), "rows"), (REQUEST,), "rows", "200 with 5"),
    "no answer": (lambda: NoAnswer(REQUEST, "it hung up"), (REQUEST,), "an answer", "it hung up"),
}


@pytest.mark.parametrize("name", STOPPED)
def test_unsuccessful_response_in_a_check_breaks_its_rule(name: str) -> None:
    error, requests, expected, found = STOPPED[name]
    blaming = results(False)
    assert not blaming.hold(RULE, LIST, "name", outcomes(error()))
    (violation,) = blaming.verdict.violations
    assert (violation.rule, violation.requests, violation.expected, violation.found) == (
        RULE,
        requests,
        expected,
        found,
    )


def test_error_in_a_check_is_not_a_violation() -> None:
    blaming = results(False)
    blaming.hold(RULE, LIST, "name", outcomes(KeyError("id")))
    blaming.run(outcomes(KeyError("key")))
    assert blaming.verdict.violations == []
    assert ["KeyError: 'id'" in blaming.verdict.errors[0], "KeyError: 'key'" in blaming.verdict.errors[1]] == [True] * 2
    assert not blaming.verdict.passed


def test_error_in_a_check_after_a_violation_is_ignored() -> None:
    blaming = results(False)
    blaming.hold(RULE, LIST, "name", outcomes(BROKEN))
    blaming.run(outcomes(KeyError("id")))
    assert (blaming.verdict.errors, len(blaming.verdict.notes)) == ([], 1)


@pytest.mark.parametrize("name", STOPPED)
def test_unsuccessful_response_in_a_task_breaks_a_rule(name: str) -> None:
    error, requests, expected, found = STOPPED[name]
    blaming = results()
    blaming.run(outcomes(error()))
    (violation,) = blaming.verdict.violations
    assert (violation.rule.name, violation.operation) == ("success", LIST if requests else "")
    assert (violation.requests, violation.expected, violation.found) == (requests, expected, found)
    assert blaming.verdict.checks == {(violation.rule, violation.operation): 1}


def test_undecided_check_is_not_a_violation() -> None:
    silent = results()
    assert silent.hold(RULE, LIST, "name", outcomes(TooMany()))
    silent.run(outcomes(TooMany()))
    assert silent.verdict.violations == []


def test_spent_budget_ends_the_run() -> None:
    ending = results()
    with pytest.raises(BudgetSpent):
        ending.run(outcomes(BudgetSpent()))
    with pytest.raises(BudgetSpent):
        ending.hold(RULE, LIST, "", outcomes(BudgetSpent()))
    assert ending.verdict.violations == []


def test_violations_of_writes_are_kept_unchanged() -> None:
    blaming = results()
    blaming.record(RULE, LIST, "name", None)
    blaming.record(RULE, LIST, "name", BROKEN)
    assert blaming.verdict.checks == {(RULE, LIST): 2}
    assert len(blaming.verdict.violations) == 1
    assert blaming.is_blamed(RULE, LIST, "name")
    assert not blaming.is_blamed(RULE, LIST, "age")
    assert not blaming.is_blamed(OTHER, LIST, "name")


MARKED = {
    "another subject": ("pets.age.any_", LIST, State.PASSED),
    "this subject": ("pets.name.any_", LIST, State.FAILED),
    "this among others": ("pets.age.any_, pets.name.any_", LIST, State.FAILED),
    "one that begins like it": ("pets.name.any_more", LIST, State.PASSED),
    "another operation": ("pets.name.any_", "POST /pets/count", State.PASSED),
}


@pytest.mark.parametrize("name", MARKED)
def test_cell_with_a_violation_has_failed(name: str) -> None:
    subject, operation, state = MARKED[name]
    marking, cell = results(), Cell(LIST, "pets.name", "any_")
    marking.blame(RULE, operation, subject, BROKEN)
    marking.mark(cell, "pets.name.any_", State.PASSED)
    assert marking.verdict.cells == {cell: state}
