"""The text report, for a terminal."""

from collections import Counter
from collections.abc import Iterator, Sequence
from textwrap import indent

from understudy.reports.causes import Cause
from understudy.reports.printable import counted, shown
from understudy.reports.totals import Outcomes, Tally, coverage, known_seen
from understudy.reports.verdict import Verdict


def summary(verdict: Verdict) -> str:
    """The rules, the violations, and a last line with the result."""
    outcomes = Outcomes(verdict)
    blocks = [
        "\n".join(ruled(outcomes.tallies)),
        *(described(number, fault) for number, fault in enumerate(outcomes.faults, start=1)),
        "\n".join(remarks(outcomes)),
    ]
    return "\n\n".join(filter(None, blocks))


def ruled(rules: Sequence[Tally]) -> Iterator[str]:
    """One line per rule."""
    names = max((len(tally.rule.name) for tally in rules), default=0)
    counts = max((len(checked(tally)) for tally in rules), default=0)
    for tally in rules:
        yield f"{tally.outcome}  {tally.rule.name:<{names}}  {checked(tally):>{counts}}  {tally.rule.says}"


def checked(tally: Tally) -> str:
    failed = f"{counted(tally.violations, 'violation')} in " if tally.violations else ""
    return failed + counted(tally.checks, "check")


def described(number: int, cause: Cause) -> str:
    rule = cause.violation.rule
    return f"{number}. {rule.name}: {rule.says}\n" + indent("\n".join([cause.where, *cause.evidence]), "   ")


def unreached(verdict: Verdict) -> Iterator[str]:
    """How many parts were not reached, by operation."""
    if verdict.unreached:
        parts = f"{len(verdict.unreached):,} of {verdict.parts:,} parts"
        yield f"Not reached: {parts}, which --json, --junit and --html list:"
    operations = Counter(part.partition(": ")[0] for part in verdict.unreached)
    yield from (f"   {shown(operation)}: {counted(count, 'part')}" for operation, count in operations.items())


def remarks(outcomes: Outcomes) -> Iterator[str]:
    verdict = outcomes.verdict
    if verdict.known:
        yield known_seen(verdict)
    yield from map(shown, verdict.notes)
    yield from unreached(verdict)
    yield from (f"Internal error of verify, not of the server: {shown(error)}" for error in verdict.errors)
    if verdict.cells:
        states = (f"{count:,} {state.value}" for state, count in coverage(verdict).items() if count)
        yield f"{counted(len(verdict.cells), 'cell')}: {', '.join(states)}"
    effort = f"{counted(verdict.requests, 'request')}, {verdict.seconds:.1f} s"
    yield f"{outcomes.headline} in {effort}; repeat with --seed {verdict.seed}"
