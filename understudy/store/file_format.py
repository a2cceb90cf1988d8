"""The file format of a store: TinyDB's JSON of tables and numbered rows, with one row per line."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from json import JSONDecodeError, JSONDecoder
from typing import Any

from pydantic_core import to_json

Tables = Mapping[str, Mapping[str, Any]]
"""By table, the rows by the number that TinyDB gives them, as text."""

NUMBER = re.compile(r"[1-9][0-9]{0,17}")
WHITE = re.compile(r"[ \t\r\n]*")


def encoded(tables: Tables) -> bytes:
    """The file's content. Rows are sorted by number, so that a change of a row only changes its line."""
    return b"{\n" + b",\n".join(to_json(name) + b": " + encoded_rows(rows) for name, rows in tables.items()) + b"\n}\n"


def encoded_rows(rows: Mapping[str, Any]) -> bytes:
    lines = [b'"%s": %s' % (number.encode(), to_json(rows[number])) for number in sorted(rows, key=int)]
    return b"{\n" + b",\n".join(lines) + b"\n}" if lines else b"{}"


@dataclass(frozen=True)
class Entry:
    """A row in a file: its value, its JSON, and the offset of that in characters."""

    table: str
    number: int
    value: Any
    json: str
    at: int


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
        self._at = 0
        self._decoder = JSONDecoder()

    def entries(self) -> Iterator[Entry]:
        """The rows in the order of the file.

        Raises:
            Damage: it is not JSON, not an object of tables of numbered rows, or a name is repeated.
        """
        for table in self._members():
            self.tables.append(table)
            for number in self._members():
                if not NUMBER.fullmatch(number):
                    raise self.damage(self._at, f"`{number}` is not a row number")
                at = self._at
                value = self._value()
                yield Entry(table, int(number), value, self._text[at : self._at].rstrip(), at)
        if self._at < len(self._text):
            raise self.damage(self._at, "unexpected content after the end")

    def line(self, entry: Entry) -> int:
        """The line of a row, counted from 1."""
        return line_at(self._text, entry.at)

    def damage(self, at: int, reason: str) -> Damage:
        return Damage(line_at(self._text, at), reason)

    def _members(self) -> Iterator[str]:
        """The names of an object. The caller must read the value after each."""
        seen: set[str] = set()
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


def line_at(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
