"""Pages of an index, in which rows with the same key can be in any order."""

import random
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import pytest
from pyroaring import BitMap

from understudy.tables.index import Index

ROWS = 300
TIES: dict[str, Callable[[Iterable[int]], list[int]]] = {
    "ascending": sorted,
    "descending": partial(sorted, reverse=True),
    "by the last digit": partial(sorted, key=lambda row: (row % 10, row)),
}
KEYS: dict[str, Callable[[random.Random], Any]] = {
    "few": lambda randomness: randomness.choice(["markdown", "table", "link"]),
    "some without": lambda randomness: randomness.choice([None, randomness.randrange(60)]),
    "one": lambda _: "markdown",
    "none": lambda _: None,
    "each its own": lambda randomness: randomness.getrandbits(128),
}


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("keys", KEYS)
@pytest.mark.parametrize("tie", TIES)
def test_page_has_rows_of_one_key_in_the_given_order(tie: str, keys: str, descending: bool) -> None:
    randomness = random.Random(1)
    given = [KEYS[keys](randomness) for _ in range(ROWS)]
    index = Index(given, BitMap(range(ROWS)))
    for share in (0.01, 0.3, 1):
        rows = BitMap(row for row in range(ROWS) if randomness.random() < share)
        whole = sorted(TIES[tie](rows), key=lambda row: (given[row] is not None, given[row] or 0), reverse=descending)
        for limit in (1, 7, ROWS):
            offset = randomness.randrange(len(rows) + 1)
            page = index.page(rows, descending, offset, limit, TIES[tie])
            assert page == whole[offset : offset + limit]
