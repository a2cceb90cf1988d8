"""The loader: all rows enter a workspace through it, except those that requests create."""

from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from pydantic_core import ValidationError, from_json

from understudy.errors import ErrorList, did_you_mean
from understudy.loading.defaults import Defaults, values_in
from understudy.loading.derivation import derive
from understudy.loading.name_references import NameReferences, in_key_order
from understudy.loading.sources import Clash, RowError, Source, Unreadable
from understudy.loading.uniqueness import Unique
from understudy.tables.table import Table
from understudy.values import is_id
from understudy.workspaces.workspace import Workspace

ENOUGH = 1000  # invalid rows, after which loading stops: a server that loads rows has other clients


class RowProblem(NamedTuple):
    """An error of a row or of its source. `is_clash` means that only another row conflicts with it."""

    position: int | None
    reason: str
    is_clash: bool = False


class LoadError(Exception):
    """Rows cannot be loaded; the text lists the reasons.

    `count` is the number of errors, `rows` the number of rows with errors, and `errors` has the first error of each
    source. If `is_complete` is false, the remaining rows were not read.
    """

    def __init__(
        self, report: ErrorList, rows: int, errors: Collection[RowProblem], *, is_complete: bool = True
    ) -> None:
        super().__init__(str(report))
        self.count = report.count
        self.rows = rows
        self.errors = errors
        self.is_complete = is_complete


@dataclass
class Loaded:
    """The numbers of the loaded rows by table, in their order, and of those among them that were completed."""

    rows: "defaultdict[str, array[int]]" = field(default_factory=lambda: defaultdict(lambda: array("I")))
    completed: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))


class Waiting(NamedTuple):
    """A row that waits for those that it references by name. `id` is its new id."""

    source: Source
    position: int
    line: bytes | str
    id: UUID | None = None


def load(workspace: Workspace, sources: Iterable[Source], given: Collection[str] = ()) -> Loaded:
    """Add rows to a workspace, and update derived tables.

    Args:
        workspace: the tables. After an error, some of the rows may have been added.
        sources: the rows.
        given: tables that are not derived, in addition to those that have rows in `sources`.

    Raises:
        LoadError: some rows cannot be loaded.
    """
    loader = Loader(workspace)
    for source in sources:
        loader.add_source(source)
    loaded = loader.finish()
    derive(workspace, loaded.rows, {*given, *loaded.rows})
    return loaded


class Loader:
    """Adds rows to the tables of a workspace. A complete row is parsed once and added immediately.

    From the first row of a table that references another by name, the rows of the table wait until all others are
    added, so that they keep their order.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._completion = Defaults()
        self._names = NameReferences(workspace)
        self._unique: dict[str, list[Unique]] = {}
        self._waiting: defaultdict[str, list[Waiting]] = defaultdict(list)
        self._errors = ErrorList()
        self._refused = 0  # rows
        self._first: dict[str, RowProblem] = {}
        self._loaded = Loaded()

    def add_source(self, source: Source) -> None:
        """Add the rows of a source."""
        if source.table not in self._workspace:
            position = next((position for position, _ in self._read(source)), None)
            self._add_error(source, position, no_table(source.table, self._workspace))
            self._count_refused(source, position)
            return
        table, waiting = self._workspace[source.table], self._waiting[source.table]
        for position, line in self._read(source):
            if waiting:
                waiting.append(Waiting(source, position, line))
                continue
            try:
                row = self.add_row(table, table.schema.parse(line))
                self._loaded.rows[source.table].append(row)
            except ValidationError as error:
                self._add_incomplete(table, Waiting(source, position, line), error)
            except RowError as error:
                self._refuse(Waiting(source, position, line), error)
        self._unique.pop(source.table, None)  # its memory grows with the rows

    def _add_incomplete(self, table: Table, row: Waiting, error: ValidationError) -> None:
        try:
            values = self._fixed_values(table, row, error)
            if table.schema.by_name.keys() & values.keys():
                self._waiting[table.schema.name].append(row)
            else:
                self._add_completed(table, values)
        except RowError as refusal:
            self._refuse(row, refusal)

    def _fixed_values(self, table: Table, row: Waiting, error: ValidationError) -> dict[str, Any]:
        """The values of a row that was refused, to be completed."""
        return values_in(row.source.fix(row.position, row.line, error), table.schema, error)

    def _add_completed(self, table: Table, values: Mapping[str, Any], made_id: UUID | None = None) -> None:
        schema, whole = table.schema, values if made_id is None else {"id": str(made_id), **values}
        row = self.add_row(table, self._completion.parsed(table, whole), is_id_made="id" not in values)
        self._loaded.rows[schema.name].append(row)
        if not {"id", *schema.times} <= values.keys():
            self._loaded.completed[schema.name].add(row)

    def finish(self) -> Loaded:
        """Add the waiting rows. Returns what was loaded.

        Raises:
            LoadError: some rows cannot be loaded.
        """
        # All get their ids before any is added, since references can be circular.
        waiting = {name: list(self._identified(name)) for name in in_key_order(self._workspace)}
        for name, table in self._workspace.items():
            for row in waiting[name]:
                self._add_waiting(table, row)
        if self._errors:
            raise LoadError(self._errors, self._refused, self._first.values())
        return self._loaded

    def _identified(self, name: str) -> Iterator[Waiting]:
        """The waiting rows of a table with their ids, which other rows can then reference."""
        table = self._workspace[name]
        fields = {field for names in table.schema.unique for field in names}
        for row in self._waiting[name]:
            values = object_in(row.line)
            try:
                keyed = self._names.resolved(table.schema, values, fields)
            except RowError as error:
                self._refuse(row, error)
                continue
            given = keyed.get("id")
            row_id = UUID(given) if isinstance(given, str) and is_id(given) else None
            if "id" not in keyed:
                row_id = self._completion.new_id(table, keyed)
            if row_id is not None:
                self._names.learn(table.schema, keyed, row_id)
            yield row._replace(id=row_id)

    def _add_waiting(self, table: Table, row: Waiting) -> None:
        try:
            self._loaded.rows[table.schema.name].append(self.add_row(table, table.schema.parse(row.line)))
        except ValidationError as error:
            try:
                values = self._names.resolved(table.schema, self._fixed_values(table, row, error))
                self._add_completed(table, values, None if "id" in values else row.id)
                self._loaded.completed[table.schema.name].add(self._loaded.rows[table.schema.name][-1])
            except RowError as refusal:
                self._refuse(row, refusal)
        except RowError as error:
            self._refuse(row, error)

    def add(self, name: str, line: str) -> int:
        """Add a row to a table now. Returns its number.

        Raises:
            RowError: it cannot be added.
        """
        table = self._workspace[name]
        try:
            values = table.schema.parse(line)
        except ValidationError as error:
            given = NameReferences(self._workspace).resolved(table.schema, values_in(line, table.schema, error))
            return self.add_row(table, self._completion.parsed(table, given), is_id_made="id" not in given)
        return self.add_row(table, values)

    def add_row(self, table: Table, values: Mapping[str, Any], *, is_id_made: bool = False) -> int:
        """Add a complete row to a table now. Returns its number.

        Raises:
            Clash: a row with its id or its unique fields already exists.
        """
        # A duplicate row may equal the other in all its fields. The error names what its file has.
        is_there = table.find(values["id"].int) is not None
        if is_id_made or not is_there:
            for unique in self._unique_of(table):
                unique.add(values)
        if is_there:
            raise Clash(f"the id {values['id']} already exists")
        return table.add(values)

    def _unique_of(self, table: Table) -> list[Unique]:
        name = table.schema.name
        if name not in self._unique:
            self._unique[name] = [Unique(table, fields) for fields in table.schema.unique]
        return self._unique[name]

    # ---------------------------------------------------------------- errors

    def _read(self, source: Source) -> Iterator[tuple[int, bytes | str]]:
        try:
            yield from source.rows
        except Unreadable as error:
            self._add_error(source, error.position, str(error))

    def _refuse(self, row: Waiting, error: RowError) -> None:
        for reason in error.reasons:
            self._add_error(row.source, row.position, reason, is_clash=isinstance(error, Clash))
        self._names.refuse(self._workspace[row.source.table].schema, object_in(row.line))
        self._count_refused(row.source, row.position)

    def _count_refused(self, source: Source, position: int | None) -> None:
        self._refused += 1
        if self._refused > ENOUGH:
            self._add_error(source, position, f"more than {ENOUGH} rows have errors; the rest was not read")
            raise LoadError(self._errors, self._refused, self._first.values(), is_complete=False)

    def _add_error(self, source: Source, position: int | None, reason: str, *, is_clash: bool = False) -> None:
        self._first.setdefault(source.table, RowProblem(position, reason, is_clash))
        self._errors.add(f"{source.place(position)}: {reason}")


def object_in(line: bytes | str) -> dict[str, Any]:
    """The JSON object on a line; an empty one if it is something else."""
    with suppress(ValueError, TypeError):
        value = from_json(line)
        return value if isinstance(value, dict) else {}
    return {}


def no_table(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    return f"no table is named `{name}`; the tables are {', '.join(names)}{did_you_mean(name, names)}"
