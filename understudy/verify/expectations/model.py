"""What a server should respond, by the rows that it has shown and by the contract."""

import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any
from uuid import UUID

from pydantic_core import to_json

from understudy.contract.catalog import Catalog, Derived, Reference
from understudy.contract.contract import Place
from understudy.filters.criteria import All, Condition, Criteria, Either, Not, Related
from understudy.sampling.moving_fields import moving_in
from understudy.values import is_id
from understudy.workspaces.workspace import Workspace

Row = Mapping[str, Any]


class Model:
    """The rows of the tables that a server shows, in a workspace.

    `known` are the rows by table and id, as they were shown. `tables` are the tables whose rows are known: all rows, or
    some if `partial` has the table.

    Args:
        tables: the tables that the server lists.
        catalog: the tables of the contract, with all columns that filters will use.
    """

    def __init__(self, tables: Iterable[str], catalog: Catalog) -> None:
        self.catalog = catalog
        self._moving = {name: frozenset(moving_in(schema.place)) for name, schema in catalog.tables.items()}
        self._shown_otherwise = {name: shown_otherwise_in(schema.place) for name, schema in catalog.tables.items()}
        self._workspace = Workspace.empty(catalog)
        self.tables = set(tables)
        self.partial: set[str] = set()
        self.known: dict[str, dict[str, Row]] = {table: {} for table in catalog.tables}
        self._ids: dict[str, dict[int, str]] = {table: {} for table in catalog.tables}  # by the number of the row

    # ------------------------------------------------------------------- rows

    def learn(self, table: str, row: Row) -> Row:
        """Store a row as the server shows it, in place of the former one.

        Returns the row in the format of the contract.

        Raises:
            pydantic_core.ValidationError: it is not a row of this table.
        """
        schema = self.catalog.tables[table]
        values = schema.parse(json.dumps(row))
        row_id = str(row["id"])
        self.remove(table, [row_id])
        self._ids[table][self._workspace[table].add(values)] = row_id
        self.known[table][row_id] = row
        written: Row = json.loads(schema.encode(values))
        return written

    def remember(self, table: str, row: Row) -> None:
        """Store a row of which only a view is known, so that the known rows do not determine which rows meet
        criteria.
        """
        self.known[table][str(row["id"])] = row

    def add_hidden(self, workspace: Workspace) -> None:
        """Store the rows of a fixture set, for the tables that the server does not show."""
        for name, table in workspace.items():
            if name not in self.tables:
                for row in table.live:
                    self.learn(name, json.loads(table.encoded(row)))
                self.tables.add(name)

    def remove(self, table: str, ids: Iterable[str]) -> None:
        for row_id in ids:
            number = self._workspace[table].find(UUID(row_id).int) if is_id(row_id) else None
            if number is not None and row_id in self.known[table]:
                self._workspace[table].delete(number)
            self.known[table].pop(row_id, None)

    def written(self, table: str, values: Mapping[str, Any]) -> Row:
        """A row with some values, and the contract's defaults for the others, in the format of the contract.

        Raises:
            pydantic_core.ValidationError: they are not values of a row of this table.
        """
        schema = self.catalog.tables[table]
        row: Row = json.loads(schema.encode(schema.parse(to_json(dict(values)))))
        return row

    def is_worked_out(self, table: str) -> bool:
        """Whether a handler determines how rows of a table are shown, so that the stored values do not
        (`x-shown-by`).
        """
        return "x-shown-by" in self.catalog.tables[table].place.value

    def moving(self, table: str) -> frozenset[str]:
        """The fields of a table, nested ones too, that change with time (`x-moving`)."""
        return self._moving.get(table, frozenset())

    @cached_property
    def hidden(self) -> frozenset[str]:
        """The names of fields that responses with rows of any table do not show (`x-hidden`)."""
        hidden = {table: set(self.hidden_in(table)) for table in self.catalog.tables}
        shown = {name for table, names in hidden.items() for name in self.fields(table) if name not in names}
        return frozenset().union(*hidden.values()) - shown

    @cached_property
    def known_moving(self) -> frozenset[str]:
        """The fields of tables that change with time, and that depend on no hidden field (`x-decides`)."""
        every, decided = set[str](), set[str]()
        for table, schema in self.catalog.tables.items():
            every |= self.moving(table)
            parts = [part.value for _, part in schema.place.entries("properties") if part.value.get("x-hidden")]
            decided.update(*(part.get("x-decides", self.moving(table)) for part in parts))
        return frozenset(every - decided)

    def fields(self, table: str) -> list[str]:
        """The names of all fields of a table."""
        return [name for name, _ in self.catalog.tables[table].place.entries("properties")]

    def hidden_in(self, table: str) -> list[str]:
        """The names of the fields that responses with rows of a table do not show."""
        parts = self.catalog.tables[table].place.entries("properties")
        return [name for name, part in parts if part.value.get("x-hidden")]

    def shown_otherwise(self, table: str) -> frozenset[str]:
        """The fields for which filters use the stored value, and responses may show another one."""
        return self._shown_otherwise[table]

    def hidden_references(self, table: str) -> Mapping[str, str]:
        """The hidden fields that hold the id of a row, with the fields that show that row (`x-shows`)."""
        parts = self.catalog.tables[table].place.entries("properties")
        shown = {part.value.get("x-shows"): name for name, part in parts}
        references = self.references(table)
        names = (name for name in self.hidden_in(table) if name in references)
        return {name: shown[references[name].table] for name in names if references[name].table in shown}

    def is_unique(self, table: str, field: str) -> bool:
        """Whether no two rows of a table have the same value in a field."""
        return field == "id" or (field,) in self.catalog.tables[table].unique

    def unique(self, table: str) -> tuple[tuple[str, ...], ...]:
        """The fields that no two rows of a table share together, for each constraint."""
        return tuple(tuple(names) for names in self.catalog.tables[table].unique)

    def derived(self, table: str) -> Derived | None:
        """How a table is derived from another; None where it is not."""
        return self.catalog.tables[table].derived

    def references(self, table: str) -> Mapping[str, Reference]:
        """The fields of a table that hold ids of rows, and the effect of deleting such a row."""
        return self.catalog.tables[table].references

    def derived_from(self, table: str) -> set[str]:
        """A table, and those derived from it, whose rows change with its own."""
        schemas = self.catalog.tables.items()
        return {table, *(name for name, each in schemas if each.derived is not None and each.derived.source == table)}

    def referring_to(self, table: str) -> set[str]:
        """The tables whose rows refer to those of a table, and may change when one of them is deleted."""
        schemas = self.catalog.tables.items()
        return {name for name, each in schemas if any(to.table == table for to in each.references.values())}

    # ---------------------------------------------------------------- criteria

    def knows(self, criteria: Criteria, table: str) -> bool:
        """Whether the known rows determine which rows meet criteria."""
        match criteria:
            case All(parts) | Either(parts):
                return all(self.knows(part, table) for part in parts)
            case Not(part):
                return self.knows(part, table)
            case Related(step, part):
                whole = step.table in self.tables - self.partial
                return whole and table in self.tables and self.knows(part, step.table)
            case Condition(column):
                return table in self.tables and self.shown_otherwise(table).isdisjoint(column.names)
            case _:
                return table in self.tables

    def select(self, table: str, criteria: Criteria) -> frozenset[str]:
        """The ids of the known rows that meet criteria."""
        return frozenset(map(self._ids[table].__getitem__, self._workspace.select(table, criteria)))


def shown_otherwise_in(schema: Place) -> frozenset[str]:
    """The properties of a schema that responses may show differently from what is stored (`x-shown-otherwise`)."""
    return frozenset(name for name, part in schema.entries("properties") if part.value.get("x-shown-otherwise"))
