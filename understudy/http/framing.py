"""Message framing (RFC 9112), and offers to upgrade to another protocol."""

from understudy.errors import BadRequest

Headers = list[tuple[bytes, bytes]]
VERSIONS = ("1.1", "1.0", "0.9")


def body_length(version: str, headers: Headers) -> int:
    """Check the framing of a request, and return its content-length in bytes, 0 if it has none.

    Args:
        version: of HTTP, such as "1.1".
        headers: with names in lower case.

    Raises:
        BadRequest: the version is not supported; the host is missing or given twice (RFC 9112, section 3.2); or the
            transfer coding is not exactly "chunked", or comes from an HTTP/1.0 client (section 6.1).
    """
    names = [name for name, _ in headers]
    hosts = names.count(b"host")
    if version not in VERSIONS:
        raise BadRequest(f"HTTP/{version} is not supported; use HTTP/1.1.")
    if hosts > 1:
        raise BadRequest("The request has more than one Host header.")
    if hosts == 0 and version == "1.1":
        raise BadRequest("The request has no Host header, which HTTP/1.1 requires.")
    if b"transfer-encoding" in names:
        if version != "1.1":
            raise BadRequest("The request has a Transfer-Encoding header, which needs HTTP/1.1.")
        if [value.strip().lower() for name, value in headers if name == b"transfer-encoding"] != [b"chunked"]:
            raise BadRequest("The only transfer coding that is supported is chunked.")
    # The parser takes nothing but one number.
    return int(headers[names.index(b"content-length")][1]) if b"content-length" in names else 0


def size_of(headers: Headers) -> int:
    return sum(len(name) + len(value) for name, value in headers)


def is_websocket_handshake(method: bytes, version: str, headers: Headers) -> bool:
    """Whether a request that offers an upgrade is a WebSocket handshake (RFC 6455, section 4.1).

    A handshake has no body; a request with one is an ordinary request.
    """
    values = dict(headers)
    return (
        method == b"GET"
        and version == "1.1"
        and values.get(b"upgrade", b"").lower() == b"websocket"
        and b"sec-websocket-key" in values
        and b"transfer-encoding" not in values
        and int(values.get(b"content-length", b"0")) == 0
    )


def head_without_upgrade(method: bytes, url: bytes, version: str, headers: Headers) -> bytes:
    """The head of a request as bytes, without the headers that offer another protocol."""
    others = (b"%s: %s" % (name, value) for name, value in headers if name != b"upgrade")
    return b"\r\n".join((b"%s %s HTTP/%s" % (method, url, version.encode()), *others, b"", b""))
