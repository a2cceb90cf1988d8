"""Every rule can fail: for each there is a broken server that breaks it; a correct server does not."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from functools import cache, partial
from typing import Any

import pytest

from tests.apps import app_on
from tests.conftest import SMALL
from tests.mutants.behaviours import answers, refuses
from tests.mutants.known import MUTANTS
from tests.mutants.known.vocabulary import NOBODY
from tests.mutants.mutant import Behaviour, unchanged
from tests.mutants.origin import Inside
from tests.mutants.proxy import Proxy
from tests.verify.contexts import ContextFactory
from understudy.operations.api_folder import Api
from understudy.reference.reference_server import ReferenceServer
from understudy.reports.verdict import Rule, Verdict
from understudy.sampling.random_requests import RequestGenerator
from understudy.verify import rules
from understudy.verify.check_context import CheckContext
from understudy.verify.check_results import Task
from understudy.verify.checks import (
    combined_criteria,
    cross_origin,
    encodings,
    invalid_requests,
    latest_rows,
    listings,
    lookups,
    related_rows,
    same_rows,
    scenarios,
    sessions,
    single_criteria,
    writes,
)
from understudy.verify.cleanup import clean_up
from understudy.verify.expectations.mirror import Mirror
from understudy.verify.expectations.reference_answers import ReferencePair
from understudy.verify.filtered_rows.table_under_test import TableUnderTest
from understudy.verify.requests.operation_names import has_tag
from understudy.verify.requests.scenario_requests import scenarios as all_scenarios
from understudy.verify.suite import subjects_of


def with_an_unknown_row(rows: list[Any]) -> list[Any]:
    """A list with an additional row with an unknown key."""
    return [*rows, {**rows[0], "id": NOBODY, "key": "understudy-nobody"}] if rows else rows


OWN = {
    "hello-refused": refuses("GET /hello", lambda request: True),
    "latest-of-nobody": answers("POST /artifacts/latest/filter", with_an_unknown_row),
    "page-counts-one-more": answers("POST /flows/paginate", lambda page: {**page, "count": page["count"] + 1}),
}
BY_NAME = {mutant.name: mutant.behaviour for mutant in MUTANTS} | OWN
RULES = {rule.name for rule in vars(rules).values() if isinstance(rule, Rule)}

Subjects = Mapping[str, TableUnderTest]
Focus = Callable[[CheckContext, Subjects], Iterable[Task]]
"""A part of all that is checked."""


def nothing_else(context: CheckContext, subjects: Subjects) -> Iterable[Task]:
    """The initial checks of a server."""
    return []


def paths(context: CheckContext, subjects: Subjects) -> Iterable[Task]:
    return [partial(invalid_requests.check_paths, context)]


def origins(context: CheckContext, subjects: Subjects) -> Iterable[Task]:
    return [partial(cross_origin.check, context, [each.selection for each in subjects.values()])]


@cache
def requests_to(label: str) -> Focus:
    def focus(context: CheckContext, subjects: Subjects) -> Iterator[Task]:
        endpoints = context.endpoint_map.endpoints
        for each in (each for each in endpoints if each.label == label):
            yield partial(invalid_requests.check_first, context, each)
            yield partial(invalid_requests.check, context, each)
            yield partial(invalid_requests.check_others, context, each)

    return focus


@cache
def lookups_by(label: str) -> Focus:
    def focus(context: CheckContext, subjects: Subjects) -> Iterator[Task]:
        reads = context.endpoint_map.reads
        yield from (partial(lookups.check, context, each) for each in reads if each.endpoint.label == label)

    return focus


@cache
def field_operators(table: str, *names: str) -> Focus:
    def focus(context: CheckContext, subjects: Subjects) -> Iterator[Task]:
        subject = subjects[table]
        for operator in (subject.field_operators[tuple(name.split("."))] for name in names):
            yield partial(single_criteria.check, subject, operator)
            yield partial(single_criteria.check_edges, subject, operator)
            yield partial(single_criteria.check_others, subject, operator)

    return focus


@cache
def listed(table: str, *names: str) -> Focus:
    """The lists of a table, also with filters with some operators."""

    def focus(context: CheckContext, subjects: Subjects) -> Iterator[Task]:
        yield from field_operators(table, *names)(context, subjects)
        yield partial(listings.check, context, subjects[table])

    return focus


@cache
def unfiltered(table: str) -> Focus:
    return lambda context, subjects: [partial(listings.check_plain, context, subjects[table].selection)]


def derived_rows(context: CheckContext, subjects: Subjects) -> Iterator[Task]:
    yield from (partial(latest_rows.check, context, subject.selection) for subject in subjects.values())


@cache
def joined(table: str, *names: str) -> Focus:
    def focus(context: CheckContext, subjects: Subjects) -> Iterator[Task]:
        yield from field_operators(table, *names)(context, subjects)
        generator = RequestGenerator((), context.samples, context.random)
        yield partial(combined_criteria.check, subjects[table], generator)

    return focus


@cache
def through(table: str, *names: str) -> Focus:
    def focus(context: CheckContext, subjects: Subjects) -> Iterator[Task]:
        yield from field_operators(table, *names)(context, subjects)
        yield partial(related_rows.check, subjects)

    return focus


@cache
def written(table: str) -> Focus:
    return lambda context, subjects: [partial(writes.check, context, subjects[table])]


def in_sessions(context: CheckContext, subjects: Subjects) -> Iterator[Task]:
    with closing(ReferenceServer()) as one, closing(ReferenceServer()) as other:
        references = ReferencePair((one, other), moving=())
        for _ in range(8):
            yield partial(
                sessions.check,
                context,
                references,
                context.session_operations,
                sessions.Subject(partial(has_tag, "flows")),
            )


def same_rows_everywhere(context: CheckContext, subjects: Subjects) -> Iterator[Task]:
    with closing(Mirror(ReferenceServer)) as mirror:
        for endpoint in 5 * same_rows.operations(context):
            yield partial(same_rows.check, context, mirror, endpoint)


def encoded(context: CheckContext, subjects: Subjects) -> Iterator[Task]:
    for subject in subjects.values():
        yield partial(encodings.check, context, subject.selection.lists)


def in_scenarios(context: CheckContext, subjects: Subjects) -> Iterator[Task]:
    for each in all_scenarios(context.endpoint_map):
        yield partial(scenarios.check, context, each)


TABLE: list[tuple[str, str, Focus]] = [
    ("success", "hello-refused", requests_to("GET /hello")),
    ("repeatable", "second-time-backwards", listed("flows")),
    ("repeatable", "criteria-leak", listed("artifacts", "artifacts.key.any_")),
    ("encoding", "compressed-lists-shorter", encoded),
    ("encoding", "charset-refused", encoded),
    ("response", "field-of-another-type", nothing_else),
    ("row format", "id-in-capitals", nothing_else),
    ("duplicates", "row-twice", field_operators("flows", "flows.name.any_")),
    ("count", "count-one-more", field_operators("artifacts", "artifacts.id.any_")),
    ("count", "latest-counts-keyless", field_operators("artifact_collections", "artifacts.key.like_")),
    ("page", "page-always-one", listed("flows")),
    ("page", "page-counts-one-more", field_operators("flows", "flows.name.any_")),
    ("page", "flow-runs-tags-ignored-in-pages", field_operators("flows", "flow_runs.tags.all_")),
    ("pagination", "offset-one-more", listed("flows")),
    ("sort", "sort-ignored", listed("artifacts")),
    ("sort", "default-sort-by-created", unfiltered("artifacts")),
    ("reverse", "sort-ignored", listed("artifacts")),
    ("filter", "key-any-first-only", field_operators("artifacts", "artifacts.key.any_")),
    ("empty filter", "null-filter-matches-nothing", field_operators("flows", "flow_runs.id.any_")),
    ("no match", "flow-runs-state-type-ignored-anywhere", field_operators("flows", "flow_runs.state.type.any_")),
    ("union", "state-any-first-only", field_operators("flows", "flow_runs.state.type.any_")),
    (
        "complement",
        "flow-runs-id-not-any-ignored-for-artifacts",
        field_operators("artifacts", "flow_runs.id.not_any_"),
    ),
    ("intersection", "all-read-as-any", field_operators("flows", "deployments.tags.all_")),
    ("pattern", "like-to-the-second-percent", field_operators("flows", "flow_runs.name.like_")),
    (
        "partition",
        "task-runs-subflow-runs-ignored-anywhere",
        field_operators("artifacts", "task_runs.subflow_runs.exists_"),
    ),
    ("bounds", "before-exclusive", field_operators("artifacts", "flow_runs.expected_start_time.before_")),
    ("combination", "or-ignored", joined("artifacts", "artifacts.key.like_", "artifacts.type.any_")),
    ("related rows", "runs-judged-apart", through("flows")),
    ("lookup", "tags-sorted", lookups_by("GET /flows/name/{name}")),
    ("lookup", "metadata-empty-for-null", lookups_by("GET /artifacts/{key}/latest")),
    ("lookup", "unknown-flow-500", lookups_by("GET /flows/{id}")),
    ("lookup", "name-in-any-case", lookups_by("GET /flows/name/{name}")),
    ("derived", "latest-lists-all", derived_rows),
    ("derived", "latest-of-nobody", derived_rows),
    ("same rows", "sort-ignored", same_rows_everywhere),
    ("invalid request", "unknown-field-accepted", requests_to("POST /flows/count")),
    ("invalid request", "old-version-accepted", requests_to("GET /hello")),
    ("unknown name", "more-names-refused", requests_to("POST /flows/count")),
    ("redirect", "slash-too-many-404", encoded),
    ("method", "wrong-method-404", paths),
    ("method", "allow-missing", paths),
    ("cross origin", "errors-without-origin", origins),
    ("create", "tags-by-default", written("flows")),
    ("unique", "existing-flow-201", written("flows")),
    ("found", "artifacts-key-any-ignored-in-the-list", written("artifacts")),
    ("update", "change-adds-tags", written("flows")),
    ("delete", "bulk-only-says", written("flows")),
    ("delete", "delete-of-older-ones", written("artifacts")),
    ("delete", "bulk-limit-ignored", written("flows")),
    ("scenario", "bulk-only-says", in_scenarios),
    ("session", "existing-flow-201", in_sessions),
]


def verdict_on(behaviour: Behaviour, focuses: Iterable[Focus], api: Api, context_factory: ContextFactory) -> Verdict:
    """The verdict of parts of the checks on a broken server."""
    app = Proxy(Inside(app_on(SMALL, api)), behaviour)
    with context_factory.context_of(app) as context:
        subjects = subjects_of(context)
        context.results.run(partial(context_factory.learn, context))
        for task in (task for focus in focuses for task in focus(context, subjects)):
            context.results.run(task)
        clean_up(context)
        return context.results.verdict


def test_every_rule_is_tested() -> None:
    assert {rule for rule, _, _ in TABLE} == RULES


@pytest.mark.parametrize(("rule", "mutant", "focus"), TABLE, ids=[f"{rule}: {mutant}" for rule, mutant, _ in TABLE])
def test_rule_is_broken_by_a_mutant(
    api: Api, context_factory: ContextFactory, rule: str, mutant: str, focus: Focus
) -> None:
    verdict = verdict_on(BY_NAME[mutant], [focus], api, context_factory)
    assert rule in {violation.rule.name for violation in verdict.violations}


CHECKED = {
    "bounds": 18, "combination": 120, "complement": 12, "count": 310, "create": 250, "cross origin": 14,
    "delete": 580, "derived": 200, "duplicates": 2090, "encoding": 12, "empty filter": 98, "filter": 230,
    "found": 745, "intersection": 18, "invalid request": 109, "lookup": 430, "method": 41, "no match": 46,
    "page": 390, "pagination": 120, "partition": 15, "pattern": 54, "redirect": 3, "related rows": 5, "repeatable": 22,
    "response": 5200, "reverse": 2, "row format": 2500, "same rows": 200, "scenario": 11,
    "session": 320, "sort": 145, "success": 1, "union": 29, "unique": 12, "unknown name": 1, "update": 190,
}  # fmt: skip
"""How often each rule is held in what the table looks at, at least; what is drawn at random varies a little."""


def test_correct_server_breaks_no_rule(api: Api, context_factory: ContextFactory) -> None:
    verdict = verdict_on(unchanged, dict.fromkeys(focus for _, _, focus in TABLE), api, context_factory)
    assert verdict.violations == []
    held: Counter[str] = Counter()
    for (rule, _), count in verdict.checks.items():
        held[rule.name] += count
    assert held.keys() == RULES == CHECKED.keys()
    assert {name: held[name] for name, least in CHECKED.items() if held[name] < least} == {}, "less is checked"
