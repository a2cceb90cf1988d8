"""Settings of Prefect's SDK for the duration of a test, whether it is already imported or not."""

import inspect
import os
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

VARIABLE = "PREFECT_API_URL"
HEARTBEATS = "PREFECT_FLOWS_HEARTBEAT_FREQUENCY"
DRAINING = 30  # seconds in which what Prefect sends in the background must be sent
WORKERS = {"prefect.events.worker": "EventsWorker", "prefect.logging.handlers": "APILogWorker"}
"""The modules and classes of Prefect that send in the background."""


@contextmanager
def pointed_at(url: str) -> Iterator[None]:
    """Point Prefect's SDK at an API, in this process and its child processes.

    Runs in this process send no heartbeats: at the end of each, the SDK waits up to a second for the thread that
    sends them.

    What the SDK has still to send goes to the API that it is for: that of before at the start of the block, this one at
    its end.
    """
    drain()
    with variable_set(VARIABLE, url):
        if "prefect" in sys.modules:
            with sdk_settings(url), draining():
                yield
            return
        with draining():
            yield
    if "prefect.context" in sys.modules:
        # It was imported meanwhile, and has stored the URL for the whole process.
        from prefect import context  # noqa: PLC0415

        context.GLOBAL_SETTINGS_CONTEXT = context.root_settings_context()


@contextmanager
def variable_set(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before


@contextmanager
def sdk_settings(url: str) -> Iterator[None]:
    """Set the SDK's settings in this context, and in threads and tasks that do not inherit it."""
    from prefect import context, settings  # noqa: PLC0415

    updates: dict[Any, Any] = {settings.PREFECT_API_URL: url}
    if hasattr(settings, HEARTBEATS):  # not part of each version
        updates[getattr(settings, HEARTBEATS)] = None
    before = context.GLOBAL_SETTINGS_CONTEXT
    with settings.temporary_settings(updates):
        context.GLOBAL_SETTINGS_CONTEXT = context.get_settings_context()
        try:
            yield
        finally:
            context.GLOBAL_SETTINGS_CONTEXT = before


@contextmanager
def draining() -> Iterator[None]:
    try:
        yield
    finally:
        drain()


def drain() -> None:
    """Wait until Prefect has sent the logs and events of this process. Later ones are sent to the API that is set
    then.
    """
    workers = [getattr(sys.modules[module], name) for module, name in WORKERS.items() if module in sys.modules]
    if any(instances_of(worker) for worker in workers):
        # In a thread, since in an event loop Prefect returns a coroutine instead of waiting.
        with ThreadPoolExecutor(1, "understudy-drain") as pool:
            for worker in workers:
                pool.submit(drained, worker).result()


def instances_of(worker: Any) -> list[Any]:
    """The running background senders of a worker class; none if another version of Prefect lacks them."""
    return [each for each in list(getattr(worker, "_instances", {}).values()) if isinstance(each, worker)]


def drained(worker: Any) -> None:
    # Prefect logs a warning if a queue has items when it is drained.
    for instance in instances_of(worker):
        if not hasattr(instance, "min_interval"):  # those with an interval would wait for it, and log nothing
            emptied = threading.Thread(target=instance.wait_until_empty, daemon=True)
            emptied.start()
            emptied.join(DRAINING)
    waiting = worker.drain_all(timeout=DRAINING)
    if inspect.iscoroutine(waiting):
        waiting.close()
