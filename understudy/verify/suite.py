"""All that is checked of a server's meaning, in order."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from understudy.contract.scenario_files import Step
from understudy.sampling.random_requests import RequestGenerator
from understudy.verify.check_context import CheckContext
from understudy.verify.check_results import Task
from understudy.verify.checks import (
    combined_criteria,
    create_to_delete,
    invalid_requests,
    latest_rows,
    listings,
    lookups,
    parents,
    query_strings,
    related_rows,
    same_rows,
    scenarios,
    sessions,
    single_criteria,
    single_requests,
    summaries,
    writes,
)
from understudy.verify.expectations.mirror import Mirror
from understudy.verify.filtered_rows.table_under_test import TableUnderTest
from understudy.verify.parts import Kinds, Part, halves, in_turns, repeated
from understudy.verify.requests.created_rows import is_refined, value_for
from understudy.verify.requests.endpoints import Endpoint, Selection, schema_of, success_of
from understudy.verify.requests.field_operators import FieldOperator
from understudy.verify.requests.operation_names import Only, every, has_tag, tag_of
from understudy.verify.requests.scenario_order import most_new_first
from understudy.verify.requests.scenario_requests import Scenario, follows_link, request_of
from understudy.verify.requests.scenario_requests import scenarios as all_scenarios

ROUNDS = 20  # of random requests to each operation that reads rows, in a run that does not write
SESSIONS, MORE_SESSIONS = 5, 10  # random sessions about the operations of each tag, before the edges and after


def subjects_of(context: CheckContext, only: Only = every) -> dict[str, TableUnderTest]:
    """The tables that some of the operations list, count or page."""
    return {
        table: TableUnderTest.of(context, selection)
        for table, selection in context.endpoint_map.selections.items()
        if any(map(only, selection.all))
    }


Operators = Sequence[tuple[TableUnderTest, Sequence[FieldOperator]]]
"""Some operators of each table."""

CheckOperator = Callable[[TableUnderTest, FieldOperator], None]


def stages(
    context: CheckContext, subjects: Mapping[str, TableUnderTest], only: Only, *, allow_writes: bool
) -> list[Kinds]:
    """All parts of a run, the most important first.

    Each operation comes first. Then each operator of the filters and each sort is in one request, beside random
    requests to the operations that read rows, and the first writes: a slow server does not get further. Then each
    operator is checked with one value by all operations; the filters on related rows, which are most, have two shares.
    Beside them are summaries, sorts, invalid requests, more random requests, and more writes. Edges and other values of
    the filters on a table's own rows follow, with pages of filtered rows. Those of the filters on related rows come
    last, with more combinations and writes.
    """
    own, related = own_operators(subjects), related_operators(subjects)
    sorts = in_turns(sorts_of(context, subjects))
    writing = writes_of(context, subjects, only) if allow_writes else Writes()
    reading = repeated(partial(same_rows_of, context, only), "other requests", 2 if allow_writes else ROUNDS)
    return [
        [list(operations(context, subjects, only))],
        [
            in_turns(
                [
                    single_requests_of(context, subjects),
                    same_rows_of(context, only, "random requests"),
                    numbers_of(context, only),
                ]
            ),
            writing.first,
        ],
        [
            in_turns(first_values(own, "two criteria", combined_criteria.check_own)),
            *halves(in_turns(first_values(related, "two filters", combined_criteria.check_across))),
            in_turns([summaries_of(context, subjects, only), sorts]),
            in_turns([query_strings_of(context, only), refusals(context, only), other_tables_of(context, only)]),
            reading,
            *writing.then,
        ],
        [in_turns([*edges(own), *other_values(own)]), list(filtered(context, subjects))],
        [
            in_turns(edges(related)),
            in_turns(other_values(related)),
            list(pairs(context, subjects)),
            other_refusals(context, only),
            writing.last,
        ],
    ]


@dataclass(frozen=True)
class Writes:
    """The parts that write: those of their own stage, those beside the filters, and the rest."""

    first: Sequence[Part] = ()
    then: Kinds = ()
    last: Sequence[Part] = ()


def writes_of(context: CheckContext, subjects: Mapping[str, TableUnderTest], only: Only) -> Writes:
    """All parts that write.

    One row of each table comes first, and each scenario of the contract, compared where it can be, those first that do
    most that is new. Then come all
    changes of rows, refused changes, the scenarios once more, checked by what they say or sent among other requests,
    and random sessions: these two have two shares each.
    """
    chosen = [
        each
        for each in all_scenarios(context.endpoint_map)
        if any(map(only, each.operations)) and (context.throttled_client.has_streams or not each.has_streams)
    ]
    compared = [each for each in chosen if can_be_compared(context, each)]
    only_expected = [each for each in chosen if each not in compared]
    alone = scenario_sessions_of(context, most_new_first(compared, context.random), is_alone=True)
    undisturbed = [each for each in compared if not each.takes_turns]
    among = scenario_sessions_of(context, context.random.sample(undisturbed, k=len(undisturbed)), is_alone=False)
    again = [*scenarios_of(context, compared), *among]
    session = partial(sessions_of, context, only)
    some = [*session("a session"), *repeated(session, "session", SESSIONS)]
    changing = in_turns([*changes_of(context, subjects), deletions(context, only)])
    return Writes(
        in_turns([single_rows_of(context, only), scenarios_of(context, only_expected), alone]),
        [changing, refused_changes(context, only), *halves(again), *halves(some)],
        repeated(session, "session", MORE_SESSIONS, SESSIONS + 1),
    )


def operations(context: CheckContext, subjects: Mapping[str, TableUnderTest], only: Only) -> Iterator[Part]:
    """The parts about each operation that changes nothing."""
    check_paths = partial(invalid_requests.check_paths, context, only, invalid_requests.FIRST_PATHS)
    yield Part("Some paths: methods that they do not have", check_paths)
    for subject in subjects.values():
        yield Part(f"{subject.label}: all rows", partial(check_rows, context, subject))
    for lookup in context.endpoint_map.reads:
        if only(lookup.endpoint) and context.model.is_unique(lookup.table, lookup.field):
            yield Part(f"{lookup.endpoint.label}: rows by {lookup.field}", partial(lookups.check, context, lookup))


def check_rows(context: CheckContext, subject: TableUnderTest) -> None:
    """Check the lists of a table without filters."""
    subject.narrow()
    listings.check_plain(context, subject.selection)
    latest_rows.check(context, subject.selection)


def refusals(context: CheckContext, only: Only) -> list[Part]:
    """The parts about invalid requests, for each operation that changes nothing, and about other methods."""
    check_paths = partial(invalid_requests.check_paths, context, only, invalid_requests.OTHER_PATHS)
    methods = Part("Other paths: methods that they do not have", check_paths)
    bodies = [
        Part(f"{each.label}: invalid requests", partial(invalid_requests.check, context, each))
        for each in queries(context, only)
    ]
    return [methods, *bodies]


def other_refusals(context: CheckContext, only: Only) -> list[Part]:
    """The parts about more invalid bodies."""
    return [
        Part(f"{each.label}: other invalid requests", partial(invalid_requests.check_others, context, each))
        for each in queries(context, only)
        if each.body is not None
    ]


def refused_changes(context: CheckContext, only: Only) -> list[Part]:
    """The parts about invalid bodies for operations that change rows, but not all that a filter selects."""
    references = context.references
    return [
        Part(f"{each.label}: invalid requests", partial(invalid_requests.check_change, context, references, each))
        for each in context.endpoint_map.endpoints
        if references is not None and not each.is_safe and each.body is not None and not each.selects and only(each)
    ]


def queries(context: CheckContext, only: Only) -> list[Endpoint]:
    """The operations that change nothing and are about no row in particular."""
    return [each for each in context.endpoint_map.endpoints if each.is_safe and "{" not in each.path and only(each)]


def own_operators(subjects: Mapping[str, TableUnderTest]) -> Operators:
    """The operators of the filter on the rows of each table themselves."""
    return [
        (subject, [each for each in subject.field_operators.values() if each.filter == subject.selection.own])
        for subject in subjects.values()
    ]


def related_operators(subjects: Mapping[str, TableUnderTest]) -> Operators:
    """The operators of the filters on rows that are related to those of each table, one of each filter in turns."""
    return [
        (
            subject,
            in_turns(
                [
                    [each for each in subject.field_operators.values() if each.filter == name]
                    for name in subject.selection.filters
                    if name != subject.selection.own
                ]
            ),
        )
        for subject in subjects.values()
    ]


def by_operator(operators: Operators, check: CheckOperator, what: str = "") -> Kinds:
    """The parts that check each of some operators, by table. `what` ends their names: what of it is checked."""
    return [
        [Part(f"{subject.label}: {each.subject}{what}", partial(check, subject, each)) for each in some]
        for subject, some in operators
    ]


def single_requests_of(context: CheckContext, subjects: Mapping[str, TableUnderTest]) -> list[Part]:
    """The parts that ask for one thing at a time: what lists can by their own rows, other operations, related rows."""
    mirror = context.mirror
    if mirror is None:
        return []
    sorts = [
        Part(f"{subject.label}: each sort alone", partial(single_requests.check_sorts, subject, mirror))
        for subject in subjects.values()
        if listings.words(subject.selection)
    ]
    others = [
        Part(f"{each.label}: each filter alone", partial(single_requests.check_filters, subject, mirror, each))
        for subject in subjects.values()
        for each in (*subject.selection.all[1:], *summaries.summaries(context, subject))
    ]
    return [
        *in_turns(alone(own_operators(subjects), mirror)),
        *sorts,
        *others,
        *in_turns(alone(related_operators(subjects), mirror)),
    ]


def numbers_of(context: CheckContext, only: Only) -> list[Part]:
    """The parts that send each small number of a body alone."""
    mirror = context.mirror
    return [
        Part(f"{each.label}: each number alone", partial(single_requests.check_numbers, context, mirror, each))
        for each in same_rows.operations(context)
        if mirror is not None and each.body is not None and only(each)
    ]


def alone(operators: Operators, mirror: Mirror) -> Iterator[list[Part]]:
    """The parts that ask for each of some operators alone: one for each filter, by table."""
    for subject, some in operators:
        by_filter: dict[str, list[FieldOperator]] = defaultdict(list)
        for each in some:
            by_filter[each.filter].append(each)
        yield [
            Part(f"{subject.label}: {name}, alone", partial(single_requests.check_operators, subject, mirror, each))
            for name, each in by_filter.items()
        ]


def first_values(operators: Operators, together: str, check: Callable[[TableUnderTest], None]) -> Kinds:
    """The parts about each of some operators with one value, and about a few of them together."""
    return [
        [*parts, Part(f"{subject.label}: {together}", partial(check, subject))]
        for parts, (subject, _) in zip(by_operator(operators, single_criteria.check), operators, strict=True)
    ]


def edges(operators: Operators) -> Kinds:
    """The parts about operators with null and empty operands, and with neighbours of the first ones."""
    return by_operator(operators, single_criteria.check_edges, ", edges")


def other_values(operators: Operators) -> Kinds:
    """The parts about operators with other values."""
    return by_operator(operators, single_criteria.check_others, ", other values")


def sorts_of(context: CheckContext, subjects: Mapping[str, TableUnderTest]) -> Kinds:
    """The parts about each sort of each table."""
    return [
        [
            Part(f"{subject.label}: sort {word}", partial(listings.check_sort, context, subject.selection, word))
            for word in listings.words(subject.selection)
        ]
        for subject in subjects.values()
    ]


def summaries_of(context: CheckContext, subjects: Mapping[str, TableUnderTest], only: Only) -> list[Part]:
    """The parts about operations that summarize rows by the filters of each table."""
    return [
        Part(f"{each.label}: the filters of {subject.label}", partial(summaries.check, context, subject, each))
        for subject in subjects.values()
        for each in summaries.summaries(context, subject)
        if only(each)
    ]


def pairs(context: CheckContext, subjects: Mapping[str, TableUnderTest]) -> Iterator[Part]:
    """The parts about several criteria together, and about filters on related rows."""
    for subject in subjects.values():
        generator = RequestGenerator((), context.samples, context.random)
        together = partial(combined_criteria.check, subject, generator)
        yield Part(f"{subject.label}: several criteria", together)
        yield Part(f"{subject.label}: equivalent bodies", partial(single_criteria.check_same, subject))
    yield Part("Every list: filters by the ids of related rows", partial(related_rows.check, subjects))


def filtered(context: CheckContext, subjects: Mapping[str, TableUnderTest]) -> Iterator[Part]:
    """The parts about lists and pages with filters."""
    for subject in subjects.values():
        yield Part(f"{subject.label}: pages with filters", partial(listings.check_filtered, context, subject))


def changes_of(context: CheckContext, subjects: Mapping[str, TableUnderTest]) -> Kinds:
    """The parts that change rows of each table, all of them the run's own."""
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


def single_rows_of(context: CheckContext, only: Only) -> list[Part]:
    """The parts about one row of each table that can be written."""
    creates = context.endpoint_map.creates
    return [
        Part(f"{creates[table].label}: one row from create to delete", partial(create_to_delete.check, context, table))
        for table in create_to_delete.tables(context.endpoint_map)
        if only(creates[table])
    ]


def scenarios_of(context: CheckContext, chosen: Iterable[Scenario]) -> list[Part]:
    """The parts about sequences of requests that the contract has."""
    return [
        Part(f"{each.endpoint.label}: {each.name}", partial(scenarios.check, context, each))
        for each in chosen
        if each.expects_bodies
    ]


def sessions_of(context: CheckContext, only: Only, name: str) -> list[Part]:
    """The parts that send random requests, one for the operations of each tag; none without servers to compare with."""
    tags = dict.fromkeys(tag_of(each) for each in context.endpoint_map.endpoints if only(each))
    return [
        Part(f"Operations of {tag}: {name}", task)
        for tag in tags
        for task in session_of(context, sessions.Subject(partial(has_tag, tag)))
    ]


def scenario_sessions_of(context: CheckContext, chosen: Iterable[Scenario], *, is_alone: bool) -> list[Part]:
    """The parts that send the requests of a scenario, alone or among random ones."""
    name = "compared" if is_alone else "among other requests"
    return [
        Part(f"{each.endpoint.label}: {each.name}, {name}", task)
        for each in chosen
        for task in session_of(context, sessions.Subject(partial(has_tag, tag_of(each.endpoint)), each, is_alone))
    ]


def can_be_compared(context: CheckContext, scenario: Scenario) -> bool:
    """Whether servers of our own answer the requests of a scenario in the same way."""
    return context.references is not None and not any(changes_several(context, step) for step in scenario.steps)


def changes_several(context: CheckContext, step: Step) -> bool:
    """Whether a request changes all rows that it selects, in the order of ids, which is random, unless it is one."""
    if follows_link(step):
        return False
    endpoint, request = request_of(context.endpoint_map, step)
    if endpoint.is_safe or not endpoint.selects:
        return False
    own = request.body.get(Selection(endpoint.selects, endpoint).own) or {}
    return len((own.get("id") or {}).get("any_") or ()) != 1


def session_of(context: CheckContext, subject: sessions.Subject) -> list[Task]:
    """The task of a session; none without servers to compare with."""
    references, operations = context.references, context.session_operations
    return [] if references is None else [partial(sessions.check, context, references, operations, subject)]


def same_rows_of(context: CheckContext, only: Only, name: str) -> list[Part]:
    """The parts that send random requests to each operation that reads rows."""
    mirror = context.mirror
    return [
        Part(f"{each.label}: {name}", partial(same_rows.check, context, mirror, each))
        for each in same_rows.operations(context)
        if mirror is not None and only(each)
    ]


def query_strings_of(context: CheckContext, only: Only) -> list[Part]:
    """The parts about the parameters of the query of each operation that reads rows."""
    return [
        Part(f"{each.label}: parameters of the query", partial(query_strings.check, context, each))
        for each in context.endpoint_map.endpoints
        if each.is_safe and not each.may_be_off and each.query and only(each)
    ]


def other_tables_of(context: CheckContext, only: Only) -> list[Part]:
    """The parts that look up ids of other tables."""
    mirror = context.mirror
    return [
        Part(
            f"{each.endpoint.label}: ids of other tables", partial(same_rows.check_other_tables, context, mirror, each)
        )
        for each in context.endpoint_map.reads
        if mirror is not None and each.field == "id" and only(each.endpoint)
    ]


def deletions(context: CheckContext, only: Only) -> list[Part]:
    """The parts about rows that refer to a deleted row, for each field that does."""
    deletes = context.endpoint_map.deletes
    return [
        Part(f"{deletes[each.reference.table].endpoint.label}: {each.name}", partial(parents.check, context, each))
        for each in parents.relations(context)
        if only(deletes[each.reference.table].endpoint)
    ]


def sow(context: CheckContext, subjects: Mapping[str, TableUnderTest]) -> Iterator[Task]:
    """What there is to do so that there are rows of all kinds."""
    for subject in changeable(context, subjects):
        yield partial(writes.sow, context, subject)


def changeable(context: CheckContext, subjects: Mapping[str, TableUnderTest]) -> list[TableUnderTest]:
    """The tables whose rows can be created, found by a filter on their ids, and deleted."""
    endpoint_map = context.endpoint_map
    tables = endpoint_map.creates.keys() & {
        table for table, lookup in endpoint_map.deletes.items() if lookup.field == "id"
    }
    return [
        subject
        for table, subject in subjects.items()
        if table in tables and subject.id_operator(subject.selection.own) is not None and is_predictable(context, table)
    ]


def is_predictable(context: CheckContext, table: str) -> bool:
    """Whether the contract alone says what a created row is, and a body for it can be made from the schema."""
    creates = context.endpoint_map.creates[table]
    if success_of(creates).value.get("x-table") != table:
        return False
    body = {name: value_for(part, context.own.mark()) for name, part in schema_of(creates).entries("properties")}
    refusals = context.interpreter.refusals(creates, json.dumps(body).encode(), {})
    return not context.model.is_worked_out(table) and refusals[0] is None and not is_refined(schema_of(creates))
