"""Deletes of too few or too many rows."""

from dataclasses import replace
from uuid import UUID

from tests.mutants.behaviours import about, answers, replies, sends
from tests.mutants.exchange import Answer, Request
from tests.mutants.known.rows import done, row_of, rows_of_key
from tests.mutants.known.steps import (
    COUNT,
    COUNT_MY_FLOWS,
    DELETE,
    DELETE_MY_FLOW,
    DELETE_ONE_OF_TWO,
    LIST_MINE,
    MINE,
    MY_FLOW,
    OTHER_FLOW,
    READ,
)
from tests.mutants.known.vocabulary import (
    BULK_DELETE,
    COUNT_ARTIFACTS,
    CREATE_FLOW,
    DELETE_ARTIFACT,
    DELETE_FLOW,
    LIST_ARTIFACTS,
    NOBODY,
    READ_ARTIFACT,
)
from tests.mutants.mutant import BrokenServer, Mutant, delete, get, post
from tests.mutants.paths import at, drop, found, put


def id_of(request: Request) -> str:
    return request.path.rpartition("/")[2]


async def only_says_that_it_deletes(request: Request, broken: BrokenServer) -> Answer:
    answer = await broken.ask(request.to("GET", request.path))
    return done(answer) if answer.is_success else await broken.ask(request)


async def remembers_the_deleted(request: Request, broken: BrokenServer) -> Answer:
    """Deletes, and keeps the rows as they were, by their paths."""
    row = await broken.ask(request.to("GET", request.path))
    answer = await broken.ask(request)
    if answer.is_success and row.is_success:
        broken.memory[request.path] = row
    return answer


async def lists_the_deleted(request: Request, broken: BrokenServer) -> Answer:
    if request.is_a(DELETE_ARTIFACT):
        return await remembers_the_deleted(request, broken)
    answer, keys = await broken.ask(request), found(request.json, r"artifacts.key.any_.\d+")
    deleted = [row for row in (kept.json for kept in broken.memory.values()) if row["key"] in keys]
    return answer.changed(lambda rows: rows + deleted) if answer.is_success else answer


async def counts_the_deleted(request: Request, broken: BrokenServer) -> Answer:
    if request.is_a(DELETE_ARTIFACT):
        return await remembers_the_deleted(request, broken)
    answer = await broken.ask(request)
    return (
        answer.changed(lambda count: count + len(broken.memory)) if answer.is_success and not request.json else answer
    )


async def reads_the_deleted(request: Request, broken: BrokenServer) -> Answer:
    if request.is_a(DELETE_ARTIFACT):
        return await remembers_the_deleted(request, broken)
    kept: Answer | None = broken.memory.get(request.path)
    return kept or await broken.ask(request)


async def names_the_deleted(request: Request, broken: BrokenServer) -> Answer:
    if request.is_a(DELETE_FLOW):
        return await remembers_the_deleted(request, broken)
    answer = await broken.ask(request)
    left = [kept for kept in broken.memory.values() if kept.json["name"] == id_of(request)]
    return left[-1] if left and answer.status == 404 else answer


async def names_stay_taken(request: Request, broken: BrokenServer) -> Answer:
    if request.is_a(DELETE_FLOW):
        return await remembers_the_deleted(request, broken)
    taken = [kept.json["name"] for kept in broken.memory.values()]
    if request.json.get("name") in taken:
        return (await broken.ask(request.to("GET", "/health"))).saying({"detail": "The name is taken."}, 409)
    return await broken.ask(request)


def deleted_anyway(_: Request, answer: Answer) -> Answer:
    return done(answer) if answer.status == 404 else answer


async def deletes_older_siblings(request: Request, broken: BrokenServer) -> Answer:
    row = await row_of(request, broken)
    answer = await broken.ask(request)
    if row and row["key"] is not None and answer.is_success:
        for other in await rows_of_key(request, broken, row["key"]):
            if other["created"] < row["created"]:
                await broken.ask(replace(request, path=f"/artifacts/{other['id']}"))
    return answer


async def deletes_one_more(request: Request, broken: BrokenServer) -> Answer:
    limit = request.json.get("limit")
    if type(limit) is not int or not 0 < limit < 50:
        return await broken.ask(request)
    answer = await broken.ask(request.changed(put(limit=limit + 1)))
    return answer.changed(lambda value: {"deleted": value["deleted"][:limit]}) if answer.is_success else answer


async def only_says_that_it_deletes_many(request: Request, broken: BrokenServer) -> Answer:
    limit = request.json.get("limit", 50)
    if type(limit) is not int or not 0 < limit <= 50:
        return await broken.ask(request)
    wanted = {"flows": request.json.get("flows"), "limit": limit}
    answer = await broken.ask(request.to("POST", "/flows/filter", wanted))
    return answer.changed(lambda rows: {"deleted": [row["id"] for row in rows]}) if answer.is_success else answer


MUTANTS = [
    Mutant(
        "delete-not-done",
        "An artifact that is deleted stays.",
        about(DELETE_ARTIFACT, only_says_that_it_deletes),
        [MINE, DELETE, READ],
    ),
    Mutant(
        "delete-200",
        "Deleting is answered 200, with an object.",
        replies("DELETE .*", lambda _, answer: answer.saying({}, 200) if answer.status == 204 else answer),
        [MINE, DELETE],
    ),
    Mutant(
        "delete-of-nobody",
        "Deleting an artifact that is not there is answered 204.",
        replies(DELETE_ARTIFACT, deleted_anyway),
        [delete(f"/artifacts/{NOBODY}")],
    ),
    Mutant(
        "deleted-still-listed",
        "Deleted artifacts stay in lists by key.",
        about(f"{DELETE_ARTIFACT}|{LIST_ARTIFACTS}", lists_the_deleted),
        [MINE, DELETE, LIST_MINE],
    ),
    Mutant(
        "deleted-still-counted",
        "Deleted artifacts stay in the count of all.",
        about(f"{DELETE_ARTIFACT}|{COUNT_ARTIFACTS}", counts_the_deleted),
        [MINE, DELETE, COUNT],
    ),
    Mutant(
        "deleted-still-read",
        "Deleted artifacts can be read by their id.",
        about(f"{DELETE_ARTIFACT}|{READ_ARTIFACT}", reads_the_deleted),
        [MINE, DELETE, READ],
    ),
    Mutant(
        "deleted-still-named",
        "Deleted flows can be found by their name.",
        about(f"{DELETE_FLOW}|GET /flows/name/.*", names_the_deleted),
        [MY_FLOW, DELETE_MY_FLOW, get("/flows/name/mine")],
    ),
    Mutant(
        "deleted-name-taken",
        "A flow cannot have the name of one that was deleted.",
        about(f"{DELETE_FLOW}|{CREATE_FLOW}", names_stay_taken),
        [MY_FLOW, DELETE_MY_FLOW, MY_FLOW],
    ),
    Mutant(
        "delete-of-older-ones",
        "Deleting an artifact deletes the older ones of its key.",
        about(DELETE_ARTIFACT, deletes_older_siblings),
        [MINE, post("/artifacts/", key="mine"), delete("/artifacts/$2"), READ],
    ),
    Mutant(
        "bulk-limit-ignored",
        "All flows that are met are deleted, whatever `limit` says.",
        sends(BULK_DELETE, drop("limit")),
        [MY_FLOW, OTHER_FLOW, DELETE_ONE_OF_TWO],
    ),
    Mutant(
        "bulk-deletes-one-more",
        "One flow more is deleted than `limit` allows, and is not returned.",
        about(BULK_DELETE, deletes_one_more),
        [MY_FLOW, OTHER_FLOW, DELETE_ONE_OF_TWO, COUNT_MY_FLOWS],
    ),
    Mutant(
        "bulk-returns-other-ids",
        "The ids of deleted flows are those of others.",
        answers(BULK_DELETE, at(r"deleted\.\d+", lambda id: str(UUID(int=UUID(id).int ^ 1)))),
        [MY_FLOW, OTHER_FLOW, DELETE_ONE_OF_TWO, COUNT_MY_FLOWS],
    ),
    Mutant(
        "bulk-only-says",
        "Flows that are deleted together stay.",
        about(BULK_DELETE, only_says_that_it_deletes_many),
        [MY_FLOW, OTHER_FLOW, DELETE_ONE_OF_TWO, COUNT_MY_FLOWS],
    ),
]
