"""Fixture sets: a folder of JSON Lines, one file a table, one row a line."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid5

from pydantic_core import ValidationError

from understudy.contract.catalog import Catalog, Derived
from understudy.contract.columns import Column
from understudy.contract.contract import reason_of
from understudy.errors import FixtureError
from understudy.paths import check_file, is_folder
from understudy.tables.table import Table
from understudy.workspaces.workspace import Workspace

SUFFIX = ".jsonl"


Watch = Callable[[Iterable[bytes], Path], Iterable[bytes]]
"""Lets the lines of a file pass, and may tell somebody how far they are."""


def unwatched(lines: Iterable[bytes], path: Path) -> Iterable[bytes]:
    return lines


class FixtureSet:
    """A fixture set in a folder, which is read when its rows are first asked for."""

    def __init__(self, folder: Path, catalog: Catalog, watch: Watch = unwatched) -> None:
        self.folder = folder
        self.catalog = catalog
        self._watch = watch

    @cached_property
    def rows(self) -> Workspace:
        """A workspace of its rows, which nobody may change; its forks are for that.

        Raises:
            FixtureError: the set cannot be loaded.
        """
        workspace = Workspace.empty(self.catalog)
        load(self.folder, workspace, self._watch)
        return workspace


def load(folder: Path, workspace: Workspace, watch: Watch = unwatched) -> None:
    """Fill an empty workspace with the rows of a fixture set.

    A table without a file, or with an empty one, is empty; where the contract says how it is derived
    from another, it is.

    Raises:
        FixtureError: the set cannot be loaded; the text names file, line and reason.
    """
    read(folder, workspace, watch)
    derive(workspace, [name for name, table in workspace.items() if not table])


def read(folder: Path, workspace: Workspace, watch: Watch = unwatched) -> None:
    """Fill an empty workspace with the rows that stand in the files of a fixture set.

    Raises:
        FixtureError: the set cannot be loaded; the text names file, line and reason.
    """
    if not is_folder(folder):
        raise FixtureError(folder, "there is no such fixture folder")
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        if path.stem not in workspace:
            raise FixtureError(path, no_table(path.stem, workspace))
    for name, table in workspace.items():
        load_table(folder / f"{name}{SUFFIX}", table, watch)


def no_table(name: str, workspace: Workspace) -> str:
    return f"there is no table `{name}`; there are {', '.join(sorted(workspace))}"


def load_table(path: Path, table: Table, watch: Watch) -> None:
    if not os.path.lexists(path):
        return
    try:
        check_file(path)
        with path.open("rb") as lines:
            for number, line in enumerate(watch(lines, path), start=1):
                if stripped := line.strip():
                    load_row(path, number, stripped, table)
    except OSError as error:
        raise FixtureError(path, f"cannot be read ({reason_of(error)})") from None


def load_row(path: Path, number: int, line: bytes, table: Table) -> None:
    try:
        add(table, line)
    except ValueError as error:
        raise FixtureError(path, str(error), number) from None


def add(table: Table, line: bytes | str) -> int:
    """Add a row by its JSON. Returns its number.

    Raises:
        ValueError: it is no row of the table, or its id is there already; the text says what is wrong.
    """
    try:
        row = table.schema.parse(line)
    except ValidationError as error:
        raise ValueError(explained(error)) from None
    return add_row(table, row)


def add_row(table: Table, row: Mapping[str, Any]) -> int:
    """Add a row that is complete. Returns its number.

    Raises:
        ValueError: its id is there already.
    """
    try:
        return table.add(row)
    except KeyError:
        raise ValueError(f"the id {row['id']} is there already") from None


def explained(error: ValidationError) -> str:
    """The first error of a row in words."""
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else first["msg"]


def save(folder: Path, workspace: Workspace) -> None:
    """Write the rows of a workspace as a fixture set, into a folder that is new or empty.

    Raises:
        FixtureError: it is neither, or cannot be written. Then it is empty.
    """
    written: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise FixtureError(folder, "is not empty; name another folder")
        for name, table in workspace.items():
            lines = b"".join(table.encoded(row) + b"\n" for row in table.live)
            written.append(folder / f"{name}{SUFFIX}")
            written[-1].write_bytes(lines)
    except OSError as error:
        for path in written:
            with suppress(OSError):
                path.unlink()
        raise FixtureError(folder, f"cannot be written ({reason_of(error)})") from None


def extend(workspace: Workspace, lines: Mapping[str, Iterable[bytes]]) -> None:
    """Add rows to tables, each by its JSON, and what is derived from them.

    Raises:
        ValueError: a table is not there, or a line is no row of it; some rows may have been added.
    """
    added: dict[str, list[int]] = {}
    for name, some in lines.items():
        if name not in workspace:
            raise ValueError(no_table(name, workspace))
        added[name] = [add_counted(workspace[name], number, line) for number, line in enumerate(some)]
    for name, table in workspace.items():
        rule = table.schema.derived
        if rule is not None and rule.source in added and name not in added:
            derive_rows(table, workspace[rule.source], added[rule.source], rule)


def add_counted(table: Table, number: int, line: bytes) -> int:
    try:
        return add(table, line)
    except ValueError as error:
        raise ValueError(f"{table.schema.name}[{number}]: {error}") from None


def derive(workspace: Workspace, names: Iterable[str]) -> None:
    """Fill those of some tables, which are empty, of which the contract says how they are made of others."""
    for name in names:
        rule = workspace[name].schema.derived
        if rule is not None:
            source = workspace[rule.source]
            derive_rows(workspace[name], source, source.live, rule)


def derive_rows(table: Table, source: Table, rows: Iterable[int], rule: Derived) -> None:
    """Bring a table up to date with some rows of the one that it is derived from."""
    per, newest, reference = Column((rule.per,)), Column((rule.newest,)), Column((rule.reference,))
    latest: dict[Any, int] = {}
    for row in rows:
        key = source.key(per, row)
        if key is not None and (key not in latest or source.key(newest, row) >= source.key(newest, latest[key])):
            latest[key] = row
    for key, row in latest.items():
        values = source.values(row)
        values[rule.reference] = values["id"]
        known = next(iter(table.index(per).rows(key)), None)
        if known is None:
            table.insert({**values, "id": uuid5(rule.namespace, key)})
            continue
        before = source.find(table.key(reference, known))
        if before is None or source.key(newest, row) >= source.key(newest, before):
            table.update(known, {**values, "id": table.values(known)["id"]})


def dangling(workspace: Workspace) -> Iterator[str]:
    """References to rows that are not there, a line each.

    They are looked at row by row: an index, which nobody may ever ask for, would stay.
    """
    for name, table in workspace.items():
        for field, reference in table.schema.references.items():
            target, column = workspace[reference.table], Column((field,))
            keys = (table.key(column, row) for row in table.live)
            rows = sum(key is not None and target.find(key) is None for key in keys)
            if rows:
                who = "1 row refers" if rows == 1 else f"{rows} rows refer"
                yield f"{name}: {who} by `{field}` to {reference.table} that are not there"
