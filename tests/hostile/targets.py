"""Targets and headers of requests: paths out of folders, injected lines, unusual names."""

from tests.hostile.inputs import FILTER, NOBODY, SOMEBODY, Input, get, head, post, row

UP = (
    "../../../../etc/passwd", "..%2f..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "%252e%252e%252f%252e%252e%252fetc%252fpasswd", "..%5c..%5c..%5cwindows%5cwin.ini", "..;/..;/etc/passwd",
    "....//....//etc/passwd", "%c0%ae%c0%ae/%c0%ae%c0%ae/etc/passwd", "/etc/passwd", "file:///etc/passwd",
    "..%00/etc/passwd", "openapi.yaml%00.css", "..%ef%bc%8f..%ef%bc%8fetc/passwd",
)  # fmt: skip
BELOW = ("/docs/files/", "/api/", "/__admin/docs/files/", f"/api/accounts/{NOBODY}/workspaces/{NOBODY}/")

TARGETS: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("*", (400, 404)), ("http://other.example/api/health", (200,)), ("https://x/api/health", (200,)),
    ("http://", (400,)), ("other.example:443", (400,)), ("//api/health", (400, 404)), ("/api//health", (404,)),
    ("/api/./health", (404,)), ("/api/x/../health", (404,)), ("/api/health%00", (404,)), ("/api/health%0a", (404,)),
    ("/api/health%0d%0aset-cookie:%20a=b", (404,)), ("/api/health;a=b", (404,)), ("/api/health#a", (200, 400)),
    ("/api/health?", (200,)), ("/api/health?%00", (200,)), ("/api/health?" + "a=b&" * 15_000, (200,)),
    ("/api/health%", (404,)), ("/api/health%zz", (404,)), ("/api/%ff%fe", (404,)), ("/api/\u00e9", (400, 404)),
    ("/api/\udcff", (400, 404)), ("/api/%F0%9F%98%80", (404,)), ("/API/HEALTH", (404,)), ("/" * 10_000, (400, 404)),
    ("/%2f%2fevil.example", (404,)), ("/api/artifacts/%2e%2e/health", (404,)), ("/\\evil.example", (404,)),
    ("/api/csrf-token?client=" + "x" * 50_000, (422,)), ("/api/csrf-token?client=%00%ff", (422,)),
    (f"/api/artifacts/{SOMEBODY}%00", (404,)), (f"/api/artifacts/{SOMEBODY}%0a", (404,)),
    ("/api/artifacts/" + "0" * 50_000, (404,)), ("/api/artifacts/%00/latest", (404,)),
    ("/api/artifacts/" + "a" * 50_000 + "/latest", (404,)), ("/api/flows/name/%ed%a0%80", (404,)),
    ("/api/flows/name/%F0%9F%91%A9%E2%80%8D", (404,)), ("/api/flows/name/" + "%00" * 1000, (404,)),
)  # fmt: skip
# The ids in the URL of a workspace.
WORKSPACES: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("x/workspaces/y", (422,)), ("%0d%0aa:b/workspaces/%0d%0a", (422,)), ("../workspaces/..", (422,)),
    ("%2e%2e/workspaces/%2e%2e", (422,)), ("%252e/workspaces/%252e", (422,)), ("%00/workspaces/%00", (422,)),
    (f"{NOBODY}%0d%0ax:y/workspaces/{NOBODY}", (422,)), (f"{'0' * 20_000}/workspaces/{NOBODY}", (422,)),
    ("%F0%9F%98%80/workspaces/%E2%80%AE", (422,)), (f"{NOBODY}/workspaces/%ff", (422,)),
)  # fmt: skip
REDIRECTS = (
    "/api/artifacts", "/api/artifacts/filter/", "/api/artifacts?a=%0d%0aset-cookie:%20a=b", "/api/health/?%0aa:b",
    f"/api/accounts/{NOBODY}/workspaces/{NOBODY}/health/", f"/api/accounts/%0d%0ax:y/workspaces/{NOBODY}/health/",
    f"/api/accounts/{NOBODY}/workspaces/{NOBODY}/artifacts?x=%0d%0ay:z", "/api/health/%0d%0a/", "//evil.example/",
    "/api/health/?" + "a" * 20_000,
)  # fmt: skip
HOSTS = (
    "", " ", "evil.example", "localhost:0", "localhost:99999999", "[::1", "[::1]:x", "a" * 10_000, "a b", "@", "a@b",
    "\u00e9", "xn--", "127.0.0.1\t", "http://localhost", "..", "[v1.x]", "[\u00e9]", "localhost/../x", "%00",
)  # fmt: skip
HEADERS: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("authorization: Basic", (200,)),
    ("authorization: Basic \u00e9", (200,)), ("authorization: " + "Bearer " * 1000, (200,)),
    ("cookie: " + "a=b; " * 10_000, (200,)), ("prefer: code=999", (400,)), ("prefer: code=99999999999999", (400,)),
    ("prefer: delay=-1", (400,)), ("prefer: delay=1e400", (400,)), ("prefer: delay=nan", (400,)),
    ("prefer: example=\u00e9", (400,)), ("prefer: " + "code=404," * 5000, (404,)),
    ('prefer: code="' + " " * 20_000, (200, 400)), ("prefer: " + " " * 30_000 + "=", (200,)),
    ("prefer: " + "a" * 30_000, (200,)), ("accept-encoding: " + "gzip;q=" * 5000, (200,)),
    ("origin: null", (200,)), ("origin: \u00e9\x01", (200, 400)), ("origin: " + "a" * 20_000, (200,)),
    ("range: bytes=0-", (200,)), ("range: bytes=" + "0-1," * 10_000, (200,)), ("if-modified-since: x", (200,)),
    ("x-forwarded-for: evil", (200,)), ("x-http-method-override: DELETE", (200,)), ("te: trailers", (200,)),
    ("accept: " + "*/*," * 10_000, (200,)), ("connection: " + "close," * 5000, (200,)),
)  # fmt: skip
VERSIONS = (
    "9" * 5000 + ".0.0",
    "1.2.3\u00b2",
    "." * 10_000,
    "\u00e9",
    "1e9.0.0",
    "-0.-0.-0",
    "NaN.1.2",
    "0x1.2.3",
    "1.2." * 9999,
)
FILES: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("range: bytes=0-0", (206,)), ("range: bytes=-1", (206,)), ("range: bytes=9999999999-", (416,)),
    ("range: bytes=" + ",".join(f"{n}-{n}" for n in range(0, 8000, 2)), (200, 206, 400, 416)),
    ("range: bytes=a-b", (200, 400)), ("range: \u00e9", (200, 400)),
    ("if-none-match: " + '"a",' * 10_000, (200,)), ("if-modified-since: Thu, 99 Foo 99999 99:99:99 GMT", (200,)),
)  # fmt: skip
SNAPSHOTS: tuple[tuple[str, int], ...] = (
    ("..", 200), ("%2e%2e", 200), ("..%2f..%2fetc", 404), ("%252e%252e%252f", 200), ("%00", 200),
    ("%0d%0ax:y", 404), ("%F0%9F%98%80%E2%80%AE", 200), ("%ff", 200), ("a" * 50_000, 200), ("__proto__", 200),
)  # fmt: skip
SETS = ("..", "../..", "/etc", "..%2f", "%2e%2e", "C:\\", "\0", ".", "", "fixtures/..", "a" * 100_000, "\u202e", "~")


def host(name: str) -> bytes:
    return f"GET /__admin/state HTTP/1.1\r\nhost: {name}\r\nconnection: close\r\n\r\n".encode()


def shown(text: str) -> str:
    return ascii(text if len(text) <= 80 else f"{text[:60]}... ({len(text)})")


INPUTS: list[Input] = [
    *(row(f"up: {below} {up}", (400, 404), get(below + up)) for below in BELOW for up in UP),
    *(row(f"target: {shown(target)}", statuses, get(target)) for target, statuses in TARGETS),
    *(row(f"workspace: {shown(ids)}", statuses, post(f"/api/accounts/{ids}/artifacts/count", "{}"))
      for ids, statuses in WORKSPACES),
    *(row(f"redirect: {shown(target)}", (307, 404), get(target)) for target in REDIRECTS),
    *(row(f"host: {shown(name)}", (200, 400, 403), host(name)) for name in HOSTS),
    *(row(f"header: {shown(header)}", statuses, get("/api/health", header)) for header, statuses in HEADERS),
    *(row(f"version: {shown(version)}", 400, post(FILTER, "{}", f"x-prefect-api-version: {version}"))
      for version in VERSIONS),
    *(row(f"file: {shown(header)}", statuses, get("/docs/files/swagger-ui.css", header), says_json=False)
      for header, statuses in FILES),
    *(row(f"snapshot: {shown(name)}", status, post(f"/__admin/snapshots/{name}", "", method="PUT"))
      for name, status in SNAPSHOTS),
    *(row(f"snapshot, gone: {shown(name)}", (204, 404), head("DELETE", f"/__admin/snapshots/{name}"))
      for name, _ in SNAPSHOTS),
    row("preflight: odd", (200, 400), head("OPTIONS", FILTER, "origin: x", "access-control-request-method: \u00e9"),
        says_json=False),
]  # fmt: skip
