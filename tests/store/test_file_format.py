"""The file: its format, and the errors of a damaged one."""

import json
import random
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.store.conftest import Opens, rows_of
from understudy.errors import StoreError
from understudy.store.file_format import Reader, encoded


def test_row_is_a_line_of_plain_json(path: Path, opens: Opens) -> None:
    text = path.read_text(encoding="utf-8")
    content = json.loads(text)
    rows = [row for rows in content.values() for row in rows.values()]
    assert [json.loads(row) for rows in rows_of(opens(path)).values() for row in rows] == rows
    lines = [line for line in text.splitlines() if re.match(r'"\d+": \{"id":', line)]
    assert len(lines) == len(rows)


def test_rows_are_sorted_by_their_numbers() -> None:
    rows = {number: b'{"n":%d}' % number for number in (10, 9, 1)}
    assert b"".join(encoded({"t": rows, "none": {}})) == (
        b'{\n"t": {\n"1": {"n":1},\n"9": {"n":9},\n"10": {"n":10}\n},\n"none": {}\n}\n'
    )


def test_change_of_a_row_changes_one_line(path: Path, opens: Opens) -> None:
    before = path.read_text(encoding="utf-8").splitlines()
    store = opens(path)
    store.workspace["flows"].update(1, {"tags": ["changed"]})
    store.flush()
    store.compact()
    after = path.read_text(encoding="utf-8").splitlines()
    assert [line for line in after if line not in before] == [line for line in after if "changed" in line]
    assert len(before) == len(after)


def test_any_layout_of_the_same_json_is_read(path: Path, opens: Opens) -> None:
    rows = rows_of(opens(path))
    for indent in (None, 4):
        path.write_text(json.dumps(json.loads(path.read_bytes()), indent=indent), encoding="utf-8-sig")
        assert rows_of(opens(path)) == rows


TEXTS = ("", "},\n", '"2": {}', "}, {", "\\", "é\u2028", "\ud800", "x" * 50)
SPACES = ("", " ", "\n", "\n  ", "\r\n")


def value(randomness: random.Random, depth: int = 0) -> Any:
    """A JSON value whose text looks like the end of a row."""
    kinds: list[Callable[[], Any]] = [
        lambda: randomness.choice(TEXTS),
        lambda: randomness.choice([None, True, -1, 10**30, 2.5]),
        lambda: [value(randomness, depth + 1) for _ in range(randomness.randrange(3))],
        lambda: {randomness.choice(TEXTS): value(randomness, depth + 1) for _ in range(randomness.randrange(3))},
    ]
    return randomness.choice(kinds[: 4 if depth < 3 else 2])()


@pytest.mark.parametrize("seed", range(20))
def test_rows_are_found_on_separate_lines_or_not(seed: int) -> None:
    randomness = random.Random(seed)
    tables: dict[str, dict[int, Any]] = {
        name: {
            number: {"v": value(randomness)} if randomness.random() < 0.9 else value(randomness)
            for number in randomness.sample(range(1, 1000), randomness.randrange(20))
        }
        for name in ("a", "b", "c")
    }
    between = ("\n", " ") if seed % 2 else None  # as the file is written, or in any layout

    def space(place: int) -> str:
        return between[place] if between and randomness.random() < 0.9 else randomness.choice(SPACES)

    def members(texts: Iterable[tuple[str, str]]) -> str:
        listed = (f"{space(0)}{json.dumps(name)}:{space(1)}{text}" for name, text in texts)
        return "{" + ",".join(listed) + space(0) + "}"

    text = members(
        (name, members((str(number), json.dumps(row, ensure_ascii=seed % 3 == 0)) for number, row in rows.items()))
        for name, rows in tables.items()
    )
    found: dict[str, dict[int, Any]] = {name: {} for name in tables}
    for entry in Reader(text).entries():
        found[entry.table][entry.number] = json.loads(text[entry.at : entry.end])
    assert found == tables


ID = "00000000-0000-4000-8000-000000000001"
ROW = {"id": ID, "created": "2026-01-01T00:00:00Z", "updated": "2026-01-01T00:00:00Z", "name": "a"}


def flows(**rows: object) -> str:
    return json.dumps({"flows": {name.strip("n"): row for name, row in rows.items()}}, indent=0)


def lines(**rows: object) -> str:
    """The same as written by the store: a row on each line."""
    listed = ",\n".join(f'"{name.strip("n_")}": {json.dumps(row)}' for name, row in rows.items())
    return f'{{\n"flows": {{\n{listed}\n}}\n}}\n'


DAMAGED = {
    "no JSON": ("hello", 1, "is not a store, which is a JSON object of tables"),
    "white space": (" \n", 2, "is not a store, which is a JSON object of tables"),
    "a list": ("[]", 1, "is not a store, which is a JSON object of tables"),
    "a table that is none": ('{"flows": []}', 1, "expected `{`"),
    "an unknown table": ('{\n"flow": {\n"1": {}}}', 3, "no table is named `flow`; the tables are artifact_collections"),
    "more behind the end": ("{}\n{}", 2, "unexpected content after the end"),
    "a name that is none": ('{"flows": {1: {}}}', 1, "expected a name"),
    "a table twice": ('{"flows": {},\n"flows": {}}', 2, "`flows` is repeated"),
    "a number twice": (f'{{"flows": {{"1": {json.dumps(ROW)},\n"1": {{}}}}}}', 2, "`1` is repeated"),
    "a number that is none": ('{"flows": {"01": {}}}', 1, "`01` is not a row number"),
    "a number twice, on lines": (lines(n1=ROW, n2=ROW, n2_=ROW), 5, "`2` is repeated"),
    "a number that is none, on a line": (lines(n1=ROW, n02=ROW), 4, "`02` is not a row number"),
    "half a row on a line": (lines(n1=ROW, n2={}).replace("{}", '{"id": }'), 4, "not JSON (Expecting value)"),
    "more behind a row on a line": (lines(n1=ROW, n2={}).replace("{}", "{} {}"), 4, "expected `,`"),
    "an id twice": (flows(n1=ROW, n2=ROW), 9, f"the id {ID} already exists"),
    "no row": (flows(n1=5), 3, "Input should be an object"),
    "half a row": (flows(n1=ROW)[:60], 4, "not JSON (Unterminated string starting at)"),
    "a comma too many": ('{"flows": {},\n}', 2, "not JSON (Expecting value)"),
    "too deep": ('{"flows":\n{"1": ' + "[" * 200_000, 2, "cannot be read (maximum recursion depth exceeded"),
    "too long a number": ('{"flows":\n{"1": ' + "1" * 5000, 2, "cannot be read (Exceeds the limit"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_file_is_rejected_with_the_place_and_not_changed(tmp_path: Path, opens: Opens, name: str) -> None:
    text, line, reason = DAMAGED[name]
    path = tmp_path / "rows.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(StoreError) as raised:
        opens(path)
    message = str(raised.value)
    assert message.startswith(f"{path}, line {line}: {reason}"), message
    assert message.endswith(f"; `understudy store repair {path}` saves what can be read")
    assert "\n" not in message
    assert path.read_text(encoding="utf-8") == text


def test_invalid_utf8_is_rejected_with_its_line(path: Path, opens: Opens) -> None:
    path.write_bytes(path.read_bytes().replace(b'"flows": {', b'"flows": {\n\xff'))
    with pytest.raises(StoreError, match=r"line \d+: it is not UTF-8"):
        opens(path)


def test_every_truncation_is_rejected(path: Path, opens: Opens) -> None:
    """Except two: an empty file is a new store, and the last line break is optional."""
    whole = path.read_bytes()
    for length in range(1, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(StoreError):
            opens(path)


@pytest.mark.parametrize("seed", range(10))
def test_flipped_byte_is_rejected_or_leaves_valid_rows(path: Path, opens: Opens, seed: int) -> None:
    randomness = random.Random(seed)
    whole = path.read_bytes()
    refused = 0
    for _ in range(100):
        flipped = bytearray(whole)
        flipped[randomness.randrange(len(flipped))] ^= randomness.randrange(1, 256)
        path.write_bytes(flipped)
        try:
            store = opens(path)
        except StoreError:
            refused += 1
        else:
            for table in store.workspace.values():
                assert all(table.schema.encode(table.values(row)) == table.encoded(row) for row in table.live)
    assert 0 < refused < 100
