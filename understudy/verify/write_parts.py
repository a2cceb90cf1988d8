"""The parts of a run that write."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from understudy.contract.scenario_files import Step
from understudy.verify.check_context import CheckContext
from understudy.verify.check_results import Task
from understudy.verify.checks import (
    create_to_delete,
    invalid_requests,
    referring_rows,
    rich_values,
    scenarios,
    sessions,
    writes,
)
from understudy.verify.filtered_rows.table_under_test import TableUnderTest
from understudy.verify.parts import Kinds, Part, in_turns, repeated, shares
from understudy.verify.requests.created_rows import is_refined, value_for
from understudy.verify.requests.endpoint import Endpoint, schema_of, success_of
from understudy.verify.requests.endpoint_map import Selection
from understudy.verify.requests.misspelled_names import with_misspelled_names
from understudy.verify.requests.operation_names import Only, has_tag, tag_of
from understudy.verify.requests.repeated_reads import with_repeated_reads
from understudy.verify.requests.rich_scenarios import fullest
from understudy.verify.requests.scenario_order import most_new_first
from understudy.verify.requests.scenario_requests import Scenario, follows_link, request_of
from understudy.verify.requests.scenario_requests import scenarios as all_scenarios

SHARES = 8  # of the first parts, which include each scenario
SESSIONS, MORE_SESSIONS = 5, 10  # random sessions about the operations of each tag, before the edges and after


@dataclass(frozen=True)
class Writes:
    """The parts that write: those beside the first reads, those beside the filters, and the rest."""

    first: Kinds = ()
    then: Kinds = ()
    last: Sequence[Part] = ()


def writes_of(context: CheckContext, subjects: Mapping[str, TableUnderTest], only: Only) -> Writes:
    """All parts that write.

    First: one row of each table, then a rich body for each operation and each scenario, with eight shares; changes of
    rows that the contract alone determines; and one invalid request to each operation. Scenarios are compared with the
    reference servers if possible, those that add the most to earlier ones first.

    Then: deletions of rows that others refer to; refused changes; scenarios again, with what the contract expects, or
    mixed with random requests; and random sessions. The last two get two shares each.

    Last: more random sessions.
    """
    chosen = [
        each
        for each in all_scenarios(context.endpoint_map)
        if any(map(only, each.operations)) and (context.throttled_client.has_streams or not each.has_streams)
    ]
    compared = [each for each in chosen if can_be_compared(context, each)]
    only_expected = [each for each in chosen if each not in compared]
    ordered = with_repeated_reads(context.endpoint_map, most_new_first(compared, context.random))
    misspelled = with_misspelled_names(context.endpoint_map, ordered)
    alone = scenario_sessions_of(context, misspelled, is_alone=True)
    undisturbed = [each for each in compared if not each.takes_turns]
    among = scenario_sessions_of(context, context.random.sample(undisturbed, k=len(undisturbed)), is_alone=False)
    again = [*scenarios_of(context, compared), *among]
    session = partial(sessions_of, context, only)
    some = [*session("a session"), *repeated(session, "session", SESSIONS)]
    rows, bodies = single_rows_of(context, only), rich_values_of(context, only, undisturbed)
    first = [*rows, *in_turns([bodies, scenarios_of(context, only_expected), alone])]
    return Writes(
        [*shares(first, SHARES), in_turns(changes_of(context, subjects)), first_refused_changes(context, only)],
        [deletions(context, only), refused_changes(context, only), *shares(again), *shares(some)],
        repeated(session, "session", MORE_SESSIONS, SESSIONS + 1),
    )


def single_rows_of(context: CheckContext, only: Only) -> list[Part]:
    """The parts about one row of each table that can be written."""
    creates = context.endpoint_map.creates
    return [
        Part(f"{creates[table].label}: one row from create to delete", partial(create_to_delete.check, context, table))
        for table in create_to_delete.tables(context.endpoint_map)
        if only(creates[table])
    ]


def rich_values_of(context: CheckContext, only: Only, chosen: Sequence[Scenario]) -> list[Part]:
    """The parts that send values which servers often store wrongly, one for each operation that changes rows by a
    body; none without reference servers.
    """
    references, found = context.references, fullest(context.endpoint_map, chosen)
    return [
        Part(f"{each.label}: rich values", partial(rich_values.check, context, references, each, found[each.label]))
        for each in changes_by_bodies(context, only)
        if references is not None and each.label in found
    ]


def scenarios_of(context: CheckContext, chosen: Iterable[Scenario]) -> list[Part]:
    """The parts about scenarios of the contract."""
    return [
        Part(f"{each.endpoint.label}: {each.name}", partial(scenarios.check, context, each))
        for each in chosen
        if each.expects_bodies
    ]


def scenario_sessions_of(context: CheckContext, chosen: Iterable[Scenario], *, is_alone: bool) -> list[Part]:
    """The parts that send the requests of a scenario, alone or mixed with random requests."""
    name = "compared" if is_alone else "among other requests"
    return [
        Part(f"{each.endpoint.label}: {each.name}, {name}", task)
        for each in chosen
        for task in session_of(context, sessions.Subject(partial(has_tag, tag_of(each.endpoint)), each, is_alone))
    ]


def sessions_of(context: CheckContext, only: Only, name: str) -> list[Part]:
    """The parts that send random requests, one for the operations of each tag; none without reference servers."""
    tags = dict.fromkeys(tag_of(each) for each in context.endpoint_map.endpoints if only(each))
    return [
        Part(f"Operations of {tag}: {name}", task)
        for tag in tags
        for task in session_of(context, sessions.Subject(partial(has_tag, tag)))
    ]


def session_of(context: CheckContext, subject: sessions.Subject) -> list[Task]:
    """The task of a session; none without reference servers."""
    references, operations = context.references, context.session_operations
    return [] if references is None else [partial(sessions.check, context, references, operations, subject)]


def can_be_compared(context: CheckContext, scenario: Scenario) -> bool:
    """Whether the reference servers respond to the requests of a scenario in the same way."""
    return context.references is not None and not any(changes_several(context, step) for step in scenario.steps)


def changes_several(context: CheckContext, step: Step) -> bool:
    """Whether a request changes all rows that it selects, in the random order of ids, unless it selects one row."""
    if follows_link(step):
        return False
    endpoint, request = request_of(context.endpoint_map, step)
    if endpoint.is_safe or not endpoint.selects:
        return False
    own = request.body.get(Selection(endpoint.selects, endpoint).own) or {}
    return len((own.get("id") or {}).get("any_") or ()) != 1


def changes_of(context: CheckContext, subjects: Mapping[str, TableUnderTest]) -> Kinds:
    """The parts that change rows of each table, all of them created by the run."""
    return [
        [
            Part(
                f"{context.endpoint_map.creates[subject.selection.table].label}: {name}",
                partial(writes.run, context, subject, scenario),
            )
            for name, scenario in writes.SCENARIOS.items()
        ]
        for subject in changeable(context, subjects)
    ]


def deletions(context: CheckContext, only: Only) -> list[Part]:
    """The parts about rows that refer to a deleted row, for each field that does."""
    deletes = context.endpoint_map.deletes
    return [
        Part(
            f"{deletes[each.reference.table].endpoint.label}: {each.name}", partial(referring_rows.check, context, each)
        )
        for each in referring_rows.relations(context)
        if only(deletes[each.reference.table].endpoint)
    ]


def first_refused_changes(context: CheckContext, only: Only) -> list[Part]:
    """The parts that send operations that change rows by a body or delete one an invalid body and an outdated version.

    Operations without a body or a parameter are left out: a broken server could delete what it must not.
    """
    return [
        Part(f"{each.label}: an invalid request", partial(invalid_requests.check_first, context, each))
        for each in context.endpoint_map.endpoints
        if not each.is_safe and not each.selects and (each.body is not None or each.parameters) and only(each)
    ]


def refused_changes(context: CheckContext, only: Only) -> list[Part]:
    """The parts about more invalid bodies of these operations."""
    references = context.references
    return [
        Part(f"{each.label}: invalid requests", partial(invalid_requests.check_change, context, references, each))
        for each in changes_by_bodies(context, only)
        if references is not None
    ]


def changes_by_bodies(context: CheckContext, only: Only) -> list[Endpoint]:
    """The operations that change rows by a body, except all rows that a filter selects."""
    endpoints = context.endpoint_map.endpoints
    return [
        each for each in endpoints if not each.is_safe and each.body is not None and not each.selects and only(each)
    ]


def varied_rows_of(context: CheckContext, subjects: Mapping[str, TableUnderTest]) -> Iterator[Task]:
    """The tasks that create rows of all kinds."""
    for subject in changeable(context, subjects):
        yield partial(writes.create_varied_rows, context, subject)


def changeable(context: CheckContext, subjects: Mapping[str, TableUnderTest]) -> list[TableUnderTest]:
    """The tables whose rows can be created, found by a filter on their ids, and deleted.

    All their rows are tested, also if the checks that only read narrow a large table to some of its rows: those that
    a run creates are not among them.
    """
    endpoint_map = context.endpoint_map
    tables = endpoint_map.creates.keys() & {
        table for table, lookup in endpoint_map.deletes.items() if lookup.field == "id"
    }
    return [
        TableUnderTest.of(context, subject.selection)
        for table, subject in subjects.items()
        if table in tables and subject.id_operator(subject.selection.own) is not None and is_predictable(context, table)
    ]


def is_predictable(context: CheckContext, table: str) -> bool:
    """Whether the contract alone determines a created row, and a body for it can be made from the schema."""
    creates = context.endpoint_map.creates[table]
    if success_of(creates).value.get("x-table") != table:
        return False
    body = {name: value_for(part, context.own.mark()) for name, part in schema_of(creates).entries("properties")}
    refusals = context.interpreter.refusals(creates, json.dumps(body).encode(), {})
    return not context.model.is_worked_out(table) and refusals[0] is None and not is_refined(schema_of(creates))
