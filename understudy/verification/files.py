"""Files that a user asks for."""

from pathlib import Path

from understudy.contract.contract import reason_of
from understudy.errors import UnderstudyError


def write(path: Path, text: str) -> None:
    """Write a text as UTF-8. Lone surrogates, which UTF-8 has no bytes for, become the escapes that JSON has.

    Raises:
        UnderstudyError: the file cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise UnderstudyError(f"{path}: cannot be written ({reason_of(error)})") from None
