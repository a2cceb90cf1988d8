"""Responses that depend on earlier requests."""

from tests.mutants.behaviours import about
from tests.mutants.exchange import Answer, Request
from tests.mutants.known.pages import ALL, unless_given
from tests.mutants.known.steps import COUNT, MINE
from tests.mutants.known.vocabulary import COUNT_ARTIFACTS, LIST_ARTIFACTS, LISTS, any_of
from tests.mutants.mutant import BrokenServer, Mutant, get, post
from tests.mutants.paths import of


async def second_time_backwards(request: Request, broken: BrokenServer) -> Answer:
    answer = await broken.ask(request)
    times = broken.memory[request.path, request.body] = broken.memory.get((request.path, request.body), 0) + 1
    return answer.changed(of(list, lambda found: found[::-1])) if answer.is_success and times % 2 == 0 else answer


async def omits_a_row_at_times(request: Request, broken: BrokenServer) -> Answer:
    answer = await broken.ask(request)
    times = broken.memory["times"] = broken.memory.get("times", 0) + 1
    return answer.changed(of(list, lambda found: found[:-1])) if answer.is_success and times % 5 == 0 else answer


async def limit_leaks(request: Request, broken: BrokenServer) -> Answer:
    answer = await broken.ask(request)
    if answer.is_success and request.json.get("limit") is not None:
        broken.memory["limit"] = request.json["limit"]
    return await broken.ask(request.changed(unless_given("limit", broken.memory.get("limit"))))


async def criteria_leak(request: Request, broken: BrokenServer) -> Answer:
    answer = await broken.ask(request)
    if not answer.is_success:
        return answer
    if request.is_a(LIST_ARTIFACTS):
        broken.memory["artifacts"] = request.json.get("artifacts")
        return answer
    return await broken.ask(request.changed(unless_given("artifacts", broken.memory.get("artifacts"))))


async def fails_at_times(request: Request, broken: BrokenServer) -> Answer:
    answer = await broken.ask(request)
    times = broken.memory["times"] = broken.memory.get("times", 0) + 1
    return answer.saying({"exception_message": "Internal Server Error"}, 500) if times % 40 == 0 else answer


async def counts_once(request: Request, broken: BrokenServer) -> Answer:
    if request.body not in broken.memory:
        answer = await broken.ask(request)
        if not answer.is_success:
            return answer
        broken.memory[request.body] = answer
    kept: Answer = broken.memory[request.body]
    return kept


MUTANTS = [
    Mutant(
        "second-time-backwards",
        "A list that is asked for again stands in the other order.",
        about(LISTS, second_time_backwards),
        [post("/flows/filter", limit=3)] * 2,
    ),
    Mutant(
        "row-lost-at-times",
        "Every fifth list lacks its last row.",
        about(LISTS, omits_a_row_at_times),
        [post("/flows/filter", limit=3)] * 5,
    ),
    Mutant(
        "limit-leaks",
        "A list without `limit` takes that of the list before.",
        about(LISTS, limit_leaks),
        [post("/flows/filter", limit=3), post("/flows/filter")],
    ),
    Mutant(
        "criteria-leak",
        "A count of artifacts without criteria takes those of the list before.",
        about(f"{LIST_ARTIFACTS}|{COUNT_ARTIFACTS}", criteria_leak),
        [post("/artifacts/filter", artifacts={"key": any_of("row-counts")}, limit=1), ALL],
    ),
    Mutant(
        "fails-at-times",
        "Every fortieth answer is a 500.",
        fails_at_times,
        [get("/health")] * 40,
    ),
    Mutant(
        "counted-once-for-all",
        "A count is never made again.",
        about(COUNT_ARTIFACTS, counts_once),
        [COUNT, MINE, COUNT],
    ),
]
