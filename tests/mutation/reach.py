"""Which tests reach which mutations: lines that leave a mark when they run."""

import ast
import json
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from queue import SimpleQueue
from threading import Lock

from tests.mutation import recording
from tests.mutation.checkout import Checkout, write

Place = tuple[str, int]
"""A module, as its path relative to the checkout, and the number of a line."""


class Reach:
    """Which tests run which lines, determined for a test file when it is first needed.

    Args:
        checkouts: copies of the checkout, in each of which a test file can run while others run in others.
    """

    def __init__(self, checkouts: Iterable["MarkedCheckout"]) -> None:
        self._free: SimpleQueue[MarkedCheckout] = SimpleQueue()
        for checkout in checkouts:
            self._free.put(checkout)
        self._reached: dict[str, dict[str, set[Place]]] = {}  # lines by test, by test file
        self._locks: dict[str, Lock] = {}  # by test file

    def tests(self, file: str, place: Place) -> list[str]:
        """The tests of a file that run a line, by their ids; only the file if their shared setup runs it."""
        with self._locks.setdefault(file, Lock()):
            if file not in self._reached:
                checkout = self._free.get()
                self._reached[file] = checkout.reached(file)
                self._free.put(checkout)
        found = [test for test, places in self._reached[file].items() if place in places]
        return [file] if "" in found else found


class MarkedCheckout:
    """A copy of the checkout that leaves a mark when a line runs.

    Servers that tests start may be killed at any time, so each mark is kept at once: as a folder.

    Args:
        checkout: the copy, which stays changed. The marks are kept beside it.
        places: the lines.
    """

    def __init__(self, checkout: Checkout, places: Iterable[Place]) -> None:
        self._checkout = checkout
        self._marks = checkout.folder.with_name(f"{checkout.folder.name}-marks")
        self._places = sorted(set(places))
        shutil.copy(recording.__file__, checkout.folder)
        for module in {module for module, _ in self._places}:
            path = checkout.folder / module
            lines = {
                line: self._marks / str(number) for number, (other, line) in enumerate(self._places) if other == module
            }
            write(path, marked(path.read_text(encoding="utf-8"), lines).encode())

    def reached(self, file: str) -> dict[str, set[Place]]:
        """The lines that the tests of a file run, by test; by "" those that run outside of tests.

        A test that fails with the marks may run all of them.
        """
        shutil.rmtree(self._marks, ignore_errors=True)
        self._marks.mkdir()
        report = self._marks.with_suffix(".json")
        report.unlink(missing_ok=True)
        options = ("-p", "recording", f"--marks={self._marks}", f"--reached={report}", f"--maxfail={sys.maxsize}")
        self._checkout.run([file], *options)
        if not report.is_file():
            return {"": set(self._places)}
        found = json.loads(report.read_text(encoding="utf-8"))
        reached = {test: {self._places[int(mark)] for mark in marks} for test, marks in found["reached"].items()}
        return reached | {test: set(self._places) for test in found["failed"]}


def marked(source: str, lines: Mapping[int, Path]) -> str:
    """A module that makes a folder whenever it reaches the statement of a line; the folders by the lines' numbers."""
    text = source.split("\n")
    starts = {line: statement_at(source, line) for line in lines}
    for line in sorted(lines, key=lambda line: starts[line], reverse=True):
        start = starts[line]
        indent = text[start - 1][: -len(text[start - 1].lstrip())]
        mark = [f"try: __import__('os').mkdir({str(lines[line])!r})", "except OSError: pass"]
        text[start - 1 : start - 1] = [indent + each for each in mark]
    return "\n".join(text)


def statement_at(source: str, line: int) -> int:
    """Where the innermost statement that has a line, and that another may precede, begins."""
    text = source.split("\n")
    starts: list[int] = [
        min(each.lineno for each in (node, *getattr(node, "decorator_list", ())))
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or 0)
    ]
    return max(start for start in starts if not text[start - 1].lstrip().startswith("elif "))
