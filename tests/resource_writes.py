"""Sessions that write what artifacts and flows do not have: deployments, runs, pools, limits, blocks, automations.

As those in `tests/writes.py`, each reads and writes only its own rows; a real server's responses are in
`recorded/resource_writes.json`. `<1.id>` in a step is the `id` in the first response. A session gives
unique names to what it creates.
"""

from tests.writes import NOBODY, Step, send


def get(path: str) -> Step:
    return send("GET", path)


def post(path: str, body: object = None, /, **fields: object) -> Step:
    return send("POST", path, fields if body is None else body)


def patch(path: str, /, **fields: object) -> Step:
    return send("PATCH", path, fields)


def delete(path: str) -> Step:
    return send("DELETE", path)


def of_kind(kind: object, **fields: object) -> dict[str, object]:
    return {"__prefect_kind": kind, **fields}


def state(run: str, type_: str, *, force: bool = False, **fields: object) -> Step:
    return post(f"{run}/set_state", state={"type": type_, **fields}, force=force)


TIME, LATER = "2100-01-01T00:00:00Z", "2100-01-02T00:00:00Z"
LONG_PAST, PAST = "2000-01-01T00:00:00Z", "2000-01-02T00:00:00Z"
X = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
LISTS = {
    "type": "object",
    "properties": {
        "pair": {"type": "array", "items": [{"type": "integer"}, {"type": "string"}]},
        "deep": {"type": "object", "properties": {"y": {"type": "integer"}, "z": {"type": "integer", "default": 1}}},
        "w": {"type": "string", "default": "w"},
    },
}
P = {"properties": {"p": {"type": "integer"}}}
INNER = {
    "title": "Inner",
    "type": "object",
    "properties": {"k": {"type": "string"}},
    "secret_fields": ["k"],
    "block_type_slug": "inner-block",
    "block_schema_references": {},
}
KINDS = {
    "unknown kind": of_kind("other", value=1),
    "kind of no text": of_kind(3, value=[2]),
    "no kind's value": of_kind("other"),
    "plain": of_kind("none", value={"a": of_kind("json", value="[1]")}),
    "plain without": of_kind("none"),
    "json": of_kind("json", value='{"a": 1}'),
    "json without": {"a": of_kind("json")},
    "json of json": of_kind("json", value=of_kind("json", value='"2"')),
    "json of a number": of_kind("json", value=2),
    "no json": of_kind("json", value="{"),
    "jinja": of_kind("jinja", template="{{ 1 + 1 }}{{ nobody.at.all }}"),
    "jinja without": of_kind("jinja"),
    "jinja of json": of_kind("jinja", template=of_kind("json", value='"{{ 3 }}"')),
    "no jinja": of_kind("jinja", template="{{ 1"),
    "variable": of_kind("workspace_variable", variable_name="variable_of_kinds"),
    "variable without": {"a": of_kind("workspace_variable"), "b": 1},
    "variable of nothing": of_kind("workspace_variable", variable_name=of_kind("json", value="{")),
    "variable of a number": of_kind("workspace_variable", variable_name=5),
    "no variable": of_kind("workspace_variable", variable_name="variable_of_nobody"),
    "in a list": [of_kind("json"), of_kind("json", value="1"), [of_kind("none", value=2)]],
}
SCHEMAS = {
    "a type": ({"type": "nothing"}, {}),
    "a property": ({"properties": {"x": {"type": "integer"}}}, {"x": "no"}),
    "an index": ({"properties": {"x": {"type": "array", "items": {"type": "integer"}}}}, {"x": [1, "no"]}),
    "required": (X, {}),
    "required within": ({"properties": {"x": {**X, "type": "object"}}}, {"x": {}}),
    "a whole": ({"maxProperties": 1}, {"a": 1, "b": 2}),
    "several": ({"properties": {"a": {"type": "string"}, "b": {"type": "string"}}}, {"a": 1, "b": "b"}),
    "a reference": ({"properties": {"x": {"$ref": "#/definitions/x"}}, "definitions": {"x": {"enum": [1]}}}, {"x": 2}),
    "a lost reference": ({"properties": {"x": {"$ref": "#/definitions/y"}}}, {"x": 2}),
    "null": ({"properties": {"x": {"type": "integer"}}}, {"x": None}),
    "required null": (X, {"x": None}),
    "a default's null": ({"properties": {"x": {"type": "integer", "default": 1}}}, {"x": None}),
    "a pair": (LISTS, {"pair": ["1", 2]}),
    "a right pair": (LISTS, {"pair": [1, "2"]}),
    "null within": (LISTS, {"deep": {"y": None}}),
    "a default's null within": (LISTS, {"deep": {"z": None}}),
    "a pattern": ({"properties": {"x": {"type": "string", "pattern": "^a"}}}, {"x": "b"}),
    "no pattern": ({"properties": {"x": {"type": "string", "pattern": "("}}}, {"x": "b"}),
    "a format": ({"properties": {"x": {"type": "string", "format": "uuid"}}}, {"x": "b"}),
}
INVALID = ("a type", "no pattern")  # over which a real server fails later
VARIABLES = {
    "type": "object",
    "properties": {
        "cpu": {"type": "integer"},
        "name": {"type": "string", "default": "n"},
        "inner": {"type": "object", "properties": {"y": {"type": "integer"}}},
    },
    "required": ["cpu"],
}


def template(variables: object) -> dict[str, object]:
    return {"job_configuration": {"command": "c"}, "variables": variables}


def pool_of_blocks(name: str, default: object) -> Step:
    properties = {"secret": {"type": "object", "default": default}}
    return post("/work_pools/", name=name, base_job_template=template({"type": "object", "properties": properties}))


def deployment(name: str, flow: str = "<1.id>", /, **fields: object) -> Step:
    return post("/deployments/", name=name, flow_id=flow, **fields)


def scheduled(**fields: object) -> dict[str, object]:
    return {"schedule": fields}


CRON = {"cron": "0 0 1 1 *", "timezone": "UTC"}
LONGEST = "DTSTART:20200101T000000\nRRULE:FREQ=DAILY;BYMONTHDAY=1".ljust(6499, ",").replace(",,", ",1") + "1"
SCHEDULES: tuple[object, ...] = (
    {"interval": 0},
    {"interval": -1},
    {"interval": 3600, "anchor_date": TIME},
    {"interval": 60.5, "anchor_date": TIME, "timezone": "Europe/Berlin"},
    {"cron": "x"},
    {"cron": "@daily"},
    {"cron": "R * * * *"},
    {"cron": "H 1 * * *"},
    {"cron": "0 0 * * *", "day_or": False},
    {"cron": "0 0 * * *", "timezone": ""},
    {"cron": "0 0 1 1 * 0"},
    {"cron": "0 0 0 * * *"},
    {"cron": "0 0 15W * *"},
    {"rrule": "FREQ=DAILY"},
    {"rrule": "FREQ=NEVER"},
    {"rrule": "DTSTART:20250101T000000\nRRULE:FREQ=DAILY;COUNT=2"},
    {"rrule": LONGEST},
    {"rrule": f"{LONGEST}1"},
    {"rrule": "FREQ=YEARLY", "timezone": "Europe/Berlin"},
    {"rrule": ""},
    {},
    None,
    "text",
)

RUN = {"flow_id": "<1.id>", "name": "r"}
TASK_RUN = {"flow_run_id": "<2.id>", "task_key": "t", "name": "t"}

PAUSE = {"type": "pause-automation", "source": "inferred"}
ON_EVENT = {"type": "event", "posture": "Reactive", "expect": ["a"], "threshold": 2, "within": 30}
AUTOMATION = {"name": "of events", "trigger": ON_EVENT, "actions": [{"type": "do-nothing"}]}
TRIGGERS: tuple[object, ...] = (
    {},
    None,
    {"type": "event"},
    {"type": "other"},
    {"posture": "Reactive"},
    {"posture": "Proactive"},
    {"posture": "Proactive", "within": 9.9},
    {"posture": "Proactive", "within": 10},
    {"posture": "Proactive", "within": "PT5M"},
    {"posture": "Reactive", "within": None},
    {"posture": "Reactive", "within": -1},
    {"posture": "Reactive", "within": "soon"},
    {"posture": "Reactive", "threshold": "x"},
    {"posture": "Reactive", "match": {"a": ["b", "c"]}, "match_related": [{"a": "b"}, {"c": "d"}]},
    {"posture": "Reactive", "match": 1},
    {"posture": "Reactive", "match_related": [1]},
    {"posture": "Reactive", "match_related": {"a": 1}},
    {"posture": "Reactive", "after": "a", "for_each": ["c", "b", "b"]},
    {"posture": "Reactive", "id": NOBODY},
    {"posture": "Reactive", "id": "x"},
    *(
        {"type": "compound", "triggers": [ON_EVENT, ON_EVENT], "within": 60, "require": required}
        for required in (0, 1, 2, 3, "any", "all", "some", None)
    ),
    {"type": "compound", "triggers": [], "within": None, "require": "any"},
    {"type": "sequence", "triggers": [ON_EVENT], "within": 60},
    {"type": "sequence", "triggers": [{"type": "other"}], "within": 60},
    {
        "type": "compound",
        "require": 1,
        "within": 60,
        "triggers": [{"type": "compound", "require": 2, "within": 60, "triggers": [ON_EVENT]}],
    },
    {"type": "metric"},
)
BLOCK = {"block_document_id": NOBODY}
ACTIONS: tuple[object, ...] = (
    {},
    None,
    {"type": "other"},
    {"type": "do-nothing", "more": 1},
    {"type": "run-deployment"},
    {"type": "run-deployment", "source": "inferred", "deployment_id": NOBODY},
    {"type": "run-deployment", "source": "selected"},
    {"type": "run-deployment", "source": "inferred", "schedule_after": 5},
    {"type": "run-deployment", "source": "inferred", "schedule_after": -5},
    {
        "type": "run-deployment",
        "source": "inferred",
        "schedule_after": "PT1H",
        "parameters": {"a": "{{ event.id }}", "b": "{{ 1"},
    },
    *(
        {"type": f"{verb}-{noun}", **more}
        for noun in ("deployment", "work-pool", "work-queue", "automation")
        for verb in ("pause", "resume")
        for more in ({}, {"source": "inferred"}, {"source": "inferred", f"{noun.replace('-', '_')}_id": NOBODY})
    ),
    {"type": "change-flow-run-state"},
    {"type": "change-flow-run-state", "state": "FAILED", "name": "n", "message": "m"},
    {"type": "change-flow-run-state", "state": "LOST"},
    {"type": "cancel-flow-run"},
    {"type": "suspend-flow-run"},
    {"type": "resume-flow-run"},
    {"type": "send-notification"},
    {"type": "send-notification", **BLOCK, "body": "b"},
    {"type": "send-notification", **BLOCK, "body": "{{ a", "subject": "{% b"},
    {"type": "call-webhook"},
    {"type": "call-webhook", **BLOCK},
    {"type": "call-webhook", **BLOCK, "payload": {"a": "{{ event }}"}},
    {"type": "call-webhook", **BLOCK, "payload": "{{ a"},
)
AFTER_AUTOMATIONS = 10 + len(TRIGGERS) + len(ACTIONS) + len(KINDS) + 7 + 5 + 1
RUN_OF_LOGS = "00000000-0000-4000-8000-00000000109e"


def due(time: str) -> dict[str, object]:
    return {"type": "SCHEDULED", "state_details": {"scheduled_time": time}}


def nested(letter: str, **properties: object) -> dict[str, object]:
    """The fields of a schema of a block."""
    return {
        "title": letter.upper(),
        "type": "object",
        "properties": properties,
        "block_type_slug": f"nested-{letter}",
        "secret_fields": [],
        "block_schema_references": {},
    }


RESOURCE_WRITES: dict[str, list[Step]] = {
    "parameters of every kind": [
        post("/flows/", name="of kinds"),
        post("/variables/", name="variable_of_kinds", value={"v": [1]}),
        deployment("kinds", parameters={"own": 1}),
        *(post("/deployments/<3.id>/create_flow_run", name="r", parameters={"p": kind}) for kind in KINDS.values()),
        post(
            "/deployments/<3.id>/create_flow_run/bulk",
            [{"name": name, "parameters": {"p": KINDS[name]}} for name in KINDS],
        ),
        *(patch("/deployments/<3.id>", parameters={"p": kind}) for kind in KINDS.values()),
        *(post("/ui/schemas/validate", values={"p": kind}, schema=P) for kind in KINDS.values()),
        get("/deployments/<3.id>"),
    ],
    "values by schemas": [
        *(post("/ui/schemas/validate", schema=schema, values=values) for schema, values in SCHEMAS.values()),
    ],
    "parameters by schemas": [
        post("/flows/", name="of schemas"),
        *(
            deployment(
                f"at once {name}", enforce_parameter_schema=True, parameter_openapi_schema=schema, parameters=values
            )
            for name, (schema, values) in SCHEMAS.items()
        ),
        deployment("without", parameters={"x": 1}, enforce_parameter_schema=True),
        deployment("null", parameters={"x": 1}, enforce_parameter_schema=True, parameter_openapi_schema=None),
        deployment("no parameters", parameters=None, enforce_parameter_schema=True, parameter_openapi_schema=X),
        deployment("later", parameter_openapi_schema=X, parameters={"x": "no"}),
        patch(f"/deployments/<{len(SCHEMAS) + 5}.id>", parameters={"x": "no"}),
        patch(f"/deployments/<{len(SCHEMAS) + 5}.id>", parameters={"x": 3}),
        patch(f"/deployments/<{len(SCHEMAS) + 5}.id>", parameters={"x": "no"}, enforce_parameter_schema=False),
        get(f"/deployments/<{len(SCHEMAS) + 5}.id>"),
        *(
            step
            for name, (schema, values) in SCHEMAS.items()
            if name not in INVALID
            for step in (
                deployment("in runs", parameter_openapi_schema=schema),
                patch(f"/deployments/<{len(SCHEMAS) + 10}.id>", enforce_parameter_schema=True),
                post(f"/deployments/<{len(SCHEMAS) + 10}.id>/create_flow_run", name="r", parameters=values),
                post(
                    f"/deployments/<{len(SCHEMAS) + 10}.id>/create_flow_run/bulk", [{"parameters": values, "name": "r"}]
                ),
            )
        ),
        post(
            f"/deployments/<{len(SCHEMAS) + 10}.id>/create_flow_run",
            name="r",
            parameters={"x": 1},
            enforce_parameter_schema=False,
        ),
    ],
    "job variables": [
        post("/flows/", name="of job variables"),
        post("/work_pools/", name="of-variables", base_job_template=template(VARIABLES)),
        deployment("cpu", work_pool_name="of-variables", job_variables={"cpu": "many"}),
        deployment("pair", work_pool_name="of-variables", job_variables={"name": 1}),
        deployment("inner", work_pool_name="of-variables", job_variables={"inner": {"y": "1"}}),
        deployment(
            "null", work_pool_name="of-variables", job_variables={"inner": {"y": None}, "name": None, "more": 1}
        ),
        get("/deployments/<6.id>"),
        patch("/deployments/<6.id>", job_variables={"cpu": "x", "name": 1}),
        patch("/deployments/<6.id>", job_variables={"cpu": 2}),
        post("/deployments/<6.id>/create_flow_run", name="r", job_variables={"cpu": "x"}),
        post("/deployments/<6.id>/create_flow_run", name="r", job_variables={"cpu": 3}),
        patch("/flow_runs/<11.id>", job_variables={"cpu": "x"}),
        patch("/flow_runs/<11.id>", job_variables={"cpu": 4}),
        get("/flow_runs/<11.id>"),
        state("/flow_runs/<11.id>", "PENDING"),
        patch("/flow_runs/<11.id>", job_variables={"cpu": 5}),
        post("/flow_runs/", {**RUN, "state": {"type": "SCHEDULED"}}),
        patch("/flow_runs/<17.id>", job_variables={"cpu": 5}),
        post("/flow_runs/", RUN),
        patch("/flow_runs/<19.id>", job_variables={"cpu": 5}),
        patch(f"/flow_runs/{NOBODY}", job_variables={"cpu": 5}),
        patch("/flow_runs/<19.id>", infrastructure_document_id=NOBODY),
        post("/work_pools/", name="of-nothing-valid", base_job_template=template({"type": "nothing"})),
        post(
            "/work_pools/",
            name="of-wrong-default",
            base_job_template=template({"properties": {"a": {"type": "string", "default": 1}}}),
        ),
        post("/work_pools/", name="no-variables", base_job_template={"job_configuration": {}}),
        post(
            "/work_pools/", name="unknown", base_job_template={"job_configuration": {"a": "{{ b }}"}, "variables": {}}
        ),
        patch(
            "/work_pools/of-variables",
            base_job_template=template({"properties": {"a": {"type": "string", "default": 1}}}),
        ),
        *(
            post("/deployments/<6.id>/create_flow_run", name="r", job_variables=given)
            for given in ({"a": 2}, {"a": "x"}, {})
        ),
        pool_of_blocks("of-no-block", {"$ref": {"block_document_id": NOBODY}}),
        pool_of_blocks("of-no-id", {"$ref": {"block_document_id": "x"}}),
        pool_of_blocks("of-no-reference", {"$ref": {}}),
        deployment("no block", work_pool_name="of-no-reference", job_variables={"secret": {"$ref": {}}}),
    ],
    "schedules": [
        post("/flows/", name="of schedules"),
        *(deployment("own", schedules=[{"schedule": each, "active": False}]) for each in SCHEDULES),
        deployment("d", schedules=[{"schedule": CRON, "slug": "a", "max_scheduled_runs": 3}]),
        *(
            post(f"/deployments/<{len(SCHEDULES) + 2}.id>/schedules", [{"schedule": each, "active": False}])
            for each in SCHEDULES
            if not (
                isinstance(each, dict) and (each.get("interval") == 3600 or str(each.get("rrule")).startswith(LONGEST))
            )
        ),
    ],
    "changes of schedules": [
        post("/flows/", name="of changes"),
        deployment("d", schedules=[{"schedule": CRON, "slug": "a", "active": False}]),
        post("/deployments/<2.id>/schedules", [{"schedule": CRON, "slug": "a"}]),
        post("/deployments/<2.id>/schedules", [{"schedule": CRON, "slug": "b"}, {"schedule": CRON, "slug": "b"}]),
        post("/deployments/<2.id>/schedules", [{"schedule": CRON, "max_scheduled_runs": 51}]),
        post(
            "/deployments/<2.id>/schedules",
            [{"schedule": CRON, "slug": "d", "max_scheduled_runs": 50, "active": False}],
        ),
        post(
            "/deployments/<2.id>/schedules", [{"schedule": CRON, "slug": "c", "active": False, "parameters": {"x": 1}}]
        ),
        post(f"/deployments/{NOBODY}/schedules", []),
        get(f"/deployments/{NOBODY}/schedules"),
        patch("/deployments/<2.id>/schedules/<7.0.id>", slug="a"),
        patch("/deployments/<2.id>/schedules/<7.0.id>", slug="c", parameters={"y": 2}),
        patch("/deployments/<2.id>/schedules/<7.0.id>", slug="e"),
        patch(f"/deployments/<2.id>/schedules/{NOBODY}", slug="f"),
        patch(f"/deployments/{NOBODY}/schedules/<7.0.id>", slug="f"),
        get("/deployments/<2.id>/schedules"),
        patch("/deployments/<2.id>", schedules=[{"slug": "a", "active": True}]),
        patch("/deployments/<2.id>", schedules=[{"slug": "new"}]),
        patch("/deployments/<2.id>", schedules=[{"slug": "a", "replaces": "e"}]),
        patch("/deployments/<2.id>", schedules=[{"slug": "x", "replaces": "a"}, {"slug": "y", "replaces": "a"}]),
        patch("/deployments/<2.id>", schedules=[{"slug": "e", "replaces": "a"}, {"slug": "a", "replaces": "e"}]),
        patch("/deployments/<2.id>", schedules=[{"slug": "a", "schedule": CRON, "active": False}]),
        get("/deployments/<2.id>/schedules"),
        patch("/deployments/<2.id>", schedules=[{"schedule": CRON, "active": False, "max_scheduled_runs": 2}]),
        get("/deployments/<2.id>/schedules"),
        delete("/deployments/<2.id>/schedules/<24.0.id>"),
        delete("/deployments/<2.id>/schedules/<24.0.id>"),
        get("/deployments/<2.id>/schedules"),
        patch(f"/deployments/{NOBODY}", schedules=[]),
        post(f"/deployments/{NOBODY}/schedule"),
        post(f"/deployments/{NOBODY}/pause_deployment"),
        post(f"/deployments/{NOBODY}/resume_deployment"),
        get(f"/deployments/{NOBODY}"),
        get("/deployments/name/of changes/nobody"),
        get("/deployments/name/of changes/d"),
        deployment("plain", schedules=[{"schedule": CRON, "active": False}, {"schedule": CRON, "slug": "a"}]),
        patch("/deployments/<35.id>", description="d"),
        patch("/deployments/<35.id>", schedules=[{"schedule": CRON, "active": False, "slug": "b"}, {"active": True}]),
        get("/deployments/<35.id>"),
        patch("/deployments/<35.id>", schedules=[]),
        get("/deployments/<35.id>/schedules"),
        delete(f"/deployments/{NOBODY}"),
        delete("/deployments/<2.id>"),
    ],
    "a flow run": [
        post("/flows/", name="of runs", labels={"a": 1}),
        post("/flow_runs/", {**RUN, "idempotency_key": "first", "labels": {"b": 2}}),
        post("/flow_runs/", {**RUN, "idempotency_key": "first", "name": "again"}),
        post("/flow_runs/", {**RUN, "idempotency_key": "second", "job_variables": {"a": 1}}),
        post("/flow_runs/", {**RUN, "idempotency_key": ""}),
        post("/flow_runs/", flow_id=NOBODY, name="r"),
        post("/flow_runs/", {**RUN, "parent_task_run_id": NOBODY}),
        post("/flow_runs/", {**RUN, "infrastructure_document_id": NOBODY}),
        post("/flow_runs/", {**RUN, "work_pool_name": "no-pool"}),
        post("/flow_runs/", {**RUN, "empirical_policy": {"pause_keys": ["a", "a"], "retries": 2, "retry_delay": 5}}),
        post("/flow_runs/", {**RUN, "empirical_policy": {"pause_keys": "a"}}),
        post("/flow_runs/", {**RUN, "state": {"type": "SCHEDULED", "state_details": {"scheduled_time": TIME}}}),
        post("/flow_runs/", {**RUN, "state": {"type": "SCHEDULED", "name": "Later", "message": "m"}}),
        post("/flow_runs/", {**RUN, "state": {"type": "RUNNING"}}),
        patch("/flow_runs/<2.id>", name="named", tags=["a", "b"], parameters={"x": 1}, flow_version="2"),
        patch("/flow_runs/<2.id>/labels", c=3.5, b=True),
        patch(f"/flow_runs/{NOBODY}/labels", c=3),
        get("/flow_runs/<2.id>"),
        state(f"/flow_runs/{NOBODY}", "RUNNING"),
        state("/flow_runs/<2.id>", "SCHEDULED", state_details={"scheduled_time": TIME}),
        state("/flow_runs/<2.id>", "RUNNING"),
        state("/flow_runs/<2.id>", "PENDING", name="Ready", message="m"),
        state("/flow_runs/<2.id>", "PENDING"),
        state("/flow_runs/<2.id>", "CANCELLING"),
        state("/flow_runs/<2.id>", "RUNNING", force=True),
        state("/flow_runs/<2.id>", "PAUSED", state_details={"pause_timeout": TIME, "pause_key": "k"}),
        state("/flow_runs/<2.id>", "COMPLETED"),
        post("/flow_runs/<2.id>/resume"),
        post("/flow_runs/<2.id>/resume"),
        state("/flow_runs/<2.id>", "FAILED", message="why", data=1),
        state("/flow_runs/<2.id>", "RUNNING"),
        state("/flow_runs/<2.id>", "SCHEDULED", name="AwaitingRetry"),
        state("/flow_runs/<2.id>", "NOTHING"),
        post("/flow_runs/<10.id>/set_state", state={"type": "PENDING"}),
        post("/flow_runs/<10.id>/set_state", state={"type": "RUNNING"}),
        post("/flow_runs/<10.id>/set_state", state={"type": "PAUSED", "state_details": {"pause_reschedule": True}}),
        delete("/flow_runs/<10.id>"),
        delete("/flow_runs/<10.id>"),
        get("/flow_runs/<10.id>"),
        get(f"/flow_run_states/{NOBODY}"),
        get("/flow_run_states/<2.state_id>"),
        get("/flow_run_states/?flow_run_id=<12.id>"),
        post("/flow_runs/<2.id>/input", key="k", value="v", sender="s"),
        post("/flow_runs/<2.id>/input", key="k", value="v"),
        get("/flow_runs/<2.id>/input/k"),
        get("/flow_runs/<2.id>/input/none"),
        post("/flow_runs/<2.id>/input/filter", prefix="k"),
        post("/flow_runs/<2.id>/input/filter", prefix="k", exclude_keys=["k"]),
        delete("/flow_runs/<2.id>/input/k"),
        delete("/flow_runs/<2.id>/input/k"),
        post("/flow_runs/bulk_set_state", flow_runs={"id": {"any_": ["<12.id>", NOBODY]}}, state={"type": "CANCELLED"}),
        post("/flow_runs/bulk_delete", flow_runs={"id": {"any_": ["<12.id>", NOBODY]}}),
        get(f"/flow_runs/{NOBODY}/graph-v2"),
        get(f"/flow_runs/{NOBODY}/graph"),
    ],
    "a task run": [
        post("/flows/", name="of tasks"),
        post("/flow_runs/", {**RUN, "state": {"type": "RUNNING"}}),
        post("/task_runs/", {**TASK_RUN, "dynamic_key": "0", "labels": {"a": 1}}),
        post("/task_runs/", {**TASK_RUN, "dynamic_key": "0", "name": "again"}),
        post(
            "/task_runs/",
            {**TASK_RUN, "dynamic_key": "1", "state": {"type": "SCHEDULED", "state_details": {"scheduled_time": TIME}}},
        ),
        post(
            "/task_runs/",
            {**TASK_RUN, "dynamic_key": "2", "empirical_policy": {"max_retries": 2, "retry_delay_seconds": 3}},
        ),
        post(
            "/task_runs/",
            {**TASK_RUN, "dynamic_key": "3", "empirical_policy": {"retry_delay": [1, 2], "retry_jitter_factor": -1}},
        ),
        post("/task_runs/", {**TASK_RUN, "dynamic_key": "4", "empirical_policy": {"retry_delay": [1] * 51}}),
        post("/task_runs/", {**TASK_RUN, "dynamic_key": "5", "cache_key": "c", "cache_expiration": TIME}),
        post("/task_runs/", task_key="t", dynamic_key="6", name="alone"),
        post("/task_runs/", task_key="t", dynamic_key="6", name="alone", flow_run_id=NOBODY),
        post(
            "/task_runs/",
            {**TASK_RUN, "dynamic_key": "7", "task_inputs": {"x": [{"input_type": "task_run", "id": "<3.id>"}]}},
        ),
        patch("/task_runs/<3.id>", name="named"),
        patch(f"/task_runs/{NOBODY}", name="named"),
        get("/task_runs/<3.id>"),
        get(f"/task_runs/{NOBODY}"),
        state(f"/task_runs/{NOBODY}", "RUNNING"),
        state("/task_runs/<5.id>", "RUNNING"),
        state("/task_runs/<5.id>", "PENDING"),
        state("/task_runs/<3.id>", "PENDING"),
        state("/task_runs/<3.id>", "PENDING"),
        state("/task_runs/<3.id>", "RUNNING"),
        state("/task_runs/<3.id>", "COMPLETED", state_details={"cache_key": "key of a task", "cache_expiration": TIME}),
        state("/task_runs/<3.id>", "RUNNING"),
        state("/task_runs/<6.id>", "RUNNING", state_details={"cache_key": "key of a task"}),
        state("/task_runs/<9.id>", "RUNNING", state_details={"cache_key": "key of a task", "refresh_cache": True}),
        state("/task_runs/<9.id>", "FAILED"),
        state("/task_runs/<9.id>", "RUNNING"),
        state("/task_runs/<9.id>", "RUNNING", force=True),
        get("/ui/task_runs/<3.id>"),
        get(f"/ui/task_runs/{NOBODY}"),
        get("/task_run_states/<3.state_id>"),
        get(f"/task_run_states/{NOBODY}"),
        post("/ui/task_runs/dashboard/counts", {}),
        delete("/task_runs/<3.id>"),
        delete("/task_runs/<3.id>"),
    ],
    "pools and queues": [
        post("/work_pools/", name="of-queues", type="process", concurrency_limit=3, description="d"),
        post("/work_pools/", name="of-queues"),
        post("/work_pools/", name="a/b"),
        post("/work_pools/", name="negative", concurrency_limit=-1),
        get("/work_pools/nobody"),
        patch("/work_pools/nobody", description="d"),
        delete("/work_pools/nobody"),
        patch("/work_pools/of-queues", concurrency_limit=0, is_paused=True, description=""),
        get("/work_pools/of-queues"),
        patch("/work_pools/of-queues", is_paused=False),
        get("/work_pools/of-queues"),
        get("/work_pools/of-queues/queues/default"),
        get("/work_pools/of-queues/queues/nobody"),
        get("/work_pools/nobody/queues/default"),
        post("/work_pools/of-queues/queues", name="b", priority=1),
        post("/work_pools/of-queues/queues", name="b"),
        post("/work_pools/of-queues/queues", name="c", concurrency_limit=2, is_paused=True, description="d"),
        post("/work_pools/of-queues/queues", name="d", priority=9),
        post("/work_pools/nobody/queues", name="c"),
        post("/work_pools/of-queues/queues/filter", {}),
        patch("/work_pools/of-queues/queues/c", priority=1, is_paused=False),
        post("/work_pools/of-queues/queues/filter", {}),
        patch("/work_pools/of-queues/queues/c", name="e", concurrency_limit=0),
        patch("/work_pools/of-queues/queues/e", name="b"),
        patch("/work_pools/of-queues/queues/nobody", name="b"),
        patch("/work_pools/of-queues/queues/e", is_paused=True),
        get("/work_pools/of-queues/queues/e"),
        delete("/work_pools/of-queues/queues/nobody"),
        delete("/work_pools/of-queues/queues/e"),
        post("/work_pools/of-queues/queues/filter", {}),
        get(f"/work_queues/{NOBODY}"),
        patch(f"/work_queues/{NOBODY}", name="q"),
        delete(f"/work_queues/{NOBODY}"),
        get("/work_queues/<15.id>"),
        patch("/work_queues/<15.id>", description="by id", concurrency_limit=1),
        get("/work_queues/<15.id>"),
        get("/work_queues/<15.id>/status"),
        get(f"/work_queues/{NOBODY}/status"),
        delete("/work_queues/<15.id>"),
        get("/work_queues/name/nobody"),
        post(f"/work_queues/{NOBODY}/get_runs", {}),
        post("/work_pools/nobody/get_scheduled_flow_runs", {}),
        post("/work_pools/of-queues/get_scheduled_flow_runs", {}),
        post("/work_pools/of-queues/get_scheduled_flow_runs", work_queue_names=["nobody"]),
        post("/work_pools/of-queues/workers/heartbeat", name="w", heartbeat_interval_seconds=5),
        post("/work_pools/of-queues/workers/filter", {}),
        post("/work_pools/nobody/workers/heartbeat", name="w"),
        delete("/work_pools/of-queues/workers/w"),
        delete("/work_pools/of-queues/workers/w"),
        delete("/work_pools/nobody/workers/w"),
        delete("/work_pools/of-queues"),
    ],
    "limits": [
        post("/v2/concurrency_limits/", name="plain limit", limit=2),
        post("/v2/concurrency_limits/", name="plain limit", limit=2),
        post(
            "/v2/concurrency_limits/",
            name="slow limit",
            limit=3,
            slot_decay_per_second=1e-9,
            active=True,
            active_slots=1,
        ),
        post("/v2/concurrency_limits/", name="limit that is off", limit=1, active=False),
        post("/v2/concurrency_limits/", name="a/b", limit=1),
        post("/v2/concurrency_limits/", name="minus", limit=-1),
        get("/v2/concurrency_limits/plain limit"),
        get("/v2/concurrency_limits/<1.id>"),
        get("/v2/concurrency_limits/nobody"),
        get(f"/v2/concurrency_limits/{NOBODY}"),
        post("/v2/concurrency_limits/increment", names=["plain limit"], slots=2),
        post("/v2/concurrency_limits/increment", names=["plain limit"], slots=3),
        post("/v2/concurrency_limits/increment", names=["limit that is off"], slots=1),
        post("/v2/concurrency_limits/increment", names=["slow limit"], slots=2, mode="rate_limit"),
        post("/v2/concurrency_limits/increment", names=["plain limit"], slots=1, mode="rate_limit"),
        post("/v2/concurrency_limits/increment", names=["nobody"], slots=1),
        post("/v2/concurrency_limits/increment", names=["plain limit"], slots=0),
        post("/v2/concurrency_limits/increment", names=[], slots=1),
        get("/v2/concurrency_limits/plain limit"),
        post("/v2/concurrency_limits/decrement", names=["plain limit", "nobody"], slots=1),
        post("/v2/concurrency_limits/decrement", names=["plain limit"], slots=5),
        get("/v2/concurrency_limits/plain limit"),
        patch("/v2/concurrency_limits/plain limit", limit=5, name="another limit", slot_decay_per_second=0.5),
        patch("/v2/concurrency_limits/plain limit", limit=5),
        patch("/v2/concurrency_limits/another limit", name="slow limit"),
        patch("/v2/concurrency_limits/another limit", active=False),
        get("/v2/concurrency_limits/another limit"),
        post("/v2/concurrency_limits/increment-with-lease", names=["slow limit"], slots=1, lease_duration=59),
        post("/v2/concurrency_limits/increment-with-lease", names=["nobody"], slots=1, lease_duration=60),
        post(f"/v2/concurrency_limits/leases/{NOBODY}/renew", lease_duration=60),
        post("/v2/concurrency_limits/decrement-with-lease", lease_id=NOBODY),
        delete("/v2/concurrency_limits/another limit"),
        delete("/v2/concurrency_limits/another limit"),
        delete(f"/v2/concurrency_limits/{NOBODY}"),
        post("/concurrency_limits/", tag="of limits", concurrency_limit=1),
        get("/concurrency_limits/<35.id>"),
        get(f"/concurrency_limits/{NOBODY}"),
        get("/concurrency_limits/tag/of limits"),
        get("/concurrency_limits/tag/nobody"),
        post("/concurrency_limits/increment", names=["of limits", "nobody"], task_run_id=NOBODY),
        post("/concurrency_limits/increment", names=["of limits"], task_run_id=NOBODY),
        post("/concurrency_limits/increment", names=["of limits"], task_run_id="00000000-0000-4000-8000-000000000001"),
        get("/concurrency_limits/tag/of limits"),
        post("/concurrency_limits/decrement", names=["of limits", "nobody"], task_run_id=NOBODY),
        post("/concurrency_limits/tag/of limits/reset", slot_override=[NOBODY]),
        get("/concurrency_limits/tag/of limits"),
        post("/concurrency_limits/tag/of limits/reset", {}),
        post("/concurrency_limits/tag/nobody/reset", {}),
        get("/concurrency_limits/<35.id>"),
        delete("/concurrency_limits/<35.id>"),
        delete("/concurrency_limits/<35.id>"),
        delete("/concurrency_limits/tag/of limits"),
    ],
    "blocks": [
        post("/block_types/", name="A Block", slug="a-block", description="  d\n", code_example="  x "),
        post("/block_types/", name="A Block", slug="a-block"),
        post("/block_types/", name="B", slug="B b"),
        post("/block_types/", name="Inner Block", slug="inner-block", logo_url="https://example.com/a.png"),
        get("/block_types/slug/a-block"),
        get("/block_types/slug/nobody"),
        get(f"/block_types/{NOBODY}"),
        patch("/block_types/<1.id>", description="changed", logo_url="no url"),
        patch("/block_types/<1.id>", description="changed"),
        patch(f"/block_types/{NOBODY}", description="changed"),
        get("/block_types/<1.id>"),
        post("/block_schemas/", block_type_id=NOBODY, fields={}),
        post(
            "/block_schemas/",
            block_type_id="<4.id>",
            capabilities=["write", "read"],
            version="1",
            fields=INNER,
        ),
        post(
            "/block_schemas/",
            block_type_id="<1.id>",
            fields={
                "title": "A",
                "type": "object",
                "block_type_slug": "a-block",
                "properties": {
                    "inner": {"$ref": "#/definitions/Inner"},
                    "s": {"type": "string"},
                    "d": {"type": "object"},
                },
                "secret_fields": ["s", "d.*"],
                "block_schema_references": {
                    "inner": {"block_type_slug": "inner-block", "block_schema_checksum": "<13.checksum>"}
                },
            },
        ),
        post(
            "/block_schemas/",
            block_type_id="<1.id>",
            fields={
                "title": "A",
                "block_schema_references": {
                    "inner": {"block_type_slug": "nobody", "block_schema_checksum": "sha256:0"}
                },
            },
        ),
        post("/block_schemas/", block_type_id="<4.id>", fields=INNER),
        get("/block_schemas/<14.id>"),
        get(f"/block_schemas/{NOBODY}"),
        get("/block_schemas/checksum/<13.checksum>"),
        get("/block_schemas/checksum/<13.checksum>?version=1"),
        get("/block_schemas/checksum/<13.checksum>?version=2"),
        get("/block_schemas/checksum/sha256:nobody"),
        post(
            "/block_documents/", name="inner", block_type_id="<4.id>", block_schema_id="<13.id>", data={"k": "secret"}
        ),
        post("/block_documents/", name="inner", block_type_id="<4.id>", block_schema_id="<13.id>", data={}),
        post("/block_documents/", name="a b/", block_type_id="<4.id>", block_schema_id="<13.id>", data={}),
        post("/block_documents/", block_type_id="<4.id>", block_schema_id="<13.id>", data={}),
        post("/block_documents/", name="lost", block_type_id="<4.id>", block_schema_id=NOBODY, data={}),
        post(
            "/block_documents/",
            name="outer",
            block_type_id="<1.id>",
            block_schema_id="<14.id>",
            data={"inner": {"$ref": {"block_document_id": "<23.id>"}}, "s": "hidden", "d": {"x": "y", "n": 1}},
        ),
        get("/block_documents/<28.id>"),
        get("/block_documents/<28.id>?include_secrets=true"),
        get(f"/block_documents/{NOBODY}"),
        get("/block_types/slug/a-block/block_documents"),
        get("/block_types/slug/a-block/block_documents/name/outer?include_secrets=true"),
        get("/block_types/slug/a-block/block_documents/name/nobody"),
        get("/block_types/slug/nobody/block_documents"),
        get("/block_types/slug/nobody/block_documents/name/outer"),
        post("/block_documents/filter", block_documents={"id": {"any_": ["<23.id>", "<28.id>"]}}),
        *(
            patch("/block_documents/<28.id>", data={"inner": {"$ref": reference}})
            for reference in ({}, {"block_document_id": NOBODY}, {"block_document_id": "<28.id>"})
        ),
        patch("/block_documents/<23.id>", data={"k": {"$ref": {"block_document_id": "<28.id>"}}}),
        patch("/block_documents/<28.id>", data={"s": "new"}),
        get("/block_documents/<28.id>?include_secrets=true"),
        patch("/block_documents/<28.id>", data={"s": "only"}, merge_existing_data=False),
        get("/block_documents/<28.id>?include_secrets=true"),
        patch("/block_documents/<28.id>", data={"s": "********"}),
        get("/block_documents/<28.id>?include_secrets=true"),
        patch("/block_documents/<28.id>", block_schema_id="<13.id>"),
        patch("/block_documents/<28.id>", block_schema_id=NOBODY),
        patch("/block_documents/<28.id>", block_schema_id="<14.id>", data={"s": "2"}),
        patch(f"/block_documents/{NOBODY}", data={}),
        delete("/block_documents/<28.id>"),
        delete("/block_documents/<28.id>"),
        delete("/block_schemas/<14.id>"),
        delete("/block_schemas/<14.id>"),
        delete("/block_types/<1.id>"),
        delete("/block_types/<1.id>"),
    ],
    "automations": [
        post("/automations/", AUTOMATION),
        get("/automations/<1.id>"),
        get(f"/automations/{NOBODY}"),
        delete(f"/automations/{NOBODY}"),
        patch(f"/automations/{NOBODY}", enabled=False),
        send("PUT", f"/automations/{NOBODY}", AUTOMATION),
        send("PUT", "/automations/<1.id>", {**AUTOMATION, "name": "of changes", "enabled": False, "description": "d"}),
        get("/automations/<1.id>"),
        patch("/automations/<1.id>", enabled=True),
        get("/automations/<1.id>"),
        *(post("/automations/", {**AUTOMATION, "trigger": trigger}) for trigger in TRIGGERS),
        *(post("/automations/", {**AUTOMATION, "actions": [action]}) for action in ACTIONS),
        *(
            post("/automations/", {**AUTOMATION, "actions": [{**run, "parameters": {"p": kind}}]})
            for run in ({"type": "run-deployment", "source": "inferred"},)
            for kind in KINDS.values()
        ),
        post("/automations/", name="n"),
        post(
            "/automations/", {**AUTOMATION, "actions_on_trigger": [PAUSE], "actions_on_resolve": [PAUSE], "tags": ["a"]}
        ),
        post("/automations/", {**AUTOMATION, "owner_resource": "owner.of.automations"}),
        get("/automations/related-to/owner.of.automations"),
        delete("/automations/owned-by/owner.of.automations"),
        get("/automations/related-to/owner.of.automations"),
        post("/automations/filter", automations={"name": {"any_": ["of changes"]}}),
        *(
            send("POST", "/automations/templates/validate", text)
            for text in ('"{{ a }}"', '"{{ a "', '"{% if %}"', '"a\\n{{ b | nothing }}"', '""')
        ),
        post("/flows/", name="of automations"),
        post("/work_pools/", name="of-automations", base_job_template=template(VARIABLES)),
        deployment("run", f"<{AFTER_AUTOMATIONS}.id>", work_pool_name="of-automations"),
        *(
            post(
                "/automations/",
                {
                    **AUTOMATION,
                    "actions": [
                        {
                            "type": "run-deployment",
                            "deployment_id": f"<{AFTER_AUTOMATIONS + 2}.id>",
                            "job_variables": given,
                        }
                    ],
                },
            )
            for given in (None, {}, {"cpu": "x"}, {"cpu": 1}, {"name": "a"})
        ),
        get(f"/automations/related-to/prefect.deployment.<{AFTER_AUTOMATIONS + 2}.id>"),
        post(
            "/automations/",
            {**AUTOMATION, "actions": [{"type": "run-deployment", "deployment_id": NOBODY, "job_variables": {}}]},
        ),
        delete("/automations/<1.id>"),
        delete("/automations/<1.id>"),
    ],
    "what is small": [
        post("/variables/", name="small_variable", value=[1], tags=["a", "b"]),
        post("/variables/", name="small_variable", value=[1]),
        post("/variables/", name="Not Small", value=1),
        post("/variables/", name="long", value="x" * 5001),
        get("/variables/name/small_variable"),
        get("/variables/name/nobody"),
        get(f"/variables/{NOBODY}"),
        patch("/variables/name/small_variable", value={"a": None}, tags=[]),
        patch("/variables/<1.id>", name="smaller_variable"),
        patch("/variables/name/nobody", value=1),
        patch(f"/variables/{NOBODY}", value=1),
        post("/variables/filter", variables={"name": {"like_": "smaller_v"}}),
        post("/variables/count", variables={"name": {"any_": ["smaller_variable"]}}),
        delete("/variables/name/smaller_variable"),
        delete("/variables/name/smaller_variable"),
        delete(f"/variables/{NOBODY}"),
        send(
            "PUT",
            "/saved_searches/",
            {
                "name": "small",
                "filters": [{"object": "flow", "property": "a", "type": "b", "operation": "c", "value": 1}],
            },
        ),
        send("PUT", "/saved_searches/", {"name": "small", "filters": []}),
        get("/saved_searches/<17.id>"),
        get(f"/saved_searches/{NOBODY}"),
        delete("/saved_searches/<17.id>"),
        delete("/saved_searches/<17.id>"),
        post(
            "/logs/",
            [
                {"name": "l", "level": 10, "message": "m", "timestamp": TIME, "flow_run_id": RUN_OF_LOGS},
                {"name": "l", "level": 30, "message": "n", "timestamp": LATER, "flow_run_id": RUN_OF_LOGS},
            ],
        ),
        post("/logs/", [{"name": "l", "level": 10, "message": "x" * 1_000_001, "timestamp": TIME}]),
        *(
            post("/logs/filter", logs={"flow_run_id": {"any_": [RUN_OF_LOGS]}, **more}, sort=sort)
            for more, sort in (
                ({}, "TIMESTAMP_DESC"),
                ({"level": {"ge_": 30}}, "TIMESTAMP_ASC"),
                ({"level": {"le_": 10}}, "TIMESTAMP_ASC"),
                ({"timestamp": {"before_": TIME}}, "TIMESTAMP_ASC"),
                ({"timestamp": {"after_": LATER}}, "TIMESTAMP_ASC"),
            )
        ),
        get(f"/flow_runs/{RUN_OF_LOGS}/logs/download"),
        get("/collections/views/nothing"),
        get("/block_types/slug/nothing"),
        get("/csrf-token?client=small"),
        get("/admin/version"),
    ],
    "the history of runs": [
        post("/flows/", name="of history"),
        post(
            "/flow_runs/",
            {**RUN, "name": "a", "state": {"type": "SCHEDULED", "state_details": {"scheduled_time": TIME}}},
        ),
        post(
            "/flow_runs/",
            {**RUN, "name": "b", "state": {"type": "SCHEDULED", "state_details": {"scheduled_time": LATER}}},
        ),
        *(
            post(
                "/flow_runs/history",
                history_start=TIME,
                history_end=end,
                history_interval_seconds=seconds,
                flows={"id": {"any_": ["<1.id>"]}},
            )
            for end, seconds in (
                ("2100-01-03T00:00:00Z", 86_400),
                (LATER, 43_200),
                ("2100-01-01T00:00:10Z", 0.5),
                ("2100-01-01T00:00:10Z", 1),
                (TIME, 86_400),
                ("2099-01-01T00:00:00Z", 60),
            )
        ),
        *(
            post("/ui/flow_runs/history", sort=sort, flows={"id": {"any_": ["<1.id>"]}}, limit=limit)
            for sort, limit in (("EXPECTED_START_TIME_ASC", 1), ("EXPECTED_START_TIME_DESC", 5))
        ),
        post("/ui/flows/count-deployments", flow_ids=[]),
        post("/ui/flows/next-runs", flow_ids=[]),
        post("/flow_runs/lateness", flows={"id": {"any_": ["<1.id>"]}}),
        post(
            "/flow_runs/paginate", flows={"id": {"any_": ["<1.id>"]}}, limit=1, page=2, sort="EXPECTED_START_TIME_ASC"
        ),
        post("/flow_runs/paginate", flows={"id": {"any_": ["<1.id>"]}}, limit=0),
        post("/flow_runs/paginate", flows={"id": {"any_": ["<1.id>"]}}, page=0),
        post("/flow_runs/filter", flows={"id": {"any_": ["<1.id>"]}}, limit=201),
        post("/flow_runs/filter", flows={"id": {"any_": ["<1.id>"]}}, limit=200, offset=1, sort="NAME_DESC"),
        post("/task_runs/paginate", flows={"id": {"any_": ["<1.id>"]}}),
    ],
    "a deployment": [
        post("/flows/", name="of deployments", labels={"a": 1}),
        post("/work_pools/", name="of-deployments", type="process"),
        post("/v2/concurrency_limits/", name="limit of deployments", limit=7),
        deployment(
            "d",
            version="1",
            description="d",
            paused=True,
            tags=["b", "a"],
            labels={"a": 2, "b": True},
            parameters={"x": 1},
            path="p",
            entrypoint="e",
            pull_steps=[{"a": {"b": 1}}],
            work_pool_name="of-deployments",
            work_queue_name="q",
            concurrency_limit=3,
            concurrency_options={"collision_strategy": "CANCEL_NEW"},
            job_variables={"a": 1},
            parameter_openapi_schema={},
        ),
        get("/v2/concurrency_limits/<4.global_concurrency_limit.id>"),
        patch("/deployments/<4.id>", concurrency_limit=3),
        patch("/deployments/<4.id>", concurrency_limit=4, concurrency_options=None),
        patch("/deployments/<4.id>", work_queue_name="r", version="2", tags=[], path=None, job_variables=None),
        get("/deployments/<4.id>"),
        patch("/deployments/<4.id>", global_concurrency_limit_id="<3.id>"),
        get("/deployments/<4.id>"),
        patch("/deployments/<4.id>", concurrency_limit=None),
        patch("/deployments/<4.id>", global_concurrency_limit_id=NOBODY),
        patch("/deployments/<4.id>", concurrency_limit=1, global_concurrency_limit_id="<3.id>"),
        patch("/deployments/<4.id>", concurrency_limit=-1),
        patch("/deployments/<4.id>", concurrency_options={"collision_strategy": "NONE"}),
        patch("/deployments/<4.id>", storage_document_id=NOBODY),
        patch("/deployments/<4.id>", infrastructure_document_id=NOBODY),
        patch("/deployments/<4.id>", name="other", flow_id=NOBODY),
        get("/deployments/<4.id>"),
        deployment("d", description="again"),
        deployment("d", f"{NOBODY}"),
        deployment("infrastructure", infrastructure_document_id=NOBODY),
        deployment("schema", parameter_openapi_schema=None, parameters={"x": 1}),
        patch("/deployments/<24.id>", enforce_parameter_schema=True),
        patch("/deployments/<24.id>", enforce_parameter_schema=False, parameters={"x": 2}),
        post("/deployments/<4.id>/pause_deployment"),
        get("/deployments/<4.id>"),
        post("/deployments/<4.id>/resume_deployment"),
        get("/deployments/name/of deployments/d"),
        get(f"/deployments/{NOBODY}/work_queue_check"),
        post("/deployments/filter", flows={"id": {"any_": ["<1.id>"]}}, sort="NAME_ASC"),
        post("/deployments/filter", flows={"id": {"any_": ["<1.id>"]}}, sort="NAME_DESC", limit=1, offset=1),
        post("/deployments/paginate", flows={"id": {"any_": ["<1.id>"]}}, sort="NAME_ASC", limit=1, page=2),
        post("/deployments/count", flows={"id": {"any_": ["<1.id>"]}}),
        post("/deployments/<4.id>/create_flow_run", name="r", work_queue_name="fresh", tags=["c"], labels={"c": 3}),
        post("/deployments/<4.id>/create_flow_run", name="r", idempotency_key="k", parameters={"y": 2}),
        post("/deployments/<4.id>/create_flow_run", name="s", idempotency_key="k"),
        post("/deployments/<4.id>/create_flow_run", name="r", state={"type": "PENDING", "message": "m"}),
        post("/deployments/<4.id>/create_flow_run", name="r", context={"a": 1}, empirical_policy={"retries": 1}),
        post("/deployments/<4.id>/create_flow_run", name="r", parent_task_run_id=NOBODY),
        post("/deployments/<4.id>/create_flow_run", name="r", infrastructure_document_id=NOBODY),
        post("/deployments/<24.id>/create_flow_run", name="r", work_queue_name="fresh"),
        post(f"/deployments/{NOBODY}/create_flow_run", name="r"),
        post(f"/deployments/{NOBODY}/create_flow_run/bulk", [{}]),
        post("/deployments/<4.id>/create_flow_run/bulk", []),
        post("/deployments/<4.id>/create_flow_run/bulk", [{"name": "r"}] * 101),
        post("/deployments/<4.id>/create_flow_run/bulk", [{"name": "r", "work_queue_name": "fresh"}] * 2),
        post("/deployments/bulk_delete", deployments={"id": {"any_": ["<24.id>", NOBODY]}}),
        delete("/deployments/<4.id>"),
        get("/flow_runs/<37.id>"),
    ],
    "runs in queues": [
        post("/flows/", name="of polls"),
        post("/work_pools/", name="of-polls", type="process", concurrency_limit=5),
        post("/work_pools/of-polls/queues", name="first", priority=1),
        post("/work_pools/of-polls/queues", name="second", priority=2, concurrency_limit=1),
        *(
            post(
                "/flow_runs/", {**RUN, "name": name, "work_pool_name": pool, "work_queue_name": queue, "state": due(at)}
            )
            for name, pool, queue, at in (
                ("a", "of-polls", "second", PAST),
                ("b", "of-polls", "second", LONG_PAST),
                ("c", "of-polls", "first", PAST),
                ("d", "of-polls", None, LONG_PAST),
                ("e", "of-polls", "first", TIME),
                ("f", "of-polls", "lost", TIME),
                ("g", "lost-pool", "first", TIME),
                ("h", "lost-pool", None, TIME),
            )
        ),
        post("/work_pools/of-polls/get_scheduled_flow_runs", {}),
        post("/work_pools/of-polls/get_scheduled_flow_runs", scheduled_before=PAST),
        post("/work_pools/of-polls/get_scheduled_flow_runs", scheduled_before=LONG_PAST),
        post("/work_pools/of-polls/get_scheduled_flow_runs", scheduled_after=PAST, scheduled_before=PAST),
        post("/work_pools/of-polls/get_scheduled_flow_runs", work_queue_names=["second", "first"], limit=2),
        post("/work_pools/of-polls/get_scheduled_flow_runs", work_queue_names=["default", "lost"]),
        post("/work_pools/of-polls/get_scheduled_flow_runs", limit=0),
        post("/work_pools/of-polls/get_scheduled_flow_runs", limit=201),
        post("/work_queues/<3.id>/get_runs", {}),
        post("/work_queues/<4.id>/get_runs", scheduled_before=LONG_PAST),
        post("/work_queues/<4.id>/get_runs", limit=0),
        post("/work_pools/of-polls/concurrency_status", {}),
        post("/work_pools/nobody/concurrency_status", {}),
        post("/work_pools/of-polls/queues/second/concurrency_status", {}),
        post("/work_queues/<4.id>/concurrency_status", {}),
        post(f"/work_queues/{NOBODY}/concurrency_status", {}),
        state("/flow_runs/<5.id>", "PENDING"),
        get("/work_queues/<4.id>/status"),
        post("/work_pools/of-polls/concurrency_status", {}),
        post("/work_queues/<4.id>/concurrency_status", {}),
        post("/work_pools/of-polls/get_scheduled_flow_runs", work_queue_names=["second"]),
        get("/work_pools/of-polls/queues/second"),
        get("/work_pools/of-polls"),
        deployment("polled"),
        post("/deployments/<36.id>/create_flow_run", name="r", state=due(PAST)),
        post("/deployments/<36.id>/create_flow_run", name="r", state=due(LONG_PAST)),
        post("/deployments/get_scheduled_flow_runs", deployment_ids=["<36.id>", NOBODY]),
        post("/deployments/get_scheduled_flow_runs", deployment_ids=["<36.id>"], scheduled_before=LONG_PAST),
        post("/deployments/get_scheduled_flow_runs", deployment_ids=["<36.id>"], limit=1),
        post("/deployments/get_scheduled_flow_runs", deployment_ids=[]),
    ],
    "retries, subflows and slots": [
        post("/flows/", name="of retries"),
        post("/flow_runs/", {**RUN, "empirical_policy": {"retries": 1, "retry_delay": 0}}),
        state("/flow_runs/<2.id>", "RUNNING"),
        state("/flow_runs/<2.id>", "FAILED", message="first"),
        state("/flow_runs/<2.id>", "RUNNING", name="Retrying"),
        state("/flow_runs/<2.id>", "FAILED", message="second"),
        get("/flow_runs/<2.id>"),
        post("/flow_runs/", {**RUN, "empirical_policy": {"max_retries": 2, "retry_delay_seconds": 9}}),
        state("/flow_runs/<8.id>", "RUNNING"),
        state("/flow_runs/<8.id>", "FAILED"),
        state("/flow_runs/<8.id>", "CANCELLED"),
        state("/flow_runs/<8.id>", "RUNNING"),
        post("/flow_runs/", {**RUN, "state": {"type": "RUNNING"}}),
        post(
            "/task_runs/",
            {
                **TASK_RUN,
                "flow_run_id": "<13.id>",
                "dynamic_key": "a",
                "empirical_policy": {"retries": 2, "retry_delay": [1, 2]},
            },
        ),
        *(
            step
            for _ in range(3)
            for step in (
                state("/task_runs/<14.id>", "RUNNING", force=True),
                state("/task_runs/<14.id>", "FAILED"),
                get("/task_runs/<14.id>"),
            )
        ),
        post("/task_runs/", {**TASK_RUN, "flow_run_id": "<13.id>", "dynamic_key": "b"}),
        post("/flow_runs/", {**RUN, "parent_task_run_id": "<24.id>", "name": "child"}),
        get("/task_runs/<24.id>"),
        state("/flow_runs/<25.id>", "RUNNING"),
        get("/task_runs/<24.id>"),
        state("/flow_runs/<25.id>", "COMPLETED", message="done"),
        get("/task_runs/<24.id>"),
        post(
            "/task_runs/",
            {
                **TASK_RUN,
                "flow_run_id": "<13.id>",
                "dynamic_key": "c",
                "task_inputs": {
                    "x": [{"input_type": "task_run", "id": "<14.id>"}],
                    "y": [{"input_type": "constant", "type": "int"}, {"input_type": "parameter", "name": "p"}],
                },
            },
        ),
        state("/task_runs/<31.id>", "RUNNING"),
        get("/flow_runs/<13.id>/graph-v2"),
        get("/flow_runs/<13.id>/graph-v2?since=2200-01-01T00:00:00Z"),
        post(
            "/task_runs/count", flow_runs={"id": {"any_": ["<13.id>"]}}, task_runs={"subflow_runs": {"exists_": True}}
        ),
        deployment("slots", concurrency_limit=1, concurrency_options={"collision_strategy": "ENQUEUE"}),
        post("/deployments/<36.id>/create_flow_run", name="r"),
        post("/deployments/<36.id>/create_flow_run", name="r"),
        state("/flow_runs/<37.id>", "PENDING"),
        state("/flow_runs/<38.id>", "PENDING"),
        patch("/deployments/<36.id>", concurrency_options={"collision_strategy": "CANCEL_NEW"}),
        state("/flow_runs/<38.id>", "PENDING"),
        get("/flow_runs/<38.id>"),
        state("/flow_runs/<37.id>", "RUNNING"),
        state("/flow_runs/<37.id>", "COMPLETED"),
        get("/deployments/<36.id>"),
        patch("/deployments/<36.id>", concurrency_limit=0),
        post("/deployments/<36.id>/create_flow_run", name="r"),
        state("/flow_runs/<48.id>", "PENDING"),
        state("/flow_runs/<13.id>", "CANCELLING"),
        state("/task_runs/<31.id>", "COMPLETED"),
        state("/flow_runs/<13.id>", "CRASHED"),
        state("/flow_runs/<13.id>", "SCHEDULED", name="AwaitingRetry"),
    ],
    "blocks in blocks": [
        *(post("/block_types/", name=f"Nested {letter}", slug=f"nested-{letter}") for letter in "abc"),
        *(
            post("/block_schemas/", block_type_id=f"<{type_}.id>", fields=nested(letter), capabilities=["see", "hear"])
            for type_, letter in ((1, "a"), (2, "b"))
        ),
        post(
            "/block_schemas/",
            block_type_id="<3.id>",
            fields={
                **nested("c", part={"anyOf": [{"$ref": "#/definitions/A"}, {"$ref": "#/definitions/B"}]}),
                "definitions": {"A": nested("a", own={"type": "string"}), "B": nested("b", own={"type": "string"})},
                "block_schema_references": {
                    "part": [
                        {"block_type_slug": f"nested-{letter}", "block_schema_checksum": f"sha256:{letter}"}
                        for letter in "ab"
                    ]
                },
            },
        ),
        get("/block_schemas/<6.id>"),
        get("/block_schemas/checksum/<6.checksum>"),
        post("/block_schemas/filter", block_schemas={"block_type_id": {"any_": ["<1.id>"]}}),
        post("/block_schemas/filter", block_schemas={"block_capabilities": {"all_": ["see", "hear"]}}),
        post("/block_types/filter", block_types={"name": {"like_": "nested"}}),
        post("/block_types/filter", block_types={"slug": {"any_": ["nested-a"]}}),
        *(
            post(
                "/block_documents/",
                name=f"n{schema}",
                block_type_id=f"<{type_}.id>",
                block_schema_id=f"<{schema}.id>",
                data=data,
            )
            for type_, schema, data in ((1, 4, {"own": 1}), (2, 5, {"own": "x"}), (2, 4, {}))
        ),
        post(
            "/block_documents/",
            name="n6",
            block_type_id="<3.id>",
            block_schema_id="<6.id>",
            data={"part": {"$ref": {"block_document_id": "<13.id>"}}},
        ),
        get("/block_documents/<16.id>"),
        post("/block_schemas/", block_type_id="<1.id>", fields=nested("a", more={})),
        patch("/block_documents/<13.id>", block_schema_id="<18.id>", data={"more": 1}, merge_existing_data=False),
        patch("/block_documents/<13.id>", block_schema_id="<5.id>", data={}, merge_existing_data=False),
        get("/block_documents/<13.id>"),
        get("/block_documents/<16.id>"),
        delete("/block_documents/<13.id>"),
        get("/block_documents/<16.id>"),
        delete("/block_types/<1.id>"),
        get("/block_schemas/<6.id>"),
    ],
}
