"""A flow that `test_workers.py` deploys and serves: run under the real server's Python, against PREFECT_API_URL."""

# mypy: ignore-errors
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

from prefect import flow, task
from prefect.schedules import Interval


@task
def add(a: int, b: int) -> int:
    return a + b


@flow(name="deployed", log_prints=True)
def deployed(number: int = 1) -> int:
    print("printed")  # noqa: T201 - Prefect logs it
    return add(number, 1)


def deploy() -> None:
    """Deploy the flow to a pool, with a first run in a moment."""
    soon = datetime.now(timezone.utc) + timedelta(seconds=5)
    source = deployed.from_source(source=str(Path(__file__).parent), entrypoint=f"{Path(__file__).name}:deployed")
    schedule = Interval(timedelta(hours=1), anchor_date=soon)
    source.deploy(name="mine", work_pool_name="pool", schedule=schedule, build=False, print_next_steps=False)


if __name__ == "__main__":
    if sys.argv[1] == "deploy":
        deploy()
    else:
        deployed.serve(name="served", pause_on_shutdown=False)
