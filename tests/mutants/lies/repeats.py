"""Answers that depend on what was asked before."""

from tests.mutants.behaviours import about
from tests.mutants.exchange import Answer, Request
from tests.mutants.lie import Liar, Lie, get, post
from tests.mutants.lies.pages import ALL, unless_said
from tests.mutants.lies.steps import COUNT, MINE
from tests.mutants.lies.vocabulary import COUNT_ARTIFACTS, LIST_ARTIFACTS, LISTS, any_of


async def second_time_backwards(request: Request, liar: Liar) -> Answer:
    answer = await liar.ask(request)
    times = liar.memory[request.path, request.body] = liar.memory.get((request.path, request.body), 0) + 1
    return answer.changed(lambda found: found[::-1]) if answer.is_success and times % 2 == 0 else answer


async def loses_a_row_at_times(request: Request, liar: Liar) -> Answer:
    answer = await liar.ask(request)
    times = liar.memory["times"] = liar.memory.get("times", 0) + 1
    return answer.changed(lambda found: found[:-1]) if answer.is_success and times % 5 == 0 else answer


async def limit_leaks(request: Request, liar: Liar) -> Answer:
    answer = await liar.ask(request)
    if answer.is_success and request.json.get("limit") is not None:
        liar.memory["limit"] = request.json["limit"]
    return await liar.ask(request.changed(unless_said("limit", liar.memory.get("limit"))))


async def criteria_leak(request: Request, liar: Liar) -> Answer:
    answer = await liar.ask(request)
    if not answer.is_success:
        return answer
    if request.is_a(LIST_ARTIFACTS):
        liar.memory["artifacts"] = request.json.get("artifacts")
        return answer
    return await liar.ask(request.changed(unless_said("artifacts", liar.memory.get("artifacts"))))


async def fails_at_times(request: Request, liar: Liar) -> Answer:
    answer = await liar.ask(request)
    times = liar.memory["times"] = liar.memory.get("times", 0) + 1
    return answer.saying({"exception_message": "Internal Server Error"}, 500) if times % 40 == 0 else answer


async def counts_once(request: Request, liar: Liar) -> Answer:
    if request.body not in liar.memory:
        answer = await liar.ask(request)
        if not answer.is_success:
            return answer
        liar.memory[request.body] = answer
    kept: Answer = liar.memory[request.body]
    return kept


LIES = [
    Lie(
        "second-time-backwards",
        "A list that is asked for again stands in the other order.",
        about(LISTS, second_time_backwards),
        [post("/flows/filter", limit=3)] * 2,
    ),
    Lie(
        "row-lost-at-times",
        "Every fifth list lacks its last row.",
        about(LISTS, loses_a_row_at_times),
        [post("/flows/filter", limit=3)] * 5,
    ),
    Lie(
        "limit-leaks",
        "A list without `limit` takes that of the list before.",
        about(LISTS, limit_leaks),
        [post("/flows/filter", limit=3), post("/flows/filter")],
    ),
    Lie(
        "criteria-leak",
        "A count of artifacts without criteria takes those of the list before.",
        about(f"{LIST_ARTIFACTS}|{COUNT_ARTIFACTS}", criteria_leak),
        [post("/artifacts/filter", artifacts={"key": any_of("row-counts")}, limit=1), ALL],
    ),
    Lie(
        "fails-at-times",
        "Every fortieth answer is a 500.",
        fails_at_times,
        [get("/health")] * 40,
    ),
    Lie(
        "counted-once-for-all",
        "A count is never made again.",
        about(COUNT_ARTIFACTS, counts_once),
        [COUNT, MINE, COUNT],
    ),
]
