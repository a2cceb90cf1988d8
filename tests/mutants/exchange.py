"""Requests and responses that pass through a proxy, whose JSON can be read and replaced."""

import gzip
import json
import re
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

from tests.mutants.paths import Change, found

JSON_TYPE = "application/json"


@dataclass(frozen=True)
class Request:
    """A request as it was sent; its `path` begins below the API's `base`, and ends with its query."""

    method: str
    path: str
    headers: httpx.Headers = field(default_factory=httpx.Headers)
    body: bytes = b""
    base: str = ""

    @property
    def operation(self) -> str:
        """Method and path, as in "POST /pets/filter"."""
        return f"{self.method} {self.path.partition('?')[0]}"

    def is_a(self, operations: str) -> bool:
        """Whether it is sent to one of the operations that a regular expression matches."""
        return re.fullmatch(operations, self.operation) is not None

    @property
    def json(self) -> dict[str, Any]:
        """The object in its body; an empty one if it has no body."""
        return self._object or {}

    def has(self, places: str) -> bool:
        """Whether its body has values at these places."""
        return bool(found(self.json, places))

    def changed(self, change: Change) -> "Request":
        """The same with another body; itself, to the byte, if nothing changes or the body is not an object."""
        value = self._object
        if value is None or is_same(new := change(value), value):
            return self
        return self.saying(new)

    def saying(self, value: Any) -> "Request":
        body = json.dumps(value).encode()
        return replace(self, body=body, headers=described(self.headers, body))

    def to(self, method: str, path: str, value: Any = None) -> "Request":
        """Another request of the same client."""
        return replace(self, method=method, path=path).saying({} if value is None else value)

    @property
    def _object(self) -> dict[str, Any] | None:
        """Its body; an empty object if it is empty or null, None if it is not a JSON object."""
        if "json" not in self.headers.get("content-type", JSON_TYPE):
            return None
        try:
            value = json.loads(self.body or b"{}")
        except (ValueError, RecursionError):
            return None
        return {} if value is None else value if isinstance(value, dict) else None


@dataclass(frozen=True)
class Answer:
    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def json(self) -> Any:
        """The value of its body; None if it is empty."""
        return json.loads(gzip.decompress(self.body) if self._is_packed else self.body) if self.body else None

    def changed(self, change: Change) -> "Answer":
        """The same with another body; itself, to the byte, if nothing changes."""
        value = self.json
        new = change(value)
        return self if is_same(new, value) else self.saying(new)

    def saying(self, value: Any, status: int | None = None) -> "Answer":
        text = json.dumps(value, separators=(",", ":")).encode()
        body = gzip.compress(text) if self._is_packed else text
        return Answer(status or self.status, described(self.headers, body), body)

    @property
    def _is_packed(self) -> bool:
        return bool(self.headers.get("content-encoding") == "gzip")


def described(headers: httpx.Headers, body: bytes) -> httpx.Headers:
    """The headers for a JSON body."""
    return headers_with(headers, content_type=JSON_TYPE, content_length=str(len(body)))


def headers_with(headers: httpx.Headers, **values: str) -> httpx.Headers:
    changed = httpx.Headers(headers.raw)
    for name, value in values.items():
        changed[name.replace("_", "-")] = value
    return changed


def is_same(value: Any, other: Any) -> bool:
    """Whether two values are the same JSON: 1, 1.0 and true are not."""
    return json.dumps(value) == json.dumps(other)


def is_same_answer(one: Answer, other: Answer) -> bool:
    """Whether two answers are the same to a client that reads JSON."""
    if one == other:
        return True
    headers = [headers_with(each.headers, content_length="") for each in (one, other)]
    are_json = one.headers.get("content-type") == other.headers.get("content-type") == JSON_TYPE
    return one.status == other.status and headers[0] == headers[1] and are_json and is_same(one.json, other.json)
