"""Creates that store something else, or nothing."""

from dataclasses import replace

from tests.mutants.behaviours import about, replies, sends
from tests.mutants.exchange import Answer, Request
from tests.mutants.known.steps import LIST_MINE, MINE, MINE_AGAIN, MY_FLOW, READ, READ_MY_FLOW
from tests.mutants.known.vocabulary import CREATE_ARTIFACT, CREATE_FLOW
from tests.mutants.mutant import BrokenServer, Mutant, post
from tests.mutants.paths import at, default, given, of, put


async def does_not_store(request: Request, broken: BrokenServer) -> Answer:
    answer = await broken.ask(request)
    if answer.is_success:
        await broken.ask(request.to("DELETE", f"/artifacts/{answer.json['id']}"))
    return answer


async def stores_another_key(request: Request, broken: BrokenServer) -> Answer:
    key = request.json.get("key")
    answer = await broken.ask(request.changed(at("key", of(str, lambda key: f"{key}-2"))))
    return answer.changed(put(key=key)) if answer.is_success else answer


async def stores_no_metadata(request: Request, broken: BrokenServer) -> Answer:
    answer = await broken.ask(request)
    if answer.is_success:
        await broken.ask(request.to("PATCH", f"/artifacts/{answer.json['id']}", {"metadata_": None}))
    return answer


def shows_whole_metadata(request: Request, answer: Answer) -> Answer:
    return answer.changed(put(metadata_=request.json.get("metadata_"))) if answer.is_success else answer


async def creates_once_a_key(request: Request, broken: BrokenServer) -> Answer:
    answer = await broken.ask(request)
    if not answer.is_success or answer.json["key"] is None:
        return answer
    first: Answer = broken.memory.setdefault(answer.json["key"], answer)
    if first is not answer:
        await broken.ask(request.to("DELETE", f"/artifacts/{answer.json['id']}"))
    return first


async def inherits_the_description(request: Request, broken: BrokenServer) -> Answer:
    key = request.json.get("key")
    earlier = broken.memory.get(key) if isinstance(key, str) else None
    answer = await broken.ask(request.changed(default(description=earlier)))
    if answer.is_success:
        broken.memory[key] = answer.json["description"]
    return answer


async def makes_a_second_flow(request: Request, broken: BrokenServer) -> Answer:
    answer = await broken.ask(request)
    if answer.status != 200:
        return answer
    second = await broken.ask(request.changed(lambda body: {**body, "name": f"{body['name']} (2)"}))
    return second.changed(put(name=answer.json["name"]))


async def tags_what_exists(request: Request, broken: BrokenServer) -> Answer:
    answer = await broken.ask(request)
    if answer.status == 200:
        await broken.ask(request.to("PATCH", f"/flows/{answer.json['id']}", {"tags": request.json.get("tags", [])}))
    return answer


MUTANTS = [
    Mutant(
        "create-not-stored",
        "An artifact that is created is not there.",
        about(CREATE_ARTIFACT, does_not_store),
        [MINE, READ],
    ),
    Mutant(
        "create-under-another-key",
        "An artifact is stored under another key than its answer shows.",
        about(CREATE_ARTIFACT, stores_another_key),
        [MINE, READ],
    ),
    Mutant(
        "create-loses-metadata",
        "An artifact is stored without the metadata that its answer shows.",
        about(CREATE_ARTIFACT, stores_no_metadata),
        [MINE, READ],
    ),
    Mutant(
        "tags-by-default",
        "A flow without tags gets one.",
        sends(CREATE_FLOW, default(tags=["new"])),
        [post("/flows/", name="mine")],
    ),
    Mutant(
        "number-becomes-text",
        "Data that is a number is stored as a text.",
        sends(CREATE_ARTIFACT, at("data", given(lambda data: type(data) in (int, float), str))),
        [MINE],
    ),
    Mutant(
        "long-data-cut",
        "Data ends at 1000 characters.",
        sends(CREATE_ARTIFACT, at("data", of(str, lambda text: text[:1000]))),
        [post("/artifacts/", data="x" * 1001)],
    ),
    Mutant(
        "metadata-whole-in-the-answer",
        "The answer to a create shows long metadata that is not cut.",
        replies(CREATE_ARTIFACT, shows_whole_metadata),
        [post("/artifacts/", metadata_={"a": "x" * 501})],
    ),
    Mutant(
        "one-row-a-key",
        "A second artifact of a key is answered with the first, and not stored.",
        about(CREATE_ARTIFACT, creates_once_a_key),
        [MINE, MINE_AGAIN, LIST_MINE],
    ),
    Mutant(
        "description-inherited",
        "A second artifact of a key has the description of the first, where it has none.",
        about(CREATE_ARTIFACT, inherits_the_description),
        [MINE, MINE_AGAIN],
    ),
    Mutant(
        "create-200",
        "Creating an artifact is answered 200.",
        replies(CREATE_ARTIFACT, lambda _, answer: replace(answer, status=200) if answer.status == 201 else answer),
        [MINE],
    ),
    Mutant(
        "existing-flow-201",
        "A flow that exists is answered 201.",
        replies(CREATE_FLOW, lambda _, answer: replace(answer, status=201) if answer.status == 200 else answer),
        [MY_FLOW, MY_FLOW],
    ),
    Mutant(
        "existing-flow-again",
        "A flow that exists is created a second time.",
        about(CREATE_FLOW, makes_a_second_flow),
        [MY_FLOW, MY_FLOW, post("/flows/count")],
    ),
    Mutant(
        "existing-flow-tagged",
        "Creating a flow that exists changes its tags.",
        about(CREATE_FLOW, tags_what_exists),
        [MY_FLOW, post("/flows/", name="mine", tags=["c"]), READ_MY_FLOW],
    ),
]
