"""A few rows of many."""

import random
from typing import Any

from understudy.sampling.varied_rows import varied


def test_rows_with_rare_values_are_selected() -> None:
    rows: dict[str, dict[str, Any]] = {
        f"{number:04}": {"id": f"{number:04}", "state": "DONE", "end": f"{number}"} for number in range(1000)
    }
    rows["0500"] |= {"state": "FAILED"}
    rows["0700"] = {"id": "0700", "state": "DONE", "end": None}
    some = varied(rows, random.Random(1), 10)
    assert len(some) == len(set(some)) == 10
    assert {"0500", "0700"} <= set(some)


def test_fields_with_fewer_values_come_first() -> None:
    rows: dict[str, dict[str, Any]] = {
        f"{number:02}": {"kind": number % 15, "is_late": number == 37, "end": None if number == 41 else number + 1}
        for number in range(60)
    }
    for seed in range(10):
        assert {"37", "41"} <= set(varied(rows, random.Random(seed), 4))
        assert {rows[each]["kind"] for each in varied(rows, random.Random(seed), 17)} == set(range(15))
