"""The responses of the servers without rows: those of Understudy to the same requests."""

from bench.client import Client, Request

Answers = dict[str, str]


def gathered(api: Client, requests: dict[str, Request]) -> Answers:
    """The responses to requests, by operation."""
    return {operation: api.expect(request.plain()).content.decode() for operation, request in requests.items()}
