"""Criteria evaluated with bitmaps: which rows of a table meet them."""

from collections.abc import Mapping

from pyroaring import BitMap

from understudy.columns import ID, Step
from understudy.criteria import All, Criteria, Either, Every, Not, Related, Test
from understudy.operators import OPERATORS
from understudy.table import Table

Tables = Mapping[str, Table]


def select(criteria: Criteria, table: Table, tables: Tables) -> BitMap:
    """The rows of `table` that meet `criteria`. The caller must not change them."""
    match criteria:
        case Every():
            return table.live
        case Test(column, operator, operand):
            return OPERATORS[operator].rows(table.index(column), operand)
        case All(parts):
            return BitMap.intersection(*(select(part, table, tables) for part in parts))
        case Either(parts):
            return BitMap.union(*(select(part, table, tables) for part in parts))
        case Not(part):
            return table.live - select(part, table, tables)
        case Related(step, part):
            found = select(part, tables[step.table], tables)
            return pointed_at(step, found, table, tables) if step.back else pointing(step, found, table, tables)


def pointing(step: Step, found: BitMap, table: Table, tables: Tables) -> BitMap:
    """The rows of `table` that refer to one of `found`, from whichever side has fewer to look at."""
    index = table.index(step.column)
    target = tables[step.table]
    if len(found) <= len(index.by_key):
        return index.any_of(target.key(ID, row) for row in found)
    return BitMap.union(
        BitMap(),
        *(rows for key, rows in index.by_key.items() if (row := target.find(key)) is not None and row in found),
    )


def pointed_at(step: Step, found: BitMap, table: Table, tables: Tables) -> BitMap:
    """The rows of `table` that one of `found` refers to, from whichever side has fewer to look at."""
    source = tables[step.table]
    index = source.index(step.column)
    if len(found) <= len(index.by_key):
        keys = {source.key(step.column, row) for row in found}
    else:
        keys = {key for key, rows in index.by_key.items() if rows.intersect(found)}
    return BitMap(row for key in keys if key is not None and (row := table.find(key)) is not None)
