"""Words that must not come back into the prose: `python -m tests.style` lists where they stand.

Markdown is checked without its code. To check another folder, add it to `CHECKED`.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
WORDS = Path(__file__).with_suffix(".tsv")
CHECKED = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "SECURITY.md",
    "docs",
    "examples",
    "bench/README.md",
    "understudy",
    "handlers",
]
CODE = re.compile(r"^```.*?^```$|`[^`]+`", re.MULTILINE | re.DOTALL)


def words() -> dict[re.Pattern[str], str]:
    """Each pattern with the words to use instead."""
    lines = WORDS.read_text(encoding="utf-8").splitlines()
    pairs = (line.split("\t") for line in lines if not line.startswith("#"))
    return {re.compile(pattern, re.IGNORECASE): better for pattern, better in pairs}


def files() -> Iterator[Path]:
    for name in CHECKED:
        path = ROOT / name
        yield from [path] if path.is_file() else sorted([*path.rglob("*.md"), *path.rglob("*.py")])


def findings(text: str) -> Iterator[tuple[int, str, str]]:
    """The line, the words and the better ones of all that a text should say otherwise."""
    for pattern, better in words().items():
        for found in pattern.finditer(text):
            yield text.count("\n", 0, found.start()) + 1, found[0], better


def prose(path: Path) -> str:
    """The text of a file; of Markdown, without its code."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".md":
        return text
    return CODE.sub(lambda code: "\n" * code[0].count("\n"), text)


def report() -> Iterator[str]:
    for path in files():
        for line, found, better in sorted(findings(prose(path))):
            yield f"{path.relative_to(ROOT)}:{line}: {found!r}: use {better}"


if __name__ == "__main__":
    lines = list(report())
    print(*lines, sep="\n", end="\n" if lines else "")  # noqa: T201 - a command's output
    sys.exit(1 if lines else 0)
