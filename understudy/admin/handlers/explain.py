"""Why a row is in the result of a filter, or not."""

from typing import Any

from understudy.errors import NotFound, Unprocessable
from understudy.http.journal_search import full
from understudy.operations.handler_results import Answer
from understudy.operations.request_bodies import QueryBody
from understudy.site import Site
from understudy.workspaces.explain import explain


async def explain_row(site: Site, workspace: str, body: dict[str, Any]) -> Answer:
    reader = reader_at(site, body["path"])
    values = reader.values(body.get("body"))
    opened = await site.registry.get(workspace)
    table = reader.query.table
    row = opened.content.workspace[table].find(body["id"].int)
    if row is None:
        raise NotFound(f"No row of {table} has the id {body['id']} in the workspace {opened.name}.")
    return explain(reader.query, opened.content.workspace, table, row, values).as_json()


def reader_at(site: Site, path: str) -> QueryBody:
    """The reader of the filters of a path.

    Raises:
        Unprocessable: the path takes no filters.
    """
    found = site.table.find("POST", full(path, site.api.contract.base_path))
    body = found and found.operation.reader.body
    if not isinstance(body, QueryBody):
        operations = site.api.operations.values()
        paths = sorted(each.path for each in operations if isinstance(each.reader.body, QueryBody))
        raise Unprocessable(f"`{path}` takes no filters; these do: {', '.join(paths)}.")
    return body
