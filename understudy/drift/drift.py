"""The drift between the contract and the OpenAPI document of a server."""

from collections.abc import Iterable, Iterator
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


@dataclass(frozen=True)
class Drift:
    """A disagreement, and the operations ("GET /pets/{id}") with it."""

    disagreement: Disagreement
    operations: tuple[str, ...]


def drift(contract: Contract, server: httpx.Client) -> list[Drift]:
    """Compare the paths of the contract with the OpenAPI document of a server.

    Raises:
        UnderstudyError: the document does not exist, or cannot be parsed.
    """
    document = published(server)
    operations: dict[Disagreement, dict[str, None]] = {}
    with document.blamed():
        for operation, disagreement in disagreements(contract, document):
            operations.setdefault(disagreement, {})[operation] = None
    return [Drift(disagreement, tuple(names)) for disagreement, names in operations.items()]


def disagreements(contract: Contract, document: Document) -> Iterator[tuple[str, Disagreement]]:
    """All disagreements, each with its operation. Planned operations are left out."""
    served = Document(contract.name, contract.document)
    paths = {nameless(path): path for path in served.value["paths"]}
    planned = {(method.upper(), nameless(path)) for path, method, _ in contract.planned}
    ours = served.operations("", paths)
    theirs = document.operations(prefix_of(document.value["paths"], paths), paths)
    for (method, path), (left, right) in together(ours, theirs).items():
        if (method, path) not in planned:
            for disagreement in of_operations(served, document, left, right):
                yield f"{method} {paths[path]}", disagreement


def report(drifts: Iterable[Drift]) -> str:
    """The report: drifts by operations, the most widespread first, and their number."""
    groups: dict[tuple[str, ...], list[Disagreement]] = {}
    for each in drifts:
        groups.setdefault(each.operations, []).append(each.disagreement)
    lines = []
    for operations, disagreements in sorted(groups.items(), key=lambda group: -len(group[0])):
        lines += [*heading(operations), *(f"  {disagreement}" for disagreement in disagreements), ""]
    return "\n".join(map(escape, [*lines, f"{counted(sum(map(len, groups.values())), 'drift')}."]))


def heading(operations: Iterable[str]) -> list[str]:
    """Operations as lines, which break only between operations."""
    text = ", ".join(operation.replace(" ", GLUE) for operation in operations)
    return [line.replace(GLUE, " ") for line in wrap(text, WIDTH, break_on_hyphens=False, break_long_words=False)]
