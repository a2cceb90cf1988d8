"""A pytest plugin that reports which tests leave which marks, as JSON.

It has the names of the marks by the tests' ids, and the ids of tests that failed. Marks that are left outside of tests,
such as while modules are imported or a server starts that tests share, have the id "".
"""

import json
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--marks", type=Path, required=True, help="The folder in which marks are left.")
    parser.addoption("--reached", type=Path, required=True, help="The file for which tests leave which.")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Recorder(config.getoption("marks"), config.getoption("reached")))


class Recorder:
    """Removes the marks as soon as the test that left them is known."""

    def __init__(self, marks: Path, reached: Path) -> None:
        self._marks = marks
        self._file = reached
        self._reached: dict[str, set[str]] = {}
        self._failed: set[str] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Generator[None, Any, Any]:
        with self._leaving(request.node.nodeid if fixturedef.scope == "function" else ""):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        with self._leaving(item.nodeid):
            return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._failed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        self._take("")
        reached = {test: sorted(marks) for test, marks in self._reached.items()}
        self._file.write_text(json.dumps({"reached": reached, "failed": sorted(self._failed)}))

    @contextmanager
    def _leaving(self, test: str) -> Iterator[None]:
        """Within this, marks are those of a test."""
        self._take("")
        try:
            yield
        finally:
            self._take(test)

    def _take(self, test: str) -> None:
        for mark in self._marks.iterdir():
            mark.rmdir()
            self._reached.setdefault(test, set()).add(mark.name)
