"""A table of unusual requests: paths, methods, headers and bodies.

A real server's responses are in `recorded/wire.json`.
"""

import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

JSON = {"content-type": "application/json"}
SOMEBODY = "361da9d2-0452-4701-8ff6-70cfbe9b744c"
NOBODY = "00000000-0000-4000-8000-000000000000"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
COMPARED_HEADERS = ("content-type", "allow", "location", "vary", "content-encoding")


@dataclass(frozen=True)
class Request:
    """A request to send byte by byte; its path begins at the site's root."""

    method: str
    path: str
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        body = "" if self.body is None else f" {self.body[:120]!r}"
        return f"{self.method} {self.path}{body} {self.headers or ''}".strip()


def send(url: str, request: Request) -> dict[str, Any]:
    """A request's answer: status, the headers that are compared, and the body, long lists as their ids."""
    status, headers, body = exchange(url, request)
    kept = {
        name: value for name, value in headers.items() if name in COMPARED_HEADERS or name.startswith("access-control-")
    }
    return {"status": status, "headers": kept, "body": shown(body, headers)}


def exchange(url: str, request: Request) -> tuple[int, dict[str, str], bytes]:
    """A request's answer: status, headers without the name of the site, and body."""
    site = urlsplit(url)
    connection = http.client.HTTPConnection(site.hostname or "", site.port, timeout=60)
    connection.putrequest(request.method, request.path, skip_accept_encoding=True)
    for name, value in request.headers.items():
        connection.putheader(name, value.encode("utf-8"))
    if request.body is not None or request.method in ("POST", "PUT", "PATCH"):
        connection.putheader("content-length", str(len(request.body or b"")))
    connection.endheaders(request.body)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    headers = {name.lower(): value.replace(site.netloc, "SITE") for name, value in response.getheaders()}
    return response.status, headers, body


def shown(body: bytes, headers: dict[str, str]) -> Any:
    if headers.get("content-encoding") == "gzip" or not headers.get("content-type", "").startswith("application/json"):
        return None if headers.get("content-encoding") else body.decode("utf-8")
    if not body:
        return ""
    value = json.loads(body)
    rows = value.get("results") if isinstance(value, dict) and "results" in value else value
    if isinstance(rows, list) and rows and isinstance(rows[0], dict) and "id" in rows[0]:
        return [row["id"] for row in rows]
    return value


# --------------------------------------------------------------------------- tables

PATHS = f"""
    /api /api/ /api/nope /api/artifacts /api/artifacts?x=1 /api/artifacts/ /api/artifacts/filter /api/artifacts/filter/
    /api/artifacts/count /api/artifacts/latest/filter /api/flows /api/flows/filter/?a=1 /api/artifacts/{SOMEBODY}
    /api/artifacts/{SOMEBODY}/ /api/artifacts/{SOMEBODY.upper()} /api/artifacts/{SOMEBODY.replace("-", "")}
    /api/artifacts/xyz /api/artifacts/{{{SOMEBODY}}} /api/artifacts/urn:uuid:{SOMEBODY} /api/artifacts/{NOBODY}x
    /api/artifacts/a/latest /api/artifacts/a/latest/ /api/artifacts//latest /api/artifacts/a/b/latest
    /api/artifacts/%20/latest /api/artifacts/a%2Fb/latest /api/artifacts/latest/latest /api/artifacts/latest
    /api/flows/name/x /api/flows/name/ /api/flows/name /api/flows/name/a%2Fb /api/flows/name/a/b /api/flows/count
    /api/flows/paginate /api/flows/name/ETL-my-artifact-1-tab%09x /api/flows/name/sp%C3%A4t-sp%C3%A4t
    /api/flows/name/%FF%FE /api/flows/{NOBODY} /api/health /api/health/ /api/ready /api/ready/ /api/version /api/hello
    /api/admin/version /api/csrf-token /api/csrf-token/ /api/csrf-token?client= /api/csrf-token?client=a&client=b
    /api/csrf-token?x=1 /api/./health /api/../api/health
""".split()

VERSIONS = (
    "0.8.4", "", "0.8.0", "9.9.9", "0.7.9", "1.0", "abc", "1.2.3.4", " 0.8.4", "0 . 9 . 1", "+1.0.0", "1_0.0.0",
    "-1.0.0", "0.8.x", "\u0660.8.4", "0.0.0", "é",
)  # fmt: skip
VERSIONED_PATHS = (
    "/api/health", "/api/version", "/api/hello", "/api/csrf-token", "/api/csrf-token?client=x", "/api/nope",
    f"/api/artifacts/{NOBODY}",
)  # fmt: skip

TIMES: tuple[Any, ...] = (
    "yesterday", "", "2025-01-01", "2025-01-01T", "2025-13-01", "2025-W10", "2025-W10-2", "2025-060", "20250304",
    "20250304T101112", "2025-03-20T10:11:12", "2025-03-20T10:11:12.1234567Z", "2025-03-20T10:11:12+02:00",
    "2025-03-20 10:11", "2025-03-20T24:00:00Z", "2025-03-20T10:11:60Z", "2025-02-30T00:00:00Z", "5", "1742465472",
    "1742465472000", "99999999999999999", "1742465472.5", "-5", "P1D", "2025-03-20/2025-03-21", "2025", "2025-03",
    "25-03-20", "March 20", "2025-03-20T10:11:12 Z", "2025-03-20T10:11:12z", "2025-03-20T10:11:12Europe/Berlin", "1e5",
    "NaN", "inf", 5, -5, 1742465472, 1742465472000, 1.5, 1e30, True, None, [], {}, 10**30, -(10**12),
)  # fmt: skip

FILTERS = """
    null|{}|[]|"x"|5|false|true|{bad|{"a":1,}|{"a" 1}|[1,|nul|{"limit":1e2}|{"limit":-0.0}|{"limit":"  5 "}|
    {"limit":"5.0"}|{"limit":"5.5"}|{"limit":""}|{"limit":[]}|{"limit":{}}|{"limit":true}|{"limit":"-5"}|
    {"limit":1.5,"offset":-1,"sort":"x","flows":3,"artifacts":[],"page":0}|{"limit":300,"offset":-1}|
    {"limit":-5,"offset":"x"}|{"limit":12345678901234567890123}|{"limit":1,"limit":2}|{"offset":"1"}|{"offset":1.0}|
    {"offset":99999999}|{"offset":null,"limit":null,"sort":null,"page":null}|{"offset":9223372036854775807}|{"sort":1}|
    {"sort":[]}|{"sort":"ID_DESC "}|{"sort":"name_asc"}|{"page":0}|{"page":"2"}|{"page":1.5}|{"page":3,"limit":5}|
    {"page":2,"limit":0}|{"artifacts":"x"}|{"artifacts":[]}|{"artifacts":{"id":5}}|{"artifacts":{"nope":1}}|
    {"artifacts":{"id":{"any_":"x"}}}|{"artifacts":{"id":{"any_":[null,5,"","x"]}}}|
    {"artifacts":{"id":{"any_":["361da9d2045247018ff670cfbe9b744c"]}}}|
    {"artifacts":{"id":{"any_":["{361da9d2-0452-4701-8ff6-70cfbe9b744c}"]}}}|
    {"artifacts":{"id":{"any_":["urn:uuid:361DA9D2-0452-4701-8ff6-70cfbe9b744c"]}}}|
    {"artifacts":{"id":{"any_":["361da9d2-0452-4701-8ff6-70cfbe9b744"]}}}|{"artifacts":{"id":{"any_":{"a":1}}}}|
    {"artifacts":{"operator":null}}|{"artifacts":{"operator":"AND_"}}|{"artifacts":{"operator":"or_"}}|
    {"artifacts":{"key":{"operator":"or_"}}}|{"artifacts":{"key":{"like_":5}}}|{"artifacts":{"key":{"exists_":"yes"}}}|
    {"artifacts":{"key":{"exists_":"maybe"}}}|{"artifacts":{"key":{"exists_":1.0}}}|{"artifacts":{"key":{"exists_":2}}}|
    {"artifacts":{"key":{"exists_":"T"}}}|{"artifacts":{"key":{"exists_":[]}}}|{"artifacts":{"type":{"any_":[true]}}}|
    {"artifacts":{"type":{"any_":null,"not_any_":null}}}|{"artifacts":{"z":1,"id":{"q":1},"a":2}}|{"unknown":1}|
    {"flow_runs":{"state":{"type":{"any_":["FAILED","nope",5,null,[]]}}}}|
    {"flow_runs":{"state":{"type":{"any_":["failed"]}}}}|
    {"flow_runs":{"created_by":{"type_":["X"],"id_":["x"]}}}|{"flow_runs":{"deployment_id":{"is_null_":"on"}}}|
    {"flow_runs":{}}|{"task_runs":{"flow_run_id":{}}}|{"task_runs":{"flow_run_id":{"is_null_":null}}}|
    {"task_runs":{"flow_run_id":{"is_null_":null,"operator":"or_"}}}|
    {"task_runs":{"flow_run_id":{"is_null_":true,"any_":[]}}}|
    {"task_runs":{"flow_run_id":{"is_null_":false,"any_":[]}}}|{"deployments":{"concurrency_limit":{"ge_":"x"}}}|
    {"deployments":{"concurrency_limit":{"ge_":1},"operator":"or_"}}|
    {"deployments":{"flow_or_deployment_name":{"like_":"a"}}}|
    {"deployments":{"paused":{"eq_":null}}}|{"work_pools":{"id":{"any_":["x"]}}}|{"work_pools":5}|
    {"flows":{"name":{"like_":"%"}}}|{"flows":{"name":{"like_":"_"}}}|{"flows":{"name":{"like_":"\\\\"}}}|
    {"flows":{"deployment":{"is_null_":true}}}|{"flows":{"deployment":{"is_null_":false,"operator":"or_"}}}|{}x|
    {"limit":NaN}|{"limit":Infinity}|{"offset":99999999999999999999}|{"flows":{"name":{"any_":["\\ud800"]}}}
""".replace("\n", "").split("|")
BODIES = tuple(text.strip().encode() for text in FILTERS)
RAW_BODIES = (
    b"", b"  {}  ", b"\xff", b'{"a":"\xff"}', "\ufeff{}".encode(), '{"limit":1}'.encode("utf-16"),
    '{"limit":1}'.encode("utf-32"),
    b"\x00", b'{"limit":1}\x00', b'{"a":"\x01"}', b"[" * 200_000, b"[" * 900 + b"]" * 900,
    b'{"limit":' + b"9" * 5000 + b"}",
)  # fmt: skip
READS = (
    "/api/artifacts/filter", "/api/artifacts/count", "/api/artifacts/latest/filter", "/api/flows/filter",
    "/api/flows/count", "/api/flows/paginate",
)  # fmt: skip

CONTENT_TYPES = (
    "text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-8", "APPLICATION/JSON",
    "x/y+json", "application/vnd.api+json", "application/xml", "multipart/form-data; boundary=x", "json",
    "application/json;", "",
    "application/json, text/plain", "application/jsonx",
)  # fmt: skip

REFUSED_WRITES = (
    *(("POST", "/api/artifacts/", body) for body in (
        "null", "[]", '"x"', "5", '{"key":"UPPER"}', '{"key":5}', '{"type":5}', '{"nope":1}', '{"metadata_":{"a":1}}',
        '{"metadata_":[]}', '{"metadata_":{"a":null}}', '{"flow_run_id":"x"}', '{"created":"x"}', "{bad",
        '{"key":"a_b","nope":1,"type":[],"metadata_":5,"flow_run_id":5,"description":{}}',
    )),
    *(("PATCH", f"/api/artifacts/{NOBODY}", body) for body in (
        "null", "[]", '{"key":"x"}', '{"metadata_":{"a":1}}', "{}",
    )),
    *(("POST", "/api/flows/", body) for body in (
        "null", "[]", "{}", '{"name":""}', '{"name":null}', '{"name":5}', '{"name":"a/b"}', '{"name":"x","tags":null}',
        '{"name":"x","tags":"a"}', '{"name":"x","tags":[1]}', '{"name":"x","labels":{"a":null}}',
        '{"name":"x","labels":{"a":[]}}', '{"name":"x","labels":[]}', '{"name":"x","labels":{"a":{"b":1},"c":"x"}}',
        '{"name":"x","nope":1}', '{"name":"a\\n/"}',
    )),
    *(("PATCH", f"/api/flows/{NOBODY}", body) for body in (
        '{"name":"x"}', '{"labels":{}}', '{"tags":null}', "[]", "null",
    )),
    *(("POST", "/api/flows/bulk_delete", body) for body in (
        '{"limit":0}', '{"limit":51}', '{"limit":-1}', '{"limit":"x"}', "[]", "5", '{"flows":5}', "{bad",
        '{"flows":{"id":{"any_":[]}}}', '{"limit":1.5,"flows":[]}',
    )),
)  # fmt: skip

ORIGIN = {"origin": "http://x.example"}
PREFLIGHT = {**ORIGIN, "access-control-request-method": "POST"}
CROSS_ORIGIN = (
    ("OPTIONS", "/api/artifacts/filter"), ("GET", "/api/health"), ("GET", "/api/nope"), ("OPTIONS", "/api/zzz"),
    ("PUT", "/api/health"), ("POST", "/api/artifacts"),
)  # fmt: skip
CORS = (ORIGIN, PREFLIGHT, {**PREFLIGHT, "access-control-request-method": "FOO"},
        {**PREFLIGHT, "access-control-request-headers": "x-a, content-type"})  # fmt: skip


def requests() -> Iterator[Request]:
    """The table, row by row. Nothing in it changes a server's rows."""
    for rows in (paths, versions, bodies, times, content_types, refused_writes, cross_origin, encodings):
        yield from rows()


def paths() -> Iterator[Request]:
    for path in PATHS:
        for method in METHODS:
            if method != "DELETE" or SOMEBODY[:8] not in path.lower():
                yield Request(method, path)


def versions() -> Iterator[Request]:
    for version in VERSIONS:
        headers = {"x-prefect-api-version": version}
        for path in VERSIONED_PATHS:
            yield Request("GET", path, None, headers)
        for body in (b"{bad", b'{"limit":-1,"sort":5}'):
            yield Request("POST", READS[0], body, {**JSON, **headers})


def bodies() -> Iterator[Request]:
    for path in READS:
        for body in (*BODIES, *RAW_BODIES):
            yield Request("POST", path, body, JSON)


def times() -> Iterator[Request]:
    for time in TIMES:
        for path, criteria in (
            ("/api/artifacts/count", {"start_time": {"before_": time}}),
            ("/api/flows/count", {"end_time": {"after_": time, "is_null_": False}}),
        ):
            yield Request("POST", path, json.dumps({"flow_runs": criteria}).encode(), JSON)


def content_types() -> Iterator[Request]:
    for content_type in CONTENT_TYPES:
        for body in (b'{"limit":1}', b"{bad", b"null", b""):
            yield Request("POST", READS[0], body, {"content-type": content_type})
            yield Request("PATCH", f"/api/artifacts/{NOBODY}", body, {"content-type": content_type})
    for body in (b'{"limit":1}', b"{bad"):
        yield Request("POST", READS[0], body)


def refused_writes() -> Iterator[Request]:
    for method, path, text in REFUSED_WRITES:
        yield Request(method, path, text.encode(), JSON)


def cross_origin() -> Iterator[Request]:
    for headers in CORS:
        for method, path in CROSS_ORIGIN:
            yield Request(method, path, None, headers)


def encodings() -> Iterator[Request]:
    for accepted in ("gzip", "gzip, deflate", "identity", "br"):
        for body in (b"{}", b'{"limit":1}'):
            yield Request("POST", READS[0], body, {**JSON, "accept-encoding": accepted})
        yield Request("GET", "/api/health", None, {"accept-encoding": accepted})
