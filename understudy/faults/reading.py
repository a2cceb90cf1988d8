"""Rules out of files: YAML, checked by the contract of the control API, with mistakes told by file and line."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from pydantic_core import ValidationError

from understudy.admin import CONTRACT
from understudy.contract import Contract, reason_of
from understudy.errors import FaultsError, one_line
from understudy.validation import Reading, validator

PROFILES = Path(__file__).parent / "profiles"
LARGEST = 2**20  # bytes of a file of rules
DEEPEST = 20  # levels of it


def profiles() -> list[str]:
    """The names of the rules that come with Understudy."""
    return sorted(path.stem for path in PROFILES.glob("*.yaml"))


def rules_in(source: str) -> list[dict[str, Any]]:
    """The rules of a profile, or of a file.

    Raises:
        FaultsError: it cannot be read, or holds what is no rule; the text names file, line and reason.
    """
    path = PROFILES / f"{source}.yaml" if source in profiles() else Path(source)
    node = parsed(path)
    schema = Contract.read(CONTRACT).root["components"]["schemas"]["Rules"]
    try:
        rules: list[dict[str, Any]] = validator(schema, Reading.LETTER).validate_python(value_of(node))["rules"]
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise FaultsError(path, f"{where}: {first['msg']}", line_of(node, first["loc"])) from None
    return rules


def parsed(path: Path) -> yaml.Node:
    """The YAML of a file as a tree, which knows its lines."""
    try:
        if path.stat().st_size > LARGEST:
            raise FaultsError(path, f"is larger than the {LARGEST} bytes that rules may take")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        hint = f" ({reason_of(error)}); a file of rules, or one of {', '.join(profiles())}"
        raise FaultsError(path, f"cannot be read{hint}") from None
    try:
        # Anchors would let a few lines stand for billions, and depth break the reader; rules need neither.
        check_plain(path, yaml.parse(text, Loader=yaml.SafeLoader))
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise FaultsError(path, f"is not YAML ({error.problem})", line) from None
    except yaml.YAMLError as error:
        raise FaultsError(path, f"is not YAML ({one_line(str(error))})") from None
    if node is None:
        raise FaultsError(path, "is empty; it takes a list of `rules`")
    return node


def check_plain(path: Path, events: Iterable[yaml.Event]) -> None:
    depth = 0
    for event in events:
        line = event.start_mark.line + 1 if event.start_mark else None
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise FaultsError(path, "has an anchor or an alias, which rules do without", line)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise FaultsError(path, f"is nested deeper than {DEEPEST} levels", line)


def value_of(node: yaml.Node) -> Any:
    constructor = yaml.constructor.SafeConstructor()
    return constructor.construct_document(node)


def line_of(node: yaml.Node, way: Iterable[int | str]) -> int:
    """The line of what a way leads to, or of the last of it that is there."""
    for part in way:
        if isinstance(node, yaml.MappingNode):
            pairs = {key.value: (key, value) for key, value in node.value}
            if part not in pairs:
                break
            node = pairs[part][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
        else:
            break
    return int(node.start_mark.line) + 1
