"""Rows with what refers to them, directly or through other rows, so that a selection of them has some of each kind."""

from collections.abc import Iterable, Iterator, Mapping

from understudy.contract.catalog import Catalog
from understudy.sampling.answers import Row

DEPTH = 2  # references in a chain, such as from a row to the one that started it, and to what that one belongs to

Known = Mapping[str, Mapping[str, Row]]
"""The known rows, by table and id."""


def with_referrers(catalog: Catalog, known: Known, table: str) -> dict[str, Row]:
    """The rows of a table by their ids, with a field for each chain of references: whether it leads to the row."""
    chains = dict(chains_to(catalog, known, table))
    return {
        row_id: {**row, **{chain: row_id in ids for chain, ids in chains.items()}}
        for row_id, row in known[table].items()
    }


def chains_to(catalog: Catalog, known: Known, table: str, depth: int = DEPTH) -> Iterator[tuple[str, set[str]]]:
    """The chains of references to a table, by the fields in them, and the ids that they lead to."""
    for name, schema in catalog.tables.items():
        rows = known.get(name, {})
        for field, reference in schema.references.items():
            if reference.table != table:
                continue
            yield f"{name}.{field}", referred(rows.values(), field)
            for chain, ids in chains_to(catalog, known, name, depth - 1) if depth > 1 else ():
                yield f"{chain} {name}.{field}", referred((rows[each] for each in ids & rows.keys()), field)


def referred(rows: Iterable[Row], field: str) -> set[str]:
    """The ids that some rows have in a field."""
    return {str(row[field]) for row in rows if row.get(field) is not None}
