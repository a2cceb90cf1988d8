"""The drift between the contract and the OpenAPI document of a server."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap

import httpx

from understudy.contract.contract import Contract
from understudy.drift.disagreements import Disagreement, of_operations, together
from understudy.drift.openapi_document import Document, nameless, prefix_of
from understudy.drift.published_document import published
from understudy.reports.printable import counted
from understudy.text import escape

WIDTH = 110  # characters of a line, at most
GLUE = "\u00a0"
MOST = 3  # times as many operations with a drift as without it


@dataclass(frozen=True)
class Drift:
    """A disagreement, the operations ("GET /pets/{id}") that have it, and the other compared operations."""

    disagreement: Disagreement
    operations: tuple[str, ...]
    others: tuple[str, ...]


def drift(contract: Contract, server: httpx.Client) -> list[Drift]:
    """Compare the paths of the contract with the OpenAPI document of a server.

    Raises:
        UnderstudyError: the document does not exist, or cannot be parsed.
    """
    document = published(server)
    compared: list[str] = []
    operations: dict[Disagreement, dict[str, None]] = {}
    with document.blamed():
        for operation, disagreements in compared_operations(contract, document):
            compared.append(operation)
            for disagreement in disagreements:
                operations.setdefault(disagreement, {})[operation] = None
    return [
        Drift(disagreement, tuple(names), tuple(each for each in compared if each not in names))
        for disagreement, names in operations.items()
    ]


def compared_operations(contract: Contract, document: Document) -> Iterator[tuple[str, Iterator[Disagreement]]]:
    """Each operation with its disagreements. Planned operations are left out."""
    served = Document(contract.name, contract.document)
    paths = {nameless(path): path for path in served.value["paths"]}
    planned = {(method.upper(), nameless(path)) for path, method, _ in contract.planned}
    ours = served.operations("", paths)
    theirs = document.operations(prefix_of(document.value["paths"], paths), paths)
    for (method, path), (left, right) in together(ours, theirs).items():
        if (method, path) not in planned:
            yield f"{method} {paths[path]}", of_operations(served, document, left, right)


def report(drifts: Iterable[Drift]) -> str:
    """The report: drifts by operations, the most widespread first, and their number."""
    groups: dict[tuple[str, ...], list[Drift]] = {}
    for each in drifts:
        groups.setdefault(each.operations, []).append(each)
    lines = []
    for operations, group in sorted(groups.items(), key=lambda group: -len(group[0])):
        lines += [*heading(operations, group[0].others), *(f"  {each.disagreement}" for each in group), ""]
    return "\n".join(map(escape, [*lines, f"{counted(sum(map(len, groups.values())), 'drift')}."]))


def heading(operations: Sequence[str], others: Sequence[str]) -> list[str]:
    """Operations as lines, which break only between operations. Of most operations, only the exceptions are named."""
    is_short = MOST <= len(operations) > MOST * len(others)
    named = others if is_short else operations
    every = f"Every operation{' except ' if others else ''}" if is_short else ""
    text = every + ", ".join(operation.replace(" ", GLUE) for operation in named)
    return [line.replace(GLUE, " ") for line in wrap(text, WIDTH, break_on_hyphens=False, break_long_words=False)]
