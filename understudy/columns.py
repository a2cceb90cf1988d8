"""What filters and sorts can look at: a column of a table, and the steps from row to related row."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from understudy.values import key_of


@dataclass(frozen=True)
class Column:
    """The first of some fields of a row that is set.

    Each name is a field, or a way into an object field ("created_by.id").
    """

    names: tuple[str, ...]

    def key(self, row: Mapping[str, Any]) -> Hashable | list[Hashable]:
        """What `row` is found under: a key, a list of them for a list, None where nothing is set."""
        for name in self.names:
            value: Any = row
            for part in name.split("."):
                value = None if value is None else value.get(part)
            if value is not None:
                return [key_of(item) for item in value] if isinstance(value, list) else key_of(value)
        return None


ID = Column(("id",))


@dataclass(frozen=True)
class Step:
    """From a row to the rows of `table` that are related to it.

    `column` holds ids: of `table`'s rows, in the table that is stepped from; or, where the step goes
    `back`, of the rows that are stepped from, in `table`.
    """

    table: str
    column: Column
    back: bool = False
