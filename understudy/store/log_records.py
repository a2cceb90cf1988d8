"""The records of a log: each is one line with its length and checksum."""

import json
import re
import zlib
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple

from pydantic_core import to_json

from understudy.store.file_format import Damage, Reader, Rows

FILE, ROWS, DELETED = b"file", b"rows", b"deleted"
LINE = re.compile(rb"(file|rows|deleted) ([0-9a-f]{8}) (0|[1-9][0-9]{0,11}) ")
SHOWN = 60  # characters of what cannot be read
BLOCK = 512  # bytes: the smallest unit that a disk writes
FORMAT = 1


class LoggedRow(NamedTuple):
    """The JSON of a row in a log, empty if it was deleted, and its line."""

    json: str
    line: int


class Loss(NamedTuple):
    """Text in a file that is not a readable row or record: its beginning, its line, counted from 1, and the reason.

    `log` is the name of the log if it is there, and not in the file.
    """

    line: int
    text: str
    reason: str
    log: str = ""


@dataclass
class Records:
    """The combined contents of a log's records.

    Attributes:
        identities: the identities of the states of the file that the log belongs to.
        rows: the last state of each row, by table and number.
        is_deleted: the file and its log were being deleted.
        end: the size of the valid records in bytes.
        writes: the number of records with rows.
        losses: what is damaged; only if that is allowed.
    """

    identities: set[str] = field(default_factory=set)
    rows: dict[str, dict[int, LoggedRow]] = field(default_factory=dict)
    is_deleted: bool = False
    end: int = 0
    writes: int = 0
    losses: list[Loss] = field(default_factory=list)


def identity_of(content: bytes) -> str:
    """Identifies a file by its content, so that it may be moved and copied together with its log."""
    return sha256(content).hexdigest()


def file_record(identity: str) -> bytes:
    """The log belongs to the state of the file with this identity, possibly among others."""
    return line(FILE, to_json({"format": FORMAT, "sha256": identity}))


def rows_record(rows: Rows) -> bytes:
    """These rows were written together."""
    tables = (b"%b:{%b}" % (to_json(name), b",".join(map(member, some.items()))) for name, some in rows.items())
    return line(ROWS, b"{%b}" % b",".join(tables))


def member(row: tuple[int, bytes]) -> bytes:
    return b'"%d":%b' % (row[0], row[1] or b"null")


def deleted_record() -> bytes:
    """The file is being deleted, and then the log."""
    return line(DELETED, b"{}")


def line(kind: bytes, content: bytes) -> bytes:
    return b"%b %08x %d %b\n" % (kind, zlib.crc32(content, zlib.crc32(kind)), len(content), content)


def read_records(log: bytes, *, is_lenient: bool = False) -> Records:
    """The records of a log. A last one that was written in part is left out: no response was sent for it.

    Args:
        log: the content of the log.
        is_lenient: damaged records are losses, of which the rows that can be read are there.

    Raises:
        Damage: a record is damaged.
    """
    records = Records()
    at, number = 0, 1
    while at < len(log) or number == 1:
        end = log.find(b"\n", at) + 1 or len(log)
        record = log[at:end]
        try:
            take(records, record, number)
        except ValueError as error:
            if end == len(log) and number > 1 and is_torn(log, at):
                break
            if not is_lenient:
                raise Damage(number, str(error)) from None
            records.losses.append(Loss(number, shown(record), str(error)))
            with suppress(Damage):
                take_rows(records, record[max(record.find(b"{"), 0) :], number)
        records.end = at = end
        number += 1
    return records


def take(records: Records, record: bytes, number: int) -> None:
    """Add what a record holds.

    Raises:
        ValueError: it is damaged.
    """
    kind, content = parts(record)
    if number == 1 and kind != FILE:
        raise ValueError("a log begins with the file that it belongs to")
    if kind == FILE:
        value = json.loads(content)
        if value.get("format") != FORMAT:
            raise ValueError("the log was written by another version of Understudy")
        records.identities.add(value["sha256"])
    elif kind == DELETED:
        records.is_deleted = True
    else:
        records.writes += 1
        records.is_deleted = False
        try:
            take_rows(records, content, number)
        except Damage as damage:
            raise ValueError(damage.reason) from None


def take_rows(records: Records, content: bytes, number: int) -> None:
    """Add rows.

    Raises:
        Damage: some cannot be read.
    """
    text = content.decode("utf-8", "surrogateescape")
    for entry in Reader(text).entries():
        row = text[entry.at : entry.end]
        records.rows.setdefault(entry.table, {})[entry.number] = LoggedRow("" if row == "null" else row, number)


def parts(record: bytes) -> tuple[bytes, bytes]:
    """The kind and content of a record.

    Raises:
        ValueError: it is damaged.
    """
    head = LINE.match(record)
    if not head:
        raise ValueError("not a record")
    content = record[head.end() : -1]
    if record[-1:] != b"\n" or len(content) != int(head[3]):
        raise ValueError(f"the record has {len(record) - head.end() - 1} bytes instead of {int(head[3])}")
    if zlib.crc32(content, zlib.crc32(head[1])) != int(head[2], 16):
        raise ValueError("the checksum does not match")
    return head[1], content


def is_torn(log: bytes, at: int) -> bool:
    """Whether the last record was written in part: the log ends inside it, or a block of it was never written."""
    record = log[at:]
    head = LINE.match(record)
    if record[-1:] != b"\n":
        if head and len(record) <= head.end() + int(head[3]):
            return True
        if not head and is_beginning(record):
            return True
    starts = range(at - at % BLOCK, len(log), BLOCK)
    return any(not log[max(start, at) : start + BLOCK].strip(b"\0") for start in starts)


def is_beginning(record: bytes) -> bool:
    """Whether a record was broken off in its head."""
    patterns = (rb"[a-z]{0,7}", rb"(file|rows|deleted) [0-9a-f]{0,8}", rb"(file|rows|deleted) [0-9a-f]{8} [0-9]{0,12}")
    return any(re.fullmatch(pattern, record) for pattern in patterns)


def shown(text: bytes | str) -> str:
    """The beginning of a text that cannot be read, on one line."""
    whole = text[:SHOWN] if isinstance(text, bytes) else text[:SHOWN].encode("utf-8", "surrogateescape")
    return " ".join(whole.decode("ascii", "backslashreplace").split())[:SHOWN]
