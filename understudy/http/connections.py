"""The end of connections: closed, reset, or kept until the client gives up."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from socket import SO_LINGER, SOL_SOCKET
from struct import pack

from starlette.types import Receive, Scope

TRANSPORT = "understudy.transport"  # where a request's ASGI scope says what its connection is
INTERVAL = 1  # seconds between looks for clients that have gone while they are to wait
LINGER_NOT = pack("ii", 1, 0)  # close with a reset


async def unless_stopped(answering: Awaitable[None], scope: Scope, receive: Receive) -> None:
    """Answer in a way that may take long; where the server stops meanwhile, the connection ends without noise."""
    try:
        await answering
    except asyncio.CancelledError:
        close(scope)
        await gone(receive)


async def pause(seconds: float, scope: Scope) -> None:
    """Wait, but not for long once the connection of a request is closed."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    await asyncio.sleep(min(seconds, INTERVAL))
    while (left := end - loop.time()) > 0 and not scope[TRANSPORT].is_closing():  # noqa: ASYNC110 - it has no event
        await asyncio.sleep(min(left, INTERVAL))


async def disconnect(how: str, scope: Scope, receive: Receive) -> None:
    """End a connection without an answer, or keep it until the client gives up."""
    while (await receive()).get("more_body", False):
        pass  # all of it is read, or a connection that is closed would be reset
    if how == "hang":
        scope[TRANSPORT].closes_at_eof = True
    else:
        close(scope, reset=how == "reset")
    await gone(receive)


async def gone(receive: Receive) -> None:
    """Wait until a connection is no more."""
    while (await receive())["type"] != "http.disconnect":
        pass


def close(scope: Scope, *, reset: bool = False) -> None:
    transport = scope[TRANSPORT]
    if transport.is_closing():
        return  # the client was faster
    if reset:
        with suppress(OSError):  # of a socket that the client has closed meanwhile
            transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, LINGER_NOT)
        transport.abort()
    else:
        transport.close()
