"""References by name: which row `"owner": "Ann"` means in a fixture set."""

from collections import defaultdict
from collections.abc import Collection, Container, Iterator, Mapping
from typing import Any
from uuid import UUID

from understudy.contract.catalog import RowSchema
from understudy.contract.columns import ID, Column
from understudy.errors import SEARCHED, did_you_mean
from understudy.loading.sources import RowError
from understudy.tables.table import Table
from understudy.values import is_id
from understudy.workspaces.workspace import Workspace


class Everything:
    """A container of everything."""

    def __contains__(self, item: object) -> bool:
        return True


ANY = Everything()


class NameReferences:
    """The names of the rows of a workspace, and of rows to be added (`learn`)."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._ids: dict[str, dict[str, list[UUID]]] = {}
        self._owners: dict[UUID, UUID] = {}
        self._refused: defaultdict[str, set[str]] = defaultdict(set)
        self._searched = 0  # names, for ones that were meant

    def resolved(self, schema: RowSchema, values: Mapping[str, Any], fields: Container[str] = ANY) -> dict[str, Any]:
        """The values of a row with ids in place of names in its references.

        Args:
            schema: the schema of the row.
            values: the values in its JSON.
            fields: the references to resolve; all of them by default.

        Raises:
            RowError: no row or several rows have a name.
        """
        resolved, reasons = dict(values), []
        for name, field in schema.by_name.items():
            if name not in values or field not in fields:
                continue
            try:
                resolved[field] = self._referred(schema, name, field, resolved)
                del resolved[name]
            except RowError as error:
                if not error.reasons:
                    raise
                reasons += [f"{name}: {reason}" for reason in error.reasons]
        if reasons:
            raise RowError(*reasons)
        return resolved

    def _referred(self, schema: RowSchema, name: str, field: str, values: Mapping[str, Any]) -> str | None:
        text = values[name]
        if field in values:
            raise RowError(f"it is redundant with `{field}`; remove one of them")
        if text is None:
            return None
        if not isinstance(text, str):
            raise RowError("Input should be a valid string")
        return str(self.find(self._workspace[schema.references[field].table], text))

    def find(self, table: Table, text: str) -> UUID:
        """The id of the only row with a name, or with "OWNER/NAME" if names are unique per owner.

        Raises:
            RowError: no row or several rows match.
        """
        schema, known = table.schema, self._known(table)
        ids = known.get(text) or self._owned(table, text)
        if len(ids) == 1:
            return ids[0]
        if text in self._refused[schema.name]:
            raise RowError
        if not ids:
            raise RowError(f"no row of {schema.name} has the {schema.named_by} `{text}`{self._suggestion(text, known)}")
        owner = owner_of(schema)
        how = f"as `{owner.removesuffix('_id').upper()}/{text}`, or by its id" if owner else "by its id"
        raise RowError(f"{len(ids)} rows of {schema.name} have the {schema.named_by} `{text}`; name the one {how}")

    def _suggestion(self, text: str, known: Collection[str]) -> str:
        """A similar known name. The number of names that are searched is limited for all rows together."""
        self._searched += len(known)
        return did_you_mean(text, known) if self._searched <= SEARCHED else ""

    def learn(self, schema: RowSchema, values: Mapping[str, Any], row_id: UUID) -> None:
        """Register a row to be added, whose owner is already given by its id."""
        name = values.get(schema.named_by or "")
        if isinstance(name, str):
            self._known(self._workspace[schema.name]).setdefault(name, []).append(row_id)
        owner = values.get(owner_of(schema) or "")
        if isinstance(owner, str) and is_id(owner):
            self._owners[row_id] = UUID(owner)

    def refuse(self, schema: RowSchema, values: Mapping[str, Any]) -> None:
        """Register a row that cannot be added, so that references to it are not reported as further errors."""
        name = values.get(schema.named_by or "")
        if isinstance(name, str):
            self._refused[schema.name].add(name)

    def _known(self, table: Table) -> dict[str, list[UUID]]:
        schema = table.schema
        if schema.name not in self._ids:
            known = self._ids[schema.name] = {}
            column = Column((schema.named_by or "id",))
            for row in table.live:
                name = table.key(column, row)
                if isinstance(name, str):
                    known.setdefault(name, []).append(UUID(int=table.key(ID, row)))
        return self._ids[schema.name]

    def _owned(self, table: Table, text: str) -> list[UUID]:
        owner_field = owner_of(table.schema)
        owner_name, slash, name = text.rpartition("/")
        if owner_field is None or not slash:
            return []
        try:
            owner = self.find(self._workspace[table.schema.references[owner_field].table], owner_name)
        except RowError:
            return []
        return [row_id for row_id in self._known(table).get(name, []) if self._owner(table, row_id) == owner]

    def _owner(self, table: Table, row_id: UUID) -> UUID | None:
        row = table.find(row_id.int)
        if row is None:
            return self._owners.get(row_id)
        key = table.key(Column((owner_of(table.schema) or "id",)), row)
        return None if key is None else UUID(int=key)


def owner_of(schema: RowSchema) -> str | None:
    """The reference within which names are unique; None without one."""
    for names in schema.unique:
        owners = [name for name in names if name in schema.references]
        if schema.named_by in names and len(owners) == 1 and len(names) > 1:
            return owners[0]
    return None


def in_key_order(workspace: Workspace) -> Iterator[str]:
    """The tables, each after those that its unique fields reference."""
    done: set[str] = set()

    def visit(name: str) -> Iterator[str]:
        if name not in done:
            done.add(name)
            schema = workspace[name].schema
            for field in sorted({field for names in schema.unique for field in names}):
                if field in schema.references:
                    yield from visit(schema.references[field].table)
            yield name

    for name in workspace:
        yield from visit(name)
