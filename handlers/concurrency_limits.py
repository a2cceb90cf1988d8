"""Concurrency limits of tags, which are the global ones called `tag:…`.

Those that were made before there were global ones (the table `concurrency_limits`) are still read and deleted.
"""

import re
from typing import Any
from uuid import UUID

from understudy.contract.columns import Column
from understudy.errors import NotFound, Unprocessable
from understudy.filters.criteria import EVERY, Criteria
from understudy.filters.query import Sort
from understudy.operations.actions import change, insert
from understudy.operations.handler_results import Answer
from understudy.tables.table import Table
from understudy.workspaces.workspace import Workspace

from .concurrency_limits_v2 import NAME, named

TAG = Column(("tag",))
PREFIX = "tag:"
RESERVED = re.compile("[/%&><]")


def create_concurrency_limit(workspace: Workspace, body: dict[str, Any]) -> Answer:
    limits, tag, limit = workspace["concurrency_limits_v2"], body["tag"], body["concurrency_limit"]
    row = named(limits, NAME, PREFIX + tag)
    # A real server fails on these with 500.
    if row is None and RESERVED.search(tag):
        raise Unprocessable("A tag with a concurrency limit cannot have any of the characters / % & > <.")
    if row is not None and limit < 0:
        raise Unprocessable("A concurrency limit cannot be changed to a number below 0.")
    if row is None:
        return of_tag(limits, insert(limits, {"name": PREFIX + tag, "limit": limit})), 201
    change(limits, row, {"limit": limit})
    return of_tag(limits, row), 200


def read_concurrency_limit(workspace: Workspace, id: UUID) -> Answer:
    limits, row = workspace["concurrency_limits_v2"], workspace["concurrency_limits_v2"].find(id.int)
    if row is not None and limits.key(NAME, row).startswith(PREFIX):
        return of_tag(limits, row)
    return former(workspace, workspace["concurrency_limits"].find(id.int))


def read_concurrency_limit_by_tag(workspace: Workspace, tag: str) -> Answer:
    limits = workspace["concurrency_limits_v2"]
    row = named(limits, NAME, PREFIX + tag)
    return (
        of_tag(limits, row) if row is not None else former(workspace, named(workspace["concurrency_limits"], TAG, tag))
    )


def read_concurrency_limits(workspace: Workspace, criteria: Criteria, limit: int, offset: int) -> Answer:
    """Of both kinds, the first of each up to the end of the page are looked at; then come those of tags."""
    limits, before = workspace["concurrency_limits_v2"], workspace["concurrency_limits"]
    rows = workspace.first(limits.schema.name, EVERY, Sort(NAME), limit + offset)
    current = [of_tag(limits, row) for row in rows if limits.key(NAME, row).startswith(PREFIX)]
    tags = {each["tag"] for each in current}
    rows = workspace.first(before.schema.name, criteria, Sort(TAG), limit + offset)
    others = [before.values(row) for row in rows if before.key(TAG, row) not in tags]
    return [*current, *others][offset : offset + limit]


def delete_concurrency_limit(workspace: Workspace, id: UUID) -> Answer:
    remove(workspace, workspace["concurrency_limits_v2"].find(id.int), workspace["concurrency_limits"].find(id.int))


def delete_concurrency_limit_by_tag(workspace: Workspace, tag: str) -> Answer:
    limits, before = workspace["concurrency_limits_v2"], workspace["concurrency_limits"]
    remove(workspace, named(limits, NAME, PREFIX + tag), named(before, TAG, tag))


def remove(workspace: Workspace, row: int | None, former_row: int | None) -> None:
    """Delete a global limit, or, where there is none, one that was made before."""
    for table, each in (("concurrency_limits_v2", row), ("concurrency_limits", former_row)):
        if each is not None:
            return workspace.delete(table, [each])
    raise NotFound("Concurrency limit not found")


def former(workspace: Workspace, row: int | None) -> bytes:
    if row is None:
        raise NotFound("Concurrency limit not found")
    return workspace["concurrency_limits"].encoded(row)


def of_tag(limits: Table, row: int) -> dict[str, Any]:
    """A global limit as that of a tag. Nothing holds its slots, since nothing takes them yet."""
    values = limits.values(row)
    kept = {name: values[name] for name in ("id", "created", "updated")}
    tag = values["name"].removeprefix(PREFIX)
    return {**kept, "tag": tag, "concurrency_limit": values["limit"], "active_slots": []}
