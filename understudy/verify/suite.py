"""All checks of the meaning of responses, in order."""

from collections.abc import Mapping

from understudy.verify import read_parts, write_parts
from understudy.verify.check_context import CheckContext
from understudy.verify.filtered_rows.table_under_test import TableUnderTest
from understudy.verify.parts import Kinds, in_turns, shares
from understudy.verify.requests.operation_names import Only, every

ROUNDS = 20  # rounds of random requests to each operation that only reads, in a run that does not write


def subjects_of(context: CheckContext, only: Only = every) -> dict[str, TableUnderTest]:
    """The tables whose rows some of the operations list, count or return in pages."""
    return {
        table: TableUnderTest.of(context, selection)
        for table, selection in context.endpoint_map.selections.items()
        if any(map(only, selection.all))
    }


def stages(
    context: CheckContext, subjects: Mapping[str, TableUnderTest], only: Only, *, allow_writes: bool
) -> list[Kinds]:
    """All parts of a run, the most important ones first.

    1. Each operation.
    2. Each operator, sort and combination of filters in a few requests, random requests, and the first writes. If the
       run may write, more than half of the requests are about writes. A slow server does not get further.
    3. Each operator with one or two values, summaries, sorts, invalid and random requests, and more writes. If the run
       may write, a quarter of the requests only read: a run that may not checks more of them.
    4. Edge cases and other values of the filters on a table's own rows, and pages of filtered rows.
    5. The same of the filters on related rows, with more combinations, invalid requests and writes.
    """
    rounds = 2 if allow_writes else ROUNDS
    reading = read_parts.reads_of(context, subjects, only, rounds)
    writing = write_parts.writes_of(context, subjects, only) if allow_writes else write_parts.Writes()
    then = shares(in_turns(reading.then)) if allow_writes else reading.then
    return [
        [reading.operations],
        [*reading.first, *writing.first],
        [*then, *writing.then],
        reading.edges,
        [*reading.last, writing.last],
    ]
