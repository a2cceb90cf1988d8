"""Rule files: YAML, validated by the contract of the control API. Errors have the file and line."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import yaml
from pydantic_core import ValidationError

from understudy.contract.contract import Contract
from understudy.contract.reading import Reading
from understudy.contract.validation import validator
from understudy.encoding import decoded, reason_of
from understudy.errors import FaultsError
from understudy.faults.fault_rule import Rule
from understudy.paths import read
from understudy.text import one_line

PROFILES = Path(__file__).parent / "profiles"
LARGEST = 2**20  # bytes of a rule file
DEEPEST = 20  # levels of nesting
DELAYS = ("delay", "chunk_delay")


def profiles() -> list[str]:
    """The names of the built-in profiles."""
    return sorted(path.stem for path in PROFILES.glob("*.yaml"))


def rules_in(source: str, contract: Path) -> list[dict[str, Any]]:
    """The rules of a profile, or of a file.

    Args:
        source: the name of the profile, or the path of the file.
        contract: the file of the control API's, whose schema `Rules` they are validated against.

    Raises:
        FaultsError: it cannot be read, or is not valid; the text names the file, line and reason.
    """
    path = PROFILES / f"{source}.yaml" if source in profiles() else Path(source)
    node, value = parsed(path)
    schema = Contract.read(contract).root["components"]["schemas"]["Rules"]
    try:
        rules: list[dict[str, Any]] = validator(schema, Reading.STRICT).validate_python(value)["rules"]
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if not first["loc"]:
            raise FaultsError(path, "takes a list of `rules`, each with an indent below that word", 1) from None
        raise error_at(path, node, first["loc"], first["msg"]) from None
    for number, rule in enumerate(rules):
        reason = objection_to(rule)
        if reason is not None:
            raise error_at(path, node, ("rules", number), reason)
    return rules


def objection_to(rule: Mapping[str, Any]) -> str | None:
    """Why the fields of a rule are not consistent; None if they are."""
    try:
        Rule(rule, Random())  # noqa: S311 - nothing is drawn
    except ValueError as error:
        return str(error)
    return None


def error_at(path: Path, node: yaml.Node, way: tuple[int | str, ...], reason: str) -> FaultsError:
    """The error at a path in a file."""
    for place, part in enumerate(way):
        if part in DELAYS:  # pydantic reports each form of a delay, but it is unknown which one was meant
            way, reason = way[: place + 1], "takes seconds, `from` and `to`, or `median` and `p99`"
    return FaultsError(path, ": ".join(filter(None, (".".join(map(str, way)), reason))), line_of(node, way))


def parsed(path: Path) -> tuple[yaml.Node, Any]:
    """The YAML of a file, as a tree of nodes with line numbers and as a value."""
    text = text_of(path)
    try:
        # A few lines with anchors can expand to billions, and deep nesting breaks the parser; rules need neither.
        check_plain(path, yaml.parse(text, Loader=yaml.SafeLoader))
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is None:
            raise FaultsError(path, "is empty; it takes a list of `rules`")
        check_names(path, node)
        return node, yaml.constructor.SafeConstructor().construct_document(node)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise FaultsError(path, f"is not YAML ({one_line(str(error.problem))})", line) from None
    except (yaml.YAMLError, ValueError, LookupError, AttributeError) as error:  # the last two for tags that do not fit
        raise FaultsError(path, f"is not YAML ({one_line(str(error))})") from None


def text_of(path: Path) -> str:
    try:
        return decoded(read(path, LARGEST))
    except (OSError, UnicodeDecodeError) as error:
        hint = f" ({reason_of(error)}); use a rule file, or one of {', '.join(profiles())}"
        raise FaultsError(path, f"cannot be read{hint}") from None


def check_plain(path: Path, events: Iterable[yaml.Event]) -> None:
    depth = 0
    for event in events:
        line = event.start_mark.line + 1 if event.start_mark else None
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise FaultsError(path, "has an anchor or an alias, which are not supported", line)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise FaultsError(path, f"is nested deeper than {DEEPEST} levels", line)


def check_names(path: Path, node: yaml.Node) -> None:
    """Check that no name is repeated, since YAML would only use the last one."""
    children = node.value if isinstance(node, yaml.CollectionNode) else []
    names = set()
    for child in children:
        key, value = child if isinstance(child, tuple) else (None, child)
        if key is not None and str(key.value) in names:
            raise FaultsError(path, f"has `{key.value}` twice", key.start_mark.line + 1)
        names.add(key and str(key.value))
        check_names(path, value)


def line_of(node: yaml.Node, way: Iterable[int | str]) -> int:
    """The line of a path, or of the longest part of it that exists."""
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
