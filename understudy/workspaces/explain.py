"""Why a row is in the result of a filter or not: the criteria that it meets, as a tree that follows the request.

The workspace decides whether criteria are met, as it does for responses. This module only describes it.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json, to_jsonable_python
from pyroaring import BitMap

from understudy.contract.columns import ID, Column, Step
from understudy.filters.criteria import Condition, Criteria, reached
from understudy.filters.filters import EitherSubject, FieldSubject, Filter, Part, RelationSubject, Subject, operand_of
from understudy.filters.query import Query
from understudy.workspaces.workspace import Workspace

SHOWN = 5  # values of related rows, of which there may be many
LONGEST = 120  # letters of a value in a sentence

Path = tuple[Step, ...]
Found = tuple[list[Any], str]  # values, and the same in words


@dataclass(frozen=True)
class Finding:
    """Whether a row meets one part of a request, evaluated as if that part were alone.

    `path` is its place in the request ("pets.name.any_"), and empty for the whole request. A leaf has its `operand`
    and at most five of the values that were `found`, which is empty without a related row. Both are JSON values. A part
    without effect is met.
    """

    path: str
    met: bool
    text: str
    operand: Any = None
    found: list[Any] | None = None
    parts: tuple["Finding", ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The tree as plain JSON values."""
        return {**vars(self), "parts": [part.as_json() for part in self.parts]}


class Idle(Finding):
    """A part without effect on its group."""


@dataclass(frozen=True)
class Candidate:
    """The row to explain."""

    workspace: Workspace
    table: str
    row: int

    def meets(self, criteria: Criteria) -> bool:
        return self.row in self.workspace.select(self.table, criteria)

    def related(self, steps: Path) -> tuple[str, BitMap]:
        """The rows at the end of some steps, with their table; without rows, the first table that has none."""
        table, rows = self.table, BitMap([self.row])
        for step in steps:
            if rows:
                table, rows = step.table, one_step(self.workspace, table, rows, step)
        return table, rows


def one_step(workspace: Workspace, table: str, rows: Iterable[int], step: Step) -> BitMap:
    here, there = workspace[table], workspace[step.table]
    if step.back:
        return there.index(step.column).any_of(here.key(ID, row) for row in rows)
    return BitMap(other for row in rows if (other := there.find(here.key(step.column, row))) is not None)


def explain(query: Query, workspace: Workspace, table: str, row: int, values: Mapping[str, Any]) -> Finding:
    """Which criteria of a validated request a row of its table meets."""
    candidate = Candidate(workspace, table, row)
    given = {name: value for name, value in values.items() if name in query.filters and value is not None}
    parts = tuple(group(candidate, name, *query.filters[name], value) for name, value in given.items())
    met = candidate.meets(query.criteria(values))
    text = verdict(met, parts, not_together(candidate, query, given)) or "met, it has no criteria"
    return Finding("", met, f"The request: {text}", parts=parts)


def not_together(candidate: Candidate, query: Query, given: Mapping[str, Any]) -> str:
    """The reason if related rows meet each of several filters, but no one row meets them all."""
    ways = {name: query.filters[name][1][:1] for name in given}
    shared = {way: {name: given[name] for name in given if ways[name] == way} for way in ways.values() if way}
    tables = [way[0].table for way, filters in shared.items() if not candidate.meets(query.criteria(filters))]
    return f"no one row of {' or '.join(tables)} meets them together"


def group(candidate: Candidate, path: str, part: Filter, steps: Path, value: Mapping[str, Any]) -> Finding:
    criteria = part(value)
    parts = tuple(parts_of(candidate, path, part, steps, value))
    if criteria is None:
        return Idle(path, True, f"`{path}`: no criteria", parts=parts)
    met = candidate.meets(reached(steps, criteria))
    text = verdict(met, parts, f"no one row of {steps[-1].table} meets all of them" if steps else "")
    if text and part.combined_by is not None and value.get(part.combined_by) == "or_":
        text += ", and `or_` requires one"
    return Finding(path, met, f"`{path}`: {text or without_criteria(candidate, steps)}", parts=parts)


def parts_of(candidate: Candidate, path: str, part: Filter, steps: Path, value: Mapping[str, Any]) -> Iterable[Finding]:
    names = part.effective(value)
    for name, given in value.items():
        inner = f"{path}.{name}"
        if name in names:
            yield finding(candidate, inner, part.parts[name], steps, given)
        elif given is not None and name != part.combined_by:
            reason = f"since `{names[0]}` is given" if name in part.parts else "whatever its value"
            yield Idle(inner, True, f"`{inner}`: ignored, {reason}")


def finding(candidate: Candidate, path: str, part: Part, steps: Path, value: Any) -> Finding:
    if isinstance(part, Filter):
        return group(candidate, path, part, steps, value)
    operand = to_jsonable_python(value, inf_nan_mode="null")
    here, criteria = f"`{path} {shown(operand)}`", part(value)
    if criteria is None:
        return Idle(path, True, f"{here}: no criteria", operand, [])
    met = candidate.meets(reached(steps, criteria))
    found, words = looked_at(candidate, part.operator, part.subject, steps, value)
    return Finding(path, met, f"{here}: {'met' if met else 'not met'}, {words}", operand, found[:SHOWN])


def verdict(met: bool, parts: Iterable[Finding], apart: str) -> str:
    """The result of a group from its parts; `apart` is the reason if they are met, but not together."""
    counted = [part for part in parts if not isinstance(part, Idle)]
    good = sum(part.met for part in counted)
    if not counted:
        return ""
    if good == len(counted) and not met:
        return f"not met, each part is, but {apart}"
    if len(counted) == 1:
        return f"met, since `{counted[0].path}` is" if met else f"not met, since `{counted[0].path}` is not"
    return f"{'met' if met else 'not met'}, {good or 'none'} of {len(counted)} parts {'are' if good > 1 else 'is'}"


def without_criteria(candidate: Candidate, steps: Path) -> str:
    """A filter without criteria requires a related row all the same."""
    if not steps:
        return "met, it has no criteria"
    table, rows = candidate.related(steps)
    return f"met, it only requires a related row of {table}" if rows else f"not met, {there_are(0, table)}"


def looked_at(candidate: Candidate, operator: str, subject: Subject, steps: Path, value: Any) -> Found:
    if isinstance(subject, EitherSubject):
        each = [looked_at(candidate, operator, one, steps, value) for one in subject.subjects]
        return [item for found, _ in each for item in found], "; ".join(dict.fromkeys(words for _, words in each))
    inner = subject.steps if isinstance(subject, FieldSubject) else ()
    table, rows = candidate.related(steps + inner)
    if not rows:
        return [], there_are(0, table)
    if isinstance(subject, RelationSubject):
        return relations(candidate.workspace, table, rows, subject.step)
    # Values that meet it come first, so that they are among the few that are shown.
    meeting = candidate.workspace.select(table, Condition(subject.column, operator, operand_of(value)))
    found = values_of(candidate.workspace, table, subject.column, [*(rows & meeting), *(rows - meeting)])
    whose = f" of {len(rows)} rows of {table}" if len(rows) > 1 else f" of {table}" if inner else ""
    are = "are" if len(found) > 1 or isinstance(found[0], list) else "is"
    texts = ", ".join(map(shown, found[:SHOWN])) + (", …" if len(found) > SHOWN else "")
    return found, f"{subject.column.words}{whose} {are} {texts}"


def relations(workspace: Workspace, table: str, rows: BitMap, step: Step) -> Found:
    """How many related rows each row has by a step."""
    counts = [len(one_step(workspace, table, [row], step)) for row in rows]
    if len(counts) == 1:
        return counts, there_are(counts[0], step.table)
    having = sum(map(bool, counts))
    return counts, f"a related row of {step.table} is there for {having or 'none'} of {len(counts)} rows of {table}"


def values_of(workspace: Workspace, name: str, column: Column, rows: Iterable[int]) -> list[Any]:
    """The first distinct values of a column, up to one more than is shown."""
    table = workspace[name]
    firsts: dict[str, int] = {}
    for row in rows:
        firsts.setdefault(repr(table.key(column, row)), row)
        if len(firsts) > SHOWN:
            break
    value = column.value_reader()
    return [value(from_json(table.encoded(row))) for row in firsts.values()]


def there_are(count: int, table: str) -> str:
    return f"there {'are' if count > 1 else 'is'} {count or 'no'} related row{'s' if count > 1 else ''} of {table}"


def shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
