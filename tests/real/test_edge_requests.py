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
Headers = dict[str, str]
EVENT = {"type": "event", "posture": "Reactive", "expect": ["a"]}


class Both:
    """Sends requests to both servers, and asserts that their responses are alike. Ids are those of the real one."""

    def __init__(self, real: httpx.Client, ours: httpx.Client) -> None:
        self.real, self.ours = real, ours
        self.likeness = Likeness()

    def __call__(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Headers | None = None,
        *,
        is_named: bool = True,
    ) -> Any:
        text = json.dumps(body)
        real, ours = (
            self.answer(client, method, write(path), write(text), headers or {})
            for client, write in ((self.real, str), (self.ours, self.likeness.translated))
        )
        if not is_named:
            for shown in (real[1], ours[1]):
                for row in shown if isinstance(shown, list) else [shown]:
                    assert row.pop("name")
        difference = self.likeness.difference([*real], [*ours])
        assert difference is None, f"{method} {path} {text}: {difference}"
        return real[1]

    @staticmethod
    def answer(client: httpx.Client, method: str, path: str, text: str, headers: Headers) -> tuple[int, Any]:
        content = None if text == "null" else text
        headers = {"content-type": "application/json", **headers}
        response = client.request(method, path, content=content, headers=headers)
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


def test_headers_that_name_the_sender_of_a_request(pair: Callable[[Path], Pair]) -> None:
    both = Both(*pair(SMALL))
    flow = both("POST", "/flows/", {"name": "edges"})["id"]
    deployment = both("POST", "/deployments/", {"name": "d", "flow_id": flow})["id"]
    for name in ("TWluZSDDqQ==", "", "%%%", "/w=="):
        automation = {"prefect-automation-id": NOBODY, "prefect-automation-name": name}
        both("POST", "/deployments/", {"name": f"by {len(name)}", "flow_id": flow}, automation)
        run = both("POST", "/flow_runs/", {"flow_id": flow, "name": "n"}, automation)["id"]
        both("GET", f"/flow_runs/{run}")
        both("POST", f"/deployments/{deployment}/create_flow_run", {"name": "n"}, automation)
        both("POST", f"/deployments/{deployment}/create_flow_run/bulk", [{"name": "n"}], automation)
    invalid = {"prefect-automation-id": "x"}
    for body in ({"name": "x", "flow_id": flow}, {"name": 5}, None):
        for path in ("/flow_runs/", "/deployments/", f"/deployments/{NOBODY}/create_flow_run"):
            both("POST", path, body, invalid)
        both("POST", f"/deployments/{NOBODY}/create_flow_run/bulk", [body], invalid)
    for version in ("3.3.7", "3.3.7rc1", "3.3.7+1.gabc", "3.3.8", "2.0.0"):
        agent = {"user-agent": f"prefect/{version} (API 0.8.4)"}
        name = version.replace("+", "-")
        both("POST", "/work_pools/", {"name": name, "type": "process"}, agent)
        both("GET", f"/work_pools/{name}", headers=agent)
        both("POST", "/work_pools/filter", {"work_pools": {"name": {"any_": [name]}}}, agent)
    both("POST", "/work_pools/3.3.8/get_scheduled_flow_runs", {"work_queue_names": ["default", "default"]})


def test_keys_of_inputs(pair: Callable[[Path], Pair]) -> None:
    both = Both(*pair(SMALL))
    flow = both("POST", "/flows/", {"name": "edges"})["id"]
    run = both("POST", "/flow_runs/", {"flow_id": flow, "name": "n"})["id"]
    for key in ("", "a", "a\n", "a-1"):
        both("POST", f"/flow_runs/{run}/input", {"key": key, "value": "v"})
    both("POST", f"/flow_runs/{run}/input/filter", {"prefix": "a"})


def test_times_with_offsets(pair: Callable[[Path], Pair]) -> None:
    both = Both(*pair(SMALL))
    flow = both("POST", "/flows/", {"name": "edges"})["id"]
    run = both("POST", "/flow_runs/", {"flow_id": flow, "name": "n"})["id"]
    times = ("2031-01-01T00:00:00-03:30", "2031-01-01", "2031-01-01T00:00:00", 1900000000, "2031-W01-1", "+00:00")
    for name in ("scheduled_time", "pause_timeout", "cache_expiration"):
        for time in times:
            state = {"type": "SCHEDULED", "state_details": {name: time}}
            both("POST", f"/flow_runs/{run}/set_state", {"state": state, "force": True})
            both("GET", f"/flow_runs/{run}")
    for number, zone in enumerate(("Europe/Berlin", "America/New_York", "UTC")):
        anchor = "2025-01-01T00:00:00+02:00"
        for kind in ({"cron": "0 9 * * *"}, {"interval": 86400, "anchor_date": anchor}):
            name = f"d{number}{len(kind)}"
            schedules = [{"schedule": {**kind, "timezone": zone}}]
            deployment = both("POST", "/deployments/", {"name": name, "flow_id": flow, "schedules": schedules})["id"]
            both("POST", f"/deployments/{deployment}/schedule", {"start_time": "2031-03-29T00:00:00Z", "max_runs": 1})
            both("POST", "/flow_runs/filter", {"deployments": {"name": {"any_": [name]}}}, is_named=False)


def test_lease_of_a_deleted_run(pair: Callable[[Path], Pair]) -> None:
    """It remains, and releases another slot."""
    both = Both(*pair(SMALL))
    flow = both("POST", "/flows/", {"name": "edges"})["id"]
    deployment = both("POST", "/deployments/", {"name": "d", "flow_id": flow, "concurrency_limit": 3})["id"]
    limit = both("GET", f"/deployments/{deployment}")["global_concurrency_limit"]["id"]
    runs = [both("POST", f"/deployments/{deployment}/create_flow_run", {"name": "n"})["id"] for _ in range(3)]
    for run in runs:
        state = both("POST", f"/flow_runs/{run}/set_state", {"state": {"type": "PENDING"}})["state"]
        lease = state["state_details"]["deployment_concurrency_lease_id"]
        both("POST", f"/v2/concurrency_limits/leases/{lease}/renew", {})
    both("DELETE", f"/flow_runs/{run}")
    both("POST", f"/v2/concurrency_limits/leases/{lease}/renew", {})
    both("GET", f"/v2/concurrency_limits/{limit}")
    both("POST", "/v2/concurrency_limits/decrement-with-lease", {"lease_id": lease})
    both("GET", f"/v2/concurrency_limits/{limit}")


def test_previews_of_the_client_that_renews_leases(pair: Callable[[Path], Pair]) -> None:
    both = Both(*pair(SMALL))
    flow = both("POST", "/flows/", {"name": "edges"})["id"]
    deployment = both("POST", "/deployments/", {"name": "d", "flow_id": flow, "concurrency_limit": 9})["id"]
    for version in ("3.4.11.dev2", "3.4.11rc1", "3.4.11", "3.4.11+1.gabc", "3.4.11.post1", "3.4.12.dev1"):
        agent = {"user-agent": f"prefect/{version} (API 0.8.4)"}
        run = both("POST", f"/deployments/{deployment}/create_flow_run", {"name": "n"})["id"]
        pending = both("POST", f"/flow_runs/{run}/set_state", {"state": {"type": "PENDING"}}, agent)
        both("POST", f"/flow_runs/{run}/set_state", {"state": {"type": "RUNNING"}}, agent)
        lease = pending["state"]["state_details"]["deployment_concurrency_lease_id"]
        both("POST", f"/v2/concurrency_limits/leases/{lease}/renew", {})


def test_results_with_an_invalid_artifact(pair: Callable[[Path], Pair]) -> None:
    both = Both(*pair(SMALL))
    flow = both("POST", "/flows/", {"name": "edges"})["id"]
    run = both("POST", "/flow_runs/", {"flow_id": flow, "name": "n", "state": {"type": "RUNNING"}})["id"]
    for data in ({"artifact_key": 5}, {"artifact_type": [1], "artifact_description": True}, {"artifact_key": 0}):
        for kind, force in (("COMPLETED", False), ("RUNNING", True)):
            both("POST", f"/flow_runs/{run}/set_state", {"state": {"type": kind, "data": data}, "force": force})
            both("GET", f"/flow_runs/{run}")
            both("GET", f"/flow_run_states/?flow_run_id={run}")
    for body in ({"flow_id": flow, "parameters": {"x": "y" * 600_000}}, {"flow_id": flow, "parameters": {}}):
        both("POST", "/flow_runs/", {**body, "name": "n"})


def test_queue_named_without_a_pool(pair: Callable[[Path], Pair]) -> None:
    """It is in any pool, until there is a pool for agents."""
    both = Both(*pair(SMALL))
    flow = both("POST", "/flows/", {"name": "without a pool"})["id"]
    for pool in ("first", "second"):
        both("POST", "/work_pools/", {"name": pool, "type": "process"})
        both("POST", f"/work_pools/{pool}/queues", {"name": "shared"})
    for name in ("shared", "default", "fresh", "shared", "default"):
        deployment = both("POST", "/deployments/", {"name": name, "flow_id": flow, "work_queue_name": name})
        both("GET", f"/deployments/{deployment['id']}")
        both("PATCH", f"/deployments/{deployment['id']}", {"work_queue_name": "shared"})
        both("GET", f"/deployments/{deployment['id']}")
        both("GET", f"/work_queues/name/{name}")
    both("POST", "/work_queues/filter", {})


def test_headers_are_in_the_same_order(pair: Callable[[Path], Pair]) -> None:
    """`prefect api --verbose` prints them in that order."""
    real, ours = pair(SMALL)
    origin = {"origin": "http://example.com"}
    requests: list[tuple[str, str, Headers]] = [
        ("GET", "/health", {}), ("GET", "/nowhere", {}), ("PUT", "/flows/", {}), ("POST", "/flows/filter", {}),
        ("POST", "/flows/filter", origin), ("GET", "/flows", {}), ("DELETE", f"/flows/{NOBODY}", {}),
    ]  # fmt: skip
    for method, path, headers in requests:
        names = [list(client.request(method, path, headers=headers).headers) for client in (real, ours)]
        assert names[0] == [name for name in names[1] if name != "x-understudy-hint"], f"{method} {path}"
