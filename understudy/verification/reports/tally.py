"""How often rules were checked and failed, and how much was covered."""

from collections import Counter
from dataclasses import dataclass

from understudy.verification.report import counted
from understudy.verification.verdict import Rule, State, Verdict


@dataclass(frozen=True)
class Tally:
    """How often a rule was held against the server, did not hold, and did not hold as was known."""

    rule: Rule
    checks: int
    violations: int
    known: int


def tallies(verdict: Verdict) -> list[Tally]:
    """One of each rule, those that failed first."""
    checks: Counter[Rule] = Counter()
    for (rule, _), count in verdict.checks.items():
        checks[rule] += count
    violations = Counter(violation.rule for violation in verdict.violations)
    known = Counter(violation.rule for violation in verdict.known)
    rules = [Tally(rule, checks[rule], violations[rule], known[rule]) for rule in {**checks, **violations, **known}]
    return sorted(rules, key=lambda tally: not tally.violations)


def coverage(verdict: Verdict) -> dict[State, int]:
    """How many cells are in each state, in the order of the states."""
    counts = Counter(verdict.cells.values())
    return {state: counts[state] for state in State}


def headline(verdict: Verdict) -> str:
    """What was found, in a few words."""
    rules = len({violation.rule for violation in verdict.violations})
    return counted(len(verdict.violations), "violation") + (f" of {counted(rules, 'rule')}" if rules else "")


def known_seen(verdict: Verdict) -> str:
    return f"{counted(len(verdict.known), 'known deviation')} seen"
