"""The control API: invalid bodies and names of all kinds."""

import json

from tests.hostile.inputs import NOBODY, Input, get, head, post, row
from tests.hostile.targets import SETS, shown

OPERATIONS = (
    ("POST", "/__admin/fixtures"), ("POST", "/__admin/requests/count"), ("POST", "/__admin/requests/find"),
    ("POST", "/__admin/explain"), ("PUT", "/__admin/faults"),
)  # fmt: skip
# Bodies that no operation accepts.
WRONG = ("", "null", "[]", '"x"', "5", "NaN", "true", "{bad", '{"nope":1}', '{"\\ud800":1}', "\ufeff{}", "[[[[{}]]]]")
BODIES: tuple[tuple[str, str, tuple[int, ...]], ...] = (
    ("/__admin/fixtures", "{}", (422,)),
    ("/__admin/fixtures", '{"set":5}', (422,)),
    ("/__admin/fixtures", '{"rows":[]}', (422,)),
    ("/__admin/fixtures", '{"rows":{"nope":[]}}', (422,)),
    ("/__admin/fixtures", '{"rows":{"__proto__":[{}]}}', (422,)),
    ("/__admin/fixtures", '{"rows":{"flows":{}}}', (422,)),
    ("/__admin/fixtures", '{"rows":{"flows":[5]}}', (422,)),
    ("/__admin/fixtures", '{"rows":{"flows":[{}]}}', (422,)),
    ("/__admin/fixtures", '{"rows":{"flows":[{"id":"x"}]}}', (422,)),
    ("/__admin/fixtures", '{"rows":{"flows":[{"id":"\\ud800"}]}}', (422,)),
    ("/__admin/fixtures", '{"rows":{"flows":[]},"set":"small"}', (422,)),
    ("/__admin/fixtures", '{"rows":{"flows":[]},"replace":"perhaps"}', (422,)),
    ("/__admin/fixtures?workspace=x", '{"rows":{"flows":[]}}', (422,)),
    ("/__admin/fixtures?workspace=%00", '{"rows":{"flows":[]}}', (422,)),
    ("/__admin/fixtures?workspace=../../x", '{"rows":{"flows":[]}}', (422,)),
    ("/__admin/fixtures", json.dumps({"rows": {"flows": [{}] * 50_000}}), (422,)),
    ("/__admin/fixtures", json.dumps({"rows": {"flows": [5] * 50_000}}), (422,)),
    ("/__admin/requests/count", '{"status":"x"}', (422,)),
    ("/__admin/requests/count", '{"status":1e400}', (422,)),
    ("/__admin/requests/count", '{"method":5}', (422,)),
    ("/__admin/requests/count", '{"workspace":"\\u0000"}', (422,)),
    ("/__admin/requests/count", '{"path":"\\ud800"}', (422,)),
    ("/__admin/requests/find", '{"path":"' + "../" * 10_000 + '"}', (200, 409)),
    ("/__admin/requests/find", '{"body":NaN}', (200, 409)),
    ("/__admin/requests/find", json.dumps({"body": ["x"] * 5000}), (200, 409)),
    ("/__admin/explain", '{"path":"/flows/filter"}', (422,)),
    ("/__admin/explain", json.dumps({"path": "../../x", "id": NOBODY}), (422,)),
    ("/__admin/explain", json.dumps({"path": "/flows/filter", "id": "x"}), (422,)),
    ("/__admin/explain", json.dumps({"path": "/flows/filter", "id": NOBODY}), (404,)),
    ("/__admin/explain", json.dumps({"path": "/flows/filter", "id": NOBODY, "body": []}), (422,)),
    ("/__admin/explain", json.dumps({"path": "/flows/filter", "id": NOBODY, "body": {"limit": "x"}}), (422,)),
    ("/__admin/faults", '{"rules":{}}', (422,)),
    ("/__admin/faults", '{"rules":[5]}', (422,)),
    ("/__admin/faults", '{"rules":[{}]}', (422,)),
    ("/__admin/faults", '{"rules":[{"answer":1}]}', (422,)),
    ("/__admin/faults", '{"rules":[{"answer":99999999999999999999}]}', (422,)),
    ("/__admin/faults", '{"rules":[{"delay":-1}]}', (422,)),
    ("/__admin/faults", '{"rules":[{"delay":1e400}]}', (422,)),
    ("/__admin/faults", '{"rules":[{"delay":NaN}]}', (422,)),
    ("/__admin/faults", '{"rules":[{"delay":{"from":2}}]}', (422,)),
    ("/__admin/faults", '{"rules":[{"delay":{"from":2,"to":1}}]}', (422,)),
    ("/__admin/faults", '{"rules":[{"delay":{"median":2,"p99":1}}]}', (422,)),
    ("/__admin/faults", '{"rules":[{"share":2,"answer":500}]}', (422,)),
    ("/__admin/faults", '{"rules":[{"every":0,"answer":500}]}', (422,)),
    ("/__admin/faults", '{"rules":[{"throttle":0}]}', (422,)),
    ("/__admin/faults", '{"rules":[{"operation":"nope","answer":500}]}', (200,)),
    ("/__admin/faults", '{"rules":[]}', (200,)),
    ("/__admin/faults", '{"rules":[{"corrupt":"nope"}]}', (422,)),
    ("/__admin/faults", '{"rules":[{"stale":-1}]}', (422,)),
    ("/__admin/faults", '{"rules":[{"rate":{"requests":1e99,"seconds":1},"answer":429}]}', (422,)),
    ("/__admin/faults", json.dumps({"rules": [{"delay": "x"}] * 30_000}), (422,)),
    ("/__admin/faults?workspace=%ff", '{"rules":[]}', (422,)),
)
QUERIES: tuple[tuple[str, str, tuple[int, ...]], ...] = (
    ("DELETE", "/__admin/workspaces", (422,)),
    ("DELETE", "/__admin/workspaces?idle=x", (422,)),
    ("DELETE", "/__admin/workspaces?idle=nan", (422,)),
    ("DELETE", "/__admin/workspaces?idle=-1", (422,)),
    ("DELETE", "/__admin/workspaces?idle=1e400", (200, 422)),
    ("DELETE", "/__admin/workspaces?workspace=default", (422,)),
    ("DELETE", f"/__admin/workspaces?workspace={NOBODY}", (404,)),
    ("POST", "/__admin/reset?workspace=" + "a" * 50_000, (422,)),
    ("GET", "/__admin/requests?status=x", (422,)),
    ("GET", "/__admin/requests?operation=%00", (200,)),
    ("GET", "/__admin/requests?method=%ff&path=%2e%2e", (200,)),
    ("GET", "/__admin/nope", (404,)),
    ("PUT", "/__admin/state", (405,)),
    ("GET", "/__admin/../api/health", (404,)),
    ("GET", "/__admin%2fstate", (200, 404)),
    ("GET", "//__admin/state", (404,)),
)


def wrong(path: str, body: str) -> tuple[int, ...]:
    """An empty search is one for everything."""
    return (200, 409, 422) if path.startswith("/__admin/requests") else (422,)


INPUTS: list[Input] = [
    *(row(f"{method} {path}: {shown(body)}", wrong(path, body), post(path, body, method=method))
      for method, path in OPERATIONS for body in WRONG),
    *(row(f"{path}: {shown(body)} ({len(body)})", statuses,
          post(path, body, method="PUT" if "/faults" in path else "POST"))
      for path, body, statuses in BODIES),
    *(row(f"set: {shown(name)}", (404,), post("/__admin/fixtures", json.dumps({"set": name}))) for name in SETS),
    *(row(f"{method} {shown(target)}", statuses, head(method, target, "content-length: 0"))
      for method, target, statuses in QUERIES),
    row("a change from another site", 403, post("/__admin/reset", "", "origin: http://evil.example")),
    row("a change from a site without a name", 403, post("/__admin/reset", "", "origin: null")),
    row("a change from a site that is none", 403, post("/__admin/reset", "", "origin: http://[")),
    row("a token where none is asked for", 200, get("/__admin/requests?limit=1", "authorization: Bearer \u00e9")),
]  # fmt: skip
