"""Evaluating criteria with bitmaps."""

from collections.abc import Iterator, Mapping
from functools import partial, reduce
from sys import getsizeof
from typing import NamedTuple

from pyroaring import BitMap

from understudy.cache import Cache
from understudy.contract.columns import ID, Step
from understudy.filters.criteria import All, Condition, Criteria, Either, Every, Not, Related
from understudy.filters.operators import OPERATORS
from understudy.tables.table import Part, Table

Tables = Mapping[str, Table]

FEW = 100  # rows are few if the table has more than so many times as many
MANY = 20  # target rows are many if the table has less than so many times as many
CRITERION = 200  # approximate bytes of a criterion without its operand
CHUNK = 2**13  # bytes, at most, of a bitmap for 2**16 consecutive rows


class Known(NamedTuple):
    """The rows that met criteria at a number of changes of their table, and of the tables beyond it."""

    rows: BitMap
    changes: int
    beyond: Mapping[str, int]


Remembered = Cache[tuple[object, str, Criteria], Known]
"""Results by the owner of the tables, the name of the table, and the criteria."""


class Selection:
    """Finds and caches the rows that meet criteria.

    If only the table itself has changed since, only the changed rows are evaluated again.

    Args:
        tables: the tables of the rows, by name.
        cache: the cache, which other tables may share.
    """

    def __init__(self, tables: Tables, cache: Remembered) -> None:
        self.cache = cache
        self._tables = tables
        self._owner = object()  # the key of these tables in the cache

    def rows(self, name: str, criteria: Criteria) -> BitMap:
        """The rows of a table that meet criteria. The caller must not change them."""
        match criteria:
            case Every():
                return self._tables[name].live
            case Condition() | Related():
                return self._cached(name, criteria)
            case All(parts):
                return reduce(partial(self._within, name), parts[1:], self.rows(name, parts[0]))
            case Either(parts):
                return BitMap.union(*(self.rows(name, part) for part in parts))
            case Not(part):
                return self._tables[name].live - self.rows(name, part)

    def _within(self, name: str, rows: BitMap, criteria: Criteria) -> BitMap:
        """Those of some rows that meet criteria; if they are few, no other rows are evaluated."""
        table = self._tables[name]
        are_few = FEW * len(rows) < len(table.live)
        if are_few and isinstance(criteria, Condition | Related) and (self._owner, name, criteria) not in self.cache:
            return self._evaluated(criteria, Part(table, rows))
        return rows & self.rows(name, criteria)

    def _cached(self, name: str, criteria: Condition | Related) -> BitMap:
        table, key = self._tables[name], (self._owner, name, criteria)
        known = self.cache.get(key)
        if known is None or any(self._tables[other].changes != seen for other, seen in known.beyond.items()):
            rows = self._evaluated(criteria, table)
        elif known.changes == table.changes:
            return known.rows
        else:
            rows = self._updated(known, criteria, table)
        known = Known(rows, table.changes, {other: self._tables[other].changes for other in beyond(criteria)})
        self.cache.put(key, known, size_of(criteria) + size_of_rows(rows))
        return rows

    def _updated(self, known: Known, criteria: Condition | Related, table: Table) -> BitMap:
        changed = table.changed_since(known.changes)
        if changed is None:
            return self._evaluated(criteria, table)
        return (known.rows - changed) | self._evaluated(criteria, Part(table, changed & table.live))

    def _evaluated(self, criteria: Condition | Related, table: Table | Part) -> BitMap:
        match criteria:
            case Condition(column, operator, operand):
                return OPERATORS[operator].rows(table.index(column), operand)
            case Related(step, part):
                found, other = self.rows(step.table, part), self._tables[step.table]
                return pointed_at(step, found, table, other) if step.back else pointing(step, found, table, other)


def size_of(criteria: Criteria) -> int:
    """The approximate size of criteria in bytes."""
    match criteria:
        case Condition(_, _, operand):
            parts = sum(map(getsizeof, operand)) if isinstance(operand, tuple) else 0
            return CRITERION + getsizeof(operand) + parts
        case Related(_, part) | Not(part):
            return CRITERION + size_of(part)
        case All(parts) | Either(parts):
            return CRITERION + sum(map(size_of, parts))
        case Every():
            return 0


def size_of_rows(rows: BitMap) -> int:
    """The approximate maximum size of a bitmap in bytes."""
    return min(2 * len(rows), (rows.max() // 2**16 + 1) * CHUNK) if rows else 0


def beyond(criteria: Criteria) -> Iterator[str]:
    """The tables that criteria lead to."""
    todo = [criteria]
    while todo:
        match todo.pop():
            case Related(step, part):
                yield step.table
                todo.append(part)
            case All(parts) | Either(parts):
                todo += parts
            case Not(part):
                todo.append(part)


def pointing(step: Step, found: BitMap, table: Table | Part, other: Table) -> BitMap:
    """The rows of `table` that reference one of `found`, in the way that reads the fewest rows."""
    if len(table.live) <= len(found):
        targets = ((row, other.find(table.key(step.column, row))) for row in table.live)
        return BitMap(row for row, target in targets if target is not None and target in found)
    index = table.index(step.column)
    if not index.knows_keys and len(table.live) < MANY * len(found):
        return index.among({other.key(ID, row) for row in found})
    if len(found) <= len(index.by_key):
        return index.any_of(other.key(ID, row) for row in found)
    return BitMap.union(
        BitMap(),
        *(rows for key, rows in index.by_key.items() if (row := other.find(key)) is not None and row in found),
    )


def pointed_at(step: Step, found: BitMap, table: Table | Part, other: Table) -> BitMap:
    """The rows of `table` that one of `found` references, from the side with the fewest rows."""
    index = other.index(step.column)
    if len(table.live) <= min(len(found), len(index.by_key)):
        return BitMap(row for row in table.live if index.rows(table.key(ID, row)).intersect(found))
    if len(found) <= len(index.by_key):
        keys = {other.key(step.column, row) for row in found}
    else:
        keys = {key for key, rows in index.by_key.items() if rows.intersect(found)}
    return BitMap(row for key in keys if key is not None and (row := table.find(key)) is not None)
