"""The combined contents of a store's file and its log, either of which may be edited by hand or damaged by a crash."""

from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

from understudy.encoding import decoded, reason_of
from understudy.errors import StoreError
from understudy.paths import check_file
from understudy.store.disk import Stamp, stamp_of
from understudy.store.file_format import Damage, Entry, Reader, line_at
from understudy.store.log_records import LoggedRow, Records, identity_of, read_records
from understudy.store.write_log import Log, log_file
from understudy.text import counted

NANOSECONDS = 10**9  # in a second
ATTEMPTS = 10  # to read a file and a log that fit each other, while a server writes both


class Read(NamedTuple):
    """The bytes of a file and of its log, and their states; None if they do not exist."""

    file: bytes
    stamp: Stamp | None
    log: bytes
    log_stamp: Stamp | None


class Contents:
    """The rows of a file, changed by those of its log.

    Attributes:
        tables: the tables that the file or the log has. Complete once all entries are read.
        written: when the file or the log was last written; None if there is no file, or an empty one.

    Raises:
        StoreError: the file or its log cannot be read, or the log is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        found = read_both(path)
        self.identity = identity_of(found.file)
        self.stamp, self._log_stamp = found.stamp, found.log_stamp
        self.written = max(map(time_of, filter(None, (found.stamp, found.log_stamp)))) if found.file else None
        self._text = self._decoded(found.file)
        self._records = self._logged(found)
        self._logged_rows: list[LoggedRow] = []
        self._reader = Reader(self._text)
        self.tables: list[str] = []

    def log(self) -> Log:
        """The log, to be appended to."""
        return Log(self._path, self._log_stamp, self._records.end)

    def entries(self) -> dict[str, list[Entry]]:
        """The rows by table, in the order of their numbers.

        Raises:
            StoreError: the file is damaged, or the log belongs to another one.
        """
        try:
            return {name: sorted(rows, key=lambda entry: entry.number) for name, rows in self._merged().items()}
        except Damage as damage:
            raise StoreError.of_damage(self._path, damage.reason, damage.line) from None

    def _merged(self) -> dict[str, list[Entry]]:
        logged = self._records.rows
        entries: dict[str, list[Entry]] = {}
        for entry in self._reader.entries() if self._text else ():
            if entry.number not in logged.get(entry.table, ()):
                entries.setdefault(entry.table, []).append(entry)
        self._check_log()
        for table, rows in logged.items():
            entries.setdefault(table, []).extend(self._entries_of(table, rows))
        self.tables = list(dict.fromkeys([*self._reader.tables, *logged]))
        return entries

    def _entries_of(self, table: str, rows: dict[int, LoggedRow]) -> Iterator[Entry]:
        """Rows of the log. Their offsets are behind the file."""
        for number, row in rows.items():
            if row.json:
                at = len(self._text) + len(self._logged_rows)
                self._logged_rows.append(row)
                yield Entry(table, number, at, at)

    def json(self, entry: Entry) -> str:
        """The JSON of a row."""
        beyond = entry.at - len(self._text)
        return self._text[entry.at : entry.end] if beyond < 0 else self._logged_rows[beyond].json

    def place(self, entry: Entry) -> tuple[Path, int]:
        """The file of a row, and its line, counted from 1."""
        beyond = entry.at - len(self._text)
        if beyond < 0:
            return self._path, line_at(self._text, entry.at)
        return log_file(self._path), self._logged_rows[beyond].line

    def damage(self, entry: Entry, reason: str) -> StoreError:
        """The error for a row that is not valid."""
        place, line = self.place(entry)
        return StoreError.of_damage(self._path, reason, line, place)

    def _decoded(self, content: bytes) -> str:
        try:
            return decoded(content)
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise StoreError.of_damage(self._path, reason_of(error), line) from None

    def _logged(self, found: Read) -> Records:
        if found.log_stamp is None:
            return Records()
        try:
            return read_records(found.log)
        except Damage as damage:
            raise StoreError.of_damage(self._path, damage.reason, damage.line, log_file(self._path)) from None

    def _check_log(self) -> None:
        """Check that the log belongs to the file."""
        if self._log_stamp is None or self.identity in self._records.identities:
            return
        log, writes = log_file(self._path), counted(self._records.writes, "records")
        if self.stamp is None:
            hint = f"restore the file, or delete {log.name} to start a new store"
            raise StoreError(self._path, f"does not exist, but {log.name} has {writes} that belong to it; {hint}")
        hint = (
            f"undo the change; or delete {log.name} and its writes; or "
            f"`understudy store repair {self._path}` saves both"
        )
        raise StoreError(self._path, f"was changed since {log.name}, which has {writes}, was written; {hint}")


def read_both(path: Path) -> Read:
    """Read a file and its log. If a server writes both meanwhile, they are read until they fit each other.

    Raises:
        StoreError: they cannot be read.
    """
    log = log_file(path)
    try:
        for _ in range(ATTEMPTS):
            file, stamp = read_one(path)
            records, log_stamp = read_one(log)
            if log_stamp is not None and stamp is None and is_deletion(records):
                return Read(b"", None, b"", None)
            if state_of(path) == stamp:
                break
    except OSError as error:
        raise StoreError(path, f"cannot be read ({reason_of(error)})") from None
    return Read(file, stamp, records, log_stamp)


def is_deletion(records: bytes) -> bool:
    """Whether a log is the remainder of a deleted store."""
    try:
        return read_records(records).is_deleted
    except Damage:
        return False


def read_one(path: Path) -> tuple[bytes, Stamp | None]:
    try:
        check_file(path)
        with path.open("rb") as file:
            return file.read(), stamp_of(file.fileno())
    except FileNotFoundError:
        return b"", None
    except OSError as error:
        raise StoreError(path, f"cannot be read ({reason_of(error)})") from None


def state_of(path: Path) -> Stamp | None:
    try:
        state = path.stat()
    except FileNotFoundError:
        return None
    return state.st_ino, state.st_mtime_ns, state.st_size


def time_of(stamp: Stamp) -> datetime:
    return datetime.fromtimestamp(stamp[1] / NANOSECONDS, timezone.utc)
