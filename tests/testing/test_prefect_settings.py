"""What is known of Prefect's classes that send in the background."""

from typing import ClassVar

from understudy.testing.prefect_settings import instances_of


class Worker:
    _instances: ClassVar[dict[int, "Worker"]] = {}


class Unknown:
    """A class of another version, which does not keep its instances."""


def test_the_instances_of_a_class_are_found() -> None:
    worker = Worker()
    Worker._instances = {1: worker}
    assert instances_of(Worker) == [worker]


def test_a_class_that_does_not_say_has_none() -> None:
    assert instances_of(Unknown) == []
