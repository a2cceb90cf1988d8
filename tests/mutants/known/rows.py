"""Queries that mutants of writes need."""

from typing import Any

from tests.mutants.exchange import Answer, Request
from tests.mutants.mutant import BrokenServer


async def row_of(request: Request, broken: BrokenServer) -> Any:
    """The row that a request refers to by its id; None if it is missing."""
    answer = await broken.ask(request.to("GET", request.path))
    return answer.json if answer.is_success else None


async def rows_of_key(request: Request, broken: BrokenServer, key: str) -> list[Any]:
    body = {"artifacts": {"key": {"any_": [key]}}}
    return list((await broken.ask(request.to("POST", "/artifacts/filter", body))).json)


def done(answer: Answer) -> Answer:
    """Success without a body, from any other response."""
    headers = [(name, value) for name, value in answer.headers.raw if not name.lower().startswith(b"content-")]
    return Answer(204, type(answer.headers)(headers), b"")
