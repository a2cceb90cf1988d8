"""Streams (WebSockets) as requests: each sends some messages on an open stream, and its response has the received
ones.
"""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

from understudy.sampling.answers import Answer
from understudy.sampling.random_requests import Request

STREAM = "STREAM"  # the method of such a request
PROTOCOL = "sec-websocket-protocol"  # the header with the protocols of messages that a client can use
OPEN = 200  # the status of a response, unless the stream is refused
TOKEN = "{token}"  # noqa: S105 - in a message: what stands for the credentials of the client


class Refused(Exception):
    """A server does not open a stream, and responds with a status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"{status}")
        self.status = status


class Ended(Exception):
    """A server has closed a stream, with a code."""

    def __init__(self, code: int | None) -> None:
        super().__init__(f"{code}")
        self.code = code


class OpenStream(Protocol):
    """The client's end of a stream. Messages are texts."""

    def say(self, message: str) -> None:
        """Send a message.

        Raises:
            Ended: the server has closed the stream.
        """

    def hear(self, seconds: float) -> str | None:
        """The next message; None if no message arrives in time.

        Raises:
            Ended: the server has closed the stream.
        """

    def close(self) -> None:
        """Close the stream."""


class Conversations:
    """The open streams of one server, by the paths of requests. What follows `#` in a path distinguishes two streams of
    one path.

    Args:
        connect: opens a stream for a path, with some headers.
        token: the credentials of the client; None without any.
    """

    def __init__(self, connect: Callable[[str, Mapping[str, str]], OpenStream], token: str | None = None) -> None:
        self._connect = connect
        self._token = token
        self._streams: dict[str, OpenStream] = {}

    def ask(self, request: Request, seconds: float) -> Answer:
        """Send the messages of a request, open the stream if necessary, and wait for as many messages as the request
        expects.

        The body of the response is the list of received messages. It has fewer if no more arrive in time, and ends with
        the code if the server closes the stream.

        Raises:
            OSError: the server cannot be reached.
        """
        heard: list[Any] = []
        try:
            self._talk(request, heard, seconds)
        except Refused as error:
            return Answer(error.status, None)
        except Ended as error:
            del self._streams[request.path]
            heard.append({"closed": error.code})
        return Answer(OPEN, heard)

    def _talk(self, request: Request, heard: list[Any], seconds: float) -> None:
        body = request.body or {}
        stream = self._streams.get(request.path)
        if stream is None:
            stream = self._streams[request.path] = self._connect(request.path.partition("#")[0], request.headers)
        for message in body.get("says", ()):
            stream.say(self._text_of(message))
        deadline = time.monotonic() + seconds
        while len(heard) < body.get("hears", 0):
            message = stream.hear(max(0.0, deadline - time.monotonic()))
            if message is None:
                break
            heard.append(value_of(message))
        if body.get("closes"):
            self._streams.pop(request.path).close()

    def _text_of(self, message: Any) -> str:
        """A message as it is sent: texts unchanged, other values as JSON."""
        if isinstance(message, str):
            return message
        return json.dumps(message).replace(json.dumps(TOKEN), json.dumps(self._token))

    def close(self) -> None:
        """Close all streams."""
        while self._streams:
            self._streams.popitem()[1].close()


def value_of(message: str) -> Any:
    """The JSON value of a message, or its text if it is not JSON."""
    with suppress(ValueError):
        return json.loads(message)
    return message
