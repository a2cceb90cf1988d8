"""HTTP itself: where a request begins and ends, and invalid requests."""

from collections.abc import Iterator

from tests.hostile.inputs import CLOSED, FILTER, KIND, Input, chunk, framed, get, head, post, row

CHUNKED = "transfer-encoding: chunked"
END = chunk(b"")
TLS = bytes.fromhex("16030100a5010000a10303") + bytes(range(160))
LARGEST = 2**64

# Headers about the body, the body, and the possible results.
FRAMES: tuple[tuple[str, str, bytes, tuple[int, ...]], ...] = (
    ("a length and chunks", f"content-length: 5|{CHUNKED}", chunk(b"{}") + END, (400,)),
    ("chunks and a length", f"{CHUNKED}|content-length: 5", chunk(b"{}") + END, (400,)),
    ("two lengths", "content-length: 2|content-length: 3", b"{} ", (400,)),
    ("the same length twice", "content-length: 2|content-length: 2", b"{}", (400,)),
    ("a list of lengths", "content-length: 2, 2", b"{}", (400,)),
    ("a length below zero", "content-length: -1", b"{}", (400,)),
    ("a length with a plus", "content-length: +2", b"{}", (400,)),
    ("a length in hex", "content-length: 0x2", b"{}", (400,)),
    ("a length that is none", "content-length: two", b"{}", (400,)),
    ("an empty length", "content-length: ", b"{}", (400,)),
    ("a length of 64 bits", f"content-length: {LARGEST - 1}", b"{}", (413,)),
    ("a length of more", f"content-length: {LARGEST}", b"{}", (400,)),
    ("a length of a thousand digits", f"content-length: {'9' * 1000}", b"{}", (400,)),
    ("a length in other digits", "content-length: \u0662", b"{}", (400,)),
    ("no length", "x-nothing: 1", b"", (200,)),
    ("a length too short", "content-length: 1", b"{}", (422,)),
    ("a size that is none", CHUNKED, chunk(b"{}", "xyz"), (400,)),
    ("a size below zero", CHUNKED, chunk(b"{}", "-2"), (400,)),
    ("a size too short", CHUNKED, chunk(b"{}    ", "2") + END, (400,)),
    ("a size of 64 bits", CHUNKED, chunk(b"{}", "f" * 17), (400,)),
    ("a size of a thousand digits", CHUNKED, chunk(b"{}", "f" * 1000), (400,)),
    ("an empty size", CHUNKED, chunk(b"{}", ""), (400,)),
    ("a size with a prefix", CHUNKED, chunk(b"{}", "0x2"), (400,)),
    ("line feeds alone", CHUNKED, b"2\n{}\n0\n\n", (400,)),
    ("an extension", CHUNKED, chunk(b"{}", "2;a=b") + END, (200,)),
    ("a long extension", CHUNKED, chunk(b"{}", "2;" + "a" * 200_000) + END, (400, 431)),
    ("a trailer", CHUNKED, chunk(b"{}") + b"0\r\nx-a: b\r\n\r\n", (200,)),
    ("chunks twice", "transfer-encoding: chunked, chunked", chunk(b"{}") + END, (200, 400)),
    ("chunks that are not last", "transfer-encoding: chunked, identity", chunk(b"{}") + END, (400,)),
    ("another encoding", "transfer-encoding: gzip", b"{}", (400,)),
    ("an encoding by a trick", "transfer-encoding: xchunked", chunk(b"{}") + END, (400,)),
    ("an encoding behind a tab", "transfer-encoding:\tchunked", chunk(b"{}") + END, (200,)),
    ("an encoding behind a NUL", "transfer-encoding: \0chunked", chunk(b"{}") + END, (400,)),
    ("a space before the colon", "transfer-encoding : chunked", chunk(b"{}") + END, (400,)),
)
# Invalid requests, or nearly.
PRELUDES: tuple[tuple[str, bytes, tuple[int, ...]], ...] = (
    ("HTTP/0.9", b"GET /api/health\r\n\r\n", (200,)),
    ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9), (400,)),
    ("HTTP/2 by its number", b"GET /api/health HTTP/2.0\r\nhost: x\r\n\r\n", (400,)),
    ("HTTP/3", b"GET /api/health HTTP/3\r\nhost: x\r\n\r\n", (400,)),
    ("HTTP/1.0", b"GET /api/health HTTP/1.0\r\n\r\n", (200,)),
    ("HTTP/1.2", b"GET /api/health HTTP/1.2\r\nhost: x\r\n\r\n", (400,)),
    ("HTTP/9.9", b"GET /api/health HTTP/9.9\r\nhost: x\r\n\r\n", (400,)),
    ("a version that is none", b"GET /api/health HTTP/one\r\nhost: x\r\n\r\n", (400,)),
    ("another protocol", b"GET /api/health ICE/1.0\r\nhost: x\r\n\r\n", (200, 400)),
    ("an upgrade to h2c", get("/api/health", "upgrade: h2c", "http2-settings: AAMAAABkAARAAAAAAAIAAAAA"), (200,)),
    ("an upgrade to nothing", get("/api/health", "upgrade: "), (200,)),
    ("TLS", TLS, (400,)),
    ("SSH", b"SSH-2.0-OpenSSH_9.6\r\n", (400,)),
    ("SMTP", b"EHLO x\r\nMAIL FROM:<a@b>\r\n", (400,)),
    ("RESP", b"*1\r\n$4\r\nPING\r\n", (400,)),
    ("a cookie of RDP", b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00", (400,)),
    ("NULs", bytes(100_000), (400,)),
    ("all bytes", bytes(range(256)) * 100, (400,)),
    ("a MiB of letters", b"A" * 2**20, (400, 431)),
    ("an endless target", b"GET /" + b"a" * 2**20, (400, 431)),
    ("an endless header", b"GET / HTTP/1.1\r\nx: " + b"a" * 2**20, (431,)),
    ("headers without end", b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 50_000, (431,)),
    ("a thousand headers", get("/api/health", *(f"x-{number}: y" for number in range(1000))), (200,)),
    ("ten thousand headers", get("/api/health", *(f"x-{number}: y" for number in range(10_000))), (431,)),
    ("a header of 60,000 bytes", get("/api/health", "x-a: " + "a" * 60_000), (200,)),
    ("a header of 70,000 bytes", get("/api/health", "x-a: " + "a" * 70_000), (431,)),
    ("a target of 60,000 bytes", get("/api/" + "a" * 60_000), (404,)),
    ("a target of 70,000 bytes", get("/api/" + "a" * 70_000), (431,)),
    ("a name of 70,000 bytes", get("/api/health", "a" * 70_000 + ": a"), (431,)),
    ("a header without a colon", get("/api/health", "nothing"), (400,)),
    ("a header without a name", get("/api/health", ": nothing"), (400,)),
    ("a header that goes on", get("/api/health", "x-a: b\r\n c"), (200, 400)),
    ("a name with a space", get("/api/health", "x a: b"), (400,)),
    ("a NUL in a header", get("/api/health", "x-a: b\0c"), (400,)),
    ("a NUL in a name", get("/api/health", "x\0a: b"), (400,)),
    ("a bare return in a header", get("/api/health", "x-a: b\rc: d"), (400,)),
    ("line feeds alone", b"GET /api/health HTTP/1.1\nhost: x\nconnection: close\n\n", (200, 400)),
    ("an empty line first", b"\r\n\r\n" + get("/api/health"), (200,)),
    ("no host", b"GET /api/health HTTP/1.1\r\nconnection: close\r\n\r\n", (400,)),
    ("a request behind the last", get("/api/health") + get("/api/health"), (200,)),
    ("nonsense behind the last", get("/api/health") + b"nonsense" * 1000, (200, 400)),
    ("nonsense behind one that goes on", b"GET /api/health HTTP/1.1\r\nhost: x\r\n\r\n" + b"\0" * 10, (200, 400)),
    ("a request in a body", post(FILTER, get("/api/health")), (422,)),
    ("a thousand requests at once", b"GET /api/health HTTP/1.1\r\nhost: x\r\n\r\n" * 1000, (200,)),
)
METHODS: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("PUT", (405,)), ("TRACE", (405,)), ("CONNECT", (400, 405)), ("PROPFIND", (405,)), ("PURGE", (405,)),
    ("QUERY", (400, 405)), ("get", (400,)), ("FOO", (400,)), ("G\u00cbT", (400,)), ("GET\0", (400,)),
    ("A" * 5000, (400,)), ("", (400,)), ("HEAD", (405,)), ("OPTIONS", (405,)), ("M-SEARCH", (405,)),
)  # fmt: skip


def endless_trailers() -> Iterator[bytes]:
    yield head("POST", FILTER, KIND, CHUNKED) + chunk(b"{}") + b"0\r\n"
    for number in range(200):
        yield f"x-{number}: ".encode() + b"a" * 10_000 + b"\r\n"


def endless_trailer() -> Iterator[bytes]:
    yield head("POST", FILTER, KIND, CHUNKED) + chunk(b"{}") + b"0\r\nx-a: "
    for _ in range(200):
        yield b"a" * 10_000


INPUTS: list[Input] = [
    *(row(f"frame: {name}", statuses, framed(frame, body)) for name, frame, body, statuses in FRAMES),
    *(row(f"prelude: {name}", statuses, data) for name, data, statuses in PRELUDES),
    *(row(f"method: {method[:9]!a}", statuses, head(method, "/api/health")) for method, statuses in METHODS),
    row("frame: trailers without end", (431, CLOSED), endless_trailers),
    row("frame: a trailer without end", (431, CLOSED), endless_trailer),
]
