"""`understudy compare --map-ids`: two stand-ins with the same rows under other ids and times."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import httpx
import pytest

from tests import jsonl
from tests.compare.test_compare import CHANGED, LOST, compare, url
from tests.conftest import SMALL
from tests.servers import stand_in
from understudy.compare.differences import Difference, difference
from understudy.compare.findings import Finding
from understudy.compare.findings_report import report
from understudy.compare.id_mapping import SAME, IdMapping
from understudy.compare.row_matching import Listing, mapping_of
from understudy.contract.contract import Contract
from understudy.operations.api_folder import own_folder
from understudy.sampling.answers import Answer, Order
from understudy.sampling.random_requests import Request

Row = dict[str, Any]
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def other_id(id: str) -> str:
    return str(uuid5(NAMESPACE_URL, id))


def renamed(row: Row) -> Row:
    """A row under other ids, made a few days later."""
    other: Row = json.loads(UUID.sub(lambda found: other_id(found[0]), json.dumps(row)))
    later = {name: datetime.fromisoformat(row[name].replace("Z", "+00:00")) for name in ("created", "updated")}
    moved = {name: time + timedelta(days=11, microseconds=17) for name, time in later.items()}
    return {**other, **{name: time.isoformat().replace("+00:00", "Z") for name, time in moved.items()}}


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., httpx.Client]]:
    """Starts a stand-in on the small set under other ids and times, each artifact as `change` leaves it, if any."""
    with ExitStack() as stack:

        def start(change: Callable[[Row], list[Row]] = lambda row: [row]) -> httpx.Client:
            folder = tmp_path_factory.mktemp("other")
            for path in SMALL.glob("*.jsonl"):
                rows = jsonl.read(path)
                if path.name == "artifacts.jsonl":
                    rows = [left for row in rows for left in change(row)]
                jsonl.write(folder / path.name, map(renamed, rows))
            return stack.enter_context(stand_in(folder))

        yield start


def test_equal_rows_with_other_ids_have_no_differences(small: httpx.Client, other: Callable[..., httpx.Client]) -> None:
    servers = url(small), url(other())
    result = compare(*servers, "--requests", "800", "--map-ids")
    assert (result.returncode, result.stdout) == (0, "0 differences in 800 requests.\n")
    assert compare(*servers, "--requests", "100", "--seed", "1").returncode == 1


def without(row: Row) -> list[Row]:
    return [] if row["id"] == LOST else [row]


def changed(row: Row) -> list[Row]:
    return [{**row, "type": "odd"} if row["id"] == CHANGED else row]


DIFFERENCES = {
    "a row that is missing": (without, f"only in the first: {LOST}; only in the second: none", 1),
    "a row that is another": (changed, f"only in the first: {CHANGED}; only in the second: {other_id(CHANGED)}", 2),
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_only_actual_differences_are_found(
    small: httpx.Client, other: Callable[..., httpx.Client], tmp_path: Path, name: str
) -> None:
    change, expected, count = DIFFERENCES[name]
    servers, saved = (url(small), url(other(change))), tmp_path / "cases.jsonl"
    result = compare(*servers, "--requests", "3000", "--seed", "1", "--map-ids", "--save", str(saved))
    lines = result.stdout.splitlines()
    assert result.returncode == 1
    assert {line.strip() for line in lines if line.startswith("   only in")} == {expected}
    assert [line for line in lines if line.startswith("not on both")] == [
        f"not on both: {count} row{'s' * (count > 1)} of artifacts ({expected})"
    ]
    again = compare(*servers, "--replay", str(saved), "--map-ids")
    assert again.stdout.splitlines()[0] == lines[0].replace("3,000", str(len(jsonl.read(saved))))


def test_servers_filled_through_the_api(tmp_path: Path) -> None:
    with stand_in(tmp_path) as first, stand_in(tmp_path) as second:
        for number, api in enumerate((first, second)):
            for name in "abc":
                api.post("/flows/", json={"name": name, "tags": [name]})
            for index in range(250):
                run = other_id(f"{number} {index % 7}")
                body = {"key": f"key-{index % 3}", "data": {"run": run, "n": index % 9}, "flow_run_id": run}
                made = api.post("/artifacts/", json=body).json()
            api.patch(f"/artifacts/{made['id']}", json={"description": "the last"})
        result = compare(url(first), url(second), "--requests", "300", "--map-ids")
    # The events that a server creates for writes have other ids and times, and no list that pairs them.
    operations = [line.split()[2] for line in result.stdout.splitlines() if re.match(r"\d+\. ", line)]
    assert "300 requests" in result.stdout
    assert [path for path in operations if not path.startswith("/events/")] == []


def rows(text: str) -> list[Row]:
    """Rows of an id, a name, an owner and a time each: "1 a x 08" is row 1 of name a, of owner x, at 08Z."""
    words = (row.split() for row in text.split(", "))
    return [
        {"id": other_id(id_), "name": named(name), "owner": None if owner == "-" else other_id(owner), "at": f"{time}Z"}
        for id_, name, owner, time in words
    ]


def named(text: str) -> str:
    """A text with ids for its digits."""
    return re.sub(r"\d", lambda found: other_id(found[0]), text)


def mapping(first: str, second: str) -> IdMapping:
    return mapping_of([Listing("pets", ("id", "owner"), ("at",), (rows(first), rows(second)))])


PAIRS = {
    "by what they hold": ("1 a - 0, 2 b - 1", "7 b - 0, 8 a - 1", "18 27"),
    "by their age": ("1 a - 5.2, 2 a - 5", "7 a - 3, 8 a - 4", "18 27"),
    "with what they refer to": ("1 a x 0", "7 a y 0", "17 xy"),
    "by what they refer to": ("1 a x 9, 2 b x 0, 3 b z 1", "7 a y 9, 8 b w 0, 9 b y 1", "29 38"),
    "where none is left over first": ("1 b x 0, 2 b z 1, 3 a x 8, 4 a z 9", "7 b w 0, 8 a y 8, 9 a w 9", "27 38 49"),
    "by what refers to them": ("1 a 3 0, 2 b - 0, 3 b - 1", "7 a 8 0, 8 b - 0, 9 b - 1", "29 38"),
    "by ids in what they hold": ("1 a - 0, 2 b:1. - 0", "7 a - 0, 8 b:7. - 0", "17 28"),
    "by ids of their own in what they hold": ("1 a:3.1 3 0, 2 a:2.3 3 0", "7 a:7.9 9 0, 8 a:9.8 9 0", "18 27 39"),
    "as long as there are any": ("1 a - 0, 2 a - 1", "7 a - 0", "17"),
    "only where both refer to something": ("1 a - 0, 2 b - 0", "7 a x 0, 8 b - 0", "28"),
}


@pytest.mark.parametrize("name", PAIRS)
def test_rows_are_paired(name: str) -> None:
    first, second, words = PAIRS[name]
    pairs = {(other_id(word[0]), other_id(word[1])) for word in words.split()}
    assert set(mapping(first, second).there.items()) >= pairs
    assert set(mapping(second, first).back.items()) >= pairs


def test_rows_are_paired_despite_ids_and_times_within_objects() -> None:
    contract = Contract.load(own_folder() / "openapi.yaml")
    schema = next(schema for schema in contract.schemas() if schema.value.get("x-table") == "flow_runs")
    first, second = (
        [{"id": other_id(run), "name": "a", "state": {"id": other_id(state), "timestamp": time}}]
        for run, state, time in (("1", "2", "0Z"), ("7", "8", "5Z"))
    )
    known = mapping_of([Listing.of(schema, first, second)])
    assert known.there == {other_id("1"): other_id("7"), other_id("2"): other_id("8")}
    assert known.answer(Answer(200, second)) == Answer(200, first)


def test_rows_are_paired_despite_moving_fields() -> None:
    contract = Contract.load(own_folder() / "openapi.yaml")
    schema = next(schema for schema in contract.schemas() if schema.value.get("x-table") == "task_runs")
    first, second = (
        [{"id": other_id(id_), "name": "a", "estimated_run_time": seconds}] for id_, seconds in (("1", 5.0), ("7", 6.0))
    )
    assert mapping_of([Listing.of(schema, first, second)]).there == {other_id("1"): other_id("7")}


def test_unpaired_rows_are_reported() -> None:
    unpaired = mapping("1 a - 0, 2 b - 0", "7 a - 0, 8 c - 0, 9 d - 0").alone
    assert unpaired == {"pets": ([other_id("2")], [other_id("8"), other_id("9")])}
    assert mapping("1 a - 0", "7 a - 0").alone == {}
    one_owner, two_owners = "1 a x 0, 2 b x 0", "7 a y 0, 8 b z 0"
    assert mapping(one_owner, two_owners).alone == {"pets": ([other_id("2")], [other_id("8")])}


def test_ids_are_translated_and_times_only_within_their_row() -> None:
    known = mapping("1 a x 0", "7 a y 5")
    one, seven, eight = map(other_id, "178")
    there = known.request(Request("GET", f"/pets/{one}/{eight}", "/pets/{id}", {"any_": [one, 1], "after_": "0Z"}))
    assert (there.path, there.body) == (f"/pets/{seven}/{eight}", {"any_": [seven, 1], "after_": "0Z"})
    body = [{"id": seven, "at": "5Z"}, {"id": seven, "at": "6Z"}, {"id": eight, "at": "5Z"}, f'a "{seven}"', "5Z"]
    back = [{"id": one, "at": "0Z"}, {"id": one, "at": "6Z"}, {"id": eight, "at": "5Z"}, f'a "{one}"', "5Z"]
    assert known.answer(Answer(200, body)) == Answer(200, back)


def test_each_server_is_reported_with_its_own_request() -> None:
    requests = Request("GET", "/pets/1", "/pets/{id}"), Request("GET", "/pets/7", "/pets/{id}")
    finding = Finding(requests, Difference("status", "200 and 404"), (Answer(200, {}), Answer(404, {})))
    lines = report([finding], 1, ("http://first", "http://second")).splitlines()
    assert lines[-2:] == ["   curl -s http://first/pets/1", "   curl -s http://second/pets/7"]


@pytest.mark.parametrize(
    ("second", "field", "kept"),
    [
        ("7 a:7 - 0", "at", "at"),
        ("7 a:7 - 5", "at", ""),
        ("7 a:7 - 5", "id", ""),
        ("7 a:7 - 5", "name|owner", ""),
        ("1 a:1 - 5", "name|owner", "name|owner"),
        ("1 a:1 - 5", "name|at", ""),
        ("1 a:1 - 5", "id", "id"),
        ("1 a:1 - 5", "name", "name"),
        ("7 a:7 - 5", "name", ""),
    ],
)
def test_order_by_unequal_values_is_not_compared(second: str, field: str, kept: str) -> None:
    assert mapping("1 a:1 - 0", second).order(Order(field, 200), []) == Order(kept, 200)


def test_lists_in_server_order_may_be_sorted_by_id() -> None:
    first, second = (Answer(200, [{"id": other_id(id_)} for id_ in ids]) for ids in ("12", "87"))
    known = mapping("1 a - 0, 2 b - 0", "7 a - 0, 8 b - 0")
    answers = first, known.answer(second)
    assert difference(*answers) is not None
    assert difference(*answers, known.order(None, first.body)) is None
    assert difference(first, Answer(200, answers[1].body[:1]), known.order(None, first.body)) is not None
    assert known.order(None, {"items": []}) is None
    assert SAME.order(None, first.body) is None
