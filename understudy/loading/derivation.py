"""Derived tables (`x-derived`)."""

from collections.abc import Container, Iterable, Mapping
from typing import Any
from uuid import uuid5

from understudy.contract.catalog import Derived
from understudy.contract.columns import Column
from understudy.tables.table import Table
from understudy.workspaces.workspace import Workspace


def derive(workspace: Workspace, rows: Mapping[str, Iterable[int]], given: Container[str] = ()) -> None:
    """Update the tables that are derived from others by some rows of those.

    Args:
        workspace: the tables.
        rows: source rows by table.
        given: derived tables that are not updated.
    """
    for name, table in workspace.items():
        rule = table.schema.derived
        if rule is not None and rule.source in rows and name not in given:
            derive_rows(table, workspace[rule.source], rows[rule.source], rule)


def derive_rows(table: Table, source: Table, rows: Iterable[int], rule: Derived) -> None:
    """Update a derived table by some rows of its source."""
    per, newest, reference = Column((rule.per,)), Column((rule.newest,)), Column((rule.reference,))
    latest: dict[Any, int] = {}
    for row in rows:
        key = source.key(per, row)
        if key is not None and (key not in latest or source.key(newest, row) >= source.key(newest, latest[key])):
            latest[key] = row
    for key, row in latest.items():
        values = source.values(row)
        values[rule.reference] = values["id"]
        known = next(iter(table.index(per).rows(key)), None)
        if known is None:
            table.insert({**values, "id": uuid5(rule.namespace, key)})
            continue
        before = source.find(table.key(reference, known))
        if before is None or source.key(newest, row) >= source.key(newest, before):
            table.update(known, {**values, "id": table.values(known)["id"]})
