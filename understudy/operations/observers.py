"""Observers: functions that are called with the rows that an operation has changed (`x-observes`)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from pydantic_core import from_json

from understudy.tables.changes import Change, by_row
from understudy.workspaces.workspace import Workspace

Row = Mapping[str, Any]
"""A row as JSON; empty if it does not exist."""

Changes = Mapping[str, Sequence[tuple[Row, Row]]]
"""The changed rows of each table that an operation observes, each before and after it, in the order of changes."""


def observed(handler: Callable[..., Any], tables: Sequence[str]) -> Callable[..., Any]:
    """A handler that calls the observers of tables once it has returned."""

    def handle(workspace: Workspace, **arguments: Any) -> Any:
        with observing(workspace, *tables):
            return handler(workspace, **arguments)

    return handle


@contextmanager
def observing(workspace: Workspace, *tables: str) -> Iterator[None]:
    """Call the observers of tables (`x-observed-by`) with the rows that have changed in a block, if nothing is raised.

    Handlers use it where they perform an operation that a client has not requested.
    """
    changes: dict[str, list[Change]] = {name: [] for name in tables}
    with ExitStack() as stack:
        for name, own in changes.items():
            stack.enter_context(workspace[name].recorded(by_row(own)))
        yield
    rows = {
        name: [(row_of(change.before), row_of(change.after)) for change in together(own)]
        for name, own in changes.items()
    }
    for name in tables:
        observe = workspace[name].schema.observe
        if rows[name] and observe is not None:
            observe(workspace, rows)


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
