"""The file format of a store: TinyDB's JSON of tables and numbered rows, with one row per line."""

import re
from collections.abc import Iterator, Mapping
from json import JSONDecodeError, JSONDecoder
from typing import Any, NamedTuple

from pydantic_core import SchemaValidator, ValidationError, core_schema, to_json

Rows = Mapping[str, Mapping[int, bytes]]
"""By table, the JSON of rows by their numbers; empty for a deleted row."""

NUMBER = re.compile(r"[1-9][0-9]{0,17}")
LINE = re.compile(r',\n"([1-9][0-9]{0,17})": (\{.*\})')  # a row behind another, as `encoded_rows` writes it
WHITE = re.compile(r"[ \t\r\n]*")
OBJECT = SchemaValidator(core_schema.typed_dict_schema({}, extra_behavior="ignore"))  # makes nothing of its fields
SLICE = 256  # rows that are encoded at once


def encoded(tables: Rows) -> Iterator[bytes]:
    """The file's content, in small pieces. Rows are sorted by number, so that a change of a row changes its line."""
    before = b"{\n"
    for name, rows in tables.items():
        yield before + to_json(name) + b": "
        yield from encoded_rows(rows)
        before = b",\n"
    yield b"\n}\n" if tables else b"{\n\n}\n"


def encoded_rows(rows: Mapping[int, bytes]) -> Iterator[bytes]:
    numbers = sorted(number for number, row in rows.items() if row)
    before = b"{\n"
    for at in range(0, len(numbers), SLICE):
        yield before + b",\n".join([b'"%d": %b' % (number, rows[number]) for number in numbers[at : at + SLICE]])
        before = b",\n"
    yield b"\n}" if numbers else b"{}"


class Entry(NamedTuple):
    """A row in a text: where its JSON begins, and where that ends, as offsets in characters."""

    table: str
    number: int
    at: int
    end: int


class Damage(Exception):
    """A file is not a valid store file. `line` is counted from 1."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason


class Reader:
    """Reads the content of a file row by row; `tables` are the tables read so far."""

    def __init__(self, text: str) -> None:
        self.tables: list[str] = []
        self._text = text
        self._at = self._end = 0  # of what was read, with and without the white space behind it
        self._decoder = JSONDecoder()

    def entries(self) -> Iterator[Entry]:
        """The rows in the order of the file.

        Raises:
            Damage: it is not JSON, not an object of tables of numbered rows, or a name is repeated.
        """
        self._skip_white()
        if not self._text.startswith("{", self._at):
            raise self.damage(self._at, "is not a store, which is a JSON object of tables")
        for table in self._members(set()):
            self.tables.append(table)
            yield from self._rows(table)
        if self._at < len(self._text):
            raise self.damage(self._at, "unexpected content after the end")

    def _rows(self, table: str) -> Iterator[Entry]:
        numbers: set[str] = set()
        for number in self._members(numbers):
            if not NUMBER.fullmatch(number):
                raise self.damage(self._at, f"`{number}` is not a row number")
            at = self._at
            self._value()
            yield Entry(table, int(number), at, self._end)
            yield from self._lines(table, numbers)

    def _lines(self, table: str, numbers: set[str]) -> Iterator[Entry]:
        """The next rows that are whole lines, which are found in a fifth of the time. Another one is left to read."""
        while line := LINE.match(self._text, self._end):
            number, row = line.groups()
            if number in numbers or not is_object(row):
                break
            numbers.add(number)
            self._end = line.end()
            yield Entry(table, int(number), line.start(2), self._end)
        self._at = self._end
        self._skip_white()

    def damage(self, at: int, reason: str) -> Damage:
        return Damage(line_at(self._text, at), reason)

    def _members(self, seen: set[str]) -> Iterator[str]:
        """The names of an object, which are added to those seen. The caller must read the value after each."""
        self._skip_white()
        self._take("{")
        while not self._takes("}"):
            if seen:
                self._take(",")
            at = self._at
            name = self._value()
            if not isinstance(name, str):
                raise self.damage(at, "expected a name")
            if name in seen:
                raise self.damage(at, f"`{name}` is repeated")
            seen.add(name)
            self._take(":")
            yield name

    def _value(self) -> Any:
        try:
            value, self._at = self._decoder.raw_decode(self._text, self._at)
            self._end = self._at
        except JSONDecodeError as error:
            raise self.damage(error.pos, f"not JSON ({error.msg})") from None
        except (ValueError, RecursionError) as error:
            raise self.damage(self._at, f"cannot be read ({error})") from None
        self._skip_white()
        return value

    def _take(self, sign: str) -> None:
        if not self._takes(sign):
            raise self.damage(self._at, f"expected `{sign}`")

    def _takes(self, sign: str) -> bool:
        found = self._text.startswith(sign, self._at)
        self._at += found
        self._skip_white()
        return found

    def _skip_white(self) -> None:
        white = WHITE.match(self._text, self._at)
        self._at = white.end() if white else self._at


def is_object(text: str) -> bool:
    """Whether a text is a JSON object that a decoder of JSON accepts, too."""
    try:
        OBJECT.validate_json(text)
    except ValidationError:
        return False
    return True


def line_at(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
