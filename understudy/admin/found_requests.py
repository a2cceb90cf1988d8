"""Requests that a search of the journal finds, and what is shown of a request on one line."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from understudy.text import escape, to_json

SHORT = 200  # characters of a body that are shown on a line


@dataclass(frozen=True)
class Found:
    """The requests that match, the newest first; without a match, the most similar ones and how they differ.

    It is false without a match. Its text lists the requests.
    """

    requests: list[dict[str, Any]]
    nearest: list[dict[str, Any]]

    def __len__(self) -> int:
        return len(self.requests)

    def __str__(self) -> str:
        if self.requests:
            return "\n".join(map(line_of, self.requests))
        lines = ["no such request" + ("; the nearest:" if self.nearest else ", nor a similar one")]
        for near in self.nearest:
            lines += [line_of(near["request"]), *(f"  {escape(difference)}" for difference in near["differences"])]
        return "\n".join(lines)

    __repr__ = __str__


def line_of(request: Mapping[str, Any]) -> str:
    """A request and its response on one line."""
    query = f"?{request['query']}" if request["query"] else ""
    body = "" if request["body"] is None else f" {shortened(request['body'])}"
    return escape(f"{request['method']} {request['path']}{query}{body} -> {outcome_of(request)}")


def outcome_of(request: Mapping[str, Any]) -> str:
    """The status of a response, its body if it is an error, and the faults that were applied."""
    faults = f" (fault: {'; '.join(request['faults'])})" if request["faults"] else ""
    status = request["status"]
    if status is None:
        return f"{'no response' if request['is_over'] else 'in progress'}{faults}"
    error = f": {shortened(request['answer'])}" if status >= httpx.codes.BAD_REQUEST else ""
    return f"{status} in {request['seconds'] * 1000:.1f} ms{faults}{error}"


def shortened(body: Any) -> str:
    """The JSON of a body, cut if it is long."""
    text = to_json(body)
    return text if len(text) <= SHORT else f"{text[:SHORT]}…"


def timed_line_of(request: Mapping[str, Any]) -> str:
    """A request and its response on one line, after the time of day in the local time zone."""
    moment = datetime.fromisoformat(request["time"].replace("Z", "+00:00")).astimezone()
    return f"{moment.time().isoformat('milliseconds')} {line_of(request)}"
