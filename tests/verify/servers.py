"""Servers for `verify`: watched ones, broken ones, and programs that are not Prefect servers."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.mutants.exchange import JSON_TYPE, Answer, Request
from tests.mutants.known import MUTANTS
from tests.mutants.mutant import Behaviour, BrokenServer
from tests.mutants.proxy import proxied

BY_NAME = {mutant.name: mutant for mutant in MUTANTS}
LISTS = {
    "/artifacts/filter": ["CREATED_DESC", "UPDATED_DESC", "ID_DESC", "KEY_DESC", "KEY_ASC"],
    "/artifacts/latest/filter": ["CREATED_DESC", "UPDATED_DESC", "ID_DESC", "KEY_DESC", "KEY_ASC"],
    "/flows/filter": ["CREATED_DESC", "UPDATED_DESC", "NAME_ASC", "NAME_DESC"],
}


def url_of(api: httpx.Client) -> str:
    return str(api.base_url).rstrip("/")


def everything(api: httpx.Client) -> dict[tuple[str, str], bytes]:
    """All rows of all lists, in every order, to the byte."""
    return {
        (path, word): api.post(path, json={"sort": word}).content for path, words in LISTS.items() for word in words
    }


@contextmanager
def watched(api: httpx.Client) -> Iterator[tuple[str, list[Request]]]:
    """The URL of a proxy before a server, and the requests that it received."""
    log: list[Request] = []

    async def watch(request: Request, broken: BrokenServer) -> Answer:
        log.append(request)
        return await broken.ask(request)

    with proxied(url_of(api), watch) as url:
        yield url, log


@contextmanager
def mutated(behaviour: Behaviour | str, api: httpx.Client) -> Iterator[str]:
    """The URL of a broken server before a correct server, by its name or behaviour."""
    with proxied(url_of(api), BY_NAME[behaviour].behaviour if isinstance(behaviour, str) else behaviour) as url:
        yield url


@contextmanager
def repeating(status: int, text: str, media_type: str = JSON_TYPE) -> Iterator[str]:
    """The URL of a server that returns the same to every request."""

    async def repeat(request: Request, broken: BrokenServer) -> Answer:
        return Answer(status, httpx.Headers({"content-type": media_type}), text.encode())

    with proxied("http://127.0.0.1:1/api", repeat) as url:  # nothing listens there, and no name is looked up
        yield url
