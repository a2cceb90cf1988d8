"""Fixture sets: a folder of JSON Lines, one file a table, one row a line."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid5

from pydantic_core import ValidationError

from understudy.catalog import Catalog, Derived
from understudy.columns import Column
from understudy.contract import reason_of
from understudy.errors import FixtureError
from understudy.table import Table
from understudy.workspace import Workspace

SUFFIX = ".jsonl"


def load(folder: Path, workspace: Workspace, catalog: Catalog) -> list[str]:
    """Fill an empty workspace with the rows of a fixture set.

    A table without a file, or with an empty one, is empty; where the contract says how it is derived
    from another, it is. Returns warnings, a line each: references to rows that are not in the set.

    Raises:
        FixtureError: the set cannot be loaded; the text names file, line and reason.
    """
    if not folder.is_dir():
        raise FixtureError(folder, "there is no such fixture folder")
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        if path.stem not in catalog.tables:
            raise FixtureError(path, f"there is no table `{path.stem}`; there are {', '.join(sorted(catalog.tables))}")
    for name, table in workspace.items():
        load_table(folder / f"{name}{SUFFIX}", table)
    for name, table in workspace.items():
        rule = catalog.tables[name].derived
        if rule is not None and not table:
            derive(table, workspace[rule.source], rule)
    return list(dangling(workspace))


def load_table(path: Path, table: Table) -> None:
    if not path.exists():
        return
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if stripped := line.strip():
                    load_row(path, number, stripped, table)
    except OSError as error:
        raise FixtureError(path, f"cannot be read ({reason_of(error)})") from None


def load_row(path: Path, number: int, line: bytes, table: Table) -> None:
    try:
        row = table.schema.parse(line)
    except ValidationError as error:
        raise FixtureError(path, explained(error), number) from None
    try:
        table.add(row)
    except KeyError:
        raise FixtureError(path, f"the id {row['id']} is there already", number) from None


def explained(error: ValidationError) -> str:
    """The first error of a row in words."""
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else first["msg"]


def derive(table: Table, source: Table, rule: Derived) -> None:
    newest: dict[Any, dict[str, Any]] = {}
    for row in source.live:
        values = source.values(row)
        known = newest.get(values[rule.per])
        if values[rule.per] is not None and (known is None or values[rule.newest] >= known[rule.newest]):
            newest[values[rule.per]] = values
    for key, values in newest.items():
        table.insert({**values, "id": uuid5(rule.namespace, key), rule.reference: values["id"]})


def dangling(workspace: Workspace) -> Iterator[str]:
    for name, table in workspace.items():
        for field, reference in table.schema.references.items():
            target = workspace[reference.table]
            index = table.index(Column((field,)))
            rows = sum(len(index.rows(key)) for key in index.by_key if target.find(key) is None)
            if rows:
                who = "1 row refers" if rows == 1 else f"{rows} rows refer"
                yield f"{name}: {who} by `{field}` to {reference.table} that are not there"
