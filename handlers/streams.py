"""The start of all streams of the API: the subprotocol `prefect`, and a message with the client's credentials."""

from typing import Any

from understudy.streams.stream import Closed, Stream

SUBPROTOCOL = "prefect"
PROTOCOL_ERROR, POLICY_VIOLATION, INTERNAL_ERROR = 1002, 1008, 1011  # RFC 6455, section 7.4.1


async def accept(stream: Stream) -> None:
    """Accept a client. A client without the subprotocol sends no credentials, and is refused if they are required.

    Raises:
        Closed: the client was refused.
    """
    if SUBPROTOCOL not in stream.subprotocols:
        if stream.requires_authentication:
            await stream.close(PROTOCOL_ERROR)
            raise Closed
        await stream.accept()
        return
    await stream.accept(SUBPROTOCOL)
    await authenticate(stream)


async def authenticate(stream: Stream, reason: str | None = None) -> None:
    """Receive the credentials of a client.

    Args:
        stream: the accepted connection.
        reason: the reason for refusing a client; by default, it depends on what is wrong.

    Raises:
        Closed: the client was refused.
    """
    message = await stream.receive_object(is_secret=True)
    if message.get("type") != "auth":
        await refuse(stream, POLICY_VIOLATION, reason or "Expected 'auth' message")
    if stream.requires_authentication and not message.get("token"):
        await refuse(stream, POLICY_VIOLATION, reason or "Auth required but no token provided")
    if not stream.is_authenticated(message.get("token")):
        await refuse(stream, POLICY_VIOLATION, reason or "Invalid token")
    await stream.send({"type": "auth_success"})


async def refuse(stream: Stream, code: int, reason: str) -> None:
    """Close a stream.

    Raises:
        Closed: always.
    """
    await stream.close(code, reason)
    raise Closed


async def receive_filter(stream: Stream, schema: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The filter that a client sends first, validated by a schema of the contract, and the whole message.

    Raises:
        Closed: the message is not a filter.
    """
    message = await stream.receive_object()
    if message["type"] != "filter":
        await refuse(stream, PROTOCOL_ERROR, "Expected 'filter' message")
    if "filter" not in message:
        await refuse(stream, PROTOCOL_ERROR, "Invalid filter: 'filter'")
    if message["filter"] is None:
        await refuse(stream, PROTOCOL_ERROR, "Invalid filter: it is null")
    try:
        return stream.validator(schema).validate_python(message["filter"]), message
    except (ValueError, LookupError) as error:
        await refuse(stream, PROTOCOL_ERROR, f"Invalid filter: {error}")
        raise
