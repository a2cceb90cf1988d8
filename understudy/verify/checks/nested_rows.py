"""Rows that a row of another table shows (`x-shows`): the list below that row has the same ones."""

from functools import partial

from understudy.sampling.answers import Row, rows_of, same
from understudy.sampling.moving_fields import without
from understudy.sampling.varied_rows import varied
from understudy.verify import rules
from understudy.verify.check_context import CheckContext
from understudy.verify.check_results import Broken, unlike
from understudy.verify.expectations.reference_answers import by_id
from understudy.verify.requests.endpoint_map import Lookup

MOST = 30  # rows to compare the lists below


def field_of(context: CheckContext, table: str, lookup: Lookup) -> str:
    """The field of a row that lists the rows of a table below it; empty without one."""
    parts = context.model.catalog.tables[lookup.table].place.properties
    fields = (name for name, part in parts.items() if part.value.get("x-shows") == table)
    return next((name for name in fields if parts[name].value.get("type") == "array"), "")


def check(context: CheckContext, table: str, lookup: Lookup, field: str) -> None:
    """Compare the lists below some known rows with a field of these rows."""
    known = context.model.known[lookup.table]
    for row_id in varied(known, context.random, MOST):
        differ = partial(differs, context, table, lookup, known[row_id], field)
        context.results.hold(rules.ROW_FORMAT, lookup.endpoint.label, field, differ)


def differs(context: CheckContext, table: str, lookup: Lookup, row: Row, field: str) -> Broken | None:
    """How the rows of a table in the list below a row differ from those in a field of the row, in any order."""
    request = lookup.request(str(row[lookup.field]))
    known = context.model.known[lookup.table].get(str(row["id"]), row)
    answer = context.ask(lookup.endpoint, request)
    lists = (rows_of(each) or [] for each in (known.get(field), answer.body))
    shown, found = (by_id(without(context.model.moving(table), rows)) for rows in lists)
    return None if same(shown, found) else unlike((request,), list(shown.values()), list(found.values()))
