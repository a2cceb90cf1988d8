"""Sessions of requests that write, played on any server, with comparable responses.

Ids and times that a server generates differ from run to run. In a played answer each is replaced by a
name: "$1", "$2" … for ids and "@1", "@2" … for times, in the order in which a session first sees
them; the same names stand for them in what is sent. A row's `updated` that is not its `created` is
"@later", since a real server takes it from another clock, in whole milliseconds. In what is sent, `<2.id>` stands for
the `id` that the second step answered, and `<2.0.id>` for that of the first of its rows.
"""

import re
from typing import Any

import httpx

ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?Z")
NAME = re.compile(r"\$\d+")
MEASURED = (
    "total_run_time",
    "estimated_run_time",
    "estimated_start_time_delta",
    "delay_seconds",
    "time_in_current_state",
)
PART = re.compile(r"<(\d+)\.([\w.]+)>")


class Player:
    """Plays one session. `known` is the text of the fixture set, whose ids and times are not replaced."""

    def __init__(self, api: httpx.Client, known: str) -> None:
        self._api = api
        self._known = known
        self._names: dict[str, str] = {}
        self._answers: list[Any] = []

    def play(self, method: str, path: str, body: str | None) -> tuple[int, Any]:
        """Send a request; the status and the answer, with names in it."""
        answer = self._api.request(
            method,
            self.filled(path),
            content=None if body is None else self.filled(body),
            headers={} if body is None else {"content-type": "application/json"},
        )
        self._answers.append(content_of(answer))
        return answer.status_code, self.named(self._answers[-1])

    def named(self, value: Any) -> Any:
        """A value with names in it."""
        if isinstance(value, list):
            return [self.named(item) for item in value]
        if isinstance(value, dict):
            later = self._is_changed(value)
            return {name: "@later" if later and name == "updated" else self.named(part) for name, part in value.items()}
        return TIME.sub(self._time, ID.sub(self._id, value)) if isinstance(value, str) else value

    def _is_changed(self, row: dict[str, Any]) -> bool:
        """Whether it is a row that has been changed since the session began."""
        updated = row.get("updated")
        return isinstance(updated, str) and updated not in self._known and updated != row.get("created")

    def filled(self, text: str) -> str:
        values = {name: value for value, name in self._names.items()}
        return PART.sub(self._part, NAME.sub(lambda match: values.get(match[0], match[0]), text))

    def _part(self, match: re.Match[str]) -> str:
        value = self._answers[int(match[1]) - 1]
        for name in match[2].split("."):
            value = value[int(name) if name.isdigit() else name]
        return str(value)

    def _id(self, match: re.Match[str]) -> str:
        return self._named(match[0], "$")

    def _time(self, match: re.Match[str]) -> str:
        return self._named(match[0], "@")

    def _named(self, value: str, sign: str) -> str:
        if value in self._known:
            return value
        count = sum(name.startswith(sign) for name in self._names.values())
        return self._names.setdefault(value, f"{sign}{count + 1}")


def content_of(answer: httpx.Response) -> Any:
    if not answer.content:
        return None
    return answer.json() if "json" in answer.headers["content-type"] else answer.text


class TimelessPlayer(Player):
    """Plays a session of rows with several times each, which differ as clocks do: each, and each span, is "@"."""

    def named(self, value: Any) -> Any:
        named = super().named(value)
        if isinstance(named, dict):
            return {name: "@" if name in MEASURED and part else part for name, part in named.items()}
        return named

    def _time(self, match: re.Match[str]) -> str:
        return match[0] if match[0] in self._known else "@"
