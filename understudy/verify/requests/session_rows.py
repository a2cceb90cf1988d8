"""The rows that a session knows: those that it has created, and those that resulted from them."""

import json
import random
import re
from typing import Any

from understudy.contract.contract import Place
from understudy.sampling.answers import Answer, Row
from understudy.sampling.counterparts import ID
from understudy.sampling.random_requests import Request
from understudy.sampling.sample_values import Samples
from understudy.verify.requests.endpoint import Endpoint
from understudy.verify.requests.session_operations import Fields


class NoRow(Exception):
    """A request needs a row of a table of which the session has none yet."""

    def __init__(self, table: str) -> None:
        super().__init__(table)
        self.table = table


class SessionRows:
    """The rows of a session, from responses.

    Args:
        fields: the meaning of field names.
        randomness: the random generator.
        mark: a text that no other row has, or that has an id which no other row has.
    """

    def __init__(self, fields: Fields, randomness: random.Random, mark: str) -> None:
        self.samples = Samples(randomness)
        self._fields = fields
        self._random = randomness
        self._mark = (re.findall(ID, mark) or [mark])[-1]  # the id in it alone: a request may have it in another case
        self._rows: dict[str, dict[str, Row]] = {}
        self._own: set[str] = set()

    def learn(self, endpoint: Endpoint, request: Request, answer: Answer, table: str, *, is_own: bool = False) -> bool:
        """Store the rows of a response, as rows of a table if its schema names no other one.

        Returns whether all of them depend only on rows of the session.

        Args:
            endpoint: the operation.
            request: the request.
            answer: the response.
            table: the table of its rows, if their schema names none.
            is_own: whether a single row, and rows below a row named by the session, belong to the session regardless of
                their values.
        """
        if endpoint.success is None or not answer.is_success:
            return True
        is_row = isinstance(answer.body, dict) and "id" in answer.body
        if is_own and (is_row or self._mark in request.path):
            self._keep(endpoint.success, answer.body, table)
            return True
        return self._learn(endpoint.success, answer.body, f"{request.path} {request.body}", table)

    def _learn(self, schema: Place, value: Any, sent: str, table: str = "") -> bool:
        """Store the rows in a value, as rows of a table if its schema names no other one."""
        if isinstance(value, list) and "items" in schema.value:
            are_own = [self._learn(schema.items_schema, item, sent) for item in value]
            return all(are_own)
        if not isinstance(value, dict):
            return True
        if "id" not in value:
            are_own = [self._learn(part, value.get(name), sent) for name, part in schema.properties.items()]
            return all(are_own)
        if not self._is_own(value, sent) or self._has_common_name(value, schema.value.get("x-table", table)):
            return False
        self._keep(schema, value, table)
        return True

    def _has_common_name(self, row: Row, table: str) -> bool:
        """Whether rows below other rows may have the same name, such as a default."""
        tables = [table] if table else self._fields.unique
        sets = (names for each in tables for names in self._fields.unique.get(each, ()))
        is_shared = any("name" in names and len(names) > 1 and row.keys() >= set(names) for names in sets)
        return is_shared and not self.is_given(row.get("name"))

    def _keep(self, schema: Place, value: Any, table: str = "") -> None:
        """Store a row of the session, and those within it."""
        if isinstance(value, list) and "items" in schema.value:
            for item in value:
                self._keep(schema.items_schema, item)
        if isinstance(value, dict):
            for name, part in schema.properties.items():
                self._keep(part, value.get(name))
            if "id" in value:
                self._own.add(str(value["id"]))
                self._rows.setdefault(schema.value.get("x-table", table), {})[str(value["id"])] = value
            if "x-table" in schema.value:
                self.samples.learn(schema, [value])

    def _is_own(self, row: Row, sent: str) -> bool:
        """Whether a row has a name of the session, or refers only to rows of the session."""
        text = json.dumps(row)
        referred = {row[name] for name in row.keys() & self._fields.parents}
        is_related = self._mark in text or any(row_id in text for row_id in self._own)
        return is_related and all(each is None or each in self._own or each in sent for each in referred)

    @property
    def ids(self) -> list[str]:
        """The ids of the rows, deleted ones too."""
        return sorted(self._own)

    def are_named(self, request: Request) -> bool:
        """Whether a request has the id or name of one of the rows, or of a row that does not exist yet."""
        text = f"{request.path} {json.dumps(request.body)}"
        return self._mark in text or any(row_id in text for row_id in self._own)

    def named(self, text: str) -> list[tuple[str, Row]]:
        """The rows whose id or name a text has, each with its table."""
        return [(table, row) for table, rows in self._rows.items() for row in rows.values() if is_named(row, text)]

    def is_given(self, value: Any) -> bool:
        """Whether a value is the id or name of a row of the session, and of no other row."""
        return isinstance(value, str) and (value in self._own or self._mark in value)

    def value(self, table: str, field: str, *, any_name: bool = False) -> Any:
        """A value of a field of a row of the session: one that no other row has, or any.

        Raises:
            NoRow: the session has no such row.
        """
        values = [value for row in self._rows.get(table, {}).values() if (value := row.get(field)) is not None]
        values = [value for value in values if any_name or self.is_given(value)]
        if not values:
            raise NoRow(table)
        return self._random.choice(values)


def is_named(row: Row, text: str) -> bool:
    """Whether a text has the id or the name of a row."""
    return str(row["id"]) in text or (bool(row.get("name")) and str(row["name"]) in text)
