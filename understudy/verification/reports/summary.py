"""A verdict for a terminal."""

from collections.abc import Iterator
from textwrap import indent

from understudy.verification.report import counted
from understudy.verification.reports.causes import Cause, causes
from understudy.verification.reports.tally import Tally, coverage, headline, known_seen, tallies
from understudy.verification.reports.text import shown
from understudy.verification.verdict import Verdict


def summary(verdict: Verdict) -> str:
    """The rules, what violates them, and last a line that says it all."""
    blocks = [
        "\n".join(ruled(tallies(verdict))),
        *(told(number, cause) for number, cause in enumerate(causes(verdict), start=1)),
        "\n".join(remarks(verdict)),
    ]
    return "\n\n".join(filter(None, blocks))


def ruled(rules: list[Tally]) -> Iterator[str]:
    """A line a rule."""
    names = max((len(tally.rule.name) for tally in rules), default=0)
    counts = max((len(checked(tally)) for tally in rules), default=0)
    for tally in rules:
        state = "failed" if tally.violations else "passed"
        yield f"{state}  {tally.rule.name:<{names}}  {checked(tally):>{counts}}  {tally.rule.says}"


def checked(tally: Tally) -> str:
    failed = f"{tally.violations:,} of " if tally.violations else ""
    return failed + counted(tally.checks, "check")


def told(number: int, cause: Cause) -> str:
    rule = cause.violation.rule
    return f"{number}. {rule.name}: {rule.says}\n" + indent("\n".join([cause.where, *cause.evidence]), "   ")


def remarks(verdict: Verdict) -> Iterator[str]:
    if verdict.known:
        yield known_seen(verdict)
    yield from map(shown, verdict.notes)
    if verdict.cells:
        states = (f"{count:,} {state.value}" for state, count in coverage(verdict).items() if count)
        yield f"{counted(len(verdict.cells), 'cell')}: {', '.join(states)}"
    asked = f"{counted(verdict.requests, 'request')}, {verdict.seconds:.1f} s"
    yield f"{headline(verdict)} in {asked}; the same again: --seed {verdict.seed}"
