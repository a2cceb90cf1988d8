"""Known deviations: a document of how a server differs from the contract."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from understudy.encoding import read_text, reason_of
from understudy.errors import UnderstudyError
from understudy.reports.verdict import Violation
from understudy.text import one_line

BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMES = {"rule", "operation", "subject"}
OPTIONAL = {"found"}
LARGEST = 2**24  # the maximum size of a document in bytes


@dataclass(frozen=True)
class Deviation:
    """Known violations, by patterns in which `*` matches any text. `found` is a pattern for what the report shows as
    found.
    """

    rule: str
    operation: str
    subject: str
    found: str = "*"

    def covers(self, violation: Violation) -> bool:
        said, patterns = (*violation.cause, violation.found), (self.rule, self.operation, self.subject, self.found)
        return all(fnmatchcase(text, pattern) for text, pattern in zip(said, patterns, strict=True))


def load(path: Path) -> list[Deviation]:
    """The deviations of a Markdown document: each a YAML block with `rule`, `operation` and `subject`.

    It may have `found`, too.

    Raises:
        UnderstudyError: the document cannot be read, or a block is not valid.
    """
    try:
        text = read_text(path, LARGEST)
    except (OSError, UnicodeDecodeError) as error:
        raise UnderstudyError(f"{path}: cannot be read ({reason_of(error)})") from None
    return list(deviations(path, text))


def deviations(path: Path, text: str) -> Iterator[Deviation]:
    for block in BLOCK.finditer(text):
        line = text[: block.start()].count("\n") + 1
        try:
            value: Any = yaml.safe_load(block[1])
        except yaml.YAMLError as error:
            raise UnderstudyError(f"{path}, line {line}: is not YAML ({one_line(str(error))})") from None
        if not isinstance(value, dict) or value.keys() - OPTIONAL != NAMES or not all(map(is_text, value.values())):
            names = ", ".join(sorted(NAMES))
            raise UnderstudyError(f"{path}, line {line}: a deviation has {names} and optionally found, each a text")
        yield Deviation(**value)


def is_text(value: Any) -> bool:
    return isinstance(value, str)
