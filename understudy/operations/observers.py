"""Observers: functions that are called with the rows that an operation has changed (`x-observes`)."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from pydantic_core import from_json

from understudy.tables.changes import Change, by_row
from understudy.workspaces.workspace import Workspace

Row = Mapping[str, Any]
"""A row as JSON; empty if it does not exist."""

Changes = Mapping[str, Sequence[tuple[Row, Row]]]
"""The changed rows of each table that an operation observes, each before and after it, in the order of changes."""

Observer = Callable[[Workspace, Changes], object]
"""Called after an operation that has changed rows of its table."""


def observed(handler: Callable[..., Any], observers: Mapping[str, Observer]) -> Callable[..., Any]:
    """A handler that calls the observers of tables once it has returned."""

    def handle(workspace: Workspace, **arguments: Any) -> Any:
        changes: dict[str, list[Change]] = {name: [] for name in observers}
        with ExitStack() as stack:
            for name, own in changes.items():
                stack.enter_context(workspace[name].recorded(by_row(own)))
            result = handler(workspace, **arguments)
        rows = {
            name: [(row_of(change.before), row_of(change.after)) for change in together(own)]
            for name, own in changes.items()
        }
        for name, observer in observers.items():
            if rows[name]:
                observer(workspace, rows)
        return result

    return handle


def together(changes: Sequence[Change]) -> list[Change]:
    """One change for each row of a table. A row that was added and deleted is left out."""
    found: list[Change] = []
    last: dict[int, int] = {}  # the place of a row's change
    for change in changes:
        if change.before and change.row in last:
            place = last[change.row]
            found[place] = found[place]._replace(after=change.after)
        else:  # what has the number of a deleted row is another row
            last[change.row] = len(found)
            found.append(change)
    return [change for change in found if change.before or change.after]


def row_of(encoded: bytes) -> Row:
    return from_json(encoded) if encoded else {}
