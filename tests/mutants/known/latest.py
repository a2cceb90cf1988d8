"""The latest artifact of a key is another one, or missing."""

from dataclasses import replace
from typing import Any

from tests.mutants.behaviours import about, every_row, shows, when
from tests.mutants.exchange import Answer, Request
from tests.mutants.known.rows import row_of, rows_of_key
from tests.mutants.known.vocabulary import (
    ABOUT_LATEST,
    COUNT_LATEST,
    CREATE_ARTIFACT,
    DELETE_ARTIFACT,
    LIST_LATEST,
    READ_LATEST,
    UPDATE_ARTIFACT,
    any_of,
)
from tests.mutants.mutant import BrokenServer, Mutant, delete, get, patch, post
from tests.mutants.paths import drop, put

FIRST, SECOND = (post("/artifacts/", key="mine", type=kind, data=kind) for kind in ("table", "markdown"))
LATEST, KNOWN = get("/artifacts/mine/latest"), get("/artifacts/row-counts/latest")
LIST = post("/artifacts/latest/filter", artifacts={"key": any_of("mine")})


def key_of(request: Request) -> str:
    return request.path.split("/")[2]


async def shows_the_oldest(request: Request, broken: BrokenServer) -> Answer:
    answer = await broken.ask(request)
    if not answer.is_success:
        return answer
    oldest = min(await rows_of_key(request, broken, key_of(request)), key=lambda row: row["created"])
    return answer.saying({**oldest, "id": answer.json["id"]})


async def shows_the_last_changed(request: Request, broken: BrokenServer) -> Answer:
    answer = await broken.ask(request)
    if not answer.is_success:
        return answer
    changed = max(await rows_of_key(request, broken, key_of(request)), key=lambda row: row["updated"])
    return answer.saying({**changed, "id": answer.json["id"]})


async def shows_the_artifacts_id(request: Request, broken: BrokenServer) -> Answer:
    answer = await broken.ask(request)
    if not answer.is_success:
        return answer
    wanted = {"artifacts": {"key": {"any_": [key_of(request)]}}}
    found = (await broken.ask(request.to("POST", "/artifacts/latest/filter", wanted))).json
    return answer.changed(put(id=found[0]["latest_id"]))


async def lists_all(request: Request, broken: BrokenServer) -> Answer:
    answer = await broken.ask(request)
    if not answer.is_success:
        return answer
    every = await broken.ask(replace(request.changed(drop("artifacts.latest_id")), path="/artifacts/filter"))
    return every.changed(lambda rows: [{**row, "latest_id": row["id"]} for row in rows if row["key"] is not None])


async def counts_those_without_a_key(request: Request, broken: BrokenServer) -> Answer:
    answer = await broken.ask(request)
    keyless = {"artifacts": {"key": {"exists_": False}}}
    more = (await broken.ask(request.to("POST", "/artifacts/count", keyless))).json
    return answer.changed(lambda count: count + more) if answer.is_success and not request.json else answer


async def never_moves(request: Request, broken: BrokenServer) -> Answer:
    answer = await broken.ask(request)
    kept: Answer = broken.memory.setdefault(request.path, answer) if answer.is_success else answer
    return kept


async def stays_after_deletes(request: Request, broken: BrokenServer) -> Answer:
    answer = await broken.ask(request)
    if answer.is_success:
        broken.memory[request.path] = answer
    kept: Answer = broken.memory.get(request.path, answer)
    return kept


async def does_not_fall_back(request: Request, broken: BrokenServer) -> Answer:
    if request.is_a(READ_LATEST):
        answer = await broken.ask(request)
        is_lost = key_of(request) in broken.memory and answer.is_success
        return answer.saying({"detail": "Artifact not found."}, 404) if is_lost else answer
    row = await row_of(request, broken)
    answer = await broken.ask(request)
    if row and answer.is_success:
        broken.memory[row["key"]] = True
    return answer


async def stays_as_it_was(request: Request, broken: BrokenServer) -> Answer:
    """The data of the latest is that from before its change."""
    if request.is_a(UPDATE_ARTIFACT):
        row = await row_of(request, broken)
        answer = await broken.ask(request)
        if row and answer.is_success:
            broken.memory.setdefault(row["id"], row["data"])
        return answer
    answer = await broken.ask(request)
    if not answer.is_success:
        return answer
    return answer.changed(
        lambda rows: [{**row, "data": broken.memory.get(row["latest_id"], row["data"])} for row in rows]
    )


async def lacks_new_ones(request: Request, broken: BrokenServer) -> Answer:
    answer = await broken.ask(request)
    if request.is_a(CREATE_ARTIFACT) and answer.is_success:
        broken.memory[answer.json["id"]] = True
    if not request.is_a(LIST_LATEST) or not answer.is_success:
        return answer
    return answer.changed(lambda rows: [row for row in rows if row["latest_id"] not in broken.memory])


async def asks_any_of_the_key(request: Request, broken: BrokenServer) -> Answer:
    """The criteria apply to all artifacts of a key, not to its latest."""
    answer = await broken.ask(request)
    if not answer.is_success:
        return answer
    met = await every_row(replace(request, path="/artifacts/filter"), broken)
    keys = {row["key"] for row in met}

    def choice(rows: list[Any], body: Any) -> list[Any]:
        return [row for row in rows if row["key"] in keys]

    return await shows("/artifacts/latest", choice, wider=drop("artifacts.type"))(request, broken)


def has_types_alone(request: Request) -> bool:
    wanted = request.json.get("artifacts")
    return request.is_a(ABOUT_LATEST) and isinstance(wanted, dict) and set(wanted) == {"type"}


MUTANTS = [
    Mutant("latest-is-the-oldest", "The latest of a key is its oldest.", about(READ_LATEST, shows_the_oldest), [KNOWN]),
    Mutant(
        "latest-is-the-last-changed",
        "The latest of a key is the one that was changed last.",
        about(READ_LATEST, shows_the_last_changed),
        [FIRST, SECOND, patch("/artifacts/$1", data=2), LATEST],
    ),
    Mutant(
        "latest-under-the-artifacts-id",
        "The latest of a key has the artifact's id.",
        about(READ_LATEST, shows_the_artifacts_id),
        [KNOWN],
    ),
    Mutant(
        "latest-lists-all",
        "The list of the latest holds all artifacts that have a key.",
        about(LIST_LATEST, lists_all),
        [post("/artifacts/latest/filter", artifacts={"key": any_of("row-counts")})],
    ),
    Mutant(
        "latest-counts-keyless",
        "The count of all the latest counts artifacts without a key too.",
        about(COUNT_LATEST, counts_those_without_a_key),
        [post("/artifacts/latest/count")],
    ),
    Mutant(
        "latest-never-moves",
        "The latest of a key stays the one that was read first.",
        about(READ_LATEST, never_moves),
        [FIRST, LATEST, SECOND, LATEST],
    ),
    Mutant(
        "latest-never-deleted",
        "The latest of a key is still read when all of the key are deleted.",
        about(READ_LATEST, stays_after_deletes),
        [FIRST, LATEST, delete("/artifacts/$1"), LATEST],
    ),
    Mutant(
        "latest-does-not-fall-back",
        "When an artifact is deleted, no other one becomes the latest.",
        about(f"{READ_LATEST}|{DELETE_ARTIFACT}", does_not_fall_back),
        [FIRST, SECOND, delete("/artifacts/$2"), LATEST],
    ),
    Mutant(
        "latest-stays-as-it-was",
        "The list of the latest shows the data from before a change.",
        about(f"{LIST_LATEST}|{UPDATE_ARTIFACT}", stays_as_it_was),
        [FIRST, patch("/artifacts/$1", data=2), LIST],
    ),
    Mutant(
        "latest-lacks-new-ones",
        "The list of the latest lacks artifacts that were created since the start.",
        about(f"{LIST_LATEST}|{CREATE_ARTIFACT}", lacks_new_ones),
        [FIRST, LIST],
    ),
    Mutant(
        "latest-asks-any-of-the-key",
        "`artifacts.type` is met by a key any of whose artifacts meets it.",
        when(has_types_alone, asks_any_of_the_key),
        [FIRST, SECOND, post("/artifacts/latest/count", artifacts={"type": any_of("table")})],
    ),
]
