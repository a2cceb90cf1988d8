"""The settings of Prefect's SDK, and its classes that send in the background."""

import os
import subprocess
import sys
import threading
from types import SimpleNamespace
from typing import ClassVar

import pytest

from understudy.testing.prefect_settings import VARIABLE, draining, instances_of, pointed_at, variable_set

WITHOUT_PYTEST = """
import os, sys
sys.modules["pytest"] = None
from understudy.testing import prefect_test_harness
with prefect_test_harness():
    print(os.environ["PREFECT_API_URL"])
"""


class Worker:
    _instances: ClassVar[dict[int, "Worker"]] = {}


class Unknown:
    """A class of another version, which does not store its instances."""


def test_instances_of_a_class_are_found() -> None:
    worker = Worker()
    Worker._instances = {1: worker}
    assert instances_of(Worker) == [worker]


class Sender:
    """A sender like Prefect's: it has an instance, which sends in the background until its class is drained."""

    _instances: ClassVar[dict[int, "Sender"]] = {}
    drained_in: ClassVar[list[str]] = []

    def wait_until_empty(self) -> None:
        """Nothing is left to send."""

    @classmethod
    def drain_all(cls, timeout: float) -> None:
        cls.drained_in.append(threading.current_thread().name)


def test_what_is_sent_in_the_background_is_sent_before_another_api_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    module = SimpleNamespace(EventsWorker=Sender)
    monkeypatch.setitem(sys.modules, "prefect.events.worker", module)
    monkeypatch.setattr(Sender, "_instances", {1: Sender()})
    with variable_set(VARIABLE, "http://127.0.0.1:1/api"), draining():
        assert Sender.drained_in == []
    (thread,) = Sender.drained_in
    assert thread.startswith("understudy-drain"), "in an event loop, Prefect would not wait"


def test_class_without_a_list_has_no_instances() -> None:
    assert instances_of(Unknown) == []


@pytest.mark.parametrize("before", [None, "http://127.0.0.1:1/api"])
def test_environment_is_restored(before: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    if before is not None:
        monkeypatch.setenv(VARIABLE, before)
    with pytest.raises(KeyError), pointed_at("http://127.0.0.1:2/api"):  # noqa: PT012 - all of it is the point
        assert os.environ[VARIABLE] == "http://127.0.0.1:2/api"
        raise KeyError
    assert os.environ.get(VARIABLE) == before


def test_harness_needs_no_pytest() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_PYTEST], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("http://127.0.0.1:")
