"""An order of many segments equals a plain sort after any inserts and deletes."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from pyroaring import BitMap

from understudy.tables.order import LENGTH, Order

ROWS = 3 * LENGTH


class Case:
    """An order beside the keys of its rows, which can be sorted."""

    def __init__(self, keys: list[Any]) -> None:
        self.keys = keys
        self.live = BitMap(range(len(keys)))
        self.order = Order(self.keys, self.live)
        self.order.before((True,))  # splits them, and keeps the split

    def add(self, key: Any) -> None:
        self.keys.append(key)
        self.live.add(len(self.keys) - 1)
        self.order.add(len(self.keys) - 1)

    def discard(self, row: int) -> None:
        self.order.discard(row)
        self.live.discard(row)

    def sorted(self, rows: BitMap) -> list[int]:
        return sorted(rows, key=self.order.rank)

    def check(self, randomness: random.Random) -> None:
        for share in (0.0001, 0.01, 0.3, 1):
            rows = BitMap(row for row in self.live if randomness.random() < share)
            if randomness.random() < 0.5:  # side by side in the order, as what `like_` finds often is
                ordered = self.sorted(self.live)
                start = randomness.randrange(len(ordered) or 1)
                rows = BitMap(ordered[start : start + len(rows)])
            whole = self.sorted(rows)
            offset, limit = randomness.randrange(len(whole) + 1), randomness.choice([1, 10, 200, ROWS])
            assert self.order.page(rows, False, offset, limit) == whole[offset : offset + limit]
            assert self.order.page(rows, True, offset, limit) == whole[::-1][offset : offset + limit]
        built = self.order.built()
        assert built is not None
        assert max(len(part.rows) for part in built.parts) < 2 * LENGTH
        keys = [key for key in self.keys if key is not None]
        for rank in [(True,), *((True, key, *rest) for key in randomness.sample(keys, 3) for rest in [(), (2**40,)])]:
            assert self.order.before(rank) == BitMap(row for row in self.live if self.order.rank(row) < rank)


KEYS: dict[str, Callable[[random.Random], Any]] = {
    "each its own": lambda randomness: randomness.getrandbits(128),
    "few": lambda randomness: randomness.choice(["markdown", "table", "link"]),
    "some without": lambda randomness: randomness.choice([None, randomness.randrange(1000)]),
    "hardly any": lambda randomness: randomness.randrange(9) if randomness.random() < 0.0005 else None,
}


@pytest.mark.parametrize("kind", KEYS)
def test_pages_and_ranges_stay_correct_while_rows_are_added_and_deleted(kind: str) -> None:
    randomness = random.Random(kind)
    case = Case([KEYS[kind](randomness) for _ in range(ROWS)])
    case.check(randomness)
    for _ in range(4):
        for row in randomness.sample(sorted(case.live), 1500):
            case.discard(row)
        for _ in range(1500):
            case.add(KEYS[kind](randomness))
        case.check(randomness)


def test_initial_rows_can_differ_from_later_ones() -> None:
    randomness = random.Random(2)
    case = Case([randomness.randrange(100) if number % 256 == 0 else 1000 + number for number in range(ROWS)])
    case.check(randomness)


def test_many_rows_in_one_place_and_none() -> None:
    randomness = random.Random(1)
    case = Case([])
    for number in range(ROWS):
        case.add(5 if number % 3 else number)
    case.check(randomness)
    for row in randomness.sample(range(ROWS), ROWS):
        case.discard(row)
    assert case.order.page(case.live, False, 0, 10) == []
    case.add("a key of another kind")
    assert case.order.page(case.live, True, 0, 10) == [ROWS]


def test_copy_is_independent() -> None:
    case = Case(list(range(ROWS)))
    case.order.before((True, LENGTH // 2))  # with members made, and without
    keys = case.keys.copy()
    copy = Order(keys, case.live.copy(), case.order.built())
    case.discard(3)
    case.add(-1)
    assert copy.page(BitMap(range(ROWS)), False, 0, 5) == [0, 1, 2, 3, 4]
    assert case.order.page(case.live, False, 0, 5) == [ROWS, 0, 1, 2, 4]
    assert copy.before((True, 4)) == BitMap([0, 1, 2, 3])
