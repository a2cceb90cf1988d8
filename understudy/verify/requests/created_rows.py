"""The rows that a run creates: how they are marked, and which of them must be deleted."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import uuid4

from understudy.contract.catalog import CASCADE, Catalog
from understudy.contract.contract import Place
from understudy.sampling.answers import Answer
from understudy.verify.requests.endpoint import Endpoint
from understudy.verify.requests.endpoint_map import EndpointMap

MARK = "understudy-verify"
CREATED = 201
NUMBERS = {"flag": True, "tier": 1, "share": 1.5, "whole": 1.0, "beyond": 2**53 + 1}
LONG = 700  # the length of a text that exceeds every limit at which texts are cut


class CreatedRows:
    """Marks bodies, and remembers the rows that are created from them.

    Args:
        run: a text that marks this run's rows.
        catalog: the tables.

    Attributes:
        prefix: the prefix of the names of its rows.
        made: the ids of rows by table, until they are deleted.
        ever: the ids of all rows, including deleted ones.
    """

    def __init__(self, endpoint_map: EndpointMap, run: str, catalog: Catalog) -> None:
        self._endpoint_map = endpoint_map
        self._catalog = catalog
        self.prefix = f"{MARK}-{run}"
        self._count = 0
        self.made: dict[str, list[str]] = {table: [] for table in endpoint_map.creates}
        self.ever: set[str] = set()
        self._keys: dict[tuple[str, str], str] = {}
        self._owners: dict[str, frozenset[str]] = {}

    def mark(self) -> str:
        """A text that no other row holds."""
        self._count += 1
        return f"{self.prefix}-{self._count}"

    def note(self, endpoint: Endpoint, answer: Answer) -> None:
        """Remember the row in a response, if this run has created it."""
        table = next(
            (table for table, creates in self._endpoint_map.creates.items() if creates.label == endpoint.label), None
        )
        if table is None:
            return
        row = answer.body if isinstance(answer.body, dict) else {}
        is_marked = any(isinstance(value, str) and value.startswith(self.prefix) for value in row.values())
        only_makes = "200" not in endpoint.place.value["responses"]
        is_own = answer.is_success and (answer.status == CREATED or is_marked or only_makes)
        if is_own and "id" in row and row["id"] not in self.made[table]:
            self.made[table].append(str(row["id"]))
            self.ever.add(str(row["id"]))
            references = self._catalog.tables[table].references.items()
            owners = (row.get(name) for name, reference in references if reference.on_delete == CASCADE)
            self._owners[str(row["id"])] = frozenset(map(str, filter(None, owners)))
            deletes = self._endpoint_map.deletes.get(table)
            if deletes is not None and isinstance(row.get(deletes.field), str):
                self._keys[table, str(row["id"])] = row[deletes.field]

    def sizes(self) -> dict[str, int]:
        """The number of rows by table, so far."""
        return {table: len(ids) for table, ids in self.made.items()}

    def made_since(self, sizes: Mapping[str, int]) -> list[tuple[str, str]]:
        """The tables and ids of the rows beyond some numbers of them."""
        return [(table, row_id) for table, ids in self.made.items() for row_id in ids[sizes[table] :]]

    def remove(self, table: str, row_id: str) -> None:
        """Note that a row is deleted."""
        self.made[table].remove(row_id)

    def is_deleted_with(self, row_id: str, others: Collection[str]) -> bool:
        """Whether a row is deleted together with one of some other rows."""
        return not self._owners.get(row_id, frozenset()).isdisjoint(others)

    def key(self, table: str, row_id: str) -> str:
        """The value by which the path of the deleting operation names the row: its id, or its name when it was
        created.
        """
        return self._keys.get((table, row_id), row_id)


def value_for(place: Place, mark: str) -> Any:
    """A value for a schema."""
    schema = place.value
    match schema.get("type"):
        case "string":
            return str(uuid4()) if schema.get("format") == "uuid" else mark
        case "array":
            return [value_for(place["items"], text) for text in (mark, MARK, mark)]
        case "object":
            others = schema.get("additionalProperties", {})
            kinds = NUMBERS if isinstance(others, dict) and "anyOf" in others else {}
            edge = others.get("x-truncate", 0) if isinstance(others, dict) else 0
            edges = {f"edge{more}": "\u00e9" * (edge + more) for more in (0, 1)} if edge else {}
            return {mark: mark, "long": "x" * LONG, **edges, **kinds}
        case "boolean":
            return True
        case "integer" | "number":
            return 1
    return {"marked": mark, "list": [1.5, None, True]}


def is_refined(schema: Place) -> bool:
    """Whether a handler determines which values are valid, so that the schema does not (`x-refined-by`)."""
    return has_annotation(schema, ("x-refined-by",))


def may_be_refused(schema: Place) -> bool:
    """Whether a handler can refuse a body that the schema allows."""
    return has_annotation(schema, ("x-refined-by", "x-further-rules", "x-before", "x-after"))


def may_be_changed(schema: Place) -> bool:
    """Whether a handler can make a body valid that the schema does not allow (`x-before`)."""
    return has_annotation(schema, ("x-before",))


def has_annotation(schema: Place, names: Collection[str], within: frozenset[str] = frozenset()) -> bool:
    """Whether a schema, or one within it, has one of some annotations."""
    if schema.path in within:  # a schema that contains itself
        return False
    parts = [part for _, part in schema.entries("properties")]
    parts += [schema["items"]] if "items" in schema.value else []
    parts += [part for key in ("anyOf", "oneOf") for part in schema.each(key)]
    inside = within | {schema.path}
    return not schema.value.keys().isdisjoint(names) or any(has_annotation(part, names, inside) for part in parts)
