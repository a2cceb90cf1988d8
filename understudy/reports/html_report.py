"""The HTML report: a self-contained page."""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from understudy.reports.causes import Cause
from understudy.reports.printable import counted, shown
from understudy.reports.totals import Outcomes, coverage, known_seen
from understudy.reports.verdict import SEPARATOR, Cell, State, Verdict


class Sign(NamedTuple):
    """The symbol of a state, to recognize it without its colour."""

    symbol: str
    meaning: str


SIGNS = {
    State.FAILED: Sign("✕", "failed"),
    State.PASSED: Sign("✓", "passed"),
    State.COVERED: Sign("○", "covered: requested, but not checked by a rule of its own"),
    State.UNREACHED: Sign("-", "not reachable with this data"),
}


@dataclass
class Line:
    """An operator on a field: its state by operation."""

    field: str
    operator: str
    states: dict[str, State] = dataclasses.field(default_factory=dict)

    @property
    def subject(self) -> str:
        return f"{self.field}.{self.operator}"

    @property
    def short_field(self) -> str:
        """The field within its group, which is the first part of the path."""
        return self.field.partition(".")[2]

    @property
    def failed(self) -> bool:
        return State.FAILED in self.states.values()


def matrix(verdict: Verdict) -> str:
    """The HTML, with all values escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["counted"] = counted
    outcomes = Outcomes(verdict)
    return environment.get_template("html_report.html").render(
        verdict=verdict,
        outcomes=outcomes,
        shares={
            "failed": len(outcomes.faults),
            "passed": len(outcomes.passed),
            "known": len(outcomes.known),
            "not reached": len(outcomes.unreached),
        },
        coverage=coverage(verdict),
        signs=SIGNS,
        operations=totals(verdict.cells),
        groups=grouped(verdict.cells),
        links=links(outcomes.faults),
        known_seen=known_seen(verdict),
        known=Counter(violation.cause for violation in verdict.known),
    )


def grouped(cells: Mapping[Cell, State]) -> dict[str, list[Line]]:
    """The lines of the matrix by the first part of their fields, in the order of the cells."""
    groups: dict[str, dict[tuple[str, str], Line]] = {}
    for cell, state in cells.items():
        lines = groups.setdefault(cell.field.partition(".")[0], {})
        lines.setdefault((cell.field, cell.operator), Line(cell.field, cell.operator)).states[cell.operation] = state
    return {group: list(lines.values()) for group, lines in groups.items()}


def totals(cells: Mapping[Cell, State]) -> dict[str, Counter[State]]:
    """The number of cells in each state, by operation."""
    counts: dict[str, Counter[State]] = {}
    for cell, state in cells.items():
        counts.setdefault(cell.operation, Counter())[state] += 1
    return counts


def links(found: Sequence[Cause]) -> dict[tuple[str, str], int]:
    """The number of the first cause by its operation and each part of its subject."""
    numbers: dict[tuple[str, str], int] = {}
    for number, cause in enumerate(found, start=1):
        for violation in cause.seen:
            for part in violation.subject.split(SEPARATOR):
                numbers.setdefault((violation.operation, part), number)
    return numbers
