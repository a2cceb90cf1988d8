"""Runs flows in a test harness, and prints how long they take as a line of JSON. Run by the real server's Python.

python flow_client.py understudy|prefect session|flows|tests
"""

# mypy: ignore-errors

import json
import statistics
import sys
import time
from typing import Any

BEGUN = time.perf_counter()
FLOWS, TESTS = 20, 3
TIMEOUT = 300  # seconds of the start of a server, on a busy machine


def main(library: str, what: str) -> None:
    if library == "understudy":
        from understudy.testing import prefect_test_harness  # noqa: PLC0415
    else:
        from prefect.testing.utilities import prefect_test_harness  # noqa: PLC0415
    print(json.dumps(MEASURES[what](prefect_test_harness)))


def session(harness: Any) -> dict[str, float]:
    """The seconds from the start of this process to the first result of a flow, and those of its imports."""
    flow = trivial()
    imported = time.perf_counter()
    with harness(server_startup_timeout=TIMEOUT):
        assert flow() == 1
        return {"seconds": time.perf_counter() - BEGUN, "imports": imported - BEGUN}


def flows(harness: Any) -> dict[str, float]:
    """The median seconds of a flow with three tasks, logs and an artifact, and of the client's processor time in it."""
    flow = with_tasks()
    walls, processor = [], []
    with harness(server_startup_timeout=TIMEOUT):
        flow()
        for _ in range(FLOWS):
            wall, used = time.perf_counter(), time.process_time()
            flow()
            walls.append(time.perf_counter() - wall)
            processor.append(time.process_time() - used)
    return {"seconds": statistics.median(walls), "processor": statistics.median(processor)}


def tests(harness: Any) -> dict[str, float]:
    """The median seconds of a test that runs a flow in a new harness, after the first."""
    flow = trivial()
    seconds = []
    for _ in range(TESTS + 1):
        begun = time.perf_counter()
        with harness(server_startup_timeout=TIMEOUT):
            assert flow() == 1
        seconds.append(time.perf_counter() - begun)
    return {"seconds": statistics.median(seconds[1:])}


def trivial() -> Any:
    from prefect import flow  # noqa: PLC0415

    @flow
    def one() -> int:
        return 1

    return one


def with_tasks() -> Any:
    from prefect import flow, get_run_logger, task  # noqa: PLC0415
    from prefect.artifacts import create_markdown_artifact  # noqa: PLC0415

    @task
    def add(a: int, b: int) -> int:
        get_run_logger().info("adding %s and %s", a, b)
        return a + b

    @flow
    def total() -> int:
        get_run_logger().info("begun")
        found = add(add(1, 2), add(3, 4))
        create_markdown_artifact(f"# {found}", key="total")
        return found

    return total


MEASURES = {"session": session, "flows": flows, "tests": tests}

if __name__ == "__main__":
    main(*sys.argv[1:])
