"""Tests of flows as users of `prefect_test_harness` write them; run under the real server's Python."""

# mypy: ignore-errors

import asyncio
import json
import subprocess
import sys
import threading
import time
import unittest
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import anyio
import pytest
from prefect import flow, get_client, get_run_logger, pause_flow_run, resume_flow_run, task
from prefect.artifacts import create_markdown_artifact
from prefect.automations import Automation, EventTrigger, SendNotification
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.blocks.system import Secret
from prefect.deployments import run_deployment
from prefect.events import emit_event
from prefect.settings import get_current_settings
from prefect.states import Completed, State
from prefect.task_worker import TaskWorker
from prefect.variables import Variable

from understudy import StandIn
from understudy.testing import prefect_test_harness
from understudy.testing.prefect_settings import pointed_at


@task
def add(a: int, b: int) -> int:
    get_run_logger().info("adding %s", a)
    return a + b


@flow(log_prints=True)
def total(number: int = 1) -> int:
    print("totalling")  # noqa: T201 - Prefect logs it
    emit_event("total.begun", resource={"prefect.resource.id": "total"})
    later = add.submit(number, 1)
    return later.result() + sum(add.map([1, 2], [1, 2]).result())


@flow
async def total_async() -> int:
    return add(1, 1)


def flow_runs() -> list[Any]:
    with get_client(sync_client=True) as client:
        return list(client.read_flow_runs())


def wait_until(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.1)


@pytest.fixture
def harness() -> Iterator[None]:
    with prefect_test_harness():
        yield


@pytest.mark.parametrize("number", [1, 2, 3])
def test_each_harness_has_its_own_runs(number: int) -> None:
    with prefect_test_harness(server_startup_timeout=60):
        assert total(number) == number + 1 + 6
        assert asyncio.run(total_async()) == 2
        assert [run.state_name for run in flow_runs()] == ["Completed", "Completed"]


def test_all_events_are_sent_without_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with prefect_test_harness():
        for _ in range(200):
            emit_event("total.begun", resource={"prefect.resource.id": "total"})
    assert [record.message for record in caplog.records if record.name == "EventsWorker"] == []


def test_flow_runs_send_no_heartbeats() -> None:
    """For which Prefect would wait up to a second at the end of each run."""
    with prefect_test_harness():
        assert get_current_settings().flows.heartbeat_frequency is None
    assert get_current_settings().flows.heartbeat_frequency is not None


def test_notification_is_sent_by_its_block(tmp_path: Path) -> None:
    received: SimpleQueue[str] = SimpleQueue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.put(self.rfile.read(int(self.headers["content-length"])).decode())
            self.send_response(200)
            self.end_headers()

    with HTTPServer(("127.0.0.1", 0), Handler) as listener:
        threading.Thread(target=listener.serve_forever).start()
        try:
            with StandIn(tmp_path, services=True, send_notifications=True) as server, pointed_at(server.url):
                block = CustomWebhookNotificationBlock(
                    name="pager",
                    url=f"http://127.0.0.1:{listener.server_port}/",
                    json_data={"text": "{{subject}}: {{body}}"},
                )
                block_id = block.save("pager")
                Automation(
                    name="pages",
                    trigger=EventTrigger(expect={"my.event"}, posture="Reactive", threshold=1),
                    actions=[SendNotification(block_document_id=block_id, subject="{{ event.event }}", body="came")],
                ).create()
                emit_event("my.event", resource={"prefect.resource.id": "mine"})
            assert json.loads(received.get(timeout=60)) == {"text": "my.event: came"}
        finally:
            listener.shutdown()


def test_harness_works_within_an_event_loop() -> None:
    async def run() -> int:
        with prefect_test_harness():
            result = await total_async()
            async with get_client() as client:
                assert len(await client.read_flow_runs()) == 1
            return result

    assert asyncio.run(run()) == 2


def test_several_event_loops_one_after_another(harness: None) -> None:
    assert [asyncio.run(total_async()) for _ in range(3)] == [2, 2, 2]
    assert len(flow_runs()) == 3


def test_threads_and_processes_use_the_harness(harness: None) -> None:
    results: list[int] = []
    thread = threading.Thread(target=lambda: results.append(total()))
    thread.start()
    thread.join()
    with ThreadPoolExecutor(2) as pool:
        results += pool.map(total, [2, 3])
    program = "from prefect import flow\n@flow\ndef other(): pass\nother()"
    subprocess.run([sys.executable, "-c", program], check=True)
    assert (sorted(results), len(flow_runs())) == ([8, 9, 10], 4)


class OfUnittest(unittest.TestCase):
    def setUp(self) -> None:
        harness = prefect_test_harness()
        harness.__enter__()
        self.addCleanup(harness.__exit__, None, None, None)

    def test_flow(self) -> None:
        assert total() == 8
        assert len(flow_runs()) == 1


class OfAsyncUnittest(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.harness = prefect_test_harness()
        cls.harness.__enter__()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.harness.__exit__(None, None, None)

    async def test_flow(self) -> None:
        assert await total_async() == 2

    async def test_another(self) -> None:
        assert await total_async() == 2


@pytest.mark.parametrize("number", [1, 2])
def test_fixture_has_a_workspace_for_each_test(prefect_api: str, number: int) -> None:
    assert total() == 8
    assert len(flow_runs()) == 1


class TestModule:
    @pytest.mark.parametrize("number", [1, 2])
    def test_module_fixture_has_one_workspace(self, prefect_api_module: str, number: int) -> None:
        total()
        assert len(flow_runs()) == number


def test_flow_is_retried(harness: None) -> None:
    tries: list[int] = []

    @flow(retries=2)
    def flaky() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise ValueError("not yet")
        return "done"

    assert flaky() == "done"
    (run,) = flow_runs()
    assert (run.run_count, run.state_name) == (3, "Completed")


def test_task_fails(harness: None) -> None:
    @task(retries=1)
    def broken() -> None:
        raise ValueError("broken")

    @flow
    def calls_broken() -> State:
        return broken(return_state=True)

    state = calls_broken(return_state=True)
    assert state.is_failed()
    with pytest.raises(ValueError, match="broken"):
        state.result()


def test_flow_returns_a_state(harness: None) -> None:
    @flow
    def named() -> State:
        return Completed(message="all well", name="Fine")

    assert named(return_state=True).name == "Fine"
    assert flow_runs()[0].state.message == "all well"


def test_hooks_are_called(harness: None) -> None:
    called: list[str] = []

    @flow(on_completion=[lambda flow, run, state: called.append(state.name)])
    def hooked() -> None:
        pass

    hooked()
    assert called == ["Completed"]


def test_artifacts_variables_and_secrets(harness: None) -> None:
    @flow
    def writes() -> str:
        create_markdown_artifact("# Report", key="report")
        Variable.set("place", "north", overwrite=True)
        Secret(value="hush").save("word", overwrite=True)
        return f"{Variable.get('place')} {Secret.load('word').get()}"

    assert writes() == "north hush"


def test_logs_and_task_runs_can_be_read(understudy: Any, prefect_api: str) -> None:
    total()
    assert {run.state_name for run in understudy.task_runs()} == {"Completed"}
    assert len(understudy.task_runs()) == 3
    messages = [log.message for log in understudy.logs()]
    assert "totalling" in messages
    assert messages.count("adding 1") == 2
    assert [event.event for event in understudy.events(event="total.begun")] == ["total.begun"]
    (run,) = understudy.flow_runs(state_name="Completed")
    assert repr(run).startswith(f"<flow_runs {run.name!r}")


def test_flow_waits_for_input(harness: None) -> None:
    """Invalid input is rejected, and the flow continues to wait."""

    @flow
    def asking() -> int:
        return int(pause_flow_run(wait_for_input=int, timeout=60, poll_interval=1))

    def answer() -> None:
        wait_until(lambda: any(run.state.is_paused() for run in flow_runs()))
        paused = [run for run in flow_runs() if run.state.is_paused()]
        with pytest.raises(Exception, match="integer"):
            resume_flow_run(paused[0].id, run_input={"value": "many"})
        resume_flow_run(paused[0].id, run_input={"value": 5})

    with ThreadPoolExecutor(1) as pool:
        answered = pool.submit(answer)
        assert asking() == 5
        answered.result()


def test_task_is_delayed(harness: None) -> None:
    @task
    def double(number: int) -> int:
        return 2 * number

    waiting = double.delay(4)
    assert waiting.state.is_scheduled()

    def state() -> State:
        with get_client(sync_client=True) as client:
            return client.read_task_run(waiting.task_run_id).state

    async def work() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(TaskWorker(double).start)
            await anyio.to_thread.run_sync(wait_until, lambda: state().is_final())
            group.cancel_scope.cancel()

    anyio.run(work)
    assert state().name == "Completed"


def test_deployment_is_run_later(harness: None) -> None:
    deployment = total.to_deployment("later", tags=["a"]).apply()
    run = run_deployment(deployment, timeout=0, parameters={"number": 2}, tags=["b"])
    assert (run.state_name, run.parameters, sorted(run.tags)) == ("Scheduled", {"number": 2}, ["a", "b"])
    with get_client(sync_client=True) as client:
        (waiting,) = client.get_scheduled_flow_runs_for_deployments([deployment])
    assert waiting.id == run.id


def test_run_with_its_own_name_keeps_its_retries(harness: None) -> None:
    tries: list[int] = []

    @flow(flow_run_name="try-{number}", retries=1)
    def named(number: int) -> int:
        tries.append(number)
        if len(tries) == 1:
            raise ValueError("the first time")
        return number

    assert named(3) == 3
    (run,) = flow_runs()
    assert (run.name, run.run_count, run.empirical_policy.retries) == ("try-3", 2, 1)
