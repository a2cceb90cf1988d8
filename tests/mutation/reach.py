"""Which test files reach which mutations: lines that leave a mark when they run."""

import ast
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.mutation.checkout import Checkout, write

Place = tuple[str, int]
"""A module, as its path relative to the checkout, and the number of a line."""


class Reach:
    """Runs test files without mutations, each once and when it is first asked about.

    Servers that tests start may be killed at any time, so each mark is kept at once: as a folder.

    Args:
        checkout: a copy of the checkout of its own, which stays changed.
        marks: where the folder of marks is made.
        places: the lines of the mutations.
    """

    def __init__(self, checkout: Checkout, marks: Path, places: Iterable[Place]) -> None:
        self._checkout = checkout
        self._marks = marks
        self._numbers: dict[Place, str] = {place: str(number) for number, place in enumerate(sorted(set(places)))}
        self._reached: dict[str, set[str]] = {}
        for module in {module for module, _ in self._numbers}:
            path = checkout.folder / module
            lines = {line: marks / number for (other, line), number in self._numbers.items() if other == module}
            write(path, marked(path.read_text(encoding="utf-8"), lines).encode())

    def reaches(self, test: str, place: Place) -> bool:
        """Whether a test file runs a line, as far as is known: of one that fails with the marks, nothing is."""
        if test not in self._reached:
            shutil.rmtree(self._marks, ignore_errors=True)
            self._marks.mkdir()
            run = self._checkout.run(test)
            found = {mark.name for mark in self._marks.iterdir()}
            self._reached[test] = found if run.passed else set(self._numbers.values())
        return self._numbers[place] in self._reached[test]


def marked(source: str, lines: Mapping[int, Path]) -> str:
    """A module that makes a folder whenever it comes to the statement of a line; the folders by the lines' numbers."""
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
