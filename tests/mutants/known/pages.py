"""Lists, counts and pages: how many rows, which of them, and in what order."""

from typing import Any

from tests.mutants.behaviours import about, answers, every_row, number, part_of, reads_with, replies, sends, shows, when
from tests.mutants.exchange import Answer, Request
from tests.mutants.known.vocabulary import (
    COUNT_ARTIFACTS,
    COUNT_LATEST,
    LIST_ARTIFACTS,
    LIST_FLOWS,
    LISTS,
    PAGE_FLOWS,
    any_of,
    in_state,
)
from tests.mutants.mutant import BrokenServer, Mutant, post
from tests.mutants.paths import Change, at, drop, given, of, put

ALL, SECOND = post("/artifacts/count"), post("/flows/paginate", limit=5, page=2)
BY_KEY = [post("/artifacts/filter", sort="KEY_ASC", limit=20)]


def unless_given(name: str, value: Any) -> Change:
    """Another default."""
    return given(lambda body: body.get(name) is None, put(**{name: value}))


def bounded(low: int = 0, high: int = 2**63 - 1) -> Change:
    """A number within bounds; other values are unchanged."""
    return of(int, lambda value: min(max(value, low), high))


def instead(old: Any, new: Any) -> Change:
    return given(lambda value: value == old, lambda _: new)


def nulls_last(found: list[Any], body: Any) -> list[Any]:
    return sorted(found, key=lambda row: row["key"] is None)


def without_last_if_full(request: Request, answer: Answer) -> Answer:
    limit = request.json.get("limit")
    cut = of(list, lambda found: found[:-1] if len(found) == limit else found)
    return answer.changed(cut) if answer.is_success else answer


async def counts_artifacts(request: Request, broken: BrokenServer) -> Answer:
    answer = await broken.ask(request)
    every = request.changed(drop("artifacts.latest_id"))
    return await broken.ask(every.to("POST", "/artifacts/count", every.json)) if answer.is_success else answer


async def repeats_page_one(request: Request, broken: BrokenServer) -> Answer:
    answer = await broken.ask(request)
    first = await broken.ask(request.changed(at("page", instead(2, 1))))
    return answer.changed(lambda page: {**page, "results": first.json["results"]}) if answer.is_success else answer


async def stays_on_the_last(request: Request, broken: BrokenServer) -> Answer:
    answer = await broken.ask(request)
    page = answer.json
    if not answer.is_success or page["page"] <= page["pages"] or not page["pages"]:
        return answer
    last = await broken.ask(request.changed(put(page=page["pages"])))
    return last.changed(put(page=page["page"]))


async def starts_over(request: Request, broken: BrokenServer) -> Answer:
    answer = await broken.ask(request)
    return answer if not answer.is_success or answer.json else await broken.ask(request.changed(drop("offset")))


async def cuts_before_it_filters(request: Request, broken: BrokenServer) -> Answer:
    answer = await broken.ask(request)
    if not answer.is_success:
        return answer
    met = [row["id"] for row in await every_row(request, broken)]
    page = part_of(await every_row(request.changed(drop("flows")), broken), request)
    return answer.saying([row for row in page if row["id"] in met])


MUTANTS = [
    Mutant(
        "offset-ignored",
        "Lists begin at the first row, whatever `offset` says.",
        reads_with(LISTS, drop("offset")),
        [post("/artifacts/filter", limit=2, offset=2)],
    ),
    Mutant(
        "offset-one-more",
        "`offset` skips one row more, unless it is 0.",
        reads_with(LISTS, at("offset", given(bool, lambda offset: number(offset) + 1))),
        [post("/artifacts/filter", limit=2, offset=2)],
    ),
    Mutant(
        "offset-past-the-end-starts-over",
        "An `offset` past the last row begins at the first one again.",
        about(LISTS, starts_over),
        [post("/flows/filter", offset=500, limit=2)],
    ),
    Mutant(
        "limit-ignored",
        "Lists hold up to 200 rows, whatever `limit` says.",
        reads_with(LISTS, drop("limit")),
        [post("/flows/filter", limit=2)],
    ),
    Mutant(
        "limit-one-less",
        "Lists hold one row less than `limit`, unless that is 0.",
        reads_with(LISTS, at("limit", given(bool, lambda limit: number(limit) - 1))),
        [post("/flows/filter", limit=2)],
    ),
    Mutant(
        "limit-zero-is-none",
        "A `limit` of 0 is as none.",
        reads_with(LISTS, at("limit", instead(0, 200))),
        [post("/flows/filter", limit=0)],
    ),
    Mutant(
        "default-limit-100",
        "Without `limit`, lists hold up to 100 rows.",
        reads_with(LISTS, unless_given("limit", 100)),
        [post("/artifacts/filter")],
    ),
    Mutant(
        "high-limit-accepted",
        "A `limit` over 200 is taken for 200.",
        sends(LISTS, at("limit", bounded(-(2**63), 200))),
        [post("/flows/filter", limit=201)],
    ),
    Mutant(
        "negative-limit-accepted",
        "A negative `limit` is taken for 0.",
        sends(LISTS, at("limit", bounded())),
        [post("/flows/filter", limit=-1)],
    ),
    Mutant(
        "page-zero-accepted",
        "Page 0 is taken for page 1.",
        sends(PAGE_FLOWS, at("page", bounded(1))),
        [post("/flows/paginate", limit=1, page=0)],
    ),
    Mutant(
        "sort-ignored",
        "Lists of artifacts stand in the default order.",
        reads_with(LIST_ARTIFACTS, drop("sort")),
        BY_KEY,
    ),
    Mutant(
        "sort-backwards",
        "Pages that sort by name do so the other way round.",
        reads_with(
            PAGE_FLOWS, at("sort", lambda word: {"NAME_ASC": "NAME_DESC", "NAME_DESC": "NAME_ASC"}.get(word, word))
        ),
        [post("/flows/paginate", sort="NAME_ASC", limit=3)],
    ),
    Mutant(
        "updated-sorts-by-created",
        "UPDATED_DESC sorts artifacts by `created`.",
        reads_with(LIST_ARTIFACTS, at("sort", instead("UPDATED_DESC", "CREATED_DESC"))),
        [post("/artifacts/filter", sort="UPDATED_DESC", artifacts={"type": any_of("progress")})],
    ),
    Mutant(
        "default-sort-by-created",
        "Without `sort`, artifacts stand by `created`.",
        reads_with(LIST_ARTIFACTS, unless_given("sort", "CREATED_DESC")),
        [post("/artifacts/filter", limit=3)],
    ),
    Mutant(
        "nulls-last",
        "KEY_ASC puts artifacts without a key behind the others.",
        when(lambda request: request.json.get("sort") == "KEY_ASC", shows("/artifacts", nulls_last)),
        BY_KEY,
    ),
    Mutant(
        "count-one-more",
        "Counts of artifacts are one too high.",
        answers(COUNT_ARTIFACTS, lambda n: n + 1),
        [ALL],
    ),
    Mutant(
        "count-up-to-200",
        "Counts of artifacts end at 200.",
        answers(COUNT_ARTIFACTS, lambda n: min(n, 200)),
        [ALL],
    ),
    Mutant(
        "latest-count-of-artifacts",
        "The count of the latest counts all artifacts.",
        about(COUNT_LATEST, counts_artifacts),
        [post("/artifacts/latest/count")],
    ),
    Mutant(
        "pages-one-more",
        "There is a page more where the last one is full.",
        answers(PAGE_FLOWS, lambda page: {**page, "pages": page["limit"] and page["count"] // page["limit"] + 1}),
        [post("/flows/paginate", limit=6)],
    ),
    Mutant(
        "page-counts-its-results",
        "The `count` of a page is that of its own results.",
        answers(PAGE_FLOWS, lambda page: {**page, "count": len(page["results"])}),
        [SECOND],
    ),
    Mutant("page-always-one", "Every page says that it is page 1.", answers(PAGE_FLOWS, put(page=1)), [SECOND]),
    Mutant(
        "page-two-repeats-page-one",
        "Page 2 holds the rows of page 1.",
        about(PAGE_FLOWS, repeats_page_one),
        [SECOND],
    ),
    Mutant(
        "page-stays-on-the-last",
        "A page behind the last one holds the rows of the last.",
        about(PAGE_FLOWS, stays_on_the_last),
        [post("/flows/paginate", limit=5, page=7)],
    ),
    Mutant(
        "row-twice",
        "The last row of a list is its first once more.",
        answers(LISTS, of(list, lambda found: found[:-1] + found[:1] if len(found) > 2 else found)),
        [post("/artifacts/filter", limit=4)],
    ),
    Mutant(
        "full-page-loses-its-last",
        "A list that `limit` cuts lacks its last row.",
        replies(LISTS, without_last_if_full),
        [post("/artifacts/filter", limit=4)],
    ),
    Mutant(
        "cut-before-filtered",
        "A page of a list of flows is cut first, and its rows are filtered by `flows` then.",
        about(LIST_FLOWS, cuts_before_it_filters),
        [post("/flows/filter", flows={"tags": {"all_": ["finance"]}}, limit=2, flow_runs=in_state("COMPLETED"))],
    ),
]
