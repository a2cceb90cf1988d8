"""Mutants that show only for requests and texts in some encodings."""

import json
import unicodedata

from tests.mutants.behaviours import about, answers, refuses, replies, rows, sends, when
from tests.mutants.exchange import JSON_TYPE, Answer, Request
from tests.mutants.known.vocabulary import ARTIFACT, CREATE_ARTIFACT, CREATE_FLOW, LISTS, QUERIES
from tests.mutants.mutant import Behaviour, BrokenServer, Mutant, Step, get, post
from tests.mutants.paths import at

LONGEST = 65_535
NAMED = "Ge\u0301rard"


def is_compressed(request: Request) -> bool:
    return "gzip" in request.headers.get("accept-encoding", "")


def has_charset(request: Request) -> bool:
    return "charset" in request.headers.get("content-type", "")


def unknown(_: Request, answer: Answer) -> Answer:
    return answer.saying({"detail": "Artifact not found."}, 404)


def not_redirected(_: Request, answer: Answer) -> Answer:
    return answer.saying({"detail": "Not Found"}, 404) if answer.status == 307 else answer


def redirected_elsewhere(_: Request, answer: Answer) -> Answer:
    """A redirect to another server, which does not exist."""
    if answer.status == 307:
        answer.headers["location"] = "http://127.0.0.1:9/api/hello"
    return answer


async def in_latin(request: Request, broken: BrokenServer) -> Answer:
    """A body in UTF-8 is read as Latin-1."""
    if request.body.isascii():
        return await broken.ask(request)
    return await broken.ask(request.saying(json.loads(request.body.decode("latin-1"))))


compressed: Behaviour = when(is_compressed, answers(LISTS, rows(lambda found: found[:-1])))

MUTANTS = [
    Mutant(
        "compressed-lists-shorter",
        "Lists that are compressed lack their last row.",
        compressed,
        [Step("POST", "/artifacts/filter", "{}", {"content-type": JSON_TYPE, "accept-encoding": "gzip"})],
    ),
    Mutant(
        "charset-refused",
        "A body whose media type has a charset is refused.",
        refuses(QUERIES, has_charset),
        [Step("POST", "/flows/count", "{}", {"content-type": f"{JSON_TYPE}; charset=utf-8"})],
    ),
    Mutant(
        "body-read-as-latin",
        "Bodies in UTF-8 are read as Latin-1.",
        about(f"{QUERIES}|{CREATE_FLOW}", in_latin),
        [Step("POST", "/flows/", json.dumps({"name": "é"}, ensure_ascii=False), {"content-type": JSON_TYPE})],
    ),
    Mutant(
        "id-without-hyphens-unknown",
        "An artifact is not found by its id without hyphens.",
        replies("GET /artifacts/[0-9a-f]{32}", unknown),
        [get(f"/artifacts/{ARTIFACT.replace('-', '')}")],
    ),
    Mutant(
        "slash-too-many-404",
        "A path with a slash too many is not found.",
        replies(
            ".*/", lambda _, answer: answer.saying({"detail": "Not Found"}, 404) if answer.status == 307 else answer
        ),
        [post("/flows/count/")],
    ),
    Mutant(
        "texts-cut",
        "Texts of artifacts are cut at 65,535 characters.",
        sends(CREATE_ARTIFACT, at("description|data", lambda text: text[:LONGEST] if isinstance(text, str) else text)),
        [post("/artifacts/", key="long", description="a" * (LONGEST + 1))],
    ),
    Mutant(
        "names-composed",
        "Names of flows are normalized.",
        sends(CREATE_FLOW, at("name", lambda name: unicodedata.normalize("NFC", name))),
        [post("/flows/", name=NAMED)],
    ),
]
