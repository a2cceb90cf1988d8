"""Words that must not come back into the prose: `python -m tests.style` lists their places.

Markdown is checked without its code. Of tests and benchmarks, comments, docstrings and names are checked, but not data.
To check another folder, add it to `CHECKED`.
"""

import ast
import io
import re
import sys
import tokenize
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
    "understudy",
    "handlers",
    "tests",
    "bench",
]
WITH_DATA = ("tests", "bench")
CODE = re.compile(r"^```.*?^```$|`[^`]+`", re.MULTILINE | re.DOTALL)


def words() -> dict[re.Pattern[str], str]:
    """Each pattern with the words to use instead."""
    lines = WORDS.read_text(encoding="utf-8").splitlines()
    pairs = (line.split("\t") for line in lines if not line.startswith("#"))
    return {re.compile(pattern, re.IGNORECASE): better for pattern, better in pairs}


def files() -> Iterator[Path]:
    for name in CHECKED:
        path = ROOT / name
        found = [path] if path.is_file() else sorted([*path.rglob("*.md"), *path.rglob("*.py")])
        yield from (each for each in found if each != Path(__file__))


def findings(text: str) -> Iterator[tuple[int, str, str]]:
    """The line, the words to avoid, and the better ones, of each place in a text."""
    for pattern, better in words().items():
        for found in pattern.finditer(text):
            yield text.count("\n", 0, found.start()) + 1, found[0], better


def prose(path: Path) -> str:
    """The text of a file; of Markdown, without its code; of tests and benchmarks, without their data."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return CODE.sub(lambda code: "\n" * code[0].count("\n"), text)
    return without_data(text) if path.relative_to(ROOT).parts[0] in WITH_DATA else text


def without_data(source: str) -> str:
    """The comments, docstrings and new names of a module, each on its line; the words of a name are separate."""
    lines: list[list[str]] = [[] for _ in range(source.count("\n") + 2)]
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            lines[token.start[0]].append(token.string)
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text), lineno=start)):
                for number, line in enumerate(text.split("\n"), start):
                    lines[number].append(line)
            case (
                ast.FunctionDef(name=name, lineno=number)
                | ast.AsyncFunctionDef(name=name, lineno=number)
                | ast.ClassDef(name=name, lineno=number)
                | ast.arg(arg=name, lineno=number)
                | ast.Name(id=name, ctx=ast.Store(), lineno=number)
                | ast.Attribute(attr=name, ctx=ast.Store(), lineno=number)
            ):
                lines[number].append(name.replace("_", " "))
    return "\n".join("; ".join(line) for line in lines[1:])


def report() -> Iterator[str]:
    for path in files():
        for line, found, better in sorted(findings(prose(path))):
            yield f"{path.relative_to(ROOT)}:{line}: {found!r}: use {better}"


if __name__ == "__main__":
    lines = list(report())
    print(*lines, sep="\n", end="\n" if lines else "")  # noqa: T201 - a command's output
    sys.exit(1 if lines else 0)
