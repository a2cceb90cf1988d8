"""Stores in this process, with a few rows."""

from collections.abc import Callable
from pathlib import Path

import pytest

from understudy.loading import fixtures
from understudy.operations.api_folder import Api
from understudy.store.store import Store

FEW = Path(__file__).parent / "few"
"""A fixture set with a row or two a table."""

Opens = Callable[[Path], Store]


@pytest.fixture
def opens(api: Api) -> Opens:
    """Opens a store without its lock."""
    return lambda path: Store(path, api.catalog)


@pytest.fixture
def path(tmp_path: Path, opens: Opens) -> Path:
    """The file of a store with a few rows."""
    store = opens(tmp_path / "rows.json")
    fixtures.load(FEW, store.workspace)
    store.flush()
    return store.path


def rows_of(store: Store) -> dict[str, list[bytes]]:
    """All rows, in the order of their tables."""
    return {
        name: [table.encoded(row) for row in table.live] for name, table in store.workspace.items() if len(table) > 0
    }
