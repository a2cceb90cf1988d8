"""Reading JSON Lines files: one object per line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from understudy.encoding import read_text, reason_of
from understudy.errors import FixtureError
from understudy.text import one_line


def objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a file, each with its line number, counted from 1. Blank lines are skipped.

    Raises:
        FixtureError: the file cannot be read, or a line is not a JSON object.
    """
    try:
        lines = read_text(path).split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise FixtureError(path, f"cannot be read ({reason_of(error)})") from None
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, parsed(path, number, line)


def parsed(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise FixtureError(path, f"is not JSON ({one_line(str(error))})", number) from None
    if not isinstance(value, dict):
        raise FixtureError(path, "is not a JSON object", number)
    return value
