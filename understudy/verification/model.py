"""What a server should answer, by the rows that it has shown and the contract's own reading of a request."""

import json
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from understudy.catalog import Catalog
from understudy.columns import ID
from understudy.criteria import All, Criteria, Either, Not, Related
from understudy.index import Key
from understudy.query import Sort
from understudy.requests import RequestReader
from understudy.validation import Reading
from understudy.verification.surface import Endpoint, Surface
from understudy.workspace import Workspace

Row = Mapping[str, Any]


class Model:
    """The rows of the tables that a server shows, in a workspace of our own.

    `known` are the rows by table and id, as they were shown. `tables` are those whose rows are known:
    all of them or, where `partial` names the table, some.
    """

    def __init__(self, surface: Surface, catalog: Catalog) -> None:
        self._catalog = catalog
        # Only operations that take a path or a body are read here, and these by the letter: the model asks nothing else.
        self._readers = {
            endpoint.label: RequestReader(endpoint.place, catalog, Reading.LETTER) for endpoint in surface.endpoints
        }
        self._workspace = Workspace(catalog)  # after the readers: they tell the catalog what will be asked about
        self.tables = set(surface.selections)
        self.partial: set[str] = set()
        self.known: dict[str, dict[str, Row]] = {table: {} for table in catalog.tables}

    # ------------------------------------------------------------------- rows

    def learn(self, table: str, row: Row) -> Row:
        """Take a row as the server shows it, in the place of what was known of it.

        Returns the row as the contract would have it written.

        Raises:
            pydantic_core.ValidationError: it is none of this table.
        """
        schema = self._catalog.tables[table]
        values = schema.parse(json.dumps(row))
        row_id = str(row["id"])
        self.forget(table, [row_id])
        self._workspace[table].add(values)
        self.known[table][row_id] = row
        written: Row = json.loads(schema.encode(values))
        return written

    def forget(self, table: str, ids: Iterable[str]) -> None:
        for row_id in ids:
            if self.known[table].pop(row_id, None) is not None:
                number = self._workspace[table].find(UUID(row_id).int)
                assert number is not None
                self._workspace[table].delete(number)

    # ---------------------------------------------------------------- requests

    def read(self, endpoint: Endpoint, body: Any) -> dict[str, Any]:
        """What a body asks for. Raises `ApiError` where it is refused."""
        return self._readers[endpoint.label].read({"headers": [], "query_string": b""}, json.dumps(body).encode())

    def criteria(self, endpoint: Endpoint, body: Any) -> Criteria:
        criteria: Criteria = self.read(endpoint, body)["criteria"]
        return criteria

    def knows(self, criteria: Criteria, table: str) -> bool:
        """Whether the rows that are known decide which rows meet criteria."""
        match criteria:
            case All(parts) | Either(parts):
                return all(self.knows(part, table) for part in parts)
            case Not(part):
                return self.knows(part, table)
            case Related(step, part):
                whole = step.table in self.tables - self.partial
                return whole and table in self.tables and self.knows(part, step.table)
            case _:
                return table in self.tables

    def select(self, table: str, criteria: Criteria) -> frozenset[str]:
        """The ids of the known rows that meet criteria."""
        known = self._workspace[table]
        return frozenset(id_of(known.key(ID, row)) for row in self._workspace.select(table, criteria))

    # ------------------------------------------------------------------ orders

    def in_order(self, table: str, ids: Iterable[str], sort: Sort) -> list[str]:
        """Ids of known rows in the order of a sort; ties stand as they come."""
        return sorted(ids, key=lambda row_id: self.sort_key(table, row_id, sort), reverse=sort.descending)

    def sort_key(self, table: str, row_id: str, sort: Sort) -> tuple[bool, Any]:
        """What a known row is sorted by: where it is null, before all that is set."""
        rows = self._workspace[table]
        number = rows.find(UUID(row_id).int)
        assert number is not None
        key: Key = rows.key(sort.column, number)
        return (key is not None, 0 if key is None else key)


def id_of(key: Key) -> str:
    assert isinstance(key, int)
    return str(UUID(int=key))
