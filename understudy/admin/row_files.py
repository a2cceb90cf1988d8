"""The files of a fixture set on this machine, read to be sent to a server."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from understudy.admin.control_errors import ControlError
from understudy.encoding import reason_of
from understudy.errors import ErrorList
from understudy.loading.fixtures import SUFFIX, SUFFIXES, place_in, rows_in, strays
from understudy.loading.sources import Unreadable


def rows_of(folder: Path) -> dict[str, list[Any]]:
    """The rows of a fixture set, by the stems of its files.

    Raises:
        ControlError: there are no rows, a file of another kind is there, or a row is not JSON.
    """
    errors, rows = ErrorList(), {}
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES)
        for path in paths:
            if path.stem in rows:
                raise ControlError(f"{folder} has two files for `{path.stem}`; keep one of them")
            rows[path.stem] = list(values_in(path, errors))
        for warning in strays(folder, rows):
            errors.add(warning)
    except OSError as error:
        raise ControlError(f"{folder} cannot be read ({reason_of(error)})") from None
    if errors:
        raise ControlError(str(errors))
    if not rows:
        raise ControlError(f"there are no {SUFFIX} files in {folder}")
    return rows


def values_in(path: Path, errors: ErrorList) -> Iterator[Any]:
    """The rows of a file. A row that is not JSON is added to the errors."""
    try:
        for line, row in rows_in(path):
            yield from parsed(row, place_in(path, line), errors)
    except Unreadable as error:
        errors.add(f"{place_in(path, error.position)}: {error}")


def parsed(row: bytes | str, place: str, errors: ErrorList) -> Iterator[Any]:
    try:
        yield json.loads(row)
    except (ValueError, RecursionError) as error:
        errors.add(f"{place}: not JSON ({error})")
