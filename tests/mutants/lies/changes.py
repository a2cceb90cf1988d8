"""Changes that change something else, or nothing."""

from dataclasses import replace

from tests.mutants.behaviours import about, each, sends
from tests.mutants.exchange import Answer, Request
from tests.mutants.lie import Liar, Lie, get, patch, post
from tests.mutants.lies.rows import done, row_of, rows_of_key
from tests.mutants.lies.steps import CHANGE, LIST_MINE, MINE, MY_FLOW, READ, READ_MY_FLOW
from tests.mutants.lies.vocabulary import LIST_ARTIFACTS, LISTS, READ_ARTIFACT, UPDATE_ARTIFACT, UPDATE_FLOW
from tests.mutants.paths import at, default, drop, of


def id_of(request: Request) -> str:
    return request.path.rpartition("/")[2]


async def keeps_updated(request: Request, liar: Liar) -> Answer:
    """What is changed keeps its `updated`."""
    row = await row_of(request, liar) if request.is_a(f"{UPDATE_ARTIFACT}|{UPDATE_FLOW}") else None
    answer = await liar.ask(request)
    if row and answer.is_success:
        liar.memory.setdefault(row["id"], row["updated"])
    if not liar.memory or not request.is_a(f"{READ_ARTIFACT}|GET /flows/.*|{LISTS}") or not answer.is_success:
        return answer
    return answer.changed(each(lambda row: {**row, "updated": liar.memory.get(row["id"], row["updated"])}))


async def moves_created(request: Request, liar: Liar) -> Answer:
    answer = await liar.ask(request)
    if request.is_a(UPDATE_ARTIFACT) and answer.is_success:
        liar.memory[id_of(request)] = True
    if not request.is_a(f"{READ_ARTIFACT}|{LIST_ARTIFACTS}") or not answer.is_success:
        return answer
    return answer.changed(each(lambda row: {**row, "created": row["updated"]} if row["id"] in liar.memory else row))


async def lists_what_was(request: Request, liar: Liar) -> Answer:
    row = await row_of(request, liar) if request.is_a(UPDATE_ARTIFACT) else None
    answer = await liar.ask(request)
    if row and answer.is_success:
        liar.memory.setdefault(row["id"], row)
    if not request.is_a(LIST_ARTIFACTS) or not answer.is_success:
        return answer
    return answer.changed(each(lambda row: liar.memory.get(row["id"], row)))


async def skips_empty_changes(request: Request, liar: Liar) -> Answer:
    if request.body != b"{}" or await row_of(request, liar) is None:
        return await liar.ask(request)
    return done(await liar.ask(request.to("GET", request.path)))


async def changes_all_of_a_key(request: Request, liar: Liar) -> Answer:
    answer = await liar.ask(request)
    row = await row_of(request, liar)
    if row and row["key"] is not None and answer.is_success:
        for other in await rows_of_key(request, liar, row["key"]):
            await liar.ask(replace(request, path=f"/artifacts/{other['id']}"))
    return answer


async def merges_metadata(request: Request, liar: Liar) -> Answer:
    row = await row_of(request, liar) or {}
    merged = of(dict, lambda new: {**(row.get("metadata_") or {}), **new})
    return await liar.ask(request.changed(at("metadata_", merged)) if row else request)


async def appends_tags(request: Request, liar: Liar) -> Answer:
    tags = (await row_of(request, liar) or {"tags": []})["tags"]
    more = of(list, lambda new: tags + [tag for tag in new if tag not in tags])
    return await liar.ask(request.changed(at("tags", more)))


LIES = [
    Lie(
        "change-not-made",
        "Changes of an artifact are not made.",
        sends(UPDATE_ARTIFACT, drop("data|description|metadata_")),
        [MINE, CHANGE, READ],
    ),
    Lie(
        "change-clears-the-rest",
        "A change of an artifact clears the description that it does not name.",
        sends(UPDATE_ARTIFACT, default(description=None)),
        [MINE, CHANGE, READ],
    ),
    Lie(
        "change-to-null-ignored",
        "A change to null changes nothing.",
        sends(UPDATE_ARTIFACT, lambda body: {name: part for name, part in body.items() if part is not None}),
        [MINE, patch("/artifacts/$1", description=None), READ],
    ),
    Lie(
        "change-keeps-updated",
        "A change does not move `updated`.",
        keeps_updated,
        [MINE, CHANGE, READ],
    ),
    Lie(
        "empty-change-skipped",
        "A change of nothing does not move `updated`.",
        about("PATCH .*", skips_empty_changes),
        [MINE, patch("/artifacts/$1"), READ],
    ),
    Lie(
        "change-moves-created",
        "A change of an artifact moves its `created`.",
        moves_created,
        [MINE, CHANGE, READ],
    ),
    Lie(
        "change-not-listed",
        "Lists show an artifact as it was before its change.",
        about(f"{UPDATE_ARTIFACT}|{LIST_ARTIFACTS}", lists_what_was),
        [MINE, CHANGE, LIST_MINE],
    ),
    Lie(
        "change-of-all-of-a-key",
        "A change of an artifact changes all of its key.",
        about(UPDATE_ARTIFACT, changes_all_of_a_key),
        [MINE, post("/artifacts/", key="mine"), CHANGE, get("/artifacts/$2")],
    ),
    Lie(
        "change-adds-metadata",
        "A change of metadata keeps the names that it does not tell.",
        about(UPDATE_ARTIFACT, merges_metadata),
        [MINE, patch("/artifacts/$1", metadata_={"c": "d"}), READ],
    ),
    Lie(
        "change-adds-tags",
        "A change of a flow's tags adds to them.",
        about(UPDATE_FLOW, appends_tags),
        [MY_FLOW, patch("/flows/$1", tags=["c"]), READ_MY_FLOW],
    ),
]
