"""Requests that random sessions seldom draw, played on a real server and on the stand-in."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests.conftest import SMALL
from tests.real.alike import Likeness
from tests.real.conftest import Pair

NOBODY = "00000000-0000-4000-8000-000000000005"
EVENT = {"type": "event", "posture": "Reactive", "expect": ["a"]}


class Both:
    """Sends requests to both servers, and asserts that their answers are alike. Ids are those of the real one."""

    def __init__(self, real: httpx.Client, ours: httpx.Client) -> None:
        self.real, self.ours = real, ours
        self.likeness = Likeness()

    def __call__(self, method: str, path: str, body: object = None, *, is_named: bool = True) -> Any:
        text = json.dumps(body)
        real, ours = (
            self.answer(client, method, write(path), write(text))
            for client, write in ((self.real, str), (self.ours, self.likeness.translated))
        )
        if not is_named:
            assert real[1].pop("name")
            assert ours[1].pop("name")
        difference = self.likeness.difference([*real], [*ours])
        assert difference is None, f"{method} {path} {text}: {difference}"
        return real[1]

    @staticmethod
    def answer(client: httpx.Client, method: str, path: str, text: str) -> tuple[int, Any]:
        content = None if text == "null" else text
        response = client.request(method, path, content=content, headers={"content-type": "application/json"})
        return response.status_code, response.json() if response.content else None


def test_policies_names_and_numbers(pair: Callable[[Path], Pair]) -> None:
    both = Both(*pair(SMALL))
    flow = both("POST", "/flows/", {"name": "edges"})["id"]
    run = both("POST", "/flow_runs/", {"flow_id": flow, "name": "n"})["id"]
    task = {"flow_run_id": run, "task_key": "k", "dynamic_key": "0", "name": "t"}
    task_run = both("POST", "/task_runs/", task)["id"]
    delays: list[object] = ["x", "3", "2.5", True, [1, 1.5], ["1", "2"], ["x"], {}, [1] * 51]
    for delay in delays:
        both("POST", "/task_runs/", {**task, "dynamic_key": str(delay), "empirical_policy": {"retry_delay": delay}})
    both("POST", "/task_runs/", {**task, "empirical_policy": {"retry_jitter_factor": -1}})
    for policy in ({"retry_type": "x"}, {"pause_keys": ["a", "a"]}, {"pause_keys": "a"}):
        both("PATCH", f"/flow_runs/{run}", {"empirical_policy": policy})
        both("GET", f"/flow_runs/{run}")
    for path in (f"/flow_runs/{run}", f"/task_runs/{task_run}"):
        for name in (None, "", 0, 5):
            both("PATCH", path, {"name": name})
            both("GET", path, is_named=False)
    for number in (1.0, -0.0, 1.5, [1.0]):
        both("POST", f"/flow_runs/{run}/set_state", {"state": {"type": "RUNNING", "data": number}, "force": True})
        name = f"v{len(str(number))}{number}".replace(".", "_").replace("[", "l").replace("]", "")
        both("POST", "/variables/", {"name": name, "value": number})
        texts = [client.get(f"/variables/name/{name}").text for client in (both.real, both.ours)]
        assert len({text.partition('"value":')[2] for text in texts}) == 1


def test_automations_that_run_deployments(pair: Callable[[Path], Pair]) -> None:
    both = Both(*pair(SMALL))
    variables = {"type": "object", "properties": {"cpu": {"type": "integer"}}, "required": ["cpu"]}
    template = {"job_configuration": {"cpu": "{{ cpu }}"}, "variables": variables}
    both("POST", "/work_pools/", {"name": "edges", "type": "process", "base_job_template": template})
    flow = both("POST", "/flows/", {"name": "edges"})["id"]
    deployment = both("POST", "/deployments/", {"name": "d", "flow_id": flow, "work_pool_name": "edges"})["id"]
    body: dict[str, Any] = {"name": "a", "trigger": EVENT, "actions": []}
    automation = both("POST", "/automations/", {**body, "enabled": False, "tags": ["t"]})["id"]
    both("PUT", f"/automations/{automation}", body)
    both("GET", f"/automations/{automation}")
    action = {"type": "run-deployment", "source": "selected"}
    for target in (deployment, NOBODY):
        for given in (None, {}, {"cpu": 1}, {"cpu": "x"}, {"gpu": 1}):
            actions = [{**action, "deployment_id": target, "job_variables": given}]
            both("POST", "/automations/", {**body, "actions": actions})
            both("PUT", f"/automations/{automation}", {**body, "actions": actions})
    for parameters in ({"a": "{{ b"}, {"a": {"b": "{% if %}"}}, {"a": ["{{ b"]}, {"a": "{{ b | none }}"}, {}):
        actions = [{**action, "deployment_id": NOBODY, "parameters": parameters}]
        both("POST", "/automations/", {**body, "actions": actions})


def test_deployments_with_unknown_blocks_zones_and_numbers_of_runs(pair: Callable[[Path], Pair]) -> None:
    both = Both(*pair(SMALL))
    flow = both("POST", "/flows/", {"name": "edges"})["id"]
    schedules = [{"schedule": {"cron": "0 0 * * *"}}, {"schedule": {"rrule": "FREQ=DAILY"}}]
    body = {"name": "d", "flow_id": flow, "schedules": schedules}
    path = f"/deployments/{both('POST', '/deployments/', body)['id']}"
    for name in ("storage_document_id", "infrastructure_document_id"):
        both("PATCH", path, {name: NOBODY})
    for kind in ({"interval": 60}, {"cron": "0 0 * * *"}, {"rrule": "FREQ=DAILY"}):
        both("POST", f"{path}/schedules", [{"schedule": {**kind, "timezone": "Mars"}}])
    for most in (0, -1, 1):
        both("POST", f"{path}/schedule", {"max_runs": most, "start_time": "2030-01-01T00:30:00Z"})
        both("POST", "/flow_runs/count", {"deployments": {"name": {"any_": ["d"]}}, "flows": {"id": {"any_": [flow]}}})
