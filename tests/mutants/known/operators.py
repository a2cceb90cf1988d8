"""Operators that match other rows than they should."""

import re
from datetime import datetime, timedelta

from tests.mutants.behaviours import about, every_row, part_of, reads_with, replies, shows_where, when
from tests.mutants.exchange import Answer, Request
from tests.mutants.known.vocabulary import (
    ABOUT_ARTIFACTS,
    ABOUT_FLOWS,
    ARTIFACT,
    COUNT_ARTIFACTS,
    LIST_ARTIFACTS,
    QUERIES,
    RUN,
    any_of,
    in_state,
    is_null,
    like,
    none_of,
)
from tests.mutants.mutant import Behaviour, BrokenServer, Mutant, post
from tests.mutants.paths import GONE, Change, at, drop, found, given, of, put, rename

TIMES = r".*\.(before_|after_)"
BOUNDS = {"before_", "after_"}
MICROSECOND = timedelta(microseconds=1)

first = of(list, lambda values: values[:1])
anywhere = of(list, lambda texts: [f"%{text}" for text in texts])
negated = of(bool, lambda value: not value)


def moved(by: timedelta) -> Change:
    """A time that is a bit earlier or later; unreadable values are unchanged."""

    def move(text: str) -> str:
        try:
            return (datetime.fromisoformat(text.replace("Z", "+00:00")) + by).isoformat()
        except (ValueError, OverflowError):
            return text

    return of(str, move)


async def counts_nulls(request: Request, broken: BrokenServer) -> Answer:
    """All rows, except those that are named."""
    answer = await broken.ask(request)
    named = request.changed(at("flow_runs.idempotency_key", rename(not_any_="any_")))
    every = request.changed(drop("flow_runs.idempotency_key.not_any_"))
    if not answer.is_success:
        return answer
    return answer.saying(max((await broken.ask(every)).json - (await broken.ask(named)).json, 0))


def in_separate_requests(one: str, other: str, both: bool) -> Behaviour:
    """Rows that meet the criteria of two tables, each in a separate request: both of them, or any."""

    async def behave(request: Request, broken: BrokenServer) -> Answer:
        answer = await broken.ask(request)
        if not answer.is_success:
            return answer
        ids = [{row["id"] for row in await every_row(request.changed(drop(name)), broken)} for name in (one, other)]
        shown = ids[0] & ids[1] if both else ids[0] | ids[1]
        every = await every_row(request.changed(drop(f"{one}|{other}")), broken)
        return answer.saying(part_of([row for row in every if row["id"] in shown], request))

    return when(lambda request: bool(request.json.get(one) and request.json.get(other)), behave)


def repeated(request: Request, answer: Answer) -> Answer:
    ids = found(request.json, r"artifacts.id.any_.\d+")
    return answer.changed(lambda listed: [row for row in listed for _ in range(ids.count(row["id"]) or 1)])


MUTANTS = [
    Mutant(
        "type-any-and-not-any-swapped",
        "`artifacts.type`: `any_` excludes, `not_any_` includes.",
        reads_with(QUERIES, at("artifacts.type", of(dict, rename(any_="not_any_", not_any_="any_")))),
        [post("/artifacts/count", artifacts={"type": any_of("table")})],
    ),
    Mutant(
        "key-any-first-only",
        "Of `artifacts.key.any_` only the first key counts.",
        reads_with(QUERIES, at("artifacts.key.any_", first)),
        [post("/artifacts/count", artifacts={"key": any_of("row-counts", "daily-report")})],
    ),
    Mutant(
        "startswith-anywhere",
        "`work_queues.name.startswith_` is met by a text anywhere in the name.",
        reads_with("POST /work_queues/filter", at("work_queues.name.startswith_", anywhere)),
        [post("/work_queues/filter", work_queues={"name": {"startswith_": ["efault"]}})],
    ),
    Mutant(
        "state-any-first-only",
        "Of `flow_runs.state.type.any_` only the first word counts.",
        reads_with(QUERIES, at("flow_runs.state.type.any_", first)),
        [post("/artifacts/count", flow_runs=in_state("FAILED", "COMPLETED"))],
    ),
    Mutant(
        "all-read-as-any",
        "`deployments.tags.all_` is met by any of the tags.",
        reads_with(
            QUERIES, at("deployments.tags", given(lambda tags: "any_" not in (tags or "any_"), rename(all_="any_")))
        ),
        [post("/flows/count", deployments={"tags": {"all_": ["etl", "finance"]}})],
    ),
    Mutant(
        "before-and-after-swapped",
        "`flow_runs.start_time`: `before_` means after, `after_` before.",
        reads_with(QUERIES, at("flow_runs.start_time", of(dict, rename(before_="after_", after_="before_")))),
        [post("/artifacts/count", flow_runs={"start_time": {"before_": "2000-01-01T00:00:00Z"}})],
    ),
    Mutant(
        "is-null-inverted",
        "`flow_runs.deployment_id.is_null_` means its contrary.",
        reads_with(QUERIES, at("flow_runs.deployment_id.is_null_", negated)),
        [post("/artifacts/count", flow_runs={"deployment_id": is_null(True)}, deployments={"name": like("o")})],
    ),
    Mutant(
        "exists-inverted",
        "`artifacts.key.exists_` means its contrary.",
        reads_with(QUERIES, at("artifacts.key.exists_", negated)),
        [post("/artifacts/count", artifacts={"key": {"exists_": False}})],
    ),
    Mutant(
        "not-any-counts-nulls",
        "Counts of artifacts take `flow_runs.idempotency_key.not_any_` as met by runs without a key.",
        when(
            lambda request: request.is_a(COUNT_ARTIFACTS) and request.has("flow_runs.idempotency_key.not_any_.0"),
            counts_nulls,
        ),
        [post("/artifacts/count", flow_runs={"idempotency_key": none_of("x")})],
    ),
    Mutant(
        "not-any-keeps-nulls",
        "`artifacts.type.not_any_` is met by artifacts without a type, in lists and counts alike.",
        shows_where(
            "/artifacts",
            "artifacts.type.not_any_",
            lambda row, types: row["type"] not in types,
            wider=drop("artifacts.type.not_any_"),
        ),
        [post("/artifacts/", key="typeless"), post("/artifacts/count", artifacts={"type": none_of("table")})],
    ),
    Mutant(
        "or-ignored",
        "`artifacts.operator` is ignored: a row must meet all criteria.",
        reads_with(QUERIES, drop("artifacts.operator")),
        [
            post(
                "/artifacts/count",
                artifacts={"operator": "or_", "key": any_of("row-counts"), "type": any_of("markdown")},
            )
        ],
    ),
    Mutant(
        "and-read-as-or",
        "Criteria of `flow_runs` that are not joined by a word are joined by or.",
        reads_with(QUERIES, at("flow_runs", given(lambda part: part and "operator" not in part, put(operator="or_")))),
        [post("/artifacts/count", flow_runs={**in_state("FAILED"), "deployment_id": is_null(False)})],
    ),
    Mutant(
        "or-in-a-field-ignored",
        "`flow_runs.deployment_id.operator` is ignored.",
        reads_with(QUERIES, drop("flow_runs.deployment_id.operator")),
        [
            post("/artifacts/count", flow_runs={"deployment_id": {"operator": "or_", "is_null_": flag, "any_": []}})
            for flag in (True, False)
        ],
    ),
    Mutant(
        "related-joined-by-or",
        "An artifact is shown that meets `flow_runs` or `task_runs`, where both are given.",
        about(ABOUT_ARTIFACTS, in_separate_requests("flow_runs", "task_runs", both=False)),
        [post("/artifacts/count", flow_runs={"id": any_of(RUN)}, task_runs={"name": like("x")})],
    ),
    Mutant(
        "runs-judged-apart",
        "A flow is shown whose `flow_runs` and `task_runs` are met by different runs.",
        about(ABOUT_FLOWS, in_separate_requests("flow_runs", "task_runs", both=True)),
        [post("/flows/count", flow_runs=in_state("COMPLETED"), task_runs=in_state("RUNNING"))],
    ),
    Mutant(
        "any-repeats-rows",
        "An id that stands twice in `artifacts.id.any_` lists its artifact twice.",
        replies(LIST_ARTIFACTS, lambda request, answer: repeated(request, answer) if answer.is_success else answer),
        [post("/artifacts/filter", artifacts={"id": any_of(ARTIFACT, ARTIFACT)})],
    ),
    Mutant(
        "before-exclusive",
        "`flow_runs.expected_start_time.before_` excludes the moment itself.",
        reads_with(QUERIES, at("flow_runs.expected_start_time.before_", moved(-MICROSECOND))),
        [post("/artifacts/count", flow_runs={"expected_start_time": {"before_": "2026-01-01T02:00:00Z"}})],
    ),
    Mutant(
        "after-a-minute-late",
        "`task_runs.start_time.after_` begins a minute later than asked.",
        reads_with(QUERIES, at("task_runs.start_time.after_", moved(timedelta(minutes=1)))),
        [post("/artifacts/count", task_runs={"start_time": {"after_": "2026-01-30T18:01:00Z"}})],
    ),
    Mutant(
        "offsets-ignored",
        "Times are read as UTC, whatever their offset.",
        reads_with(QUERIES, at(TIMES, of(str, lambda text: re.sub(r"[+-]\d\d:\d\d$", "Z", text)))),
        [post("/artifacts/count", flow_runs={"start_time": {"after_": "2026-01-30T02:00:00-14:00"}})],
    ),
    Mutant(
        "start-wants-a-start",
        "`flow_runs.start_time` does not look at the expected start of runs that have not started.",
        reads_with(
            QUERIES, at("flow_runs.start_time", given(lambda part: set(part or ()) & BOUNDS, put(is_null_=False)))
        ),
        [post("/flows/count", flow_runs={"start_time": {"after_": "2026-01-31T00:00:00Z"}})],
    ),
    Mutant(
        "one-of-two-names",
        "`deployments.flow_or_deployment_name` looks at the deployment's name only.",
        reads_with(
            QUERIES,
            at(
                "deployments",
                given(lambda part: "name" not in (part or "name"), rename(flow_or_deployment_name="name")),
            ),
        ),
        [post("/flows/count", deployments={"flow_or_deployment_name": like("report")})],
    ),
    Mutant(
        "empty-any-matches-all",
        "An empty `any_` asks for nothing.",
        reads_with(QUERIES, at(r".*\.any_", given(lambda values: values == [], lambda _: GONE))),
        [post("/artifacts/count", artifacts={"key": any_of()})],
    ),
    Mutant(
        "null-filter-matches-nothing",
        "`flow_runs: null` is met by no row.",
        reads_with(QUERIES, at("flow_runs", given(lambda part: part is None, lambda _: {"id": any_of()}))),
        [post("/artifacts/count", flow_runs=None)],
    ),
    Mutant(
        "empty-filter-matches-nothing",
        "`artifacts: {}` is met by no artifact.",
        reads_with(ABOUT_ARTIFACTS, at("artifacts", given(lambda part: part == {}, lambda _: {"id": any_of()}))),
        [post("/artifacts/count", artifacts={})],
    ),
    Mutant(
        "tags-all-takes-parts",
        "`flows.tags.all_` is met by parts of tags.",
        shows_where(
            "/flows",
            "flows.tags.all_",
            lambda row, tags: all(any(tag in each for each in row["tags"]) for tag in tags),
            wider=drop("flows.tags.all_"),
        ),
        [post("/flows/count", flows={"tags": {"all_": ["fin"]}})],
    ),
]
