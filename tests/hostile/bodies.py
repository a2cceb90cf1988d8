"""Whole bodies: long, in another encoding, with too many items, or with wrong headers."""

import gzip
import json
from collections.abc import Callable, Iterator

from tests.hostile.inputs import (
    ARTIFACTS,
    CLOSED,
    COUNT,
    FILTER,
    FLOWS,
    KIND,
    Input,
    chunk,
    get,
    head,
    post,
    row,
)  # fmt: skip

MEBIBYTE = 2**20
HUGE = 100 * MEBIBYTE
RAW: tuple[tuple[str, bytes, int], ...] = (
    ("nothing", b"", 200),
    ("only spaces", b" " * 1000, 422),
    ("a space of four MiB", b" " * 4 * MEBIBYTE + b"{}", 200),
    ("a NUL", b"\0", 422),
    ("NULs", b"\0" * 10_000, 422),
    ("a NUL behind it", b"{}\0", 422),
    ("a NUL in a text", b'{"a":"\0"}', 422),
    ("a byte that is no UTF-8", b'{"a":"\xff"}', 400),
    ("half a character", b'{"a":"\xe2\x82"}', 400),
    ("a character written too long", b'{"a":"\xc0\x80"}', 400),
    ("half a pair as bytes", b'{"a":"\xed\xa0\x80"}', 422),
    ("beyond Unicode", b'{"a":"\xf4\x90\x80\x80"}', 400),
    ("a byte order mark", b"\xef\xbb\xbf{}", 200),
    ("UTF-16 with its mark", "{}".encode("utf-16"), 200),
    ("UTF-16 without", "{}".encode("utf-16-le"), 200),
    ("UTF-32", "{}".encode("utf-32"), 200),
    ("half of UTF-16", "{}".encode("utf-16")[:-1], 400),
    ("JSON lines", b"{}\n{}", 422),
    ("JavaScript", b"{a:1}", 422),
    ("comments", b"{/* */}", 422),
    ("single quotes", b"{'a':1}", 422),
    ("a pickle", b"cos\nsystem\n(S'true'\ntR.", 422),
    ("YAML", b"!!python/object/apply:os.system ['true']", 422),
    ("XML", b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>', 422),
    ("gzip", gzip.compress(b"{}"), 400),
    ("an open text", b'{"a":"' + b"a" * MEBIBYTE, 422),
    ("an open text of escapes", b'{"a":"' + rb"\u0001" * 200_000, 422),
    ("backslashes", b'{"a":"' + b"\\" * MEBIBYTE, 422),
    ("quotes", b'"' * MEBIBYTE, 422),
    ("commas", b"," * MEBIBYTE, 400),
    ("colons", b":" * MEBIBYTE, 422),
    ("closing brackets", b"]" * MEBIBYTE, 422),
    ("opening braces", b"{" * MEBIBYTE, 400),
)
KINDS: tuple[tuple[str, int], ...] = (
    ("content-type: text/plain", 200),
    ("content-type: application/x-www-form-urlencoded", 200),
    ("content-type: multipart/form-data", 200),
    ("content-type: application/json; charset=utf-7", 422),
    ("content-type: application/json; charset=\0", 400),
    ("content-type: ", 200),
    ("content-type: " + "a" * 10_000, 200),
    ("content-type: application/" + "+json" * 1000, 422),
    ("content-type: ;;;;///", 200),
    ("content-type: \u00e9\U0001f600", 200),
    ("x-nothing: ", 422),
)
ENCODED: tuple[tuple[str, str, bytes], ...] = (
    ("gzip", "content-encoding: gzip", gzip.compress(b'{"limit":1}')),
    ("a bomb", "content-encoding: gzip", gzip.compress(b" " * 10 * MEBIBYTE)),
    ("no gzip", "content-encoding: gzip", b"{bad"),
    ("deflate", "content-encoding: deflate", b"x\x9c\xabV\xca"),
    ("nonsense", "content-encoding: nonsense", b"{bad"),
)


def flat(count: int, item: str = "1") -> str:
    return ",".join([item] * count)


def named(count: int, value: str = "1") -> str:
    return ",".join(f'"{number:x}":{value}' for number in range(count))


def any_of(items: str, field: str = "type") -> str:
    return f'{{"artifacts":{{"{field}":{{"any_":[{items}]}}}}}}'


def many() -> list[Input]:
    ids = flat(0).join(f'"{number:032x}",' for number in range(50_000))
    wrong = flat(0).join(f'"{number:031x}",' for number in range(50_000))
    lists = ",".join(["[" + flat(90_000, "[]") + "]"] * 28)
    return [
        row("a list of a million", 400, post(FILTER, any_of(flat(1_000_000)))),
        row("an unknown list of a million", 400, post(FILTER, f'{{"nope":[{flat(1_000_000)}]}}')),
        row("a list of a hundred thousand texts", 200, post(COUNT, any_of(flat(100_000, '"x"')))),
        row("a list of one more", 400, post(COUNT, any_of(flat(100_001, '"x"')))),
        row("fifty thousand ids", 200, post(COUNT, any_of(ids.strip(","), "id"))),
        row("fifty thousand ids, all wrong", 422, post(COUNT, any_of(wrong.strip(","), "id"))),
        row("fifty thousand errors", 422, post(COUNT, any_of(flat(50_000)))),
        row("nine hundred errors", 422, post(COUNT, any_of(flat(900)))),
        row("millions of lists", 400, post(COUNT, f'{{"x":[{lists}]}}')),
        row("many lists", 200, post(COUNT, f'{{"x":[{flat(90_000, "[]")}]}}')),
        row("forty long lists", 200, post(COUNT, f'{{"x":[{flat(20, f"[{flat(100_000)}]")}]}}')),
        row("seven hundred thousand names", 400, post(COUNT, f"{{{named(700_000)}}}")),
        row("ninety thousand names", 200, post(COUNT, f"{{{named(90_000)}}}")),
        row("ninety thousand names of a filter", 422, post(COUNT, f'{{"artifacts":{{{named(90_000)}}}}}')),
        row("ninety thousand names of a row", 422, post(ARTIFACTS, f"{{{named(90_000)}}}")),
        row("ninety thousand labels", (200, 201), post(FLOWS, f'{{"name":"hostile-1","labels":{{{named(90_000)}}}}}')),
        row("thirty thousand wrong labels", 422, post(FLOWS, f'{{"name":"x","labels":{{{named(30_000, "[]")}}}}}')),
        row("eighty thousand tags", (200, 201), post(FLOWS, json.dumps({"name": "hostile-2", "tags": ["t"] * 80_000}))),
        row("the same name over and over", 200, post(COUNT, f"{{{flat(90_000, json.dumps('limit') + ':1')}}}")),
        row("brackets in a text", 201, post(ARTIFACTS, json.dumps({"key": "hostile", "data": "[{]}," * 300_000}))),
        row("quotes in a text", 201, post(ARTIFACTS, json.dumps({"key": "hostile", "data": '\\"[' * 300_000}))),
        row("a text of seven MiB", 201, post(ARTIFACTS, json.dumps({"key": "hostile", "data": "x" * 7 * MEBIBYTE}))),
        row("a wrong text of seven MiB", 422, post(ARTIFACTS, json.dumps({"key": "X" * 7 * MEBIBYTE}))),
        row("a wrong text of controls", 422, post(ARTIFACTS, json.dumps({"nope": "\1" * MEBIBYTE}))),
        row("a wrong time of a MiB", 422, post(COUNT, f'{{"flow_runs":{{"end_time":{{"after_":"{"1" * 2**20}"}}}}}}')),
        row("half a pair as bytes in a row", 422, post(ARTIFACTS, b'{"key":"hostile","data":"\xed\xa0\x80"}')),
        row("half a pair in UTF-16", 422, post(ARTIFACTS, '{"data":"\ud800"}'.encode("utf-16", "surrogatepass"))),
        row("a number of a million digits", 400, post(COUNT, f'{{"limit":{"9" * 1_000_000}}}')),
        row("a fraction of a million digits", 200, post(FILTER, f'{{"limit":0.{"9" * 1_000_000}}}')),
    ]  # fmt: skip


def blocks(size: int = HUGE) -> Iterator[bytes]:
    block = b" " * MEBIBYTE
    for _ in range(size // MEBIBYTE):
        yield block


def long_body() -> Iterator[bytes]:
    yield head("POST", FILTER, KIND, f"content-length: {HUGE}")
    yield from blocks()


def long_chunked() -> Iterator[bytes]:
    yield head("POST", FILTER, KIND, "transfer-encoding: chunked")
    for block in blocks():
        yield chunk(block)
    yield chunk(b"")


def one_chunk() -> Iterator[bytes]:
    yield head("POST", FILTER, KIND, "transfer-encoding: chunked") + f"{HUGE:x}\r\n".encode()
    yield from blocks()


def tiny_chunks() -> Iterator[bytes]:
    yield head("POST", FILTER, KIND, "transfer-encoding: chunked")
    yield chunk(b" ") * 200_000 + chunk(b"{}") + chunk(b"")


def to_nowhere(target: str) -> Callable[[], Iterator[bytes]]:
    def pieces() -> Iterator[bytes]:
        yield head("POST", target, KIND, f"content-length: {HUGE}")
        yield from blocks()

    return pieces


def long() -> list[Input]:
    return [
        row("100 MiB, announced", 413, long_body),
        row("100 MiB in chunks", 413, long_chunked),
        row("100 MiB in one chunk", 413, one_chunk),
        row("100 MiB to nowhere", 413, to_nowhere("/nowhere")),
        row("100 MiB to the control API", 413, to_nowhere("/__admin/fixtures")),
        row("200,000 tiny chunks", 200, tiny_chunks),
        row("100 MiB announced and not sent", 413, head("POST", FILTER, KIND, f"content-length: {HUGE}")),
        row("a byte too many", 413, head("POST", FILTER, KIND, f"content-length: {8 * MEBIBYTE + 1}")),
        row("a body of a GET", 200, get("/api/health", "content-length: 2") + b"{}"),
        row("to go on, please", 200, post(FILTER, "{}", "expect: 100-continue")),
        row("to go on with 100 MiB", 413, head("POST", FILTER, f"content-length: {HUGE}", "expect: 100-continue")),
        row("to expect something else", (200, CLOSED), post(FILTER, "{}", "expect: 200-ok")),
    ]


INPUTS = [
    *(row(f"body: {name}", status, post(FILTER, body)) for name, body, status in RAW),
    *(row(f"kind: {kind[:60]!a}", status, post(FILTER, "{bad", kind=kind)) for kind, status in KINDS),
    *(row(f"encoded: {name}", (400, 422), post(FILTER, body, header)) for name, header, body in ENCODED),
    *many(),
    *long(),
]
