"""The state of the server."""

import resource
import time
from pathlib import Path

from understudy.operations.handler_results import Answer
from understudy.site import Site
from understudy.version import __version__
from understudy.workspaces.open_workspace import OpenWorkspace

STATM = Path("/proc/self/statm")
KIBIBYTE = 1024  # bytes


def read_state(site: Site) -> Answer:
    contract = site.api.contract
    return {
        "version": __version__,
        "api": contract.base_path,
        "workspace_path": contract.workspace_path,
        "fixture_set": str(site.fixture_set.folder),
        "uptime": round(time.monotonic() - site.started, 3),
        "memory": memory(),
        "reported": {
            name: table.place.value["x-reported"]
            for name, table in site.api.catalog.tables.items()
            if "x-reported" in table.place.value
        },
        "max_workspaces": site.registry.limit,
        "workspaces": [state_of(opened) for opened in site.registry],
        "journal": {
            "size": site.journal.size,
            "requests": len(site.journal),
            "dropped": site.journal.dropped.total,
        },
    }


def state_of(opened: OpenWorkspace) -> dict[str, object]:
    idle = round(time.monotonic() - opened.used, 3)
    return {**opened.rows(), "snapshots": sorted(opened.snapshots), "idle": idle}


def memory() -> int:
    """The memory of the process in bytes; on systems without /proc, its peak."""
    if STATM.exists():
        return int(STATM.read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIBIBYTE
