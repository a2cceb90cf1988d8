"""Automations do the same on a real server with services and on a stand-in whose clock is moved."""

import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.real.clocks import played_on_both

Json = dict[str, Any]
NOTHING = {"type": "do-nothing"}
UNKNOWN = "00000000-0000-4000-8000-000000000000"
LOADING = 8  # seconds until a real server has loaded new automations
RELOADING = 2  # seconds until it has loaded a changed one
TRIES = 20
STEP = 0.5  # seconds between two events, which a real server handles one after the other
WAITING = 20  # seconds until proactive triggers have fired


def on(*expect: str, **fields: Any) -> Json:
    return {"type": "event", "posture": "Reactive", "threshold": 1, "within": 0, "expect": list(expect), **fields}


class World:
    """A server with automations, and their effects in words without ids."""

    def __init__(self, api: httpx.Client, wait: Callable[[float], object], now: Callable[[], datetime]) -> None:
        self.api = api
        self._wait = wait
        self._now = now
        self._names: dict[str, str] = {}

    def post(self, path: str, **body: Any) -> Any:
        answer = self.send(path, body)
        return answer.json() if answer.content else None

    def send(self, path: str, body: Any) -> httpx.Response:
        """Send a request, again if the database of a real server is locked by a service."""
        for _ in range(TRIES):
            answer = self.api.post(path, json=body)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            time.sleep(STEP)
        return answer.raise_for_status()

    def named(self, name: str, made: Json) -> str:
        self._names[made["id"]] = name
        return str(made["id"])

    def automation(self, name: str, trigger: Json, *actions: Json) -> str:
        return self.named(name, self.post("/automations/", name=name, trigger=trigger, actions=[*actions] or [NOTHING]))

    def emit(
        self, name: str, resource: str = "resource", related: tuple[Json, ...] = (), ago: float = 0, **payload: Any
    ) -> None:
        """Send an event that occurred some seconds ago."""
        occurred = (self._now() - timedelta(seconds=ago)).isoformat()
        event = {"id": str(uuid4()), "occurred": occurred, "event": name, "payload": payload}
        labels = {"prefect.resource.id": resource}
        self.send("/events", [{**event, "resource": labels, "related": list(related)}])
        self._wait(STEP)

    def plain(self, value: Any) -> str:
        text = json.dumps(value, sort_keys=True)
        for made, name in self._names.items():
            text = text.replace(made, name)
        return text

    def events(self, name: str) -> list[Json]:
        moment = datetime.now(timezone.utc)
        occurred = {"since": str(moment - timedelta(days=1)), "until": str(moment + timedelta(days=1))}
        filter_ = {"order": "ASC", "event": {"name": [name]}, "occurred": occurred}
        return list(self.post("/events/filter", filter=filter_, limit=50)["events"])

    def play(self) -> list[str]:
        """Create automations, trigger them, and return their effects."""
        flow = self.post("/flows/", name="flow")["id"]
        deployment = self.named("deployment", self.post("/deployments/", name="d", flow_id=flow))
        self.named("pool", self.post("/work_pools/", name="pool", type="process"))
        pool = self.api.get("/work_pools/pool").json()
        self._names[pool["default_queue_id"]] = "queue"
        selected: Json = {"source": "selected"}
        jinja = {"__prefect_kind": "jinja", "template": "[{{ event.payload.n }}]"}
        parameters = {
            "from": "{{ event.event }}", "n": "{{ event.payload.n }}", "whole": "{{ event.payload }}",
            "resource": "{{ event.resource.id }} {{ event.resource.labels.prefect.resource.id }}",
            "listed": ["{{ event.payload.n }}", {"in": "{{ automation.name }}!"}, ["{{ as it is }}"]],
            "kinds": [jinja, {"__prefect_kind": "json", "value": jinja}],
        }  # fmt: skip
        run = {"type": "run-deployment", **selected, "deployment_id": deployment, "parameters": parameters}
        simple = self.automation("simple", on("my.event"), run)
        self.automation("three", on("count.*", threshold=3, within=60, for_each=["prefect.resource.id"]))
        ids = {"prefect.resource.id": ["a.*", "!a.no"]}
        self.automation("match", on("m.event", match=ids, match_related={"prefect.resource.role": "flow"}))
        changes: dict[str, Json] = {
            "cancel-me": {"type": "cancel-flow-run"},
            "change-me": {"type": "change-flow-run-state", "state": "FAILED", "name": "Bad", "message": "m"},
            "suspend-me": {"type": "suspend-flow-run"},
        }
        for name, action in changes.items():
            match = {"prefect.resource.name": name}
            self.automation(name, on("prefect.flow-run.Running", match=match), action)
        self.automation(
            "pause", on("pause"),
            {"type": "pause-work-pool", **selected, "work_pool_id": pool["id"]},
            {"type": "pause-work-queue", **selected, "work_queue_id": pool["default_queue_id"]},
            {"type": "pause-deployment", **selected, "deployment_id": deployment},
        )  # fmt: skip
        self.automation(
            "failing", on("failing"),
            {"type": "pause-deployment", **selected, "deployment_id": UNKNOWN},
            {"type": "cancel-flow-run"},
            {"type": "pause-work-queue", "source": "inferred"},
            {**run, "parameters": {"x": "{{ event.id }}"}},
            {**run, "parameters": {"x": "{{ 1 / 0 }} or so"}},
            {"type": "call-webhook", "block_document_id": UNKNOWN},
        )  # fmt: skip
        chain = on("prefect.automation.triggered", match={"prefect.resource.name": "simple"})
        self.automation("chain", chain, {"type": "pause-automation", **selected, "automation_id": simple})
        for require in ("any", "all"):
            parts = {"within": 60, "triggers": [on("c.1"), on("c.2")]}
            self.automation(require, {"type": "compound", "require": require, **parts})
        self.automation("sequence", {"type": "sequence", "within": 60, "triggers": [on("s.1"), on("s.2")]})
        absent = {"posture": "Proactive", "within": 10, "after": ["begin"], "for_each": ["prefect.resource.id"]}
        early = self.automation("absent", on("end", **absent))
        self.automation("logs", on("prefect.log.*"))
        notify = {"type": "send-notification", "block_document_id": self.webhook(), "subject": "s", "body": "b"}
        self.automation("webhook", on("notify"), notify)
        self._wait(LOADING)

        self.emit("my.event", n=5)
        for resource in "aababb":
            self.emit("count.x", resource)
        related = ({"prefect.resource.id": "x", "prefect.resource.role": "flow"},)
        self.emit("m.event", "a.yes", related)
        self.emit("m.event", "a.no", related)
        self.emit("m.event", "a.yes")
        for name in ("c.1", "c.2", "s.2", "s.1", "s.2", "pause", "failing"):
            self.emit(name)
        for name, resource in (("begin", "stuck"), ("begin", "done"), ("end", "done")):
            self.emit(name, resource)
        for is_enabled, resource in ((False, "not held"), (True, "held")):
            self.api.patch(f"/automations/{early}", json={"enabled": is_enabled}).raise_for_status()
            self._wait(RELOADING)
            self.emit("end", resource)
        for resource in ("not held", "held"):
            self.emit("begin", resource, ago=8)
        for name in ("prefect.log.write", "prefect.log.read", "notify"):
            self.emit(name)
        runs = {name: self.started(flow, name, deployment) for name in (*changes, "plain")}
        self._wait(WAITING)
        self.emit("my.event", n=6)
        self._wait(LOADING)
        return sorted([*self.effects_in_events(), *self.effects_on_runs(runs, deployment)])

    def webhook(self) -> str:
        """A block that calls a webhook, but cannot notify anybody."""
        self.send("/block_types/install_system_block_types", {})
        kind = self.api.get("/block_types/slug/webhook").json()["id"]
        (schema, *_) = self.post("/block_schemas/filter", block_schemas={"block_type_id": {"any_": [kind]}})
        of = {"block_type_id": kind, "block_schema_id": schema["id"]}
        return self.named("block", self.post("/block_documents/", name="hook", data={"url": "https://x"}, **of))

    def started(self, flow: str, name: str, deployment: str) -> str:
        body = {"flow_id": flow, "name": name, "state": {"type": "PENDING"}, "deployment_id": deployment}
        run = self.named(name, self.post("/flow_runs/", **body))
        self.send(f"/flow_runs/{run}/set_state", {"state": {"type": "RUNNING"}})
        self._wait(STEP)
        return run

    def effects_in_events(self) -> list[str]:
        found = []
        for event in self.events("prefect.automation.triggered"):
            source = (event["payload"]["triggering_event"] or {}).get("event")
            roles = [each["prefect.resource.role"] for each in event["related"]]
            found.append(self.plain([event["resource"], event["payload"]["triggering_labels"], source, roles]))
        loaded = self.events("prefect.block.webhook.loaded")
        found += [self.plain([event["resource"], event["related"], event["payload"]]) for event in loaded]
        for kind in ("triggered", "executed", "failed"):
            for event in self.events(f"prefect.automation.action.{kind}"):
                payload = {name: value for name, value in event["payload"].items() if name != "invocation"}
                roles = [each["prefect.resource.role"] for each in event["related"]]
                found.append(self.plain([kind, event["resource"], payload, roles, event["follows"] is not None]))
        return found

    def effects_on_runs(self, runs: dict[str, str], deployment: str) -> list[str]:
        found = []
        for name, run in runs.items():
            state = self.api.get(f"/flow_runs/{run}").json()["state"]
            found.append(self.plain([name, state["type"], state["name"], state["message"]]))
        for run in self.post("/flow_runs/filter", flow_runs={"deployment_id": {"any_": [deployment]}}):
            if run["id"] not in self._names:
                shown = ("parameters", "created_by", "state_name", "tags", "job_variables", "auto_scheduled")
                found.append(self.plain({name: run[name] for name in shown}))
        paused = self.api.get(f"/deployments/{deployment}").json()["paused"]
        return [*found, self.plain([self.api.get("/work_pools/pool").json()["is_paused"], paused])]


@pytest.mark.timeout(600)
def test_automations_have_the_same_effects(tmp_path: Path) -> None:
    ours, real = played_on_both(lambda *server: World(*server).play(), tmp_path)
    assert ours == real
