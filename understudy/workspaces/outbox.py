"""The messages that operations send to other servers, once their changes are durable."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

logger = logging.getLogger("understudy")

Message = Callable[[], object]
"""Sends a message, in a thread of its own. Exceptions are logged."""


class Outbox:
    """The messages of operations that are not complete yet.

    Args:
        sends: whether messages are sent; otherwise, they are discarded.
    """

    def __init__(self, *, sends: bool = False) -> None:
        self._sends = sends
        self._messages: list[Message] = []

    def add(self, compose: Callable[[], Message]) -> None:
        """Compose a message, and send it when the changes of the current operation are durable."""
        if self._sends:
            self._messages.append(compose())

    def take(self) -> list[Message]:
        """Take the messages of an operation that was performed, or has failed."""
        taken, self._messages = self._messages, []
        return taken


async def sent_after(result: Awaitable[Any], messages: Sequence[Message]) -> Any:
    """The result of an operation, whose messages are sent once it is durable. They do not delay it."""
    returned = await result
    for message in messages:
        asyncio.get_running_loop().run_in_executor(None, send, message)
    return returned


def send(message: Message) -> None:
    try:
        message()
    except Exception as error:  # noqa: BLE001 - a message can raise anything
        logger.warning("A message could not be sent: %s", error or type(error).__name__)
