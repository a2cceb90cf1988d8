"""Sessions of requests that write, played on any server, with answers that can be compared.

Ids and times that a server makes up differ from run to run. In a played answer each is replaced by a
name, "$1", "$2" … for ids and "@1", "@2" … for times, in the order in which a session first sees
them; the same names stand for them in what is sent.
"""

import re
from typing import Any

import httpx

ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?Z")
NAME = re.compile(r"\$\d+")


class Player:
    """Plays one session. `known` is the text of the fixture set, whose ids and times stand for themselves."""

    def __init__(self, api: httpx.Client, known: str) -> None:
        self._api = api
        self._known = known
        self._names: dict[str, str] = {}

    def play(self, method: str, path: str, body: str | None) -> tuple[int, Any]:
        """Send a request; the status and the answer, with names in it."""
        answer = self._api.request(
            method,
            self.filled(path),
            content=None if body is None else self.filled(body),
            headers={} if body is None else {"content-type": "application/json"},
        )
        text = TIME.sub(self._time, ID.sub(self._id, answer.text))
        return answer.status_code, httpx.Response(200, text=text).json() if text else None

    def filled(self, text: str) -> str:
        values = {name: value for value, name in self._names.items()}
        return NAME.sub(lambda match: values.get(match[0], match[0]), text)

    def _id(self, match: re.Match[str]) -> str:
        return self._named(match[0], "$")

    def _time(self, match: re.Match[str]) -> str:
        return self._named(match[0], "@")

    def _named(self, value: str, sign: str) -> str:
        if value in self._known:
            return value
        count = sum(name.startswith(sign) for name in self._names.values())
        return self._names.setdefault(value, f"{sign}{count + 1}")
