"""The totals of a verdict, for all reports: checks, failures and coverage."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from understudy.reports.causes import Cause, causes
from understudy.reports.printable import counted
from understudy.reports.verdict import Rule, State, Verdict

OUTCOMES = ("failed", "passed", "not reached")


@dataclass(frozen=True)
class Tally:
    """The checks of a rule, the faults that violate it, and how often known deviations did."""

    rule: Rule
    checks: int
    violations: int
    known: int

    @property
    def outcome(self) -> str:
        """One of `OUTCOMES`."""
        if self.violations:
            return "failed"
        return "passed" if self.checks else "not reached"


@dataclass(frozen=True)
class Outcomes:
    """The outcome of a run: faults, rules that pass, known deviations, and rules that were not reached.

    The headline, the summary, the JUnit test cases and the bar of the HTML page all use these.
    """

    verdict: Verdict

    @cached_property
    def faults(self) -> Sequence[Cause]:
        return causes(self.verdict)

    @cached_property
    def passed(self) -> Sequence[tuple[Rule, str]]:
        """The rules that pass, each with its operation."""
        broken = {(each.rule, each.operation) for each in (*self.verdict.violations, *self.verdict.known)}
        return [each for each in self.verdict.checks if each not in broken]

    @cached_property
    def known(self) -> Counter[tuple[Rule, str, str]]:
        """How often each known deviation was seen, by rule, operation and subject."""
        return Counter((each.rule, each.operation, each.subject) for each in self.verdict.known)

    @cached_property
    def unreached(self) -> Sequence[Rule]:
        """The rules that were to be checked, but were not reached."""
        reached = {rule for rule, _ in self.verdict.checks}
        return [rule for rule in self.verdict.rules if rule not in reached]

    @property
    def headline(self) -> str:
        """The result in a few words."""
        rules = len({violation.rule for violation in self.verdict.violations})
        return counted(len(self.faults), "violation") + (f" of {counted(rules, 'rule')}" if rules else "")

    @cached_property
    def tallies(self) -> Sequence[Tally]:
        """One of each rule: first those that failed, last those that were not reached."""
        checks: Counter[Rule] = Counter()
        for (rule, _), count in self.verdict.checks.items():
            checks[rule] += count
        violations = Counter(rule for fault in self.faults for rule in fault.rules)
        known = Counter(violation.rule for violation in self.verdict.known)
        rules = dict.fromkeys([*checks, *violations, *known, *self.verdict.rules])
        tallies = [Tally(rule, checks[rule], violations[rule], known[rule]) for rule in rules]
        return sorted(tallies, key=lambda tally: OUTCOMES.index(tally.outcome))


def coverage(verdict: Verdict) -> dict[State, int]:
    """How many cells are in each state, in the order of the states."""
    counts = Counter(verdict.cells.values())
    return {state: counts[state] for state in State}


def known_seen(verdict: Verdict) -> str:
    return f"{counted(len(verdict.known), 'known deviation')} seen"
