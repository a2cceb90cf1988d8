"""The shape of responses: fields, types, times, statuses, headers, errors."""

from dataclasses import replace
from typing import Any

from tests.mutants.behaviours import about, answers, each, replies
from tests.mutants.exchange import Answer, Request, headers_with
from tests.mutants.known.vocabulary import (
    ARTIFACT,
    COUNT_FLOWS,
    FLOW,
    LIST_ARTIFACTS,
    LIST_FLOWS,
    NOBODY,
    READ_ARTIFACT,
    READ_FLOW,
    READ_LATEST,
    any_of,
)
from tests.mutants.mutant import BrokenServer, Mutant, Step, get, post
from tests.mutants.paths import at, drop, put, rename

NAMED_FLOW = "GET /flows/name/.*"
ONE = [post("/artifacts/filter", artifacts={"id": any_of(ARTIFACT)})]


def instead_of(status: int, other: int, body: Any) -> Any:
    """A response with a status is replaced by another status and body."""
    return lambda _, answer: answer.saying(body, other) if answer.status == status else answer


def typed_as(content_type: str) -> Any:
    return lambda _, answer: replace(answer, headers=headers_with(answer.headers, content_type=content_type))


def without_allow(request: Request, answer: Answer) -> Answer:
    kept = [(name, value) for name, value in answer.headers.raw if name.lower() != b"allow"]
    return Answer(answer.status, type(answer.headers)(kept), answer.body)


async def in_any_case(request: Request, broken: BrokenServer) -> Answer:
    return await broken.ask(replace(request, path=request.path.lower()))


async def any_version(request: Request, broken: BrokenServer) -> Answer:
    return await broken.ask(replace(request, headers=headers_with(request.headers, x_prefect_api_version="0.8.4")))


async def wants_a_version(request: Request, broken: BrokenServer) -> Answer:
    answer = await broken.ask(request)
    is_sent = request.headers.get("x-prefect-api-version")
    return answer if is_sent or not answer.is_success else answer.saying({"detail": "Which version?"}, 400)


MUTANTS = [
    Mutant(
        "field-missing",
        "Listed artifacts have no `description`.",
        answers(LIST_ARTIFACTS, each(drop("description"))),
        ONE,
    ),
    Mutant(
        "field-null-in-lists",
        "Listed artifacts show no `flow_run_id`.",
        answers(LIST_ARTIFACTS, each(put(flow_run_id=None))),
        ONE,
    ),
    Mutant(
        "field-renamed",
        "An artifact that is read has `metadata` for `metadata_`.",
        answers(READ_ARTIFACT, rename(metadata_="metadata")),
        [get(f"/artifacts/{ARTIFACT}")],
    ),
    Mutant(
        "field-of-another-type",
        "The `labels` of listed flows are a text.",
        answers(LIST_FLOWS, each(at("labels", str))),
        [post("/flows/filter", limit=1)],
    ),
    Mutant(
        "field-too-many",
        "A flow that is read has a `state`.",
        answers(READ_FLOW, put(state=None)),
        [get(f"/flows/{FLOW}")],
    ),
    Mutant(
        "time-without-zone",
        "The `created` of listed flows has no zone.",
        answers(LIST_FLOWS, each(at("created", lambda text: text.removesuffix("Z")))),
        [post("/flows/filter", limit=1)],
    ),
    Mutant(
        "time-to-the-second",
        "The times of an artifact that is read end at the second.",
        answers(READ_ARTIFACT, at("created|updated", lambda text: f"{text[:19]}Z")),
        [get(f"/artifacts/{ARTIFACT}")],
    ),
    Mutant(
        "id-in-capitals",
        "The ids of listed artifacts are in capitals.",
        answers(LIST_ARTIFACTS, each(at("id", str.upper))),
        ONE,
    ),
    Mutant(
        "description-cut-in-lists",
        "The descriptions of listed artifacts end at 10 characters.",
        answers(LIST_ARTIFACTS, each(at("description", lambda text: text and text[:10]))),
        ONE,
    ),
    Mutant(
        "metadata-empty-for-null",
        "An artifact without metadata shows an empty object where it is the latest.",
        answers(READ_LATEST, at("metadata_", lambda value: value or {})),
        [
            get("/artifacts/revenue-chart/latest"),
            get("/artifacts/stock-levels/latest"),
            get("/artifacts/invoices-sent/latest"),
        ],
    ),
    Mutant(
        "tags-sorted",
        "The tags of a flow that is found by its name are sorted.",
        answers(NAMED_FLOW, at("tags", sorted)),
        [get("/flows/name/daily-report")],
    ),
    Mutant("count-as-text", "Counts of flows are texts.", answers(COUNT_FLOWS, str), [post("/flows/count")]),
    Mutant(
        "list-wrapped",
        "Lists of flows are objects, where they are empty.",
        answers(LIST_FLOWS, lambda rows: rows or {"items": rows}),
        [post("/flows/filter", limit=0)],
    ),
    Mutant(
        "unknown-artifact-null",
        "An artifact that is not there is answered 200, with null.",
        replies(READ_ARTIFACT, instead_of(404, 200, None)),
        [get(f"/artifacts/{NOBODY}")],
    ),
    Mutant(
        "unknown-flow-500",
        "A flow that is not there is answered 500.",
        replies(READ_FLOW, instead_of(404, 500, {"detail": "Flow not found"})),
        [get(f"/flows/{NOBODY}")],
    ),
    Mutant(
        "not-found-in-another-shape",
        "A missing row is reported in `error`.",
        replies(".*", instead_of(404, 404, {"error": "Not found"})),
        [get(f"/flows/{NOBODY}")],
    ),
    Mutant(
        "refusal-in-another-shape",
        "A rejected request is reported as a list in `detail`.",
        replies("POST .*", instead_of(422, 422, {"detail": [{"loc": ["body"], "msg": "Invalid"}]})),
        [post("/flows/filter", limit=-1)],
    ),
    Mutant(
        "wrong-method-404",
        "A wrong method is answered 404.",
        replies(".*", instead_of(405, 404, {"detail": "Not Found"})),
        [Step("PUT", "/flows/filter")],
    ),
    Mutant(
        "allow-missing",
        "A wrong method is answered without `allow`.",
        replies(".*", without_allow),
        [Step("PUT", "/flows/filter")],
    ),
    Mutant(
        "head-answered",
        "HEAD is answered 200.",
        replies("HEAD .*", lambda _, answer: replace(answer, status=200)),
        [Step("HEAD", "/health")],
    ),
    Mutant(
        "count-as-plain-text",
        "Counts are sent as text/plain.",
        replies("POST .*/count", typed_as("text/plain; charset=utf-8")),
        [post("/flows/count")],
    ),
    Mutant(
        "readiness-in-another-field",
        "/ready answers in `status`.",
        answers("GET /ready", rename(message="status")),
        [get("/ready")],
    ),
    Mutant(
        "token-given",
        "/csrf-token answers 200, with a token.",
        replies("GET /csrf-token", instead_of(422, 200, {"token": "t"})),
        [get("/csrf-token?client=somebody")],
    ),
    Mutant(
        "old-version-accepted",
        "Any API version will do.",
        about(".*", any_version),
        [get("/hello", x_prefect_api_version="0.7.0")],
    ),
    Mutant(
        "version-wanted",
        "Reading by id wants an API version.",
        about(f"{READ_ARTIFACT}|{READ_FLOW}", wants_a_version),
        [get(f"/flows/{FLOW}")],
    ),
    Mutant(
        "name-in-any-case",
        "A flow is found by its name in capitals.",
        about(NAMED_FLOW, in_any_case),
        [get("/flows/name/DAILY-REPORT")],
    ),
]
