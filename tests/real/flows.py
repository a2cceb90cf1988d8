"""What clients of Prefect do, for `test_flows.py`: run under the real server's Python, against PREFECT_API_URL."""

# mypy: ignore-errors
import asyncio
import contextlib
import sys
from datetime import timedelta

from prefect import flow, get_run_logger, tags, task, unmapped
from prefect.artifacts import create_markdown_artifact, create_progress_artifact, update_progress_artifact
from prefect.blocks.system import Secret
from prefect.cache_policies import INPUTS
from prefect.client.orchestration import get_client
from prefect.concurrency.sync import concurrency
from prefect.events import emit_event
from prefect.states import Failed
from prefect.transactions import transaction
from prefect.variables import Variable


@task(tags=["math"])
def add(a: int, b: int) -> int:
    get_run_logger().info("adding %s and %s", a, b)
    return a + b


@task(retries=2, retry_delay_seconds=0)
def flaky(tries: list) -> int:
    tries.append(1)
    if len(tries) < 3:
        raise ValueError("not yet")
    return len(tries)


@task
def broken() -> None:
    raise ValueError("broken")


@task(cache_policy=INPUTS, cache_expiration=timedelta(hours=1))
def cached(a: int) -> int:
    return a


@flow
def child(number: int) -> int:
    return add(number, 1)


@flow(name="simple", log_prints=True)
def simple(number: int = 1) -> int:
    print("printed")  # noqa: T201 - Prefect logs it
    return add(number, 1)


@flow(name="many-tasks")
def many_tasks() -> int:
    submitted = add.submit(1, 2)
    mapped = add.map([1, 2, 3], unmapped(1))
    return submitted.result() + sum(mapped.result())


@flow(name="parent")
def parent() -> int:
    return child(1) + child(2)


@flow(name="retrying")
def retrying() -> int:
    return flaky([])


@flow(name="failing")
def failing() -> None:
    broken()


@flow(name="returning-failed")
def returning_failed():
    return Failed(message="on purpose", name="Gone")


FLOW_TRIES: list[int] = []


@flow(name="tried-again", retries=1)
def tried_again() -> int:
    FLOW_TRIES.append(1)
    if len(FLOW_TRIES) == 1:
        raise ValueError("the first time")
    return 1


@flow(name="writing")
def writing() -> str:
    create_markdown_artifact("# Report", key="report", description="daily")
    progress = create_progress_artifact(progress=10.0, key="progress")
    update_progress_artifact(progress, progress=90.0)
    Variable.set("place", "north", overwrite=True)
    Secret(value="hush").save("word", overwrite=True)
    emit_event("report.written", resource={"prefect.resource.id": "report.1"}, payload={"pages": 3})
    return f"{Variable.get('place')} {Secret.load('word').get()}"


@flow(name="caching")
def caching() -> int:
    return cached(1) + cached(1)


@flow(name="transacting")
def transacting() -> int:
    with transaction():
        return add(1, 1)


@flow(name="in-turn")
def in_turn() -> int:
    with concurrency("none-such", occupy=1):
        return 1


@flow(name="asynchronous")
async def asynchronous() -> int:
    with get_client(sync_client=True) as client:
        client.hello()
    return add(2, 2)


@flow(name="timing-out", timeout_seconds=0.2)
async def timing_out() -> None:
    await asyncio.sleep(5)


@flow(name="with-hooks", on_completion=[lambda flow, run, state: None])
def with_hooks(items: dict) -> list:
    return [items["a"], add(1, items["b"][0])]


def main() -> None:
    simple()
    many_tasks()
    with tags("nested"):
        parent()
    retrying()
    for each in (failing, returning_failed, tried_again):
        each(return_state=True)
    writing()
    caching()
    transacting()
    in_turn()
    asyncio.run(asynchronous())
    with contextlib.suppress(Exception):
        asyncio.run(timing_out())
    with_hooks({"a": 1, "b": [2, 3]})


if __name__ == "__main__":
    sys.exit(main())
