"""A request as a curl command."""

import json
import shlex

from understudy.sampling.conversations import STREAM
from understudy.sampling.random_requests import Request

WITH_BODY = ("POST", "PATCH", "PUT")


def body_of(request: Request) -> str:
    if request.content is not None:
        return request.content.decode("utf-8", "replace")
    return json.dumps(request.body)


def curl(url: str, request: Request) -> str:
    """A request as a shell command; a request on a stream, which curl cannot send, as a comment."""
    if request.method == STREAM:
        return f"# {STREAM} {url}{request.path} {body_of(request)}"
    words = ["curl", "-s", f"{url}{request.path}"]
    for name, value in request.headers.items():
        words += ["-H", f"{name}: {value}"]
    words += ["--head"] if request.method == "HEAD" else [] if request.method == "GET" else ["-X", request.method]
    if request.method in WITH_BODY:
        words += ["-H", "content-type: application/json", "-d", body_of(request)]
    return shlex.join(words)
