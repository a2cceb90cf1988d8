"""What can go wrong: at start, for whoever runs the stand-in; in a request, for whoever sent it."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from understudy.text import escape

INDENTED = "\n  "
MOST = 50  # mistakes that are reported one by one
LONGEST = 1000  # characters of one of them, which may quote a value of any length
LIKE = 0.75  # of 1: how much alike names are of which one may be meant by the other
COMPARED = 200  # characters of names that are compared
SEARCHED = 10_000  # names among which similar ones are looked for, which takes some 10 microseconds a name


class UnderstudyError(Exception):
    """A mistake that its user can mend. The text says what and where, in one line, and is safe to print.

    Several mistakes have an indented line each, under a first one that counts them (`Mistakes`). Other line ends are
    escaped like anything that is not printable.
    """

    def __init__(self, text: str) -> None:
        super().__init__(INDENTED.join(map(escape, text.split(INDENTED))))


class ContractError(UnderstudyError):
    """The contract, or a handler that it names, cannot be served."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}")


class ContractMistakes(ContractError):
    """The contract cannot be served, for several reasons, each of which names its place."""

    def __init__(self, report: str) -> None:
        UnderstudyError.__init__(self, report)


class FileError(UnderstudyError):
    """A file or folder that was named is not what it should be.

    `line` is counted from 1; it is left out where the whole of it is meant.
    """

    def __init__(self, path: Path, reason: str, line: int | None = None) -> None:
        super().__init__(f"{path}{'' if line is None else f', line {line}'}: {reason}")


class FixtureError(FileError):
    """A fixture set cannot be loaded."""


class FixtureMistakes(FixtureError):
    """A fixture set cannot be loaded, for several reasons, each of which names its place."""

    def __init__(self, report: str) -> None:
        UnderstudyError.__init__(self, report)


class FaultsError(FileError):
    """A file of rules about faults cannot be used."""


class StoreError(FileError):
    """A store cannot be opened or written."""

    @classmethod
    def of_damage(cls, path: Path, reason: str, line: int) -> "StoreError":
        """The file is damaged, at a line; nothing was changed in it."""
        return cls(path, f"{reason}; `understudy store repair {path}` saves what can be read", line)


class StoreWriteError(StoreError):
    """A store cannot be written now, since the disk is full or the rights are missing."""


class ApiError(Exception):
    """A request is refused. Wherever it is raised, it is written by `ErrorMiddleware` alone."""

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


class Unauthorized(ApiError):
    def __init__(self) -> None:
        super().__init__(401, {"exception_message": "Unauthorized"})


class Forbidden(ApiError):
    def __init__(self, detail: str) -> None:
        super().__init__(403, {"detail": detail})


class Conflict(ApiError):
    """What is asked does not go with how things are."""

    def __init__(self, detail: str) -> None:
        super().__init__(409, {"detail": detail})


class UnsupportedMediaType(ApiError):
    def __init__(self, detail: str) -> None:
        super().__init__(415, {"detail": detail})


class Unprocessable(ApiError):
    """The request was understood, and is refused with a sentence."""

    def __init__(self, detail: str) -> None:
        super().__init__(422, {"detail": detail})


class NotImplementedByServer(ApiError):
    """The operation is known, but not served."""

    def __init__(self, detail: str) -> None:
        super().__init__(501, {"detail": detail})


class InsufficientStorage(ApiError):
    """A change cannot be kept, and was undone."""

    def __init__(self, detail: str) -> None:
        super().__init__(507, {"detail": detail})


class Invalid(ApiError):
    """Parts of the request are not what the contract asks for.

    `errors` are pydantic's (type, loc, msg, input and, where there is one, ctx); `body` is the body
    as it was parsed, or its text where it was not JSON.
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


class Mistakes:
    """Mistakes that are collected to be reported together: the first `MOST` of them, then how many more there are."""

    def __init__(self) -> None:
        self.count = 0
        self._first: list[str] = []

    def __bool__(self) -> bool:
        return self.count > 0

    def add(self, text: str) -> None:
        """Add a mistake: its place and reason, in one line."""
        self.count += 1
        if len(self._first) < MOST:
            self._first.append(escape(text if len(text) <= LONGEST else f"{text[:LONGEST]}…"))

    def __str__(self) -> str:
        if self.count == 1:
            return self._first[0]
        left = self.count - len(self._first)
        more = [f"and {left} more"] if left else []
        return INDENTED.join([f"{self.count} mistakes:", *self._first, *more])


def did_you_mean(name: str, known: Iterable[str], suffix: str = "") -> str:
    """A question after the known name that is most like an unknown one, to be put behind an error; '' without any."""
    # The time that a comparison takes grows with the square of the lengths.
    names = [each for each in known if len(each) <= COMPARED] if len(name) <= COMPARED else []
    close = get_close_matches(name, names, n=1, cutoff=LIKE) if len(names) <= SEARCHED else []
    return f"; did you mean `{close[0]}{suffix}`?" if close else ""
