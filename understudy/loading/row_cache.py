"""A cache of the loaded rows of a fixture set of an API folder, such as the demo set, beside that of the contract.

Loading validates each row and computes its keys. Neither changes as long as the files of the set and of the contract do
not. Nothing is stored in fixture folders elsewhere, which belong to users.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from understudy.contract.bundle_cache import ROWS, recalled, remember
from understudy.tables.rows import Rows
from understudy.workspaces.workspace import Workspace


def fill(workspace: Workspace, folder: Path, stamp: Any) -> bool:
    """Fill an empty workspace with the cached rows of a fixture set.

    Args:
        workspace: the tables.
        folder: the fixture set.
        stamp: the state of its files.

    Returns:
        Whether there are such rows, and no file has changed since.
    """
    known = recalled(entry_of(folder), ROWS) if contract_of(workspace, folder) else None
    if known is None or known[0] != stamp:
        return False
    for name, plain in known[1].items():
        workspace[name].share(Rows.of(plain))
    return True


def keep(workspace: Workspace, folder: Path, stamp: Any) -> None:
    """Store the rows of a fixture set that has just been loaded."""
    files = contract_of(workspace, folder)
    if files:
        tables = {name: table.shared().plain() for name, table in workspace.items() if table}
        remember(entry_of(folder), files, (stamp, tables), ROWS)


def contract_of(workspace: Workspace, folder: Path) -> Sequence[Path]:
    """The files of the contract of a workspace, if the fixture set is one of its API folder."""
    for table in workspace.values():
        files = table.schema.place.contract.bundle.files
        return files if files and files[0].parent / "fixtures" == folder.absolute().parent else ()
    return ()


def entry_of(folder: Path) -> Path:
    return folder.parent / f"{folder.name}{ROWS}"
