"""Which answers the operations of a contract can change, as far as it says whose rows they read and change."""

from collections.abc import Iterable, Set
from functools import cached_property

from understudy.contract.catalog import Catalog, RowSchema
from understudy.verify.requests.endpoint import Endpoint
from understudy.verify.requests.endpoint_map import EndpointMap


class ChangedTables:
    """The tables whose rows change with those of others."""

    def __init__(self, endpoint_map: EndpointMap, catalog: Catalog) -> None:
        self._map = endpoint_map
        self._tables = catalog.tables
        self._together = [*self._owned_by_each_other(), *filter(None, map(observed, endpoint_map.endpoints))]

    def by_creates(self, endpoint: Endpoint) -> bool:
        """Whether the answer of an operation that changes nothing may be another one after a row is created.

        That of one row is not, if neither this row nor one that it goes with can be replaced.
        """
        lookup = next((each for each in self._map.reads if each.endpoint is endpoint), None)
        table = None if lookup is None else self._tables.get(lookup.table)
        if lookup is not None and table is not None and is_key(table, lookup.field):
            return table.name in self._changed_by_creates
        return is_any(endpoint, self._changed_by_creates | self._map.creates.keys())

    def by_updates(self, endpoint: Endpoint, updates: Iterable[Endpoint]) -> bool:
        """Whether it may be another one after some operations that change the rows which their paths name."""
        return is_any(endpoint, self._with({table for each in updates for table in tables_of(each)}))

    def by_others(self, endpoint: Endpoint) -> bool:
        """Whether it may be another one after other changes, such as deletes."""
        return is_any(endpoint, self._tables.keys())

    @cached_property
    def _changed_by_creates(self) -> set[str]:
        """The tables of which a create may change a row that exists."""
        replacing = {name: each for name, each in self._map.creates.items() if each.place.value.get("x-replaces")}
        replaced = {table for name, creates in replacing.items() for table in (name, *observed(creates))}
        derived = {table.name for table in self._tables.values() if table.derived is not None}
        return self._with(replaced).union(derived, *self._owned_by_each_other())

    def _with(self, changed: Set[str]) -> set[str]:
        """Tables, and those whose rows change with theirs.

        Rows that refer to a changed row may show it; those that are deleted with another row may be deleted with it.
        """
        found = {*changed, *(table.name for table in self._tables.values() if refers(table, changed))}
        while more := {name for name in self._tables if name not in found and self._goes_with(name, found)}:
            found |= more
        return found

    def _goes_with(self, name: str, changed: Set[str]) -> bool:
        table = self._tables[name]
        return (
            any(reference.on_delete and reference.table in changed for reference in table.references.values())
            or (table.derived is not None and table.derived.source in changed)
            or any(name in tables and not tables.isdisjoint(changed) for tables in self._together)
        )

    def _owned_by_each_other(self) -> list[set[str]]:
        """Pairs of tables whose rows refer to each other: a row of one is created with a change of the other."""
        return [
            {table.name, reference.table}
            for table in self._tables.values()
            for reference in table.references.values()
            if reference.table != table.name and refers(self._tables[reference.table], {table.name})
        ]


def is_any(endpoint: Endpoint, tables: Set[str]) -> bool:
    """Whether an operation reads any of some tables; also if it is not known what it reads."""
    read = tables_of(endpoint)
    return endpoint.is_eventual or not read.isdisjoint(tables) or (not read and endpoint.body is not None)


def refers(table: RowSchema, others: Set[str]) -> bool:
    return any(reference.table in others for reference in table.references.values())


def is_key(table: RowSchema, field: str) -> bool:
    return field == "id" or (field,) in table.unique


def observed(endpoint: Endpoint) -> set[str]:
    """The tables whose rows an operation changes together."""
    return set(endpoint.place.value.get("x-observes", ()))


def tables_of(endpoint: Endpoint) -> set[str]:
    """The tables of the rows that a request names, selects or returns."""
    named = [table for table, _ in endpoint.named_fields.values()]
    returned = "" if endpoint.success is None else str(endpoint.success.value.get("x-table", ""))
    return {*named, *endpoint.sampled_tables, endpoint.selects, endpoint.listed_table, returned} - {""}
