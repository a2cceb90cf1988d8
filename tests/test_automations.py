"""Automations: their triggers and actions, and the errors of invalid ones."""

import json
import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from handlers.automation.triggers import begins_like
from tests.loading.test_fixtures import loaded
from tests.servers import stand_in
from tests.test_handlers import created
from understudy.errors import FixtureError
from understudy.operations.api_folder import Api

EVENT: dict[str, Any] = {"posture": "Reactive"}
COMPOUND = "function-after[validate_require(), CompoundTrigger]"
OUTER = f"function-after[validate_require(), {COMPOUND}]"
DEPLOYMENT = str(uuid4())


def an_automation(api: httpx.Client, **fields: object) -> dict[str, Any]:
    return created(api, "/automations/", **{"name": "a", "trigger": EVENT, "actions": [], **fields})


def errors(api: httpx.Client, **fields: object) -> list[dict[str, Any]]:
    body = {"name": "a", "trigger": EVENT, "actions": [], **fields}
    refused = api.post("/automations/", json=body)
    assert refused.status_code == 422, refused.text
    return list(refused.json()["exception_detail"])


def names(response: httpx.Response) -> list[str]:
    return [each["name"] for each in response.raise_for_status().json()]


def runs_deployment(**fields: object) -> dict[str, object]:
    return {"type": "run-deployment", "source": "selected", "deployment_id": DEPLOYMENT, **fields}


# -------------------------------------------------------------------- triggers


def test_event_trigger_has_the_defaults_of_a_real_server(own: httpx.Client) -> None:
    trigger = an_automation(own)["trigger"]
    assert list(trigger.items()) == [
        ("type", "event"), ("id", trigger["id"]), ("match", {}), ("match_related", {}), ("after", []), ("expect", []),
        ("for_each", []), ("posture", "Reactive"), ("threshold", 1), ("within", 0.0),
    ]  # fmt: skip
    proactive = an_automation(own, trigger={"posture": "Proactive"})["trigger"]
    assert proactive["within"] == 10.0


def test_triggers_contain_others_and_get_new_ids(own: httpx.Client) -> None:
    known = str(uuid4())
    inner = {**EVENT, "id": known, "within": "PT5M", "expect": ["b", "a", "a"]}
    sequence = {"type": "sequence", "triggers": [inner], "within": None}
    trigger = an_automation(own, trigger={"type": "compound", "triggers": [sequence], "require": "any", "within": 5})[
        "trigger"
    ]
    event = trigger["triggers"][0]["triggers"][0]
    assert (trigger["within"], trigger["triggers"][0]["within"], event["within"]) == (5.0, None, 300.0)
    assert sorted(event["expect"]) == ["a", "b"]
    assert known != event["id"]


@pytest.mark.parametrize(
    ("trigger", "place", "message"),
    [
        ({"posture": "Proactive", "within": 3}, [], "Value error, `within` for Proactive triggers must be greater "
            "than or equal to 10 seconds"),
        ({**EVENT, "within": None}, [], "Value error, `within` should be a valid timedelta"),
        ({**EVENT, "within": -1}, ["within"], "Input should be greater than or equal to 0 seconds"),
        ({"posture": "Metric"}, ["posture"], "Input should be Posture.Reactive or Posture.Proactive"),
        ({**EVENT, "match": {"a": 1}}, ["match", "a", "str"], "Input should be a valid string"),
        ({**EVENT, "match_related": 5}, ["match_related", "ResourceSpecification"], "Input should be a valid "
            "dictionary"),
    ],
)  # fmt: skip
def test_event_trigger_is_validated(own: httpx.Client, trigger: object, place: list[str], message: str) -> None:
    found = [error for error in errors(own, trigger=trigger) if "EventTrigger" in error["loc"]]
    assert (found[0]["loc"], found[0]["msg"]) == (["body", "trigger", "EventTrigger", *place], message)


def test_errors_of_every_kind_of_trigger_are_listed(own: httpx.Client) -> None:
    assert [error["loc"][2:] for error in errors(own, trigger={})] == [
        ["EventTrigger", "posture"], [OUTER, "triggers"], [OUTER, "within"], [OUTER, "require"],
        ["SequenceTrigger", "triggers"], ["SequenceTrigger", "within"],
    ]  # fmt: skip
    nested = {"type": "compound", "triggers": [{}], "within": 5, "require": 1}
    places = [error["loc"][2:6] for error in errors(own, trigger=nested)]
    assert [OUTER, "triggers", 0, COMPOUND] in places
    too_many = errors(own, trigger={**nested, "triggers": [EVENT], "require": 2})
    messages = [error["msg"] for error in too_many if error["loc"][2:] == [OUTER]]
    assert messages == ["Value error, require must be less than or equal to the number of triggers"]


# --------------------------------------------------------------------- actions


@pytest.mark.parametrize(
    ("text", "name"),
    [("a.b", "a.*"), ("a.", "a.*"), ("a.b.c", "a.*.c"), ("abc", "ab"), ("ab", "abc"), ("abab", "a*b"), ("b", "*"),
     ("", "*"), ("a\nb", "a*b"), ("axxb", "a**b"), ("axb", "a**b"), ("a-b", "a-*b"), ("a.c", "a.b")],
)  # fmt: skip
def test_prefixes_of_event_names(text: str, name: str) -> None:
    searched = re.match(re.escape(name).replace(r"\*", ".+"), text) is not None
    assert begins_like(text, name) is searched


def test_pattern_with_many_stars_is_fast() -> None:
    assert not begins_like("a" * 5000 + "b", "a*" * 4000 + "b")


@pytest.mark.parametrize("kind", ["compound", "sequence"])
def test_too_complex_triggers_are_rejected(own: httpx.Client, kind: str) -> None:
    def nested(levels: int, parts: int = 1) -> dict[str, Any]:
        trigger: dict[str, Any] = EVENT
        for _ in range(levels):
            trigger = {"type": kind, "require": "any", "within": None, "triggers": [trigger] * parts}
        return trigger

    body = {"name": "nested", "actions": [{"type": "do-nothing"}]}
    assert own.post("/automations/", json={**body, "trigger": nested(8)}).status_code == 201
    for trigger in (nested(200), nested(1, 50_000)):
        response = own.post("/automations/", json={**body, "trigger": trigger}, timeout=10)
        assert response.status_code == 422
        assert "Value error, triggers are nested too deep, or there are too many" in response.text


def test_actions_have_the_defaults_of_a_real_server(own: httpx.Client) -> None:
    actions = [
        {},
        {"type": "run-deployment", "deployment_id": DEPLOYMENT},
        {"type": "pause-work-pool", "source": "inferred"},
        {"type": "call-webhook", "block_document_id": DEPLOYMENT, "payload": {"a": 1}},
    ]
    assert an_automation(own, actions=actions)["actions"] == [
        {"type": "do-nothing"},
        {
            "type": "run-deployment", "source": "selected", "deployment_id": DEPLOYMENT, "parameters": None,
            "job_variables": None, "schedule_after": 0.0,
        },
        {"type": "pause-work-pool", "source": "inferred", "work_pool_id": None},
        {"type": "call-webhook", "block_document_id": DEPLOYMENT, "payload": '{\n  "a": 1\n}'},
    ]  # fmt: skip


def test_actions_are_validated(own: httpx.Client) -> None:
    def of(name: str, action: dict[str, Any]) -> list[str]:
        return [error["msg"] for error in errors(own, actions=[action]) if name in str(error["loc"][3])]

    run = {"type": "run-deployment"}
    assert of("RunDeployment", run) == ["Value error, deployment_id is required"]
    inferred = {**run, "source": "inferred", "deployment_id": DEPLOYMENT}
    assert of("RunDeployment", inferred) == ["Value error, deployment_id is not allowed"]
    late = {**run, "deployment_id": DEPLOYMENT, "schedule_after": -1}
    assert of("RunDeployment", late) == ["Value error, schedule_after must be non-negative"]
    notification = {"type": "send-notification", "block_document_id": DEPLOYMENT, "body": "{{ x"}
    assert of("SendNotification", notification)[0].startswith("Value error, 'body' is not a valid template: ")
    assert len({error["loc"][3] for error in errors(own, actions=[5])}) == 17


def test_automation_does_not_run_a_deployment_for_its_own_runs(own: httpx.Client) -> None:
    trigger = {**EVENT, "expect": ["prefect.flow-run.*"]}
    inferred = {"type": "run-deployment", "source": "inferred"}
    (error,) = errors(own, trigger=trigger, actions=[inferred])
    assert error["loc"] == ["body"]
    assert error["msg"].startswith("Value error, Running an inferred deployment from a flow run state change event")
    selected = {"type": "run-deployment", "deployment_id": DEPLOYMENT}
    (error,) = errors(own, trigger=trigger, actions=[selected])
    assert error["msg"].startswith("Value error, Running a selected deployment")
    an_automation(own, trigger={**trigger, "match": {"a": "b"}}, actions=[selected])
    made = an_automation(own, trigger=trigger, actions=[selected], enabled=False)
    refused = own.patch(f"/automations/{made['id']}", json={"enabled": True})
    assert (refused.status_code, refused.json()["exception_detail"][0]["loc"]) == (422, [])


# ------------------------------------------------------------------------ rows


def test_automations_are_read_changed_and_deleted(own: httpx.Client) -> None:
    made = an_automation(own, name="b", tags=["t"])
    an_automation(own, name="a")
    path = f"/automations/{made['id']}"
    assert own.patch(path, json={"enabled": False}).status_code == 204
    assert own.get(path).json()["enabled"] is False
    assert own.put(path, json={"name": "c", "trigger": EVENT, "actions": [{}]}).status_code == 204
    changed = own.get(path).json()
    assert (changed["name"], changed["tags"], changed["actions"]) == ("c", ["t"], [{"type": "do-nothing"}])
    assert names(own.post("/automations/filter")) == ["a", "c"]
    only = {"automations": {"name": {"any_": ["c"]}}}
    assert names(own.post("/automations/filter", json={**only, "sort": "NAME_DESC"})) == ["c"]
    assert own.post("/automations/count", json=only).json() == 1
    assert own.delete(path).status_code == 204
    missing = [own.get(path), own.put(path, json={"name": "c", "trigger": EVENT, "actions": []}), own.delete(path)]
    assert [each.status_code for each in missing] == [404, 404, 404]
    assert missing[0].json() == {"exception_message": "Automation not found"}


def test_automations_belong_to_resources(own: httpx.Client) -> None:
    an_automation(own, name="owned", owner_resource="prefect.deployment.mine")
    an_automation(own, name="runs", actions=[{"type": "run-deployment", "deployment_id": DEPLOYMENT}])
    related = f"prefect.deployment.{DEPLOYMENT}"
    assert names(own.get("/automations/related-to/prefect.deployment.mine")) == ["owned"]
    assert names(own.get(f"/automations/related-to/{related}")) == ["runs"]
    for resource in ("prefect.deployment.mine", related):
        assert own.delete(f"/automations/owned-by/{resource}").status_code == 202
    assert names(own.post("/automations/filter")) == ["runs"]


def test_automations_are_loaded_from_fixtures(tmp_path: Path) -> None:
    row: dict[str, Any] = {"name": "a", "trigger": {"type": "event", **EVENT}, "actions": [{"type": "do-nothing"}]}
    (tmp_path / "automations.json").write_text(json.dumps([row]), encoding="utf-8")
    with stand_in(tmp_path) as api:
        (shown,) = api.post("/automations/filter").json()
        assert "owner_resource" not in shown
        assert shown["trigger"].items() >= {**row["trigger"], "threshold": 1, "within": 0.0, "expect": []}.items()
        assert shown["trigger"]["id"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"trigger": {}}, "the trigger is not valid: posture: Field required"),
        ({"trigger": {"type": "x"}}, "the trigger must have one of these values of `type`: event, compound, sequence"),
        ({"trigger": {**EVENT, "expect": "x"}}, "the trigger is not valid: expect: Input should be a valid set"),
        (
            {"trigger": {"type": "sequence", "within": None, "triggers": [EVENT, {"posture": 1}]}},
            "part 2 of the trigger is not valid: posture: Input should be Posture.Reactive or Posture.Proactive",
        ),
        ({"actions": [{"type": "do-nothing"}, {}]}, "action 2 must have one of these values of `type`: do-nothing, "),
        ({"actions": [{"type": 1}]}, "action 1 must have one of these values of `type`: do-nothing, "),
        ({"actions": [{"type": "run-deployment"}]}, "action 1 is not valid: deployment_id is required"),
        ({"actions_on_resolve": [{"type": "nope"}]}, "action 1 must have one of these values of `type`: do-nothing, "),
    ],
)
def test_invalid_automations_in_fixtures_are_rejected(
    api: Api, tmp_path: Path, fields: dict[str, Any], message: str
) -> None:
    """Else, the service that evaluates automations would fail, for all of them."""
    row = {"name": "a", "trigger": EVENT, "actions": [], **fields}
    (tmp_path / "automations.json").write_text(json.dumps([row]), encoding="utf-8")
    with pytest.raises(FixtureError, match=re.escape(message)):
        loaded(api, tmp_path)


def test_automation_of_fixtures_with_few_fields_runs(tmp_path: Path) -> None:
    parts = {"type": "sequence", "within": "PT5M", "triggers": [{**EVENT, "expect": ["one"]}]}
    row = {"name": "a", "trigger": parts, "actions": [{"type": "do-nothing"}]}
    (tmp_path / "automations.json").write_text(json.dumps([row]), encoding="utf-8")
    with stand_in(tmp_path) as api:
        (shown,) = api.post("/automations/filter").json()
        assert shown["trigger"]["within"] == 300
        assert shown["trigger"]["triggers"][0]["expect"] == ["one"]


# ------------------------------------------------------------------- templates


@pytest.mark.parametrize("path", ["/templates/validate", "/automations/templates/validate"])
def test_templates_are_validated(own: httpx.Client, path: str) -> None:
    nested = "{% for a in b %}{% for c in d %}{% for e in f %}{% endfor %}{% endfor %}{% endfor %}"
    assert [own.post(path, json=each).status_code for each in ("{{ x }}", "", None)] == [204, 204, 204]
    assert own.post(path).status_code == 204
    assert own.post(path, json="\n{{ x").json()["error"] == {
        "line": 2,
        "message": "unexpected end of template, expected 'end of print statement'.",
        "source": "\n{{ x",
    }
    assert (
        own.post(path, json=nested).json()["error"]["message"].startswith("Contains nested for loops at a depth of 3")
    )
    many = "{% for a in b %}{% endfor %}" * 11
    assert own.post(path, json=many).json()["error"]["message"].startswith("Contains 11 for loops.")
    assert own.post(path, json=5).json()["exception_detail"][0]["type"] == "string_type"


def test_missing_fields_are_in_the_order_of_a_real_server(scratch: httpx.Client) -> None:
    errors = scratch.post("/automations/filter", json="x").json()["exception_detail"]
    assert [error["loc"][1] for error in errors] == ["limit", "sort", "offset", "automations"]


# -------------------------------------------------------------- changes and runs


def test_replacement_keeps_omitted_fields(own: httpx.Client) -> None:
    made = an_automation(own, enabled=False, tags=["t"], description="d")
    path = f"/automations/{made['id']}"
    own.put(path, json={"name": "b", "trigger": EVENT, "actions": []}).raise_for_status()
    after = own.get(path).json()
    assert [after[name] for name in ("name", "enabled", "tags", "description")] == ["b", False, ["t"], "d"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"a": {"b": "{{ c"}}, "a.b: Invalid jinja: "),
        ({"a": {"__prefect_kind": "json", "value": "{"}}, "a: Invalid JSON: "),
        ({"a": "{% for x in y %}" * 3 + "{% endfor %}" * 3}, "a: Invalid jinja: Contains nested for loops"),
    ],
)
def test_templates_in_parameters_of_runs_are_checked(
    own: httpx.Client, parameters: dict[str, object], message: str
) -> None:
    (error,) = (
        each
        for each in errors(own, actions=[runs_deployment(parameters=parameters)])
        if each["loc"][-1] == "parameters"
    )
    assert error["msg"].startswith(f"Value error, Invalid parameters: \n{message}")


@pytest.mark.parametrize(
    "parameters",
    [
        {"a": ["{{ c"]},  # a real server does not check those in lists
        {"a": "{{ c | nofilter }}"},
        {"a": {"__prefect_kind": "workspace_variable", "variable_name": "unknown"}},
    ],
)
def test_values_known_only_at_run_time_are_accepted(own: httpx.Client, parameters: dict[str, object]) -> None:
    an_automation(own, actions=[runs_deployment(parameters=parameters)])


def test_job_variables_of_runs_are_checked(own: httpx.Client) -> None:
    properties = {"cpu": {"type": "integer"}}
    template = {
        "job_configuration": {"cpu": "{{ cpu }}"},
        "variables": {"type": "object", "properties": properties, "required": ["cpu"]},
    }
    created(own, "/work_pools/", name="pool", type="process", base_job_template=template)
    flow = created(own, "/flows/", name="f")["id"]
    pooled = created(own, "/deployments/", name="pooled", flow_id=flow, work_pool_name="pool")["id"]
    free = created(own, "/deployments/", name="free", flow_id=flow)["id"]
    automation = f"/automations/{an_automation(own)['id']}"

    def answers(deployment: str, variables: object) -> tuple[int, int]:
        action = runs_deployment(deployment_id=deployment, job_variables=variables)
        body = {"name": "a", "trigger": EVENT, "actions": [action]}
        replaced = own.put(automation, json=body)
        return own.post("/automations/", json=body).status_code, replaced.status_code

    assert answers(pooled, {"cpu": 1}) == answers(pooled, None) == answers(free, {"gpu": 1}) == (201, 204)
    assert answers(pooled, {"cpu": "x"}) == answers(pooled, {"gpu": 1}) == (422, 422)
    assert answers(DEPLOYMENT, {"cpu": 1}) == (404, 404)
    assert answers(DEPLOYMENT, {}) == (201, 404)  # as on a real server: only a replacement looks for the deployment
