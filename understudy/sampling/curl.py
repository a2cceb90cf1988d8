"""A request as a curl command."""

import shlex

from understudy.contract.contract import MEDIA_TYPE
from understudy.sampling.conversations import STREAM
from understudy.sampling.random_requests import Request

JSON = ["-H", f"content-type: {MEDIA_TYPE}"]


def curl(url: str, request: Request) -> str:
    """A request as a shell command; a request on a stream, which curl cannot send, as a comment."""
    body = None if request.encoded is None else request.encoded.decode("utf-8", "replace")
    if request.method == STREAM:
        return f"# {STREAM} {url}{request.path} {body}"
    words = ["curl", "-s", f"{url}{request.path}"]
    for name, value in request.headers.items():
        words += ["-H", f"{name}: {value}"]
    words += ["--compressed"] if "accept-encoding" in request.headers else []
    words += ["--head"] if request.method == "HEAD" else [] if request.method == "GET" else ["-X", request.method]
    if body is not None:
        words += [*([] if "content-type" in request.headers else JSON), "-d", body]
    return shlex.join(words) + (f"  # by {request.clients} clients at the same time" if request.clients > 1 else "")
