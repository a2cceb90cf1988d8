"""The tables of the contract: their rows, references and derivations."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any
from uuid import UUID

from pydantic_core import SchemaValidator, core_schema, from_json, to_json

from understudy.cache import Cache
from understudy.contract.columns import ID, Column, Step
from understudy.contract.contract import Contract, Place
from understudy.contract.reading import Reading
from understudy.contract.validation import checked, compiled, with_default

CASCADE, SET_NULL = "cascade", "set-null"
TIMES = ("created", "updated")  # of a row: when it was created, and last changed


Present = Callable[[Mapping[str, Any], dict[str, Any]], None]
"""Changes a row of plain JSON to its form in responses, given all tables."""

Observe = Callable[[Any, Any], object]
"""Called with a workspace, and the rows of its tables that an operation has changed."""


@dataclass(frozen=True)
class Reference:
    """A field with the id of a row of `table`, and the effect of deleting that row."""

    table: str
    on_delete: str | None


@dataclass(frozen=True)
class Derived:
    """How a table is derived from another one if a fixture set omits it.

    One row for each `per`: the source row with the greatest `newest`, its id under `reference`, the
    row's own id a UUID 5 of the key in `namespace`.
    """

    source: str
    per: str
    newest: str
    reference: str
    namespace: UUID


PARSED = 2**22  # bytes of a table's rows that are held parsed
EXPANSION = 8  # the size of a parsed row, by that of its JSON


class RowSchema:
    """The rows of one table: their fields in the order of responses, and their JSON.

    `unique` are the sets of fields in which no two rows are equal. `named_by` is the field that holds a row's name: the
    only unique text, else the field `name`; None if a row has no name. `by_name` has the aliases of references in
    fixture sets: "owner" for `owner_id`. `filled` are the fields that cannot be null, and `times` those of creation and
    change. `present` changes rows to their form in responses, if that differs from what is stored. `observe` is called
    after an operation that has changed rows and observes their table.
    """

    def __init__(self, name: str, place: Place) -> None:
        self.name = name
        self.place = place
        self.references = dict(references(place))
        self.derived = derived(place)
        self.unique = tuple(unique_keys(place))
        self.named_by = name_field(place, self.unique)
        self.by_name: dict[str, str] = {}
        self.times = tuple(name for name in TIMES if name in place["properties"].value and is_time(place, name))
        self.fields = frozenset(place["properties"].value)
        self.filled = frozenset(name for name, part in place["properties"].items() if not part.value.get("nullable"))
        self.present: Present | None = None
        self.observe: Observe | None = None
        self._hidden = tuple(name for name, part in place["properties"].items() if part.value.get("x-hidden"))
        self._validator = row_validator(place)
        has_checks = any("x-checked-by" in part.value for _, part in place["properties"].items())
        self._checking = row_validator(place, is_checked=True) if has_checks else self._validator
        self._parsed: Cache[bytes, Mapping[str, Any]] = Cache(PARSED)

    def parsed(self, line: bytes) -> Mapping[str, Any]:
        """A row of a table, parsed from its JSON. Callers share it, so they must not change it."""
        values = self._parsed.get(line)
        if values is None:
            values = self.recall(line)
            self._parsed.put(line, values, EXPANSION * len(line))
        return values

    def parse(self, line: bytes | str) -> dict[str, Any]:
        """Parse a row from JSON that anybody may have written, complete and in order.

        Raises:
            pydantic_core.ValidationError: the line is not JSON, or not a row of this table.
        """
        row: dict[str, Any] = self._checking.validate_json(line)
        return row

    def recall(self, line: bytes) -> dict[str, Any]:
        """Parse a row of a table from its JSON. It was checked before."""
        row: dict[str, Any] = self._validator.validate_json(line)
        return row

    def complete(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """A row from its values, in order, with defaults of the contract, or null, for omitted fields.

        Raises:
            pydantic_core.ValidationError: a field is missing, unknown, or of another type.
        """
        row: dict[str, Any] = self._validator.validate_python(dict(values))
        return row

    @property
    def is_shown_as_stored(self) -> bool:
        return self.present is None and not self._hidden

    def shown(self, tables: Mapping[str, Any], encoded: bytes) -> bytes:
        """The JSON of a stored row in responses."""
        if self.is_shown_as_stored:
            return encoded
        row = from_json(encoded)
        if self.present is not None:
            self.present(tables, row)
        for name in self._hidden:
            del row[name]
        return to_json(row)

    def encode(self, row: Mapping[str, Any]) -> bytes:
        """The JSON of a complete row. Not-a-number and infinity become null."""
        return to_json(row, inf_nan_mode="null")


def row_validator(place: Place, *, is_checked: bool = False) -> SchemaValidator:
    """The validator of rows. `is_checked` are those that anybody may have written."""
    fields = {}
    for name, part in place["properties"].items():
        plain = compiled(part, Reading.STORED)
        core = checked(part, plain) if is_checked else plain
        if part.value.get("nullable") and not part.has_default:
            core = core_schema.with_default_schema(core, default=None)
        elif part.has_default:
            # Converted like a value that was read: 0 is 0.0 if the field has any numbers. It needs no check, which
            # would import the handlers that have it.
            core = with_default(core, SchemaValidator(plain).validate_python(part.default))
        fields[name] = core_schema.typed_dict_field(core, required=None)
    return SchemaValidator(core_schema.typed_dict_schema(fields, extra_behavior="forbid"))


def references(place: Place) -> list[tuple[str, Reference]]:
    found = []
    for name, part in place["properties"].items():
        on_delete = part.value.get("x-on-delete")
        if on_delete not in (None, CASCADE, SET_NULL):
            raise part.error(f"`x-on-delete` is `{CASCADE}` or `{SET_NULL}`, not `{on_delete}`")
        if "x-references" in part.value:
            found.append((name, Reference(part.value["x-references"], on_delete)))
    return found


def unique_keys(place: Place) -> Iterator[tuple[str, ...]]:
    """The unique sets of fields: single fields with `x-unique`, then those of the row schema."""
    properties = place["properties"]
    yield from ((name,) for name, part in properties.items() if part.value.get("x-unique"))
    for names in place.value.get("x-unique", ()):
        unknown = set(names) - properties.value.keys()
        if unknown:
            raise place.error(f"`x-unique` has unknown fields: {', '.join(sorted(unknown))}")
        yield tuple(names)


def name_field(place: Place, unique: Iterable[tuple[str, ...]]) -> str | None:
    properties = place["properties"]
    alone = [names[0] for names in unique if len(names) == 1]
    return next((name for name in (*alone, "name") if name in properties.value and is_text(properties[name])), None)


def is_time(place: Place, name: str) -> bool:
    """Whether a field is a required time."""
    schema = place["properties"][name].value
    return schema.get("format") == "date-time" and not schema.get("nullable") and "default" not in schema


def is_text(place: Place) -> bool:
    return place.value.get("type") == "string" and "format" not in place.value


def derived(place: Place) -> Derived | None:
    rule = place.value.get("x-derived")
    if rule is None:
        return None
    try:
        return Derived(rule["from"], rule["per"], rule["newest"], rule["reference"], UUID(rule["namespace"]))
    except (KeyError, ValueError) as error:
        needs = "`x-derived` requires from, per, newest, reference and a UUID as namespace"
        raise place.error(f"{needs} ({error!r})") from None


@dataclass
class Catalog:
    """All tables by name, and the columns that are used.

    Filters and sorts register their columns here while they are compiled, so that each table knows its columns before
    it has rows. `filters` has the compiled filters by their places.
    """

    tables: dict[str, RowSchema]
    columns: dict[str, set[Column]] = field(default_factory=dict)
    filters: dict[tuple[str, ...], Any] = field(default_factory=dict)

    @classmethod
    def of(cls, contract: Contract) -> "Catalog":
        """The tables of a contract.

        Raises:
            ContractError: a row schema references a table that does not exist, or is not valid.
        """
        schemas = [place for place in contract.schemas() if "x-table" in place.value]
        catalog = cls({})
        for place in schemas:
            with place.blamed():
                catalog.tables[place.value["x-table"]] = RowSchema(place.value["x-table"], place)
        for table in catalog.tables.values():
            catalog.columns[table.name] = {ID}
            for name, reference in table.references.items():
                if reference.table not in catalog.tables:
                    raise table.place["properties"][name].error(f"no table is named `{reference.table}`")
                catalog.column(table.name, (name,), table.place)
                alias = name.removesuffix("_id")
                if alias not in table.place["properties"].value and catalog.tables[reference.table].named_by:
                    table.by_name[alias] = name
            indexed = table.place.value.get("x-index", ())
            for name in {*chain(*table.unique), *([table.named_by] if table.named_by else ()), *indexed}:
                catalog.column(table.name, (name,), table.place)
            if table.derived is not None:
                for name in (table.derived.per, table.derived.newest):
                    catalog.column(table.name, (name,), table.place)
                    catalog.column(table.derived.source, (name,), table.place)
        return catalog

    def table(self, name: str, place: Place) -> RowSchema:
        if name not in self.tables:
            raise place.error(f"no table is named `{name}`")
        return self.tables[name]

    def column(
        self, table: str, names: tuple[str, ...], place: Place, *, joined: bool = False, together: bool = False
    ) -> Column:
        """Register the column of `table` that `place` uses."""
        for name in names:
            schema: Place | None = self.table(table, place).place
            for part in name.split(".", 1):
                schema = None if schema is None else property_of(schema, part)
            if schema is None:
                raise place.error(f"`{table}` has no field `{name}`")
        column = Column(names, joined, together)
        self.columns[table].add(column)
        return column

    def steps(self, table: str, path: str, place: Place) -> tuple[tuple[Step, ...], str]:
        """The steps of a path, and the table that it ends at.

        A part of the path is a field that refers to a row ("owner_id"), or a table and its field that
        refers back ("pets.owner_id").
        """
        steps = []
        for part in path.split("/"):
            owner, _, name = part.rpartition(".")
            reference = self.table(owner or table, place).references.get(name)
            if reference is None or (owner and reference.table != table):
                raise place.error(f"`{part}` is not a reference from or to `{table}`")
            step = Step(owner or reference.table, self.column(owner or table, (name,), place), back=bool(owner))
            steps.append(step)
            table = step.table
        return tuple(steps), table


def property_of(schema: Place, name: str) -> Place | None:
    """The schema of a name in an object; None if the object cannot have it."""
    properties, others = schema.get("properties"), schema.value.get("additionalProperties")
    if properties is not None and name in properties.value:
        return properties[name]
    return schema["additionalProperties"] if isinstance(others, dict) else None
