"""Exceptions: errors of a user, such as in files and options, and error responses to requests."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from understudy.text import escape

INDENTED = "\n  "
MOST = 50  # errors that are reported one by one
LONGEST = 1000  # characters of one of them, which may quote a value of any length
LIKE = 0.75  # of 1: the least similarity of a name to suggest
COMPARED = 200  # characters of names that are compared
SEARCHED = 10_000  # names to search for a similar one at most; each takes some 10 microseconds


class UnderstudyError(Exception):
    """An error that a user can fix. The text states what is wrong and where, on one line, and is safe to print.

    Several errors have an indented line each, below a first line that counts them (`ErrorList`). Other line ends are
    escaped like all characters that are not printable.
    """

    def __init__(self, text: str) -> None:
        super().__init__(INDENTED.join(map(escape, text.split(INDENTED))))


class ContractError(UnderstudyError):
    """The contract, or a handler that it names, cannot be served."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}")


class ContractErrors(ContractError):
    """The contract cannot be served, for several reasons. Each names its place."""

    def __init__(self, report: str) -> None:
        UnderstudyError.__init__(self, report)


class FileError(UnderstudyError):
    """A file or folder is not valid.

    `line` is counted from 1; None means the whole file.
    """

    def __init__(self, path: Path, reason: str, line: int | None = None) -> None:
        super().__init__(f"{path}{'' if line is None else f', line {line}'}: {reason}")


class FixtureError(FileError):
    """A fixture set cannot be loaded."""


class FixtureErrors(FixtureError):
    """A fixture set cannot be loaded, for several reasons. Each names its place."""

    def __init__(self, report: str) -> None:
        UnderstudyError.__init__(self, report)


class FaultsError(FileError):
    """A file of fault rules cannot be used."""


class StoreError(FileError):
    """A store cannot be opened or written."""

    @classmethod
    def of_damage(cls, path: Path, reason: str, line: int, place: Path | None = None) -> "StoreError":
        """The file, or the log of it at `place`, is damaged at a line. It was not changed."""
        return cls(place or path, f"{reason}; `understudy store repair {path}` saves what can be read", line)


class StoreWriteError(StoreError):
    """A store cannot be written at present, such as when the disk is full or permissions are missing."""


class ApiError(Exception):
    """An error response to a request. `ErrorMiddleware` sends it."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body
        self.raw_headers = [
            (name.encode("latin-1"), value.encode("latin-1")) for name, value in (headers or {}).items()
        ]


class BadRequest(ApiError):
    def __init__(self, detail: str) -> None:
        super().__init__(400, {"detail": detail})


class NotFound(ApiError):
    def __init__(self, detail: str = "Not Found") -> None:
        super().__init__(404, {"detail": detail})


class ObjectNotFound(ApiError):
    """There is no such object; the text is the `exception_message` of the response, not its `detail`."""

    def __init__(self, message: str) -> None:
        super().__init__(404, {"exception_message": message})


class Unauthorized(ApiError):
    def __init__(self) -> None:
        super().__init__(401, {"exception_message": "Unauthorized"})


class Forbidden(ApiError):
    def __init__(self, detail: str) -> None:
        super().__init__(403, {"detail": detail})


class Conflict(ApiError):
    """The request conflicts with the state of the server."""

    def __init__(self, detail: str) -> None:
        super().__init__(409, {"detail": detail})


class UnsupportedMediaType(ApiError):
    def __init__(self, detail: str) -> None:
        super().__init__(415, {"detail": detail})


class Unprocessable(ApiError):
    """The request is well-formed, but cannot be processed."""

    def __init__(self, detail: str) -> None:
        super().__init__(422, {"detail": detail})


class NotImplementedByServer(ApiError):
    """The operation is known, but not served."""

    def __init__(self, detail: str) -> None:
        super().__init__(501, {"detail": detail})


class InsufficientStorage(ApiError):
    """A change cannot be stored, and is undone."""

    def __init__(self, detail: str) -> None:
        super().__init__(507, {"detail": detail})


class Invalid(ApiError):
    """The request is not valid against the contract.

    `errors` are pydantic's (type, loc, msg, input and, if any, ctx). `body` is the parsed body, or its text if it is
    not JSON.
    """

    def __init__(self, errors: Sequence[Mapping[str, Any]], body: Any) -> None:
        super().__init__(
            422,
            {
                "exception_message": "Invalid request received.",
                "exception_detail": list(errors),
                "request_body": body,
            },
        )


class ErrorList:
    """Errors that are collected and reported together: the first `MOST` of them, then the number of the others."""

    def __init__(self) -> None:
        self.count = 0
        self._first: list[str] = []

    def __bool__(self) -> bool:
        return self.count > 0

    def add(self, text: str) -> None:
        """Add an error: its place and reason, on one line."""
        self.count += 1
        if len(self._first) < MOST:
            self._first.append(escape(text if len(text) <= LONGEST else f"{text[:LONGEST]}…"))

    def __str__(self) -> str:
        if self.count == 1:
            return self._first[0]
        left = self.count - len(self._first)
        more = [f"and {left} more"] if left else []
        return INDENTED.join([f"{self.count} errors:", *self._first, *more])


def did_you_mean(name: str, known: Iterable[str], suffix: str = "") -> str:
    """A suggestion of the known name that is most similar to an unknown one, to append to an error; may be empty."""
    # The time that a comparison takes grows with the square of the lengths.
    names = [each for each in known if len(each) <= COMPARED] if len(name) <= COMPARED else []
    close = get_close_matches(name, names, n=1, cutoff=LIKE) if len(names) <= SEARCHED else []
    return f"; did you mean `{close[0]}{suffix}`?" if close else ""
