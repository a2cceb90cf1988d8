"""The causes of violations, each with the smallest requests that show it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from understudy.verification.report import counted, curl
from understudy.verification.reports.text import shown
from understudy.verification.verdict import Verdict, Violation


@dataclass(frozen=True)
class Cause:
    """The violation with the smallest requests of those that have a cause in common, and how many these are."""

    violation: Violation
    times: int
    curls: Sequence[str]

    @property
    def where(self) -> str:
        """The operation, what of it the rule is about, and how often this was seen."""
        parts = [shown(self.violation.operation), shown(self.violation.subject), counted(self.times, "time")]
        return ", ".join(filter(None, parts))

    @property
    def evidence(self) -> Iterator[str]:
        """What was expected, what was found, and the requests for the shell."""
        yield labelled("expected", self.violation.expected)
        yield labelled("found", self.violation.found)
        yield from self.curls


def causes(verdict: Verdict) -> list[Cause]:
    """The causes in the order in which they were found."""
    return [cause_of(verdict.url, group) for group in verdict.by_cause]


def cause_of(url: str, group: Sequence[Violation]) -> Cause:
    smallest = min(group, key=lambda violation: size(curls(url, violation)))
    return Cause(smallest, len(group), [shown(line) for line in curls(url, smallest)])


def curls(url: str, violation: Violation) -> list[str]:
    return [curl(url, request) for request in violation.requests]


def size(lines: list[str]) -> tuple[bool, int]:
    """What to compare requests by. None at all show nothing, and so come last."""
    return not lines, sum(map(len, lines))


def labelled(label: str, text: str) -> str:
    """A text behind its label, further lines below the first."""
    return f"{label:<10}{shown(text)}".replace("\n", "\n" + " " * 10)
