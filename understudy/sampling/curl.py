"""A request as a curl command."""

import json
import shlex

from understudy.sampling.random_requests import Request

WITH_BODY = ("POST", "PATCH", "PUT")


def curl(url: str, request: Request) -> str:
    """A request as a line for the shell."""
    words = ["curl", "-s", f"{url}{request.path}"]
    for name, value in request.headers.items():
        words += ["-H", f"{name}: {value}"]
    if request.method in WITH_BODY:
        words += ["-X", request.method, "-H", "content-type: application/json", "-d", json.dumps(request.body)]
    return shlex.join(words)
