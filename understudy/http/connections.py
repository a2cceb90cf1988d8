"""Closing connections: normally, by a reset, or when the client gives up."""

import asyncio
import time
from collections.abc import Awaitable
from contextlib import suppress
from socket import SO_LINGER, SOL_SOCKET
from struct import pack

from starlette.types import Receive, Scope

TRANSPORT = "understudy.transport"  # the key of a request's transport in the ASGI scope
INTERVAL = 1  # seconds between checks whether a waiting client has disconnected
LINGER_NOT = pack("ii", 1, 0)  # close with a reset


async def unless_stopped(answering: Awaitable[None], scope: Scope, receive: Receive) -> None:
    """Await a response that may take long. If the server stops meanwhile, close the connection without an error."""
    try:
        await answering
    except asyncio.CancelledError:
        close(scope)
        await gone(receive)


async def pause(seconds: float, scope: Scope) -> None:
    """Wait, but not for long once the connection of a request is closed.

    The wait is never too short: the timers of uvloop, and its clock, may be a millisecond early.
    """
    end = time.monotonic() + seconds
    await asyncio.sleep(min(seconds, INTERVAL))
    while (left := end - time.monotonic()) > 0 and not scope[TRANSPORT].is_closing():  # noqa: ASYNC110 - it has no event
        await asyncio.sleep(min(left, INTERVAL))


async def disconnect(how: str, scope: Scope, receive: Receive) -> None:
    """Close a connection without a response, or hold it until the client gives up."""
    while (await receive()).get("more_body", False):
        pass  # read all of it: closing a connection with unread data resets it
    if how == "hang":
        scope[TRANSPORT].closes_at_eof = True
    else:
        close(scope, reset=how == "reset")
    await gone(receive)


async def break_off(how: str, scope: Scope, receive: Receive) -> None:
    """Close the connection of a WebSocket without a closing handshake, or hold it until the client gives up."""
    if how == "hang":
        scope[TRANSPORT].closes_at_eof = True
    else:
        close(scope, reset=how == "reset")
    while (await receive())["type"] != "websocket.disconnect":
        pass


async def gone(receive: Receive) -> None:
    """Wait until a connection is closed."""
    while (await receive())["type"] != "http.disconnect":
        pass


def close(scope: Scope, *, reset: bool = False) -> None:
    transport = scope[TRANSPORT]
    if transport.is_closing():
        return  # the client has closed it already
    if reset:
        with suppress(OSError):  # of a socket that the client has closed meanwhile
            transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, LINGER_NOT)
        transport.abort()
    else:
        transport.close()
