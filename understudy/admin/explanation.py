"""Why a row meets a filter request, or does not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from understudy.text import escape


@dataclass(frozen=True)
class Explanation:
    """Whether a row meets a filter request, with the tree of reasons in `finding`."""

    finding: dict[str, Any]

    @property
    def met(self) -> bool:
        return bool(self.finding["met"])

    def __str__(self) -> str:
        return "\n".join(lines_of(self.finding))


def lines_of(finding: Mapping[str, Any], depth: int = 0) -> Iterator[str]:
    """A tree of findings as indented lines."""
    yield f"{'  ' * depth}{'+' if finding['met'] else '-'} {escape(finding['text'])}"
    for part in finding["parts"]:
        yield from lines_of(part, depth + 1)
