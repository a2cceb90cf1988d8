"""The rows of workspaces: reset, load and drop them."""

import asyncio
import json
import time
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from understudy.contract.columns import ID
from understudy.errors import INDENTED, NotFound, UnderstudyError, Unprocessable, did_you_mean
from understudy.loading import fixtures, loader
from understudy.loading.loader import LoadError
from understudy.loading.sources import Source, read_now
from understudy.operations.handler_results import Answer
from understudy.site import Site
from understudy.tables.table import Table
from understudy.workspaces.workspace import Workspace


async def reset_workspace(site: Site, workspace: str) -> Answer:
    base = await site.base()  # first, since a workspace may be dropped meanwhile
    opened = await site.registry.get(workspace)
    await opened.restore(base, site.registry.clock)
    return opened.rows()


async def read_rows(
    site: Site, workspace: str, table: str, limit: int, since: datetime | None = None, *, is_new: bool = False
) -> Answer:
    if table not in site.api.catalog.tables:
        raise NotFound(f"No table is named `{table}`{did_you_mean(table, site.api.catalog.tables)}.")
    base = site.fixture_set.rows[table] if is_new else None
    opened = await site.registry.get(workspace)
    return await opened.perform(rows_of_table, name=table, since=since, base=base, limit=limit)


def rows_of_table(workspace: Workspace, name: str, since: datetime | None, base: Table | None, limit: int) -> bytes:
    table = workspace[name]
    of = next((field for field in ("created", "occurred", "timestamp") if field in table.schema.filled), None)
    times = {row: table.values(row)[of] for row in table.live} if of else dict.fromkeys(table.live)
    rows = [row for row, moment in times.items() if since is None or moment is None or moment >= since]
    if base is not None:
        rows = [row for row in rows if base.find(table.key(ID, row)) is None]
    rows.sort(key=lambda row: (times[row] is not None and times[row], row))
    return b"[%b]" % b",".join(workspace.shown(name, row) for row in rows[-limit:])


async def drop_workspaces(site: Site, workspace: str | None = None, idle: float | None = None) -> Answer:
    if workspace is None and idle is None:
        raise Unprocessable("Give either a `workspace`, or the `idle` seconds of those to drop.")
    names = [workspace] if workspace is not None else list(idle_for(site, idle or 0))
    return {"dropped": [await site.drop(name) for name in names]}


def idle_for(site: Site, seconds: float) -> Iterator[str]:
    end = time.monotonic() - seconds
    yield from (opened.name for opened in site.registry if not opened.is_default and opened.used <= end)


async def load_rows(site: Site, workspace: str, body: dict[str, Any]) -> Answer:
    if (body.get("set") is None) == (body.get("rows") is None):
        raise Unprocessable("Give either a `set` or `rows`.")
    folder = None if body.get("set") is None else folder_of_set(site, body["set"])
    sources = sources_of(body["rows"]) if folder is None else await sources_in(site, folder)
    opened = await site.registry.get(workspace)
    await opened.perform(add_rows, site=site, sources=sources, given=body.get("rows") or (), replace=body["replace"])
    strays = [] if folder is None else fixtures.strays(folder, site.api.catalog.tables)
    return {**opened.rows(), "warnings": [*strays, *fixtures.dangling(opened.content.workspace)]}


def add_rows(workspace: Workspace, site: Site, sources: list[Source], given: Collection[str], *, replace: bool) -> None:
    """Add rows to a workspace, or replace its rows: all of them or none.

    Raises:
        Unprocessable: a row is not valid.
    """
    changed = Workspace.empty(site.api.catalog) if replace else workspace.fork()
    try:
        loader.load(changed, sources, given)
    except LoadError as error:
        end = ". " if error.count == 1 else INDENTED
        raise Unprocessable(f"{error}{end}Nothing was loaded.") from None
    workspace.restore(changed)


def sources_of(rows: Mapping[str, list[Any]]) -> list[Source]:
    return [
        Source(table, [(number, json.dumps(row)) for number, row in enumerate(some)], partial(place_of, table))
        for table, some in rows.items()
    ]


def place_of(table: str, number: int | None) -> str:
    return table if number is None else f"{table}[{number}]"


async def sources_in(site: Site, folder: Path) -> list[Source]:
    """The rows of a fixture set, read in another thread.

    Raises:
        Unprocessable: a table has two files.
    """
    try:
        sources = fixtures.sources(folder, site.api.catalog.tables)
    except UnderstudyError as error:
        raise Unprocessable(f"{error}. Nothing was loaded.") from None
    return await asyncio.to_thread(lambda: [read_now(source) for source in sources])


def folder_of_set(site: Site, name: str) -> Path:
    """The folder of a fixture set beside the loaded one.

    Raises:
        NotFound: no set has this name.
    """
    beside = {path.name: path for path in site.fixture_set.folder.resolve().parent.iterdir() if is_set(path)}
    if name not in beside:
        raise NotFound(
            f"No fixture set beside the loaded one is named `{name}`. There are: {', '.join(sorted(beside))}."
        )
    return beside[name]


def is_set(path: Path) -> bool:
    return path.is_dir() and any(any(path.glob(f"*{suffix}")) for suffix in fixtures.SUFFIXES)
