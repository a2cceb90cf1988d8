"""A table of sessions that write: a name, and the requests in order.

A real server's responses are in `recorded/writes.json`. Sessions in WRITES read and write only rows of
their own, so that they can share a server and run in any order. Those in WHOLE_TABLE_WRITES read whole tables:
each needs a server with nothing but the fixture set.
"""

import json

Step = tuple[str, str, str | None]


def send(method: str, path: str, body: object = None) -> Step:
    return method, path, None if body is None else body if isinstance(body, str) else json.dumps(body)


def artifact(**fields: object) -> Step:
    return send("POST", "/artifacts/", fields)


def keyed(key: str) -> list[Step]:
    """All requests that show a key."""
    return [
        send("GET", f"/artifacts/{key}/latest"),
        send("POST", "/artifacts/latest/filter", {"artifacts": {"key": {"any_": [key]}}}),
        send("POST", "/artifacts/filter", {"artifacts": {"key": {"any_": [key]}}, "sort": "CREATED_DESC"}),
        send("POST", "/artifacts/latest/count", {"artifacts": {"key": {"any_": [key]}}}),
    ]


RUN = "64d280bb-dbcd-4583-a5c9-84269f68793e"
TASK = "5c43f635-6b9f-4c93-a430-a84a40403a2b"
NOBODY = "00000000-0000-4000-8000-000000000000"

NUMBERS = [
    "0.0", "2.0", "-0.0", "-5", "1.5", "55.5", "0.1", "1e-7", "1e15", "1e16", "1e17", "1e18", "9.2e18", "9.3e18",
    "-9.3e18", "1e300", "1e400", "NaN", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
    "-9223372036854775809", "12345678901234567890",
]  # fmt: skip
VALUES = ("true", "false", "null", '""', '"5"', '"2.0"', "[]", "[1.0, 2.0]", "{}", '{"b": 1.0, "a": NaN}', '"ünï 🚀"')
LABELS: tuple[object, ...] = ({}, None, {"a": 1, "b": 1.0, "c": "1", "d": True, "e": -0.5}, {"ü": "ñ"}, {"big": 2**70})
NAMES = ("ünï flow", " spaces ", "x" * 600, "line\nbreak", "quote'd", 'ta"g', "UPPER", "upper", "日本語", "back\\slash")

WRITES: dict[str, list[Step]] = {
    "an empty artifact": [artifact(), send("GET", "/artifacts/$1"), send("GET", "/artifacts//latest")],
    "every field of an artifact": [
        artifact(
            key="all-fields", type="table", description="d", data=[{"a": 1}], metadata_={"k": "v"},
            flow_run_id=RUN, task_run_id=TASK,
        ),
        send("GET", "/artifacts/$1"),
        *keyed("all-fields"),
        send("POST", "/artifacts/count", {"artifacts": {"id": {"any_": ["$1"]}}, "flow_runs": {"id": {"any_": [RUN]}}}),
        send("POST", "/artifacts/count", {"artifacts": {"id": {"any_": ["$1"]}}, "task_runs": {}}),
    ],
    "the same key again": [
        artifact(key="again", type="table", description="first", data=1, metadata_={"k": "v"}, flow_run_id=RUN),
        artifact(key="again", data=2),
        *keyed("again"),
    ],
    "the latest is changed": [
        artifact(key="changed", data=1),
        artifact(key="changed", data=2),
        send("PATCH", "/artifacts/$3", {"data": 3, "description": "new", "metadata_": {"a": "b"}}),
        *keyed("changed"),
    ],
    "one that is not the latest is changed": [
        artifact(key="older", data=1),
        artifact(key="older", data=2),
        send("PATCH", "/artifacts/$1", {"data": 3}),
        *keyed("older"),
    ],
    "a change of nothing": [artifact(key="nothing", data=1), send("PATCH", "/artifacts/$1", {}), *keyed("nothing")],
    "a change to null": [
        artifact(key="cleared", data=1, description="d", metadata_={"a": "b"}),
        send("PATCH", "/artifacts/$1", {"data": None, "description": None, "metadata_": None}),
        *keyed("cleared"),
    ],
    "a change of what cannot change": [
        artifact(key="fixed", type="a"),
        send("PATCH", "/artifacts/$1", {"key": "other"}),
        send("PATCH", "/artifacts/$1", {"type": "b", "flow_run_id": RUN}),
        send("PATCH", "/artifacts/$1", {"created": "2020-01-01T00:00:00Z"}),
        send("PATCH", "/artifacts/$1", []),
        send("PATCH", "/artifacts/$1"),
        *keyed("fixed"),
    ],
    "an artifact that is not there": [
        send("GET", f"/artifacts/{NOBODY}"),
        send("PATCH", f"/artifacts/{NOBODY}", {"data": 1}),
        send("DELETE", f"/artifacts/{NOBODY}"),
        send("GET", "/artifacts/no-such-key/latest"),
    ],
    "the latest is deleted": [
        artifact(key="falls", data=1, type="a"),
        artifact(key="falls", data=2, type="b", description="gone"),
        artifact(key="falls", data=3, type="c"),
        send("DELETE", "/artifacts/$1"),
        *keyed("falls"),
        send("DELETE", "/artifacts/$4"),
        *keyed("falls"),
        send("PATCH", "/artifacts/$3", {"data": 4}),
        *keyed("falls"),
        artifact(key="falls", data=5),
        *keyed("falls"),
    ],
    "the last of a key is deleted": [
        artifact(key="last", data=1),
        send("DELETE", "/artifacts/$1"),
        *keyed("last"),
        send("DELETE", "/artifacts/$1"),
        artifact(key="last", data=2),
        *keyed("last"),
    ],
    "the latest of fixtures is deleted": [
        send("DELETE", "/artifacts/1afaeaff-a5da-40e2-8585-f1c6799b307b"),
        *keyed("-lead-SS-SS"),
    ],
    "one without a key is deleted": [artifact(data=1), send("DELETE", "/artifacts/$1"), send("GET", "/artifacts/$1")],
    "long metadata": [
        artifact(key="long", metadata_={"short": "x" * 500, "long": "x" * 501, "ü": "ü" * 600}),
        send("PATCH", "/artifacts/$1", {"metadata_": {"long": "y" * 1000}}),
        *keyed("long"),
    ],
    "keys": [
        *(artifact(key=key) for key in ("", "a-b-9", "-", "line\n", None)),
        *(artifact(key=key) for key in ("UPPER", "a_b", "a b", "ünï", "a/b", "\n", 5, ["a"])),
        send("GET", "/artifacts/line%0A/latest"),
    ],
    "a long type": [artifact(type="t" * 600, description="", data="")],
    "runs that are not there": [artifact(key="lost", flow_run_id=NOBODY, task_run_id=NOBODY), *keyed("lost")],
    "ids in other spellings": [artifact(flow_run_id=RUN.upper(), task_run_id=TASK.replace("-", ""))],
    **{f"data {value}": [
        send("POST", "/artifacts/", f'{{"key": "data-{number}", "data": {value}}}'),
        send("GET", "/artifacts/$1"),
        send("GET", f"/artifacts/data-{number}/latest"),
    ] for number, value in enumerate((*NUMBERS, *VALUES))},
    **{f"data becomes {value}": [
        artifact(),
        send("PATCH", "/artifacts/$1", f'{{"data": {value}}}'),
        send("GET", "/artifacts/$1"),
    ] for value in NUMBERS},
    "a flow, twice": [
        send("POST", "/flows/", {"name": "twice", "tags": ["a", "b", "a"], "labels": {"x": 1}}),
        send("POST", "/flows/", {"name": "twice", "tags": ["c"], "labels": {}}),
        send("GET", "/flows/$1"),
        send("GET", "/flows/name/twice"),
        send("GET", "/flows/name/Twice"),
        send("POST", "/flows/filter", {"flows": {"name": {"any_": ["twice"]}, "tags": {"all_": ["a", "b"]}}}),
    ],
    **{f"labels {labels}": [
        send("POST", "/flows/", {"name": f"labels {number}", "labels": labels}),
        send("GET", "/flows/$1"),
    ] for number, labels in enumerate(LABELS)},
    **{f"a flow named {name[:20]!r}": [
        send("POST", "/flows/", {"name": name}),
        send("POST", "/flows/", {"name": name}),
    ] for name in NAMES},
    "flows that are refused": [
        *(send("POST", "/flows/", {"name": name}) for name in ("", "a/b", "100%", "a&b", "<a", "a>", None, 5)),
        send("POST", "/flows/", {}),
        send("POST", "/flows/"),
        send("POST", "/flows/", {"name": "x", "tags": None, "labels": {"a": None, "b": [1]}, "more": 1}),
    ],
    "a flow's tags": [
        send("POST", "/flows/", {"name": "tagged"}),
        send("PATCH", "/flows/$1", {"tags": ["z", "a", "z"]}),
        send("GET", "/flows/$1"),
        send("POST", "/flows/count", {"flows": {"tags": {"all_": ["z"]}}}),
        send("PATCH", "/flows/$1", {}),
        send("GET", "/flows/$1"),
        send("PATCH", "/flows/$1", {"tags": []}),
        send("POST", "/flows/count", {"flows": {"name": {"any_": ["tagged"]}, "tags": {"is_null_": True}}}),
        send("PATCH", "/flows/$1", {"name": "other"}),
        send("PATCH", "/flows/$1", {"tags": None}),
    ],
    "a flow that is not there": [
        send("GET", f"/flows/{NOBODY}"),
        send("PATCH", f"/flows/{NOBODY}", {"tags": []}),
        send("DELETE", f"/flows/{NOBODY}"),
        send("GET", "/flows/name/nobody"),
    ],
    "many flows": [
        *(send("POST", "/flows/", {"name": f"bulk-{number}"}) for number in range(4)),
        send("POST", "/flows/bulk_delete", {"flows": {"name": {"like_": "bulk-"}}, "limit": 1}),
        send("POST", "/flows/bulk_delete", {"flows": {"name": {"any_": ["bulk-3"]}}}),
        send("POST", "/flows/bulk_delete", {"flows": {"name": {"any_": ["bulk-3"]}}}),
        *(send("POST", "/flows/bulk_delete", {"limit": limit}) for limit in (0, 51, "x", -1)),
        send("POST", "/flows/filter", {"flows": {"name": {"like_": "bulk-"}}}),
        send("POST", "/flows/paginate", {"flows": {"name": {"like_": "bulk-"}}, "limit": 1, "page": 2}),
    ],
}  # fmt: skip

WHOLE_TABLE_WRITES: dict[str, list[Step]] = {
    "a flow with everything that ran": [
        send("POST", "/artifacts/count", {"flow_runs": {}}),
        send("POST", "/artifacts/count", {"task_runs": {}}),
        send("POST", "/flows/count", {"deployments": {}}),
        send("POST", "/flows/count", {"flow_runs": {"parent_task_run_id": {"is_null_": False}}}),
        send("DELETE", "/flows/a92c0e6f-17ec-4406-b9bc-2ccdf572df00"),
        send("GET", "/flows/a92c0e6f-17ec-4406-b9bc-2ccdf572df00"),
        send("POST", "/artifacts/count"),
        send("POST", "/artifacts/count", {"flow_runs": {}}),
        send("POST", "/artifacts/count", {"task_runs": {}}),
        send("POST", "/flows/count", {"deployments": {}}),
        send("POST", "/flows/count", {"flow_runs": {"parent_task_run_id": {"is_null_": False}}}),
    ],
    "all flows": [
        send("POST", "/flows/count"),
        send("POST", "/flows/bulk_delete", {"limit": 3}),
        send("POST", "/flows/bulk_delete"),
        send("POST", "/flows/count"),
        send("POST", "/artifacts/count", {"flow_runs": {}}),
        send("POST", "/artifacts/count"),
    ],
}  # fmt: skip
