"""Deleting the rows that a run has created."""

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress

from understudy.sampling.answers import Row
from understudy.sampling.counterparts import ID
from understudy.verify.check_context import MOST_PAGES, CheckContext
from understudy.verify.check_results import Refused
from understudy.verify.requests.endpoint_map import Lookup, Selection
from understudy.verify.requests.throttled_client import NoAnswer

NOT_FOUND = 404


def clean_up(context: CheckContext) -> list[str]:
    """Delete all rows that the run has created, unless it is interrupted again. Returns the ids of the rows left."""
    made = [(table, row_id) for table, ids in context.own.made.items() for row_id in reversed(ids)]
    left = dict.fromkeys(row_id for _, row_id in made)
    with suppress(KeyboardInterrupt):
        keys = [(context.endpoint_map.deletes[table], row_id, context.own.key(table, row_id)) for table, row_id in made]
        delete_last(context, keys, left)
        if context.own.ever:
            delete_last(context, side_effects(context), left)
    return list(left)


def delete(context: CheckContext, rows: Iterable[tuple[str, str]]) -> None:
    """Delete the rows of some tables and ids that still exist, except those that are deleted with one of them."""
    deleted: set[str] = set()
    for table, row_id in rows:
        if context.own.is_deleted_with(row_id, deleted) or delete_row(context, table, row_id):
            context.own.remove(table, row_id)
            deleted.add(row_id)


def delete_row(context: CheckContext, table: str, row_id: str) -> bool:
    """Delete a row. Returns whether it does not exist any more."""
    lookup = context.endpoint_map.deletes[table]
    answer = context.ask(lookup.endpoint, lookup.request(context.own.key(table, row_id)))
    return answer.is_success or answer.status == NOT_FOUND


def delete_last(context: CheckContext, rows: Iterable[tuple[Lookup, str, str]], left: dict[str, None]) -> None:
    """Delete rows regardless of the budget, each with its operation, id and path parameters. Those that remain are
    `left`.
    """
    for lookup, row_id, key in rows:
        left[row_id] = None
        context.throttled_client.allow(1)
        with suppress(NoAnswer):
            answer = context.throttled_client.ask(lookup.request(key))
            if answer.is_success or answer.status == NOT_FOUND:
                del left[row_id]


def side_effects(context: CheckContext) -> Iterator[tuple[Lookup, str, str]]:
    """Rows that the server has created for those of the run, and rows of the run that have another name now."""
    for table, selection in context.endpoint_map.selections.items():
        lookup = context.endpoint_map.deletes.get(table)
        for row in () if lookup is None else listed(context, selection):
            if lookup is not None and isinstance(row.get(lookup.field), str) and is_of_run(context, row):
                yield lookup, str(row["id"]), row[lookup.field]


def is_side_effect(context: CheckContext, row: Row) -> bool:
    """Whether the server has created a row for one of the run."""
    return str(row["id"]) not in context.own.ever and is_of_run(context, row)


def is_of_run(context: CheckContext, row: Row) -> bool:
    """Whether a row has a name or an id of the run."""
    text = json.dumps(row)
    return context.own.prefix in text or not context.own.ever.isdisjoint(re.findall(ID, text))


def listed(context: CheckContext, selection: Selection) -> list[Row]:
    """The rows of a table, as far as they can be read, regardless of the budget."""
    context.throttled_client.allow(MOST_PAGES)
    with suppress(Refused, NoAnswer):
        return context.table(selection)
    return []
