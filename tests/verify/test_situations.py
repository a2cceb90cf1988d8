"""Faults that appear only in special situations, or with rare values."""

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.apps import app_on
from tests.conftest import GOLDEN, SMALL
from tests.mutants.behaviours import about, reads_with
from tests.mutants.exchange import Answer, Request
from tests.mutants.generated import KINDS, drawn, generated
from tests.mutants.known.vocabulary import NOBODY
from tests.mutants.mutant import Behaviour, BrokenServer, Mutant, unchanged
from tests.mutants.origin import Inside
from tests.mutants.proxy import Proxy, proxied
from tests.servers import stand_in
from tests.verify.contexts import ContextFactory
from tests.verify.servers import url_of
from understudy.contract.contract import Contract
from understudy.operations.api_folder import Api, own_folder
from understudy.reports.verdict import Rule, Verdict
from understudy.verify.check_context import CheckContext
from understudy.verify.check_results import Broken, CheckResults
from understudy.verify.checks import concurrent_requests, listings, sequences, single_criteria, writes
from understudy.verify.checks.row_lifecycle import RowLifecycle
from understudy.verify.filtered_rows.distinguishing_values import few
from understudy.verify.filtered_rows.table_under_test import TableUnderTest
from understudy.verify.requests.throttled_client import BudgetSpent
from understudy.verify.suite import subjects_of

CONTRACT = Contract.load(own_folder() / "openapi.yaml")
BY_NAME = {mutant.name: mutant for mutant in generated(CONTRACT)}
MIXED = GOLDEN / "mixed" / "fixtures"

Focus = Callable[[CheckContext, TableUnderTest], object]


class FirstOnly(CheckResults):
    """Ends a run at its first violation."""

    def blame(self, rule: Rule, operation: str, subject: str, broken: Broken) -> None:
        super().blame(rule, operation, subject, broken)
        raise BudgetSpent


def in_sequences(context: CheckContext, subject: TableUnderTest) -> None:
    orders = [sequences.OLDEST_FIRST, *sequences.OTHER_ORDERS, sequences.NEWEST_FIRST]
    writes.run(context, subject, partial(sequences.check, full=writes.full, orders=orders))
    writes.run(context, subject, partial(sequences.watch, full=writes.full))


def in_bodies(context: CheckContext, subject: TableUnderTest) -> None:
    for scenario in (
        writes.check_name_reuse,
        writes.change_fields,
        writes.store_names,
        writes.store_texts,
        writes.store_values,
    ):
        writes.run(context, subject, scenario)


def in_lists(context: CheckContext, subject: TableUnderTest) -> None:
    listings.check(context, subject)


def in_criteria(context: CheckContext, subject: TableUnderTest) -> None:
    for field_operator in subject.field_operators.values():
        if field_operator.filter == subject.selection.own:
            single_criteria.check(subject, field_operator)
            single_criteria.check_edges(subject, field_operator)
            single_criteria.check_others(subject, field_operator)


SEEN = {
    "POST /artifacts/latest/filter:falls-to-none": ("artifacts", in_sequences),
    "POST /artifacts/latest/filter:falls-to-oldest": ("artifacts", in_sequences),
    "POST /artifacts/count:remembered-DELETE": ("artifacts", in_sequences),
    "POST /artifacts/filter:remembered-PATCH": ("artifacts", in_sequences),
    "GET /artifacts/{key}/latest:remembered-DELETE": ("artifacts", in_sequences),
    "POST /flows/paginate:remembered-DELETE": ("flows", in_sequences),
    "POST /flows/:name:taken": ("flows", in_sequences),
    "POST /flows/:name:case": ("flows", in_bodies),
    "POST /flows/:name:space": ("flows", in_bodies),
    "POST /flows/:name:form": ("flows", in_bodies),
    "POST /flows/:name:width": ("flows", in_bodies),
    "POST /flows/:tags:once": ("flows", in_bodies),
    "POST /flows/:tags:few": ("flows", in_bodies),
    "POST /artifacts/:data:parsed": ("artifacts", in_bodies),
    "POST /artifacts/:data:rounded": ("artifacts", in_bodies),
    "POST /artifacts/:data:whole": ("artifacts", in_bodies),
    "PATCH /artifacts/{id}:data:parsed": ("artifacts", in_bodies),
    "POST /artifacts/:description:bytes": ("artifacts", in_bodies),
    "POST /flows/paginate:overlap-3": ("flows", in_lists),
    "POST /flows/paginate:short-3": ("flows", in_lists),
    "POST /artifacts/filter:overlap-3": ("artifacts", in_lists),
    "artifacts:artifacts.type.any_:many": ("artifacts", in_criteria),
    "artifacts:artifacts.type.not_any_:many": ("artifacts", in_criteria),
}


def judged(
    context_factory: ContextFactory, api: Api, folder: Path, behaviour: Behaviour, table: str, focus: Focus
) -> Verdict:
    """The verdict of a part of all checks on a mutant."""
    with context_factory.context_of(Proxy(Inside(app_on(folder, api)), behaviour)) as context:
        context_factory.learn(context)
        subject = subjects_of(context)[table]
        context.results = FirstOnly(context.results.verdict, context.learn, lambda: context.version)
        with suppress(BudgetSpent):
            focus(context, subject)
        return context.results.verdict


@pytest.fixture(scope="module")
def correct(context_factory: ContextFactory, api: Api) -> Callable[[str, Focus], Verdict]:
    verdicts: dict[tuple[str, Focus], Verdict] = {}

    def verdict(table: str, focus: Focus) -> Verdict:
        key = table, focus
        if key not in verdicts:
            verdicts[key] = judged(context_factory, api, SMALL, unchanged, table, focus)
        return verdicts[key]

    return verdict


@pytest.mark.parametrize("name", SEEN)
def test_situation_shows_a_fault(
    name: str, context_factory: ContextFactory, api: Api, correct: Callable[[str, Focus], Verdict]
) -> None:
    table, focus = SEEN[name]
    assert correct(table, focus).violations == []
    assert judged(context_factory, api, SMALL, BY_NAME[name].behaviour, table, focus).violations != []


def test_all_of_two_values_of_a_row(context_factory: ContextFactory, api: Api) -> None:
    def first_of_all(body: Any) -> Any:
        tags = body.get("flows", {}).get("tags", {})
        return {**body, "flows": {"tags": {"all_": tags["all_"][:1]}}} if len(tags.get("all_") or ()) > 1 else body

    def first_operands(context: CheckContext, subject: TableUnderTest) -> None:
        operator = next(each for each in subject.field_operators.values() if each.subject == "flows.tags.all_")
        single_criteria.check(subject, operator)

    behaviour = reads_with("POST /flows/(filter|count|paginate)", first_of_all)
    verdict = judged(context_factory, api, own_folder() / "fixtures" / "demo", behaviour, "flows", first_operands)
    assert {each.subject for each in verdict.violations} == {"flows.tags.all_"}


@pytest.mark.parametrize("field", ["flow_run_id", "type"])
def test_filters_on_latest_rows_have_values_of_earlier_rows(
    field: str, context_factory: ContextFactory, api: Api
) -> None:
    with context_factory.context_of(app_on(MIXED, api)) as context:
        context_factory.learn(context)
        subject = subjects_of(context)["artifact_collections"]
        operator = subject.field_operators["artifacts", field, "any_"]
        known = context.model.known
        latest = {row["key"]: row[field] for row in known["artifact_collections"].values()}
        artifacts = known["artifacts"].values()
        earlier = {row[field] for row in artifacts if row["key"] in latest and row[field] != latest[row["key"]]}
        assert all(few(subject, operator)[-1] in earlier for _ in range(10))


async def conflict_at_the_same_time(request: Request, broken: BrokenServer) -> Answer:
    """Of artifacts of one key that are created at the same time, only the first one is."""
    keys, key = broken.memory.setdefault("keys", set()), request.json.get("key")
    if key in keys:
        return (await broken.ask(request.to("GET", f"/artifacts/{NOBODY}", None))).saying({"detail": "Conflict"}, 409)
    keys.add(key)
    await asyncio.sleep(0.05)
    keys.discard(key)
    return await broken.ask(request)


@pytest.mark.parametrize(
    ("behaviour", "operations"),
    [
        (BY_NAME["PATCH /artifacts/{id}:lost"].behaviour, {"PATCH /artifacts/{id}"}),
        (about("POST /artifacts/", conflict_at_the_same_time), {"POST /artifacts/"}),
        (unchanged, set()),
    ],
    ids=["lost changes", "conflicts", "correct"],
)
def test_requests_at_the_same_time(behaviour: Behaviour, operations: set[str], context_factory: ContextFactory) -> None:
    with stand_in(SMALL) as api, proxied(url_of(api), behaviour) as url, httpx.Client(base_url=url) as client:
        context = context_factory.context(client)
        context_factory.learn(context)
        concurrent_requests.check(RowLifecycle(context, subjects_of(context)["artifacts"]), writes.full)
        assert {each.operation for each in context.results.verdict.violations} == operations


def test_tables_that_refer_to_rows_are_read_again_when_one_is_deleted(
    context_factory: ContextFactory, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    with context_factory.context_of(app_on(SMALL, api)) as context:
        context_factory.learn(context)
        lifecycle = RowLifecycle(context, subjects_of(context)["flows"])
        learn, read = context.learn, set[str]()

        def noted(tables: Collection[str]) -> None:
            read.update(tables)
            learn(tables)

        monkeypatch.setattr(context, "learn", noted)
        row_id = lifecycle.create(writes.full(lifecycle), by_filters=False)
        assert row_id is not None
        assert read == {"flows"}
        lifecycle.delete(row_id, by_filters=False)
        assert read >= {"flows", "flow_runs", "deployments"}


def test_generated_mutants_have_unique_names() -> None:
    every: list[Mutant] = list(generated(CONTRACT))
    assert len({mutant.name for mutant in every}) == len(every) > 500


def test_sample_has_mutants_of_each_kind() -> None:
    some = [mutant.name for mutant in drawn(CONTRACT, 1, 60)]
    assert some == [mutant.name for mutant in drawn(CONTRACT, 1, 60)]
    assert some != [mutant.name for mutant in drawn(CONTRACT, 2, 60)]
    assert len(some) == 60 == len(KINDS) * 12
