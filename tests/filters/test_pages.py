"""Pages: cached until something changes that they depend on."""

import asyncio
import gzip
import json
import random
from typing import Any

import pytest

from tests.conftest import SMALL
from tests.filters.test_selection import REMEMBERED, change
from understudy.contract.columns import Column
from understudy.filters.criteria import EVERY, Criteria
from understudy.filters.pages import Page
from understudy.filters.query import Sort
from understudy.http.responses import compressed
from understudy.loading import fixtures
from understudy.loading.fixtures import FixtureSet
from understudy.operations.api_folder import Api
from understudy.workspaces.workspace import Workspace

BY_ID = Sort(Column(("id",)))
BY_UPDATED = Sort(Column(("updated",)), descending=True)


def expected(workspace: Workspace, criteria: Criteria, sort: Sort, limit: int, offset: int) -> list[Any]:
    table = workspace["artifacts"]
    rows = table.index(sort.column).page(workspace.select("artifacts", criteria), sort.descending, offset, limit)
    return [json.loads(table.encoded(row)) for row in rows]


@pytest.mark.parametrize("seed", range(8))
def test_pages_are_updated_after_each_change(api: Api, seed: int) -> None:
    """Changes of the table itself, of those in the criteria, and of tables from which deletes cascade."""
    randomness = random.Random(seed)
    workspace = Workspace.empty(api.catalog)
    fixtures.load(SMALL, workspace)
    reader = api.operations["artifacts.read_artifacts"].reader
    queries = [reader.read({"headers": []}, json.dumps(body).encode())["criteria"] for body in (*REMEMBERED, {})]
    for _ in range(25):
        for criteria in queries:
            for sort, limit, offset in ((BY_ID, 5, 0), (BY_UPDATED, 5, 0), (BY_UPDATED, 200, 3)):
                page = workspace.page("artifacts", criteria, sort, limit, offset)
                assert json.loads(page) == expected(workspace, criteria, sort, limit, offset)
                assert workspace.page("artifacts", criteria, sort, limit, offset) is page
        change(workspace, randomness)


def test_restored_workspace_and_fork_have_separate_pages(api: Api) -> None:
    rows = FixtureSet(SMALL, api.catalog).rows.fork()
    before = rows.page("flows", EVERY, BY_ID, 200)
    snapshot, fork = rows.fork(), rows.fork()
    fork.delete("flows", fork["flows"].live)
    assert (fork.page("flows", EVERY, BY_ID, 200), rows.page("flows", EVERY, BY_ID, 200)) == (b"[]", before)
    rows.delete("flows", rows["flows"].live)
    assert rows.page("flows", EVERY, BY_ID, 200) == b"[]"
    rows.restore(snapshot)
    assert rows.page("flows", EVERY, BY_ID, 200) == before


def test_compressed_page_is_cached() -> None:
    page = Page(b"[" + b"1, " * 1000 + b"1]")
    packed = asyncio.run(compressed(page))
    assert gzip.decompress(packed) == page
    assert asyncio.run(compressed(page)) is packed
    assert asyncio.run(compressed(bytes(page))) is not packed
