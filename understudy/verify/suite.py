"""All checks of the meaning of responses, in order."""

from collections.abc import Mapping

from understudy.verify import read_parts, write_parts
from understudy.verify.check_context import CheckContext
from understudy.verify.filtered_rows.table_under_test import TableUnderTest
from understudy.verify.parts import Kinds, halves, in_turns
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

    Each operation comes first. Then each operator of the filters, each sort and several filters together are sent in a
    few requests each, with two shares, beside random requests to the operations that read rows and, with three shares,
    the first writes; a slow server does not get further. Then all operations check each operator with one value. The
    filters on related rows are the largest group, and get two shares. Summaries, sorts, invalid requests, more random
    requests and more writes run at the same time. Edge cases and other values of the filters on a table's own rows
    follow, with pages of filtered rows. Those of the filters on related rows come last, with more combinations and
    writes. From the filters on, a quarter of the requests only read in a run that writes: a run that does not write
    checks more of them.
    """
    rounds = 2 if allow_writes else ROUNDS
    reading = read_parts.reads_of(context, subjects, only, rounds)
    writing = write_parts.writes_of(context, subjects, only) if allow_writes else write_parts.Writes()
    then = halves(in_turns(reading.then)) if allow_writes else reading.then
    return [
        [reading.operations],
        [*reading.first, *writing.first],
        [*then, *writing.then],
        reading.edges,
        [*reading.last, writing.last],
    ]
