"""The storage below TinyDB: a file and its log, which are whole at any moment."""

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pydantic_core import from_json, to_json
from tinydb import Storage

from understudy.encoding import reason_of
from understudy.store.compaction import NewFile, limit_of, rewritten
from understudy.store.disk import (
    Check,
    Folder,
    Stamp,
    deleted_on_failure,
    held_open,
    is_untouched,
    opened_folder,
    rename,
)
from understudy.store.file_format import Rows
from understudy.store.log_records import file_record, rows_record
from understudy.store.write_log import Log

logger = logging.getLogger("understudy")


class LoggedFile(Storage):
    """Rows in a file that is rewritten now and then, and in a log to which all writes are appended meanwhile.

    The file is replaced by a rename, and the log names each state of the file that it belongs to, so that both fit
    each other after a crash at any moment:

    1. The new content is written beside the file, while writes are appended to the log.
    2. A record in the log says that it belongs to the new file as well. Its rows may be applied to both: each record
       has whole rows by their numbers, and the last state of a row counts.
    3. The new file gets the name of the old one, and the folder is flushed.
    4. The log is replaced by one with the records since the start, or deleted if it has none of these.

    What TinyDB writes is buffered for the next `put`.

    Args:
        path: the file.
        rows: the JSON of all rows, by table and number; the tables are taken over.
        stamp: the state of the file; None if it does not exist.
        identity: of the file's content.
        log: its log.
        check: checks that the file is still ours to write.
    """

    def __init__(
        self, path: Path, rows: dict[str, dict[int, bytes]], stamp: Stamp | None, identity: str, log: Log, check: Check
    ) -> None:
        self._path = path
        self._rows = rows
        self._stamp = stamp
        self._identity = identity
        self._log = log
        self._check = check
        self._buffered: dict[str, dict[int, bytes]] = {}
        self._limit = limit_of(0, stamp[2] if stamp else 0)
        self._writing = threading.Lock()
        self._compacting: threading.Thread | None = None
        self._is_deleted = False
        self._warned: set[Path] = set()

    # ------------------------------------------------------------------ TinyDB

    def read(self) -> dict[str, dict[str, Any]]:
        tables = {name: {**rows, **self._buffered.get(name, {})} for name, rows in self._rows.items()}
        tables |= {name: rows for name, rows in self._buffered.items() if name not in tables}
        return {
            name: {str(number): from_json(row) for number, row in rows.items() if row} for name, rows in tables.items()
        }

    def write(self, data: Mapping[str, Mapping[str, Any]]) -> None:
        before = self.read()
        for name in {*before, *data}:
            old, new = before.get(name, {}), data.get(name, {})
            changed = {int(number): to_json(row) for number, row in new.items() if old.get(number) != row}
            deleted = dict.fromkeys((int(number) for number in old if number not in new), b"")
            self._buffered[name] = {**self._buffered.get(name, {}), **changed, **deleted}

    # ------------------------------------------------------------------- write

    def put(self, rows: Rows) -> None:
        """Write rows and what is buffered, and return when all are on disk.

        Raises:
            OSError: they cannot be written, or another process has changed the file. Nothing is changed.
        """
        rows = merged(self._buffered, rows)
        if not self._append(rows):
            self.wait()
            with self._writing:
                self._replace(rewritten(self._path, merged(self._rows, rows)))
                self._take(rows)

    def _append(self, rows: Rows) -> bool:
        """Append rows to the log. Returns false if the file or its log does not exist, so that both must be written."""
        with self._writing:
            self._check_ours()
            if not is_untouched(self._path, self._stamp) or (self._log.end and not self._log.is_there()):
                return False
            if not rows:
                return True
            record = rows_record(rows)
            if self._log.end:
                self._log.append(record)
            else:
                self._start_log(record)
            self._take(rows)
            if self._log.end > self._limit and self._compacting is None:
                self._compacting = threading.Thread(target=self._compact_beside, name="compaction", daemon=True)
                self._compacting.start()
            return True

    def compact(self) -> None:
        """Rewrite the file with all that is in the log, and delete the log.

        Raises:
            OSError: it cannot be done. The file and its log are valid.
        """
        self.wait()
        with self._writing:
            self._check_ours()
            is_there = is_untouched(self._path, self._stamp)
            if self._log.end or not is_there:
                self._replace(rewritten(self._path, self._rows))

    def wait(self) -> None:
        """Wait until the file is not being rewritten."""
        compacting = self._compacting
        if compacting is not None:
            compacting.join()

    def close(self) -> None:
        """Rewrite the file if it has a log, so that a person can edit it. If that fails, the log stays."""
        self.wait()
        if self._is_deleted or not self._log.end:
            return
        with suppress(OSError):
            self._check()
            try:
                self.compact()
            except OSError as error:
                self._warn(error)

    def delete(self) -> None:
        """Delete the file and its log. They cannot be written afterwards.

        Raises:
            OSError: the file cannot be deleted.
        """
        self.wait()
        with self._writing, opened_folder(self._path.parent, self._warned) as folder:
            self._check()
            self._log.announce_deletion()
            self._path.unlink(missing_ok=True)
            self._is_deleted = True
            # The deletion is made, so that errors do not matter: with its last record, a log without a file is nothing.
            with suppress(OSError):
                folder.flush()
                self._log.delete()
                folder.flush()

    def discard(self) -> None:
        """Discard what is buffered."""
        self._buffered = {}

    # -------------------------------------------------------------------- steps

    def _check_ours(self) -> None:
        if self._is_deleted:
            raise OSError(None, f"{self._path} was deleted")
        self._check()

    def _start_log(self, record: bytes) -> None:
        """Start the log with its first record."""
        with opened_folder(self._path.parent, self._warned) as folder:
            self._log.start(self._identity, record, self._check)
            try:
                folder.flush()
            except BaseException:
                with suppress(OSError):
                    self._log.delete()
                raise

    def _take(self, rows: Rows) -> None:
        for name, some in rows.items():
            own = self._rows.setdefault(name, {})
            for number, row in some.items():
                if row:
                    own[number] = row
                else:
                    own.pop(number, None)
        self._buffered = {}

    def _compact_beside(self) -> None:
        """Rewrite the file while writes go on."""
        try:
            with self._writing:
                rows, since = {name: own.copy() for name, own in self._rows.items()}, self._log.end
            new = rewritten(self._path, rows)
            with deleted_on_failure(new.path), opened_folder(self._path.parent, self._warned) as folder:
                with held_open(self._path), self._writing:
                    self._check_ours()
                    is_untouched(self._path, self._stamp)
                    self._rename(new)
                self._shorten_log(folder, since)
        except OSError as error:
            self._warn(error)
        finally:
            self._limit = limit_of(self._log.end, self._stamp[2] if self._stamp else 0)
            self._compacting = None

    def _replace(self, new: NewFile) -> None:
        """Put a new file with all rows in the place of the present one and its log.

        Raises:
            OSError: the file and its log are as before.
        """
        with deleted_on_failure(new.path), opened_folder(self._path.parent, self._warned) as folder:
            self._rename(new)
            self._delete_log(folder)

    def _rename(self, new: NewFile) -> None:
        """Give a new file the name of the present one, after the log has named it.

        Raises:
            OSError: the file is as before.
        """
        if self._log.is_there():
            self._log.append(file_record(new.identity))
        else:  # at most what is left of the log of a deleted file
            self._log.path.unlink(missing_ok=True)
        self._check()
        rename(new.path, self._path, new.stamp)
        self._stamp, self._identity = new.stamp, new.identity

    def _delete_log(self, folder: Folder) -> None:
        """Delete the log after the file has all its rows. A failure only leaves a log that is not necessary."""
        with self._logged():
            folder.flush()
            self._log.delete()
            folder.flush()

    def _shorten_log(self, folder: Folder, since: int) -> None:
        """Drop the records before an offset, of which the file has the rows, while writes go on."""
        with self._logged():
            folder.flush()
            copy = self._log.copy(self._identity, since)
            with deleted_on_failure(copy.path), held_open(self._log.path), self._writing:
                self._log.replace(copy, self._check)
                folder.flush()

    @contextmanager
    def _logged(self) -> Iterator[None]:
        """Log that the log could not be shortened."""
        try:
            yield
        except OSError as error:
            logger.warning("%s: its log cannot be shortened (%s)", self._path, reason_of(error))

    def _warn(self, error: OSError) -> None:
        logger.warning("%s could not be rewritten (%s); its log has the latest writes", self._path, reason_of(error))


def merged(rows: Rows, changes: Rows) -> dict[str, dict[int, bytes]]:
    """Rows with changes to them, and their deleted rows as empty ones."""
    return {name: {**rows.get(name, {}), **changes.get(name, {})} for name in [*rows, *changes]}
