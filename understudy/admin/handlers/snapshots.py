"""Snapshots: save and restore the rows and the clock of a workspace."""

from understudy.errors import Forbidden, NotFound
from understudy.operations.handler_results import NO_CONTENT, Answer
from understudy.site import Site
from understudy.text import counted
from understudy.workspaces.open_workspace import OpenWorkspace, Snapshot
from understudy.workspaces.workspace import Workspace


async def save_snapshot(site: Site, workspace: str, name: str) -> Answer:
    opened = await site.registry.get(workspace)
    check_limit(site, opened, name)
    rows = await opened.perform(Workspace.fork)
    check_limit(site, opened, name)  # others may have been saved meanwhile
    opened.snapshots[name] = Snapshot(rows, opened.clock)
    return opened.rows()


def check_limit(site: Site, opened: OpenWorkspace, name: str) -> None:
    """Check that a snapshot of this name can be saved.

    Raises:
        Forbidden: the limit is reached.
    """
    limit = site.options.max_snapshots
    if name not in opened.snapshots and sum(len(each.snapshots) for each in site.registry) >= limit:
        raise Forbidden(
            f"The limit of {counted(limit, 'snapshots')} is reached. Delete some, or start the server with a higher "
            "--max-snapshots."
        )


async def read_snapshot(site: Site, workspace: str, name: str) -> Answer:
    opened = await site.registry.get(workspace)
    return opened.rows(found(opened, name).rows)


async def delete_snapshot(site: Site, workspace: str, name: str) -> Answer:
    opened = await site.registry.get(workspace)
    found(opened, name)
    del opened.snapshots[name]
    return NO_CONTENT


async def restore_snapshot(site: Site, workspace: str, name: str) -> Answer:
    opened = await site.registry.get(workspace)
    await opened.restore(*found(opened, name))
    return opened.rows()


def found(opened: OpenWorkspace, name: str) -> Snapshot:
    if name not in opened.snapshots:
        names = ", ".join(sorted(opened.snapshots)) or "none"
        raise NotFound(f"The workspace {opened.name} has no snapshot `{name}`; it has {names}.")
    return opened.snapshots[name]
