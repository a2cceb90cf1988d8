"""The parts of a run that change nothing."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from understudy.sampling.random_requests import RequestGenerator
from understudy.verify.check_context import CheckContext
from understudy.verify.checks import (
    combined_criteria,
    cross_origin,
    encodings,
    invalid_requests,
    latest_rows,
    listings,
    lookups,
    nested_rows,
    query_strings,
    related_rows,
    same_rows,
    single_criteria,
    single_requests,
    summaries,
)
from understudy.verify.expectations.mirror import Mirror
from understudy.verify.filtered_rows.table_under_test import TableUnderTest
from understudy.verify.parts import Kinds, Part, in_turns, repeated, shares
from understudy.verify.requests.endpoint import Endpoint
from understudy.verify.requests.field_operators import FieldOperator
from understudy.verify.requests.operation_names import Only

Operators = Sequence[tuple[TableUnderTest, Sequence[FieldOperator]]]
"""Some operators of each table."""

CheckOperator = Callable[[TableUnderTest, FieldOperator], None]


@dataclass(frozen=True)
class Reads:
    """The parts that only read, by stage. See `suite.stages`."""

    operations: Sequence[Part]
    first: Kinds
    then: Kinds
    edges: Kinds
    last: Kinds


def reads_of(context: CheckContext, subjects: Mapping[str, TableUnderTest], only: Only, rounds: int) -> Reads:
    """All parts that only read, with a number of rounds of random requests to each operation."""
    own, related = own_operators(subjects), related_operators(subjects)
    return Reads(
        list(operations(context, subjects, only)),
        first_reads(context, subjects, only),
        next_reads(context, subjects, only, rounds),
        [in_turns([*edges(own), *other_values(own)]), list(filtered(context, subjects))],
        [
            in_turns(edges(related)),
            in_turns(other_values(related)),
            list(pairs(context, subjects)),
            other_refusals(context, only),
        ],
    )


def first_reads(context: CheckContext, subjects: Mapping[str, TableUnderTest], only: Only) -> Kinds:
    """The parts that send each operator, sort and small number in a few requests, beside other first requests."""
    lists = [subject.selection.lists for subject in subjects.values() if only(subject.selection.lists)]
    return [
        *shares(single_requests_of(context, subjects)),
        in_turns([varied_rows_of(context, only), same_rows_of(context, only, "random requests")]),
        in_turns([encodings_of(context, lists), single_values_of(context, only)]),
        first_refusals(context, only),
    ]


def next_reads(context: CheckContext, subjects: Mapping[str, TableUnderTest], only: Only, rounds: int) -> Kinds:
    """The parts about each operator with one or two values, and about all other kinds of reads.

    The filters on related rows are the largest group, and get two shares.
    """
    own, related = own_operators(subjects), related_operators(subjects)
    lists = [subject.selection.lists for subject in subjects.values() if only(subject.selection.lists)]
    endpoints = [each for each in context.endpoint_map.endpoints if only(each) and each not in lists]
    others = [
        query_strings_of(context, only),
        refusals(context, subjects, only),
        encodings_of(context, endpoints),
        other_tables_of(context, only),
    ]
    return [
        in_turns(first_values(own, "two criteria", combined_criteria.check_own)),
        *shares(in_turns(first_values(related, "two filters", combined_criteria.check_across))),
        in_turns([summaries_of(context, subjects, only), in_turns(sorts_of(context, subjects))]),
        in_turns(others),
        repeated(partial(same_rows_of, context, only), "other requests", rounds),
    ]


def operations(context: CheckContext, subjects: Mapping[str, TableUnderTest], only: Only) -> Iterator[Part]:
    """The parts about each operation that changes nothing."""
    yield Part("Every list: whether it is lenient", partial(invalid_requests.find_reading, context))
    check_paths = partial(invalid_requests.check_paths, context, only, invalid_requests.FIRST_PATHS)
    yield Part("Some paths: methods that they do not have", check_paths)
    yield origins_of(context, subjects, "Some lists", cross_origin.FIRST)
    for subject in subjects.values():
        yield Part(f"{subject.label}: all rows", partial(check_rows, context, subject))
    if context.mirror is not None:
        yield Part(
            "Every list below other rows: all rows", partial(same_rows.check_lists, context, context.mirror, only)
        )
    for table, lookup in context.endpoint_map.children.items():
        field = nested_rows.field_of(context, table, lookup)
        if field and only(lookup.endpoint):
            check_nested = partial(nested_rows.check, context, table, lookup, field)
            yield Part(f"{lookup.endpoint.label}: the rows of {field}", check_nested)
    for lookup in context.endpoint_map.reads:
        if only(lookup.endpoint) and context.model.is_unique(lookup.table, lookup.field):
            yield Part(f"{lookup.endpoint.label}: rows by {lookup.field}", partial(lookups.check, context, lookup))
    for endpoint in context.endpoint_map.endpoints:
        if lookups.texts_of(endpoint) and only(endpoint):
            yield Part(f"{endpoint.label}: texts that name nothing", partial(lookups.check_texts, context, endpoint))


def check_rows(context: CheckContext, subject: TableUnderTest) -> None:
    """Check the lists of a table without filters."""
    subject.narrow()
    listings.check_plain(context, subject.selection)
    latest_rows.check(context, subject.selection)


def first_refusals(context: CheckContext, only: Only) -> list[Part]:
    """The parts that send each operation that changes nothing one invalid body and an outdated version, and paths other
    methods.
    """
    check_paths = partial(invalid_requests.check_paths, context, only, invalid_requests.OTHER_PATHS)
    return [
        Part("Other paths: methods that they do not have", check_paths),
        *(
            Part(f"{each.label}: an invalid request", partial(invalid_requests.check_first, context, each))
            for each in context.endpoint_map.endpoints
            if each.is_safe and only(each)
        ),
    ]


def refusals(context: CheckContext, subjects: Mapping[str, TableUnderTest], only: Only) -> list[Part]:
    """The parts about invalid requests, for each operation that changes nothing, and about other origins."""
    origins = origins_of(context, subjects, "Other lists", cross_origin.OTHERS)
    bodies = [
        Part(f"{each.label}: invalid requests", partial(invalid_requests.check, context, each))
        for each in queries(context, only)
    ]
    return [origins, *bodies]


def origins_of(context: CheckContext, subjects: Mapping[str, TableUnderTest], name: str, some: slice) -> Part:
    """The part about pages of another origin, and some of the lists."""
    selections = [each.selection for each in subjects.values()]
    return Part(f"{name}: pages of another origin", partial(cross_origin.check, context, selections[some]))


def other_refusals(context: CheckContext, only: Only) -> list[Part]:
    """The parts about more invalid bodies."""
    return [
        Part(f"{each.label}: other invalid requests", partial(invalid_requests.check_others, context, each))
        for each in queries(context, only)
        if each.body is not None
    ]


def queries(context: CheckContext, only: Only) -> list[Endpoint]:
    """The operations that change nothing and are not about one row."""
    return [each for each in context.endpoint_map.endpoints if each.is_safe and "{" not in each.path and only(each)]


def own_operators(subjects: Mapping[str, TableUnderTest]) -> Operators:
    """The operators of the filter on the rows of each table themselves."""
    return [
        (subject, [each for each in subject.field_operators.values() if each.filter == subject.selection.own])
        for subject in subjects.values()
    ]


def related_operators(subjects: Mapping[str, TableUnderTest]) -> Operators:
    """The operators of the filters on related rows of each table, one of each filter in turn."""
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
    """The parts that check each of some operators, by table. `what` is appended to their names."""
    return [
        [Part(f"{subject.label}: {each.subject}{what}", partial(check, subject, each)) for each in some]
        for subject, some in operators
    ]


def single_requests_of(context: CheckContext, subjects: Mapping[str, TableUnderTest]) -> list[Part]:
    """The parts that request one thing at a time: of lists with filters on their own rows, of other operations, and
    with related rows.
    """
    mirror = context.mirror
    if mirror is None:
        return []
    sorts = [
        Part(f"{subject.label}: each sort alone", partial(single_requests.check_sorts, subject, mirror))
        for subject in subjects.values()
        if listings.words(subject.selection)
    ]
    together = [
        Part(f"{subject.label}: several filters", partial(single_requests.check_together, subject, mirror))
        for subject in subjects.values()
    ]
    others = [
        Part(f"{each.label}: each filter alone", partial(single_requests.check_filters, subject, mirror, each))
        for subject in subjects.values()
        for each in (*subject.selection.all[1:], *summaries.summaries(context, subject))
    ]
    return [
        *in_turns(alone(own_operators(subjects), mirror)),
        *sorts,
        *together,
        *in_turns(alone(related_operators(subjects), mirror)),
        *others,
    ]


def single_values_of(context: CheckContext, only: Only) -> list[Part]:
    """The parts that send each value of an object, and each small number in a body, alone."""
    mirror = context.mirror
    return [
        Part(f"{each.label}: each value alone", partial(single_requests.check_values, context, mirror, each))
        for each in same_rows.operations(context)
        if mirror is not None and each.body is not None and only(each)
    ]


def alone(operators: Operators, mirror: Mirror) -> Iterator[list[Part]]:
    """The parts that request each of some operators alone, one for each filter, by table."""
    for subject, some in operators:
        by_filter: dict[str, list[FieldOperator]] = defaultdict(list)
        for each in some:
            by_filter[each.filter].append(each)
        yield [
            Part(f"{subject.label}: {name}, alone", partial(single_requests.check_operators, subject, mirror, each))
            for name, each in by_filter.items()
        ]


def first_values(operators: Operators, together: str, check: Callable[[TableUnderTest], None]) -> Kinds:
    """The parts about each of some operators with one value, and with several values at once."""
    return [
        [*parts, Part(f"{subject.label}: {together}", partial(check, subject))]
        for parts, (subject, _) in zip(by_operator(operators, single_criteria.check), operators, strict=True)
    ]


def edges(operators: Operators) -> Kinds:
    """The parts about operators with null and empty operands, and with operands close to the first ones."""
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


def same_rows_of(context: CheckContext, only: Only, name: str) -> list[Part]:
    """The parts that send random requests to each operation that reads rows."""
    mirror = context.mirror
    return [
        Part(f"{each.label}: {name}", partial(same_rows.check, context, mirror, each))
        for each in same_rows.operations(context)
        if mirror is not None and only(each)
    ]


def varied_rows_of(context: CheckContext, only: Only) -> list[Part]:
    """The parts that request each operation about one row for varied rows."""
    mirror = context.mirror
    return [
        Part(f"{each.label}: varied rows", partial(same_rows.check_varied, context, mirror, each))
        for each in same_rows.operations(context)
        if mirror is not None and each.named_fields and only(each)
    ]


def query_strings_of(context: CheckContext, only: Only) -> list[Part]:
    """The parts about the parameters of the query of each operation that reads rows."""
    return [
        Part(f"{each.label}: parameters of the query", partial(query_strings.check, context, each))
        for each in context.endpoint_map.endpoints
        if each.is_safe and not each.may_be_off and each.query and only(each)
    ]


def encodings_of(context: CheckContext, endpoints: Iterable[Endpoint]) -> list[Part]:
    """The parts that send requests to some operations in other encodings."""
    return [
        Part(f"{each.label}: encodings", partial(encodings.check, context, each))
        for each in endpoints
        if each.is_safe and not each.may_be_off
    ]


def other_tables_of(context: CheckContext, only: Only) -> list[Part]:
    """The parts that look up ids of other tables."""
    mirror = context.mirror
    return [
        Part(
            f"{each.endpoint.label}: ids of other tables", partial(same_rows.check_other_tables, context, mirror, each)
        )
        for each in context.endpoint_map.about_rows
        if mirror is not None and each.field == "id" and only(each.endpoint)
    ]
