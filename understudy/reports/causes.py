"""The causes of violations, each with the smallest requests that show it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from understudy.reports.printable import counted, shown
from understudy.reports.verdict import Rule, Verdict, Violation, by_fault
from understudy.sampling.curl import curl
from understudy.text import escape_lines

WRITES = 6  # the maximum number of shown writes before a violation


@dataclass(frozen=True)
class Cause:
    """A fault: all violations that show it, and the one with the most specific subject and the smallest requests."""

    violation: Violation
    seen: Sequence[Violation]
    curls: Sequence[str]
    url: str = ""

    @property
    def times(self) -> int:
        return len(self.seen)

    @property
    def rules(self) -> list[Rule]:
        """The rules that it breaks, that of the violation first."""
        return list(dict.fromkeys([self.violation.rule, *(violation.rule for violation in self.seen)]))

    @property
    def where(self) -> str:
        """The operation, the subject of the rule in it, and how often the fault was seen."""
        parts = [shown(self.violation.operation), shown(self.violation.subject), counted(self.times, "time")]
        return ", ".join(filter(None, parts))

    @property
    def before(self) -> Iterator[str]:
        """The last writes before the requests, if the violation depends on writes."""
        requests = [write.request for write in self.violation.writes if write.request not in self.violation.requests]
        if requests[WRITES:]:
            yield labelled("after", f"{counted(len(requests) - WRITES, 'write')}, and then")
        for request in requests[-WRITES:]:
            yield labelled("after", escape_lines(curl(self.url, request)))

    @property
    def evidence(self) -> Iterator[str]:
        """The expected and the found response, the other broken rules, and the requests for the shell."""
        yield labelled("expected", self.violation.expected)
        yield labelled("found", self.violation.found)
        if self.rules[1:]:
            yield labelled("breaks", f"also {', '.join(rule.name for rule in self.rules[1:])}")
        yield from self.before
        yield from self.curls


def causes(verdict: Verdict) -> list[Cause]:
    """The causes in the order in which they were found."""
    return [cause_of(verdict.url, fault) for fault in by_fault(verdict.violations)]


def cause_of(url: str, group: Sequence[Violation]) -> Cause:
    smallest = min(group, key=lambda violation: (len(violation.parts), size(curls(url, violation))))
    return Cause(smallest, group, [escape_lines(line) for line in curls(url, smallest)], url)


def curls(url: str, violation: Violation) -> list[str]:
    return [curl(url, request) for request in violation.requests]


def size(lines: list[str]) -> tuple[bool, int]:
    """The sort key of requests by size. No requests show nothing, and so come last."""
    return not lines, sum(map(len, lines))


def labelled(label: str, text: str) -> str:
    """A text after its label; further lines are below the first."""
    return f"{label:<10}{shown(text)}".replace("\n", "\n" + " " * 10)
