"""Flow runs: shown with their work queue, and with estimates."""

from collections.abc import Mapping
from typing import Any

from understudy.tables.table import Table

from .runs import estimate
from .work_queues import show_queue


def shown(tables: Mapping[str, Table], row: dict[str, Any]) -> None:
    """A flow run with the names of its queue and pool as they are now."""
    estimate(row)
    pool = show_queue(tables, row)
    row["work_pool_id"] = pool and pool["id"]
    row["work_pool_name"] = pool and pool["name"]
