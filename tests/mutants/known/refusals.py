"""Invalid requests that are accepted, and valid ones that are rejected."""

import re
from typing import Any

from tests.mutants.behaviours import about, accepts, errors_of, number, refuses, replies, sends
from tests.mutants.exchange import Answer, Request
from tests.mutants.known.vocabulary import (
    ARTIFACT,
    CREATE_ARTIFACT,
    CREATE_FLOW,
    FLOW,
    LISTS,
    QUERIES,
    any_of,
    in_state,
    is_null,
)
from tests.mutants.mutant import BrokenServer, Mutant, Step, patch, post
from tests.mutants.paths import at, found, of

NAMES = ["limit", "offset", "page", "sort", "artifacts", "flows", "flow_runs", "task_runs", "deployments", "work_pools"]
TIMES, IDS = r".*\.(before_|after_)", r".*id\.(not_)?any_\.\d+"
TEXTS = r".*\.any_\.\d+"


def texts(request: Request, places: str) -> list[str]:
    return [value for value in found(request.json, places) if isinstance(value, str)]


def fields_of(request: Request) -> list[Any]:
    """The criteria of each field of each filter."""
    return [part for part in found(request.json, r"\w+\.\w+") if isinstance(part, dict)]


async def accepts_invalid_json(request: Request, broken: BrokenServer) -> Answer:
    answer = await broken.ask(request)
    is_wrong = any(error["type"] == "json_invalid" for error in errors_of(answer))
    return await broken.ask(request.saying({})) if is_wrong else answer


async def takes_any_key(request: Request, broken: BrokenServer) -> Answer:
    key = request.json.get("key")
    if not isinstance(key, str) or re.fullmatch("[a-z0-9-]*", key):
        return await broken.ask(request)
    answer = await broken.ask(request.changed(at("key", lambda _: "x")))
    return answer.changed(lambda row: {**row, "key": key}) if answer.is_success else answer


def fails_far_out(request: Request, answer: Answer) -> Answer:
    is_far = answer.is_success and number(request.json.get("offset") or 0) >= 2**31
    return answer.saying({"exception_message": "Internal Server Error"}, 500) if is_far else answer


def mended(name: Any) -> Any:
    return re.sub("[/%&><]", "-", name) if isinstance(name, str) else name


MUTANTS = [
    Mutant(
        "unknown-field-accepted",
        "A field that no filter has is accepted, and ignored.",
        accepts(QUERIES, "extra_forbidden"),
        [post("/artifacts/count", artifacts={"colour": "red"})],
    ),
    Mutant(
        "bad-id-accepted",
        "An id that is not a UUID is accepted, and ignored.",
        accepts(QUERIES, "uuid_parsing"),
        [post("/artifacts/count", artifacts={"id": any_of("x", ARTIFACT)})],
    ),
    Mutant(
        "bad-word-accepted",
        "A word that an enumeration lacks is accepted, and ignored.",
        accepts(QUERIES, "enum"),
        [post("/flows/filter", sort="SIZE_ASC", limit=1)],
    ),
    Mutant(
        "word-in-any-case",
        "State types may be in small letters.",
        sends(QUERIES, at(r".*state.type.any_.\d+", of(str, str.upper))),
        [post("/flows/count", flow_runs=in_state("failed"))],
    ),
    Mutant(
        "bad-flag-accepted",
        "A flag that is neither true nor false is accepted, and ignored.",
        accepts(QUERIES, "bool_parsing", "bool_type"),
        [post("/artifacts/count", artifacts={"key": {"exists_": "maybe"}})],
    ),
    Mutant(
        "bad-text-accepted",
        "A value of another type among texts is accepted, and ignored.",
        accepts(QUERIES, "string_type"),
        [post("/artifacts/count", artifacts={"type": any_of("table", 5)})],
    ),
    Mutant(
        "bad-time-accepted",
        "A time that is none is accepted, and ignored.",
        accepts(QUERIES, "value_error", "datetime_parsing", "datetime_from_date_parsing", "datetime_type"),
        [post("/flows/count", flow_runs={"start_time": {"after_": "yesterday"}})],
    ),
    Mutant(
        "no-json-accepted",
        "A body that is not JSON is treated as empty.",
        about(QUERIES, accepts_invalid_json),
        [Step("POST", "/flows/count", "{bad", {"content-type": "application/json"})],
    ),
    Mutant(
        "null-operand-refused",
        "`any_: null` is refused.",
        refuses(QUERIES, lambda request: None in found(request.json, r".*\.any_")),
        [post("/artifacts/count", artifacts={"key": {"any_": None}})],
    ),
    Mutant(
        "long-list-refused",
        "Lists of more than 10 operands are refused.",
        refuses(QUERIES, lambda request: request.has(r".*any_\.10")),
        [post("/artifacts/count", artifacts={"key": any_of(*"abcdefghijk")})],
    ),
    Mutant(
        "more-names-refused",
        "A body with a name that nobody asked for is refused.",
        refuses(QUERIES, lambda request: not set(request.json) <= set(NAMES)),
        [post("/artifacts/count", colour="red")],
    ),
    Mutant(
        "no-body-refused",
        "A list is refused without a body.",
        refuses(LISTS, lambda request: not request.body),
        [Step("POST", "/flows/filter")],
    ),
    Mutant(
        "null-limit-refused",
        "`limit: null` is refused.",
        refuses(QUERIES, lambda request: request.json.get("limit", 0) is None),
        [post("/flows/filter", limit=None)],
    ),
    Mutant(
        "time-without-offset-refused",
        "A time without an offset is refused.",
        refuses(
            QUERIES,
            lambda request: not all(re.search(r"([zZ]|[+-]\d\d:?\d\d)$", text) for text in texts(request, TIMES)),
        ),
        [post("/flows/count", flow_runs={"start_time": {"after_": "2026-01-30T02:00:00"}})],
    ),
    Mutant(
        "id-in-capitals-refused",
        "A UUID in capitals is refused.",
        refuses(QUERIES, lambda request: any(text != text.lower() for text in texts(request, IDS))),
        [post("/artifacts/count", artifacts={"id": any_of(ARTIFACT.upper())})],
    ),
    Mutant(
        "letters-beyond-ascii-refused",
        "Texts with letters beyond ASCII are refused.",
        refuses(QUERIES, lambda request: not all(text.isascii() for text in texts(request, TEXTS))),
        [post("/flows/count", flows={"name": any_of("täglich")})],
    ),
    Mutant(
        "two-flags-refused",
        "`any_` beside `is_null_` is refused.",
        refuses(QUERIES, lambda request: any({"any_", "is_null_"} <= set(part or ()) for part in fields_of(request))),
        [post("/artifacts/count", flow_runs={"deployment_id": {**any_of(), **is_null(True)}})],
    ),
    Mutant(
        "far-offset-fails",
        "An `offset` of 2³¹ or more is answered 500.",
        replies(LISTS, fails_far_out),
        [post("/flows/filter", offset=2**31)],
    ),
    Mutant(
        "any-key-accepted",
        "An artifact's key may hold any letters.",
        about(CREATE_ARTIFACT, takes_any_key),
        [post("/artifacts/", key="Not A Key")],
    ),
    Mutant(
        "any-name-accepted",
        "A flow's name may hold any letters, some of which are then exchanged.",
        sends(CREATE_FLOW, at("name", mended)),
        [post("/flows/", name="in/out")],
    ),
    Mutant(
        "unknown-change-accepted",
        "A change of a field that cannot change is accepted, and ignored.",
        accepts("PATCH .*", "extra_forbidden"),
        [patch(f"/flows/{FLOW}", name="renamed")],
    ),
]
