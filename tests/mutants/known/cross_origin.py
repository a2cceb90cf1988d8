"""Mutants that show only to web pages of another origin."""

from dataclasses import replace

from tests.mutants.behaviours import replies
from tests.mutants.exchange import JSON_TYPE, Answer, Request
from tests.mutants.mutant import Mutant, Step

PAGE = {"origin": "https://page.example"}
PREFLIGHT = {**PAGE, "access-control-request-method": "POST", "access-control-request-headers": "content-type"}
ALLOWED = b"access-control-allow-origin"


def without_origin(answer: Answer) -> Answer:
    kept = [(name, value) for name, value in answer.headers.raw if name.lower() != ALLOWED]
    return Answer(answer.status, type(answer.headers)(kept), answer.body)


def unreadable_errors(_: Request, answer: Answer) -> Answer:
    return answer if answer.is_success else without_origin(answer)


MUTANTS = [
    Mutant(
        "errors-without-origin",
        "Pages of another origin cannot read errors.",
        replies(".*", unreadable_errors),
        [Step("POST", "/flows/filter", "{", {"content-type": JSON_TYPE, **PAGE})],
    ),
    Mutant(
        "preflight-refused",
        "Pages of another origin cannot send JSON.",
        replies("OPTIONS .*", lambda _, answer: replace(answer, status=405)),
        [Step("OPTIONS", "/flows/filter", headers=PREFLIGHT)],
    ),
]
