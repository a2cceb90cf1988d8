"""Mutants that show only at times: with some words, some pages, or some criteria together."""

import re
from collections.abc import Callable
from typing import Any

from tests.mutants.behaviours import answers, number, reads_with, replies, when
from tests.mutants.exchange import Answer, Request
from tests.mutants.known.vocabulary import (
    ABOUT_ARTIFACTS,
    ARTIFACT,
    COUNT_ARTIFACTS,
    COUNTS,
    LIST_ARTIFACTS,
    LISTS,
    NEVER,
    NOBODY,
    PAGE_FLOWS,
    QUERIES,
    any_of,
    in_state,
    is_null,
    like,
    none_of,
)
from tests.mutants.mutant import Mutant, get, post
from tests.mutants.paths import GONE, at, drop, found, given, of

KEYS = ("row-counts", "daily-report", "quality-checks", "invoices-sent")


def has_all(*places: str) -> Callable[[Request], bool]:
    return lambda request: all(any(found(request.json, place)) for place in places)


def is_deep(request: Request) -> bool:
    return type(request.json.get("page")) is int and request.json["page"] > 1


def rounded(body: Any) -> Any:
    """The offset down to a whole number of pages."""
    limit, offset = number(body.get("limit") or 0), number(body.get("offset") or 0)
    return {**body, "offset": offset - offset % limit} if limit else body


def is_wide(body: Any) -> bool:
    return "or_" in found(body, "artifacts.operator") and len(body["artifacts"]) > 3


def is_related(request: Request) -> bool:
    return any(request.json.get(name) for name in ("flow_runs", "task_runs", "deployments"))


def unknown(_: Request, answer: Answer) -> Answer:
    return answer.saying({"detail": "Artifact not found."}, 404) if answer.is_success else answer


def is_in_capitals(request: Request) -> bool:
    return request.path != request.path.lower()


MUTANTS = [
    Mutant(
        "type-ignored-beside-key",
        "`artifacts.type` counts for nothing beside `artifacts.key`.",
        when(has_all("artifacts.key", "artifacts.type"), reads_with(QUERIES, drop("artifacts.type"))),
        [post("/artifacts/count", artifacts={"key": any_of("row-counts"), "type": any_of("markdown")})],
    ),
    Mutant(
        "deployments-ignored-beside-runs",
        "`deployments` counts for nothing beside `flow_runs`.",
        when(has_all("deployments", "flow_runs"), reads_with(QUERIES, drop("deployments"))),
        [post("/artifacts/count", flow_runs=in_state("COMPLETED"), deployments={"paused": {"eq_": True}})],
    ),
    Mutant(
        "third-table-ignored",
        "Of three related tables, `task_runs` counts for nothing.",
        when(has_all("flows", "flow_runs", "task_runs"), reads_with(ABOUT_ARTIFACTS, drop("task_runs"))),
        [
            post(
                "/artifacts/count",
                flows={"name": like("o")},
                flow_runs=in_state("COMPLETED"),
                task_runs={"name": like(NEVER)},
            )
        ],
    ),
    Mutant(
        "second-page-ignores-flows",
        "`flows` counts for nothing from the second page on.",
        when(is_deep, reads_with(PAGE_FLOWS, drop("flows"))),
        [post("/flows/paginate", flows={"tags": {"all_": ["etl"]}}, limit=3, page=2)],
    ),
    Mutant(
        "second-page-ignores-sort",
        "`sort` counts for nothing from the second page on.",
        when(is_deep, reads_with(PAGE_FLOWS, drop("sort"))),
        [post("/flows/paginate", sort="NAME_DESC", limit=3, page=2)],
    ),
    Mutant(
        "key-asc-turns-on-the-second-page",
        "KEY_ASC is KEY_DESC where rows are skipped.",
        when(
            lambda request: bool(request.json.get("offset")),
            reads_with(LIST_ARTIFACTS, at("sort", given(lambda word: word == "KEY_ASC", lambda _: "KEY_DESC"))),
        ),
        [post("/artifacts/filter", sort="KEY_ASC", limit=2, offset=2)],
    ),
    Mutant(
        "pages-end-at-10",
        "A page beyond the tenth holds the rows of the tenth.",
        reads_with(PAGE_FLOWS, at("page", given(lambda page: type(page) is int and page > 10, lambda _: 10))),
        [post("/flows/paginate", limit=1, page=11)],
    ),
    Mutant(
        "offset-in-whole-pages",
        "`offset` is rounded down to a multiple of `limit`.",
        reads_with(LISTS, rounded),
        [post("/artifacts/filter", limit=5, offset=7)],
    ),
    Mutant(
        "limit-1-unsorted",
        "`sort` counts for nothing where `limit` is 1.",
        reads_with(LISTS, given(lambda body: body.get("limit") == 1, drop("sort"))),
        [post("/flows/filter", sort="NAME_DESC", limit=1)],
    ),
    Mutant(
        "limit-200-is-199",
        "A `limit` of 200 is taken for 199.",
        reads_with(LISTS, at("limit", given(lambda limit: limit == 200, lambda _: 199))),
        [post("/artifacts/filter", limit=200)],
    ),
    Mutant(
        "any-up-to-3",
        "Of more than three operands of `any_`, the first three count.",
        reads_with(QUERIES, at(r".*\.any_", of(list, lambda values: values[:3]))),
        [post("/artifacts/count", artifacts={"key": any_of(*KEYS)})],
    ),
    Mutant(
        "not-any-ignored-beside-any",
        "`artifacts.type.not_any_` counts for nothing beside `any_`.",
        reads_with(QUERIES, at("artifacts.type", of(dict, given(lambda part: part.get("any_"), drop("not_any_"))))),
        [post("/artifacts/count", artifacts={"type": {**any_of("table", "link"), **none_of("link")}})],
    ),
    Mutant(
        "null-hides-its-neighbours",
        "Beside `any_: null`, other criteria of a key are ignored.",
        reads_with(QUERIES, at("artifacts.key", of(dict, given(lambda part: None in part.values(), lambda _: {})))),
        [post("/artifacts/count", artifacts={"key": {"any_": None, "like_": "report"}})],
    ),
    Mutant(
        "or-of-three-is-and",
        "Three or more criteria of `artifacts` are joined by and, whatever they are joined by.",
        reads_with(QUERIES, given(is_wide, drop("artifacts.operator"))),
        [
            post(
                "/artifacts/count",
                artifacts={"operator": "or_", "key": like("a"), "type": any_of("link"), "id": any_of(ARTIFACT)},
            )
        ],
    ),
    Mutant(
        "or-in-state-ignored",
        "`flow_runs.state.operator` is ignored.",
        reads_with(QUERIES, drop("flow_runs.state.operator")),
        [
            post(
                "/artifacts/count",
                flow_runs={"state": {"operator": "or_", "type": any_of("FAILED"), "name": any_of(NEVER)}},
            )
        ],
    ),
    Mutant(
        "cancelling-is-cancelled",
        "CANCELLING among `flow_runs.state.type.any_` is taken for CANCELLED.",
        reads_with(QUERIES, at(r"flow_runs.state.type.any_.\d+", lambda word: word.replace("CANCELLING", "CANCELLED"))),
        [post("/artifacts/count", flow_runs=in_state("CANCELLING"))],
    ),
    Mutant(
        "crashed-never-found",
        "CRASHED among `flow_runs.state.type.any_` is met by nothing.",
        reads_with(
            QUERIES,
            at(r"flow_runs.state.type.any_.\d+", given(lambda word: word == "CRASHED", lambda _: GONE)),
        ),
        [post("/artifacts/count", flow_runs=in_state("CRASHED"))],
    ),
    Mutant(
        "null-false-ignored",
        "`is_null_: false` asks for nothing.",
        reads_with(QUERIES, at(r".*\.is_null_", given(lambda flag: flag is False, lambda _: GONE))),
        [post("/artifacts/count", flow_runs={"work_queue_name": is_null(False)})],
    ),
    Mutant(
        "exists-false-ignored",
        "`exists_: false` asks for nothing.",
        reads_with(QUERIES, at(r".*\.exists_", given(lambda flag: flag is False, lambda _: GONE))),
        [post("/artifacts/count", artifacts={"key": {"exists_": False}})],
    ),
    Mutant(
        "after-beats-before",
        "`before_` counts for nothing beside `after_`.",
        reads_with(QUERIES, at(r".*_time", given(lambda part: (part or {}).get("after_"), drop("before_")))),
        [
            post(
                "/artifacts/count",
                task_runs={"start_time": {"after_": "2026-01-10T00:00:00Z", "before_": "2026-01-11T00:00:00Z"}},
            )
        ],
    ),
    Mutant(
        "western-offsets-turned",
        "Offsets west of Greenwich are taken for eastern ones.",
        reads_with(
            QUERIES,
            at(
                r".*\.(before_|after_)",
                of(str, lambda text: re.sub(r"-(\d\d:\d\d)$", r"+\1", text)),
            ),
        ),
        [post("/artifacts/count", flow_runs={"start_time": {"after_": "2026-01-30T02:00:00-08:00"}})],
    ),
    Mutant(
        "like-to-the-second-percent",
        "In `like_`, nothing counts from a second percent sign on.",
        reads_with(QUERIES, at(r".*\.like_", of(str, lambda text: "%".join(text.split("%")[:2])))),
        [post("/artifacts/count", artifacts={"key": like("a%e%x")})],
    ),
    Mutant(
        "like-of-one-letter-ignored",
        "A `like_` of one letter asks for nothing.",
        reads_with(QUERIES, at(r".*\.like_", of(str, given(lambda text: len(text) == 1, lambda _: GONE)))),
        [post("/flows/count", flows={"name": like("z")})],
    ),
    Mutant(
        "ids-in-capitals-unknown",
        "A UUID in capitals is met by nothing.",
        reads_with(
            QUERIES, at(r".*id\.any_\.\d+", of(str, given(lambda text: text != text.lower(), lambda _: NOBODY)))
        ),
        [post("/artifacts/count", artifacts={"id": any_of(ARTIFACT.upper())})],
    ),
    Mutant(
        "capital-path-unknown",
        "An artifact is not read by its id in capitals.",
        when(is_in_capitals, replies("GET /artifacts/[^/]*", unknown)),
        [get(f"/artifacts/{ARTIFACT.upper()}")],
    ),
    Mutant(
        "bare-count-one-less",
        "A count of artifacts is one too low where the body is empty.",
        when(lambda request: not request.json, answers(COUNT_ARTIFACTS, lambda count: max(count - 1, 0))),
        [post("/artifacts/count")],
    ),
    Mutant(
        "related-counts-up-to-100",
        "Counts with a related table end at 100.",
        when(is_related, answers(COUNTS, of(int, lambda count: min(count, 100)))),
        [post("/artifacts/count", flow_runs=in_state("COMPLETED"))],
    ),
    Mutant(
        "seven-is-unlucky",
        "Where a page of 7 is asked for, it holds 6.",
        reads_with(PAGE_FLOWS, at("limit", given(lambda limit: limit == 7, lambda _: 6))),
        [post("/flows/paginate", limit=7)],
    ),
]
