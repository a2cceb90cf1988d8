"""The body of a response as JSON, or as text."""

import httpx
import pytest

from understudy.sampling.sending import body_of

BRACKETS = "[" * 100_000


@pytest.mark.parametrize(
    ("content", "body"),
    [
        (b'{"a": [1, 1.0, true, null]}', {"a": [1, 1.0, True, None]}),
        (b"1.0", 1.0),
        (b"123456789012345678901234567890", 123456789012345678901234567890),
        (b'"\\ud800"', "\ud800"),
        ("\ufeff1".encode(), 1),
        ('"é"'.encode("utf-16"), "é"),
        (b"{bad", "{bad"),
        (b"", ""),
        (BRACKETS.encode(), BRACKETS),
        ((BRACKETS + "]" * 100_000).encode(), BRACKETS + "]" * 100_000),
    ],
)
def test_a_body_is_its_json_value_or_else_its_text(content: bytes, body: object) -> None:
    found = body_of(httpx.Response(200, content=content))
    assert repr(found) == repr(body)
