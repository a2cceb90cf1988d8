"""Snapshots: save and restore the rows of a workspace."""

from understudy.errors import Forbidden, NotFound
from understudy.operations.handler_results import NO_CONTENT, Answer
from understudy.site import Site
from understudy.text import counted
from understudy.workspaces.registry import Tenant
from understudy.workspaces.workspace import Workspace


async def save_snapshot(site: Site, workspace: str, name: str) -> Answer:
    tenant = await site.tenants.get(workspace)
    check_limit(site, tenant, name)
    rows = await tenant.perform(Workspace.fork)
    check_limit(site, tenant, name)  # others may have been saved meanwhile
    tenant.snapshots[name] = rows
    return tenant.rows()


def check_limit(site: Site, tenant: Tenant, name: str) -> None:
    """Check that a snapshot of this name can be saved.

    Raises:
        Forbidden: the limit is reached.
    """
    limit = site.options.max_snapshots
    if name not in tenant.snapshots and sum(len(each.snapshots) for each in site.tenants) >= limit:
        raise Forbidden(
            f"The limit of {counted(limit, 'snapshots')} is reached. Delete some, or start the server with a higher "
            "--max-snapshots."
        )


async def read_snapshot(site: Site, workspace: str, name: str) -> Answer:
    tenant = await site.tenants.get(workspace)
    return tenant.rows(found(tenant, name))


async def delete_snapshot(site: Site, workspace: str, name: str) -> Answer:
    tenant = await site.tenants.get(workspace)
    found(tenant, name)
    del tenant.snapshots[name]
    return NO_CONTENT


async def restore_snapshot(site: Site, workspace: str, name: str) -> Answer:
    tenant = await site.tenants.get(workspace)
    await tenant.perform(Workspace.restore, other=found(tenant, name))
    return tenant.rows()


def found(tenant: Tenant, name: str) -> Workspace:
    if name not in tenant.snapshots:
        names = ", ".join(sorted(tenant.snapshots)) or "none"
        raise NotFound(f"The workspace {tenant.name} has no snapshot `{name}`; it has {names}.")
    return tenant.snapshots[name]
