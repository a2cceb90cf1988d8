"""Differences that occur once."""

import httpx

from understudy.compare.findings import compare
from understudy.sampling.random_requests import Request


def server(*answers: str) -> httpx.Client:
    """Returns one response after the other, and the last of them from then on."""
    left = list(answers)

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=left.pop(0) if len(left) > 1 else left[0])

    return httpx.Client(transport=httpx.MockTransport(answer), base_url="http://here/api")


def test_difference_must_occur_twice() -> None:
    requests = [Request("GET", "/hello", "/hello")]
    assert list(compare(server("one"), server("one"), requests)) == [None]
    assert list(compare(server("one"), server("two", "one"), requests)) == [None]
    [finding] = compare(server("one"), server("two"), requests)
    assert finding is not None
    assert finding.difference.kind == "body"
