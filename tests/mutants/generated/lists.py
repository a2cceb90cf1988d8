"""A mutant for each sort and each kind of page: rows out of order, left out or shown twice."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from tests.mutants.behaviours import answers, number, reads_with, replies, rows, when
from tests.mutants.exchange import Answer, Request
from tests.mutants.generated.vocabulary import mutant, operation_of
from tests.mutants.mutant import Behaviour, BrokenServer, Mutant
from tests.mutants.paths import at, drop, given, put
from understudy.verify.requests.endpoint import LIMIT, OFFSET, PAGE, Endpoint
from understudy.verify.requests.endpoint_map import EndpointMap, Selection

DEEP = (2, 3)  # pages from which on the mutant differs
MOST = 100  # rows
WHOLE = 200  # rows of a page whose limit is not stated

Page = dict[str, Any]


def mutants(endpoint_map: EndpointMap) -> Iterator[Mutant]:
    for selection in endpoint_map.selections.values():
        for endpoint in filter(None, (selection.lists, selection.pages)):
            yield from sorts(selection, endpoint)
        yield from cuts(selection.lists)
        if selection.pages is not None:
            yield from pages(selection.pages)
        if selection.counts is not None:
            yield from counts(selection.counts)


def sorts(selection: Selection, endpoint: Endpoint) -> Iterator[Mutant]:
    if selection.sort is None:
        return
    name, sort = selection.sort
    words = [word for word in sort.value["enum"] if word is not None]
    operation, default = operation_of(endpoint), sort.value["default"]
    for word, other in zip(words, [*words[1:], words[0]], strict=True):

        def is_sorted(request: Request, word: str = word) -> bool:
            return bool(request.json.get(name, default) == word)

        kinds: dict[str, tuple[str, Behaviour]] = {
            "reversed": ("is the other way round", answers(operation, rows(backwards))),
            "swapped": ("exchanges the last two rows", answers(operation, rows(last_swapped))),
            "other": (f"is {other}", reads_with(operation, put(**{name: other}))),
            "deep": (f"is {other} after the first page", reads_with(operation, given(is_cut, put(**{name: other})))),
        }
        for kind, (says, behaviour) in kinds.items():
            yield mutant(
                f"{endpoint.label}:{word}:{kind}", f"{endpoint.label}: {word} {says}", when(is_sorted, behaviour)
            )


def backwards(found: list[Any]) -> list[Any]:
    return found[::-1]


def last_swapped(found: list[Any]) -> list[Any]:
    return [*found[:-2], *found[-2:][::-1]]


def is_cut(body: Any) -> bool:
    """Whether a body requests a page after the first."""
    return bool(body.get(OFFSET)) or number(body.get(PAGE) or 1) > 1


def cuts(endpoint: Endpoint) -> Iterator[Mutant]:
    lists = operation_of(endpoint)
    for page in DEEP:
        for name, step in (("overlap", -1), ("gap", 1)):
            behaviour = when(partial(is_deep, page), reads_with(lists, at(OFFSET, partial(moved, step))))
            says = f"{endpoint.label}: pages from number {page + 1} on begin {step} rows further"
            yield mutant(f"{endpoint.label}:{name}-{page}", says, behaviour)
    few = given(lambda limit: isinstance(limit, int) and limit > MOST, lambda _: MOST)
    none = given(lambda body: body.get(LIMIT) == 0, drop(LIMIT))
    label = endpoint.label
    yield mutant(f"{label}:last", f"{label}: a page that is not full lacks its last row", replies(lists, without_last))
    yield mutant(f"{label}:zero", f"{label}: a limit of 0 is the default", reads_with(lists, none))
    yield mutant(f"{label}:most", f"{label}: a limit above {MOST} is {MOST}", reads_with(lists, at(LIMIT, few)))


def is_deep(page: int, request: Request) -> bool:
    limit, offset = number(request.json.get(LIMIT) or 0), number(request.json.get(OFFSET) or 0)
    return limit > 0 and offset >= page * limit


def moved(step: int, offset: Any) -> int:
    return number(offset) + step


def without_last(request: Request, answer: Answer) -> Answer:
    limit = number(request.json.get(LIMIT) or WHOLE)
    if not answer.is_success or LIMIT not in request.json or OFFSET not in request.json:
        return answer
    return answer.changed(lambda found: found[:-1] if len(found) < limit else found)


def pages(endpoint: Endpoint) -> Iterator[Mutant]:
    operation, label = operation_of(endpoint), endpoint.label
    for least in DEEP:
        overlap = overlapping(operation, least)
        yield mutant(f"{label}:overlap-{least}", f"{label}: from page {least} on, a row is shown twice", overlap)
    for name, (says, change) in PAGES.items():
        yield mutant(f"{label}:{name}", f"{label}: {says}", answers(operation, change))
    yield mutant(f"{label}:beyond", f"{label}: beyond the last page, the last is shown", last_again(operation))


def short(least: int, page: Page) -> Page:
    return {**page, "results": page["results"][:-1]} if page["page"] >= least else page


def counted(least: int, page: Page) -> Page:
    return {**page, "count": len(page["results"])} if page["page"] >= least else page


def with_pages(count: Callable[[Page], int], page: Page) -> Page:
    return {**page, "pages": count(page)} if page["limit"] else page


PAGES: dict[str, tuple[str, Callable[[Page], Page]]] = {
    "short-2": ("from page 2 on, the last row is left out", partial(short, 2)),
    "short-3": ("from page 3 on, the last row is left out", partial(short, 3)),
    "count-2": ("from page 2 on, the count is that of the page", partial(counted, 2)),
    "count-3": ("from page 3 on, the count is that of the page", partial(counted, 3)),
    "floor": (
        "a last page that is not full does not count",
        partial(with_pages, lambda page: int(page["count"] // page["limit"])),
    ),
    "one-more": (
        "there is a page more where the last is full",
        partial(with_pages, lambda page: int(page["count"] // page["limit"]) + 1),
    ),
    "empty": (
        "beyond the last page, there are no pages",
        partial(with_pages, lambda page: 0 if page["page"] > page["pages"] else int(page["pages"])),
    ),
}


def overlapping(operation: str, least: int) -> Behaviour:
    async def behave(request: Request, broken: BrokenServer) -> Answer:
        answer = await broken.ask(request)
        page = request.json.get(PAGE)
        if not answer.is_success or type(page) is not int or page < least or not answer.json["results"]:
            return answer
        before = (await broken.ask(request.changed(put(page=page - 1)))).json["results"]
        return answer.changed(put(results=[*before[-1:], *answer.json["results"][1:]]))

    return when(lambda request: request.is_a(operation), behave)


def last_again(operation: str) -> Behaviour:
    async def behave(request: Request, broken: BrokenServer) -> Answer:
        answer = await broken.ask(request)
        page = request.json.get(PAGE)
        if not answer.is_success or type(page) is not int or not 0 < answer.json["pages"] < page:
            return answer
        last = (await broken.ask(request.changed(put(page=answer.json["pages"])))).json["results"]
        return answer.changed(put(results=last))

    return when(lambda request: request.is_a(operation), behave)


def counts(endpoint: Endpoint) -> Iterator[Mutant]:
    operation, label = operation_of(endpoint), endpoint.label
    less = when(lambda request: not request.json, answers(operation, lambda count: max(0, count - 1)))
    yield mutant(f"{label}:bare", f"{label}: without filters, a row is not counted", less)
    yield mutant(f"{label}:most", f"{label}: counts end at {MOST}", answers(operation, lambda count: min(count, MOST)))
