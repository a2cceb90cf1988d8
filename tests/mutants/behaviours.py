"""The kinds of mutants: of requests, of responses, of the rows that exist, and of errors."""

from collections.abc import Callable
from typing import Any

from tests.mutants.exchange import Answer, Request
from tests.mutants.mutant import Behaviour, BrokenServer, unchanged
from tests.mutants.paths import GONE, Change, changed, found

PAGE = 200  # rows, the most that the API lists at once

Choice = Callable[[list[Any], Any], list[Any]]
"""From all rows that meet a body's criteria, in its order, to those that are shown."""


def when(test: Callable[[Request], bool], behaviour: Behaviour) -> Behaviour:
    """A mutant of some requests only."""

    async def behave(request: Request, broken: BrokenServer) -> Answer:
        return await (behaviour if test(request) else unchanged)(request, broken)

    return behave


def about(operations: str, behaviour: Behaviour) -> Behaviour:
    """A mutant of some operations only."""
    return when(lambda request: request.is_a(operations), behaviour)


def sends(operations: str, change: Change) -> Behaviour:
    """The correct server gets another body."""

    async def behave(request: Request, broken: BrokenServer) -> Answer:
        return await broken.ask(request.changed(change))

    return about(operations, behave)


def reads_with(queries: str, change: Change) -> Behaviour:
    """The same for valid requests that change nothing; invalid ones are unchanged."""

    async def behave(request: Request, broken: BrokenServer) -> Answer:
        answer = await broken.ask(request)
        other = request.changed(change) if answer.is_success else request
        return answer if other is request else await broken.ask(other)

    return about(queries, behave)


def replies(operations: str, change: Callable[[Request, Answer], Answer]) -> Behaviour:
    """The response is replaced."""

    async def behave(request: Request, broken: BrokenServer) -> Answer:
        return change(request, await broken.ask(request))

    return about(operations, behave)


def answers(operations: str, change: Change) -> Behaviour:
    """The body of successful responses is replaced."""
    return replies(operations, lambda _, answer: answer.changed(change) if answer.is_success else answer)


def rows(change: Callable[[list[Any]], list[Any]]) -> Change:
    """A change of the rows of a list or a page; other objects, such as pages of events, are unchanged."""

    def change_rows(value: Any) -> Any:
        if not isinstance(value, dict):
            return change(value)
        return {**value, "results": change(value["results"])} if "results" in value else value

    return change_rows


def each(change: Change) -> Change:
    """A change of each row of a list or a page, or of a single row."""

    def change_each(value: Any) -> Any:
        is_row = isinstance(value, dict) and "results" not in value
        return change(value) if is_row else rows(lambda found: [change(row) for row in found])(value)

    return change_each


def shows(resource: str, choice: Choice, wider: Change = lambda body: body) -> Behaviour:
    """Lists, pages and counts of a resource agree, on other rows than the correct server's.

    Args:
        resource: a regular expression for the path of its operations.
        choice: which of the rows are shown.
        wider: a change of the criteria that the rows must meet.
    """

    async def behave(request: Request, broken: BrokenServer) -> Answer:
        answer = await broken.ask(request)
        if not answer.is_success:
            return answer
        shown = choice(await every_row(request.changed(wider), broken), request.json)
        return answer.saying(part_of(shown, request))

    return about(f"POST {resource}/(filter|count|paginate)", behave)


def shows_where(
    resource: str, place: str, test: Callable[[Any, Any], bool], wider: Change = lambda body: body
) -> Behaviour:
    """Only rows that meet a test are shown, given the value at a place of the criteria.

    If criteria of a table are joined by or, nothing is changed.
    """

    def choice(rows: list[Any], body: Any) -> list[Any]:
        operands = [operand for operand in found(body, place) if operand]
        return [row for row in rows if all(test(row, operand) for operand in operands)]

    def applies(request: Request) -> bool:
        return any(found(request.json, place)) and "or_" not in found(request.json, r"\w+.operator")

    return when(applies, shows(resource, choice, wider))


async def every_row(request: Request, broken: BrokenServer) -> list[Any]:
    """All rows that meet the criteria of a request, of all pages."""
    path = request.path.rpartition("/")[0] + "/filter"
    rows: list[Any] = []
    while len(rows) % PAGE == 0:
        page = request.json | {"limit": PAGE, "offset": len(rows)}
        more = (await broken.ask(request.to("POST", path, page))).json
        if not more:
            break
        rows += more
    return rows


def part_of(rows: list[Any], request: Request) -> Any:
    """The response to a request with these rows: a count, a page, or a list."""
    body = request.json
    limit = PAGE if body.get("limit") is None else number(body["limit"])
    if request.path.endswith("/count"):
        return len(rows)
    if request.path.endswith("/filter"):
        offset = number(body.get("offset") or 0)
        return rows[offset : offset + limit]
    page = number(body.get("page") or 1)
    pages = -(-len(rows) // limit) if limit else 0
    results = rows[(page - 1) * limit : page * limit]
    return {"results": results, "count": len(rows), "limit": limit, "pages": pages, "page": page}


def number(value: Any) -> int:
    """A number, which may be a text; 0 for what the correct server does not accept as one."""
    try:
        return int(float(value))
    except (TypeError, ValueError, OverflowError):
        return 0


def refuses(queries: str, test: Callable[[Request], bool]) -> Behaviour:
    """Valid requests that meet a test are rejected."""

    def refuse(request: Request, answer: Answer) -> Answer:
        return answer.saying({"detail": "Not that."}, 422) if answer.is_success and test(request) else answer

    return replies(queries, refuse)


def accepts(operations: str, *kinds: str) -> Behaviour:
    """Parts of a body that the correct server rejects are removed, and the rest is accepted.

    Args:
        operations: a regular expression.
        kinds: the types of ignored errors, as the correct server names them.
    """

    async def behave(request: Request, broken: BrokenServer) -> Answer:
        answer = await broken.ask(request)
        for _ in range(5):  # the rest may be rejected, too
            places = [error["loc"][1:] for error in errors_of(answer) if error["type"] in kinds]
            if not places:
                break
            request = without(request, places)
            answer = await broken.ask(request)
        return answer

    return about(operations, behave)


def errors_of(answer: Answer) -> list[Any]:
    value = answer.json if answer.status == 422 else None
    return list(value.get("exception_detail", [])) if isinstance(value, dict) else []


def without(request: Request, places: list[list[Any]]) -> Request:
    whole = "|".join(".".join(map(str, place)) for place in places)
    return request.changed(lambda body: changed(body, whole, lambda _: GONE))
