"""The rows of workspaces: back to the fixtures, loaded, gone."""

import asyncio
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from understudy.errors import NotFound, UnderstudyError, Unprocessable
from understudy.http.answers import Answer
from understudy.site import Site
from understudy.workspaces import fixtures
from understudy.workspaces.workspace import Workspace

Lines = Mapping[str, Sequence[bytes]]
"""Rows by table, each as a line of a fixture set has it."""


async def reset_workspace(site: Site, workspace: str) -> Answer:
    base = await site.base()  # first, since a workspace may be dropped while we wait
    tenant = await site.tenants.get(workspace)
    await tenant.perform(Workspace.restore, other=base)
    return tenant.rows()


async def drop_workspaces(site: Site, workspace: str | None = None, idle: float | None = None) -> Answer:
    if workspace is None and idle is None:
        raise Unprocessable("Say which: `workspace`, or all that were `idle` for so many seconds.")
    names = [workspace] if workspace is not None else list(idle_for(site, idle or 0))
    return {"dropped": [await site.drop(name) for name in names]}


def idle_for(site: Site, seconds: float) -> Iterator[str]:
    end = time.monotonic() - seconds
    yield from (tenant.name for tenant in site.tenants if not tenant.is_default and tenant.used <= end)


async def load_rows(site: Site, workspace: str, body: dict[str, Any]) -> Answer:
    if (body.get("set") is None) == (body.get("rows") is None):
        raise Unprocessable("Give either a `set` or `rows`.")
    lines = lines_of(body["rows"]) if body.get("set") is None else await lines_of_set(site, body["set"])
    tenant = await site.tenants.get(workspace)
    await tenant.perform(take, site=site, lines=lines, replace=body["replace"])
    return {**tenant.rows(), "warnings": list(fixtures.dangling(tenant.kept.workspace))}


def take(workspace: Workspace, site: Site, lines: Lines, *, replace: bool) -> None:
    """Give a workspace more rows, or others; all of them, or none.

    Raises:
        Unprocessable: one of them is no row of its table.
    """
    taking = Workspace.empty(site.api.catalog) if replace else workspace.fork()
    try:
        fixtures.extend(taking, lines)
    except ValueError as error:
        raise Unprocessable(f"{error}. Nothing was loaded.") from None
    workspace.restore(taking)


def lines_of(rows: Mapping[str, list[Any]]) -> Lines:
    return {table: [json.dumps(row).encode() for row in some] for table, some in rows.items()}


async def lines_of_set(site: Site, name: str) -> Lines:
    """The rows of a fixture set beside the loaded one, without those that are derived from others.

    Raises:
        NotFound: there is none of this name.
        Unprocessable: it cannot be loaded.
    """
    beside = {path.name: path for path in site.fixture_set.folder.resolve().parent.iterdir() if is_set(path)}
    if name not in beside:
        raise NotFound(
            f"There is no fixture set `{name}` beside the loaded one; there are {', '.join(sorted(beside))}."
        )
    rows = Workspace.empty(site.api.catalog)
    try:
        await asyncio.to_thread(fixtures.read, beside[name], rows)
    except UnderstudyError as error:
        raise Unprocessable(f"{error}. Nothing was loaded.") from None
    return {table: [found.encoded(row) for row in found.live] for table, found in rows.items() if found}


def is_set(path: Path) -> bool:
    return path.is_dir() and any(path.glob(f"*{fixtures.SUFFIX}"))
