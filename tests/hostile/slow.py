"""Requests that never end, for a server that waits for a second."""

from tests.hostile.inputs import CLOSED, FILTER, KIND, Input, chunk, dripped, get, head, post, row

CHUNKED = "transfer-encoding: chunked"
OPEN = head("POST", FILTER, KIND, "content-length: 100")

INPUTS: list[Input] = [
    row("nothing at all", CLOSED, b""),
    row("a line, byte by byte", 408, dripped(get("/api/health"), 0.4)),
    row("half a line", 408, b"GET /api/he"),
    row("half a header", 408, b"GET /api/health HTTP/1.1\r\nhost: loc"),
    row("headers without the empty line", 408, b"GET /api/health HTTP/1.1\r\nhost: x\r\n"),
    row("no body", 408, OPEN),
    row("half a body", 408, OPEN + b"{"),
    row("a body, byte by byte", 408, dripped(b" " * 10, 0.4, OPEN)),
    row("no chunk", 408, head("POST", FILTER, KIND, CHUNKED)),
    row("half a size", 408, head("POST", FILTER, KIND, CHUNKED) + b"1"),
    row("half a chunk", 408, head("POST", FILTER, KIND, CHUNKED) + b"10\r\n{}"),
    row("no last chunk", 408, head("POST", FILTER, KIND, CHUNKED) + chunk(b"{}")),
    row("no end of trailers", 408, head("POST", FILTER, KIND, CHUNKED) + chunk(b"{}") + b"0\r\nx: y\r\n"),
    row("a size larger than what comes", 408, head("POST", FILTER, KIND, CHUNKED) + chunk(b"{}", "ff")),
    row("headers, one by one", 408, dripped(b"x: y\r\n" * 2, 0.4, b"GET / HTTP/1.1\r\n")),
    row("to go on, and then nothing", 408, head("POST", FILTER, "content-length: 5", "expect: 100-continue")),
    row("half a request for the control API", 408, head("POST", "/__admin/fixtures", KIND, "content-length: 9")),
    row("half a request for nothing", 408, head("POST", "/nowhere", "content-length: 9")),
    row("empty lines", (408, CLOSED), dripped(b"\r\n" * 4, 0.4)),
    row("all of it", 200, post(FILTER, "{}")),
]
