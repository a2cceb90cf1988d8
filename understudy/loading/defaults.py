"""Defaults of loaded rows: ids and times that they omit."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid5

from pydantic_core import ValidationError, from_json, to_json

from understudy.contract.catalog import RowSchema
from understudy.errors import MOST, did_you_mean
from understudy.loading.sources import RowError
from understudy.tables.table import Table
from understudy.values import is_id, now

NAMESPACE = UUID("0b3f3c64-5d0e-4d5c-9a35-6a4f1c1f7f0b")


class Defaults:
    """Completes rows. All omitted times are the same moment; omitted ids are the same in each load."""

    def __init__(self) -> None:
        self._moment = now().isoformat()
        self._alike: Counter[str] = Counter()

    def parsed(self, table: Table, values: Mapping[str, Any]) -> dict[str, Any]:
        """A row from the values in its JSON, with the id and times that they omit.

        Raises:
            RowError: it is not a valid row of the table.
        """
        schema = table.schema
        times = {name: self._moment for name in schema.times if name not in values}
        row_id = {} if "id" in values else {"id": str(self.new_id(table, values))}
        try:
            return schema.parse(to_json({**values, **times, **row_id}, inf_nan_mode="constants"))
        except ValidationError as error:
            raise RowError(*explained(error, schema)) from None

    def new_id(self, table: Table, values: Mapping[str, Any]) -> UUID:
        """A new id for a row: a UUID 5 of its table and the first unique fields that it has.

        Without unique fields, it is derived from all values of the row, and the number of equal rows before it.
        """
        schema = table.schema
        for names in schema.unique:
            key = [spelled(values.get(name)) if name in schema.references else values.get(name) for name in names]
            if None not in key:
                return uuid5(NAMESPACE, json.dumps([schema.name, names, key]))
        content = json.dumps([schema.name, values], sort_keys=True)
        while True:
            row_id = uuid5(NAMESPACE, f"{content}{self._alike[content]}")
            self._alike[content] += 1
            if table.find(row_id.int) is None:
                return row_id


def spelled(value: Any) -> Any:
    """An id in canonical form; any other value unchanged."""
    return str(UUID(value)) if isinstance(value, str) and is_id(value) else value


def values_in(line: bytes | str, schema: RowSchema, error: ValidationError) -> dict[str, Any]:
    """The values of a row that was refused, to be completed.

    Raises:
        RowError: it is not a JSON object.
    """
    try:
        values = from_json(line)
    except (ValueError, TypeError):  # the latter for lone surrogates
        values = None
    if not isinstance(values, dict):
        raise RowError(*explained(error, schema))
    return values


def in_one_line(text: str) -> str:
    """An error of JSON without its line number, since the JSON is one line of a file."""
    hint = "; a row must be on one line, or in an array" if "EOF while parsing" in text else ""
    return text.replace(" at line 1 column ", " at column ") + hint


def explained(error: ValidationError, schema: RowSchema) -> list[str]:
    """The errors of a row as texts; if there are more than are shown, the last text counts the others."""
    known = [*schema.place["properties"].value, *schema.by_name]
    reasons = []
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    for each in errors[:MOST]:
        where = ".".join(str(part) for part in each["loc"])
        hint = did_you_mean(where, known) if each["type"] == "extra_forbidden" else ""
        text = in_one_line(each["msg"]) if each["type"] == "json_invalid" else each["msg"]
        reasons.append(f"{where}: {text}{hint}" if where else text)
    left = len(errors) - len(reasons)
    return [*reasons, f"and {left} more in this row"] if left else reasons
