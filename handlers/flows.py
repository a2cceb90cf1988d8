"""Flows: found by id or name, and deleted with everything that ran."""

from typing import Any
from uuid import UUID

from understudy.contract.columns import Column
from understudy.errors import NotFound
from understudy.filters.criteria import Criteria
from understudy.filters.query import Sort
from understudy.http.responses import NO_CONTENT, Answer
from understudy.values import MICROSECOND, new_id, now, time_of_change
from understudy.workspaces.workspace import Workspace

NAME = Column(("name",))


def create_flow(workspace: Workspace, body: dict[str, Any]) -> Answer:
    flows = workspace["flows"]
    existing = named(workspace, body["name"])
    if existing is not None:
        return flows.encoded(existing), 200
    created = now()
    # The real server asks its clock once for each, so that `updated` is the later one from the start.
    row = flows.insert({"id": new_id(), "created": created, "updated": created + MICROSECOND, **body})
    return flows.encoded(row), 201


def read_flow(workspace: Workspace, id: UUID) -> Answer:
    return workspace["flows"].encoded(found(workspace, id))


def read_flow_by_name(workspace: Workspace, name: str) -> Answer:
    row = named(workspace, name)
    if row is None:
        raise NotFound("Flow not found")
    return workspace["flows"].encoded(row)


def update_flow(workspace: Workspace, id: UUID, body: dict[str, Any]) -> Answer:
    flows, row = workspace["flows"], found(workspace, id)
    own = flows.values(row)
    flows.update(row, {**body, "updated": time_of_change(own["created"], own["updated"])})
    return NO_CONTENT


def delete_flow(workspace: Workspace, id: UUID) -> Answer:
    workspace.delete("flows", [found(workspace, id)])
    return NO_CONTENT


def read_flows(workspace: Workspace, criteria: Criteria, sort: Sort, limit: int, offset: int) -> Answer:
    return workspace.page("flows", criteria, sort, limit, offset)


def count_flows(workspace: Workspace, criteria: Criteria) -> Answer:
    return workspace.count("flows", criteria)


def paginate_flows(workspace: Workspace, criteria: Criteria, sort: Sort, limit: int, page: int) -> Answer:
    results = workspace.page("flows", criteria, sort, limit, (page - 1) * limit)
    count = workspace.count("flows", criteria)
    pages = -(-count // limit) if limit else 0
    return b'{"results":%b,"count":%d,"limit":%d,"pages":%d,"page":%d}' % (results, count, limit, pages, page)


def bulk_delete_flows(workspace: Workspace, criteria: Criteria, limit: int) -> Answer:
    flows = workspace["flows"]
    rows = workspace.first("flows", criteria, Sort(NAME), limit)
    deleted = [flows.values(row)["id"] for row in rows]
    workspace.delete("flows", rows)
    return {"deleted": deleted}


def found(workspace: Workspace, id: UUID) -> int:
    row = workspace["flows"].find(id.int)
    if row is None:
        raise NotFound("Flow not found")
    return row


def named(workspace: Workspace, name: str) -> int | None:
    return next(iter(workspace["flows"].index(NAME).rows(name)), None)
