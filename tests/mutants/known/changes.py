"""Changes that change something else, or nothing."""

from dataclasses import replace

from tests.mutants.behaviours import about, each, sends
from tests.mutants.exchange import Answer, Request
from tests.mutants.known.rows import done, row_of, rows_of_key
from tests.mutants.known.steps import CHANGE, LIST_MINE, MINE, MY_FLOW, READ, READ_MY_FLOW
from tests.mutants.known.vocabulary import LIST_ARTIFACTS, LISTS, READ_ARTIFACT, UPDATE_ARTIFACT, UPDATE_FLOW
from tests.mutants.mutant import BrokenServer, Mutant, get, patch, post
from tests.mutants.paths import at, default, drop, of


def id_of(request: Request) -> str:
    return request.path.rpartition("/")[2]


async def keeps_updated(request: Request, broken: BrokenServer) -> Answer:
    """A changed row keeps its `updated`."""
    row = await row_of(request, broken) if request.is_a(f"{UPDATE_ARTIFACT}|{UPDATE_FLOW}") else None
    answer = await broken.ask(request)
    if row and answer.is_success:
        broken.memory.setdefault(row["id"], row["updated"])
    if not broken.memory or not request.is_a(f"{READ_ARTIFACT}|GET /flows/.*|{LISTS}") or not answer.is_success:
        return answer
    return answer.changed(
        each(lambda row: {**row, "updated": broken.memory[row["id"]]} if row.get("id") in broken.memory else row)
    )


async def moves_created(request: Request, broken: BrokenServer) -> Answer:
    answer = await broken.ask(request)
    if request.is_a(UPDATE_ARTIFACT) and answer.is_success:
        broken.memory[id_of(request)] = True
    if not request.is_a(f"{READ_ARTIFACT}|{LIST_ARTIFACTS}") or not answer.is_success:
        return answer
    return answer.changed(each(lambda row: {**row, "created": row["updated"]} if row["id"] in broken.memory else row))


async def lists_what_was(request: Request, broken: BrokenServer) -> Answer:
    row = await row_of(request, broken) if request.is_a(UPDATE_ARTIFACT) else None
    answer = await broken.ask(request)
    if row and answer.is_success:
        broken.memory.setdefault(row["id"], row)
    if not request.is_a(LIST_ARTIFACTS) or not answer.is_success:
        return answer
    return answer.changed(each(lambda row: broken.memory.get(row["id"], row)))


async def skips_empty_changes(request: Request, broken: BrokenServer) -> Answer:
    if request.body != b"{}" or await row_of(request, broken) is None:
        return await broken.ask(request)
    return done(await broken.ask(request.to("GET", request.path)))


async def changes_all_of_a_key(request: Request, broken: BrokenServer) -> Answer:
    answer = await broken.ask(request)
    row = await row_of(request, broken)
    if row and row["key"] is not None and answer.is_success:
        for other in await rows_of_key(request, broken, row["key"]):
            await broken.ask(replace(request, path=f"/artifacts/{other['id']}"))
    return answer


async def merges_metadata(request: Request, broken: BrokenServer) -> Answer:
    row = await row_of(request, broken) or {}
    merged = of(dict, lambda new: {**(row.get("metadata_") or {}), **new})
    return await broken.ask(request.changed(at("metadata_", merged)) if row else request)


async def appends_tags(request: Request, broken: BrokenServer) -> Answer:
    tags = (await row_of(request, broken) or {"tags": []})["tags"]
    more = of(list, lambda new: tags + [tag for tag in new if tag not in tags])
    return await broken.ask(request.changed(at("tags", more)))


MUTANTS = [
    Mutant(
        "change-not-made",
        "Changes of an artifact are not made.",
        sends(UPDATE_ARTIFACT, drop("data|description|metadata_")),
        [MINE, CHANGE, READ],
    ),
    Mutant(
        "change-clears-the-rest",
        "A change of an artifact clears the description that it does not name.",
        sends(UPDATE_ARTIFACT, default(description=None)),
        [MINE, CHANGE, READ],
    ),
    Mutant(
        "change-to-null-ignored",
        "A change to null changes nothing.",
        sends(UPDATE_ARTIFACT, lambda body: {name: part for name, part in body.items() if part is not None}),
        [MINE, patch("/artifacts/$1", description=None), READ],
    ),
    Mutant(
        "change-keeps-updated",
        "A change does not move `updated`.",
        keeps_updated,
        [MINE, CHANGE, READ],
    ),
    Mutant(
        "empty-change-skipped",
        "A change of nothing does not move `updated`.",
        about("PATCH .*", skips_empty_changes),
        [MINE, patch("/artifacts/$1"), READ],
    ),
    Mutant(
        "change-moves-created",
        "A change of an artifact moves its `created`.",
        moves_created,
        [MINE, CHANGE, READ],
    ),
    Mutant(
        "change-not-listed",
        "Lists show an artifact as it was before its change.",
        about(f"{UPDATE_ARTIFACT}|{LIST_ARTIFACTS}", lists_what_was),
        [MINE, CHANGE, LIST_MINE],
    ),
    Mutant(
        "change-of-all-of-a-key",
        "A change of an artifact changes all of its key.",
        about(UPDATE_ARTIFACT, changes_all_of_a_key),
        [MINE, post("/artifacts/", key="mine"), CHANGE, get("/artifacts/$2")],
    ),
    Mutant(
        "change-adds-metadata",
        "A change of metadata keeps the names that it does not include.",
        about(UPDATE_ARTIFACT, merges_metadata),
        [MINE, patch("/artifacts/$1", metadata_={"c": "d"}), READ],
    ),
    Mutant(
        "change-adds-tags",
        "A change of a flow's tags adds to them.",
        about(UPDATE_FLOW, appends_tags),
        [MY_FLOW, patch("/flows/$1", tags=["c"]), READ_MY_FLOW],
    ),
]
