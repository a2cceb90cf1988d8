"""YAML, as contracts are written in it. A start from the cache does not import this module."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from understudy.errors import ContractError
from understudy.text import one_line

TEXT, MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"


def parsed(path: Path, text: str) -> dict[str, Any]:
    """The document in the text of a file.

    Raises:
        ContractError: it is not YAML, not an object, or repeats a name in an object.
    """
    try:
        document = yaml.load(text, Loader=Loader)  # noqa: S506 - it is a safe loader
    except RepeatedName as error:
        raise ContractError(f"{path}, line {error.line}", f"has `{error.name}` twice") from None
    except yaml.YAMLError as error:
        raise ContractError(str(path), f"is not YAML ({one_line(str(error))})") from None
    if not isinstance(document, dict):
        raise ContractError(str(path), "is not an OpenAPI document")
    return document


def written(document: Mapping[str, Any]) -> str:
    """A document as YAML."""
    return yaml.dump(document, Dumper=Plain, sort_keys=False, allow_unicode=True, width=120)


class RepeatedName(yaml.YAMLError):
    """An object has a name twice. YAML forbids that, but PyYAML would use the last one."""

    def __init__(self, key: yaml.Node) -> None:
        super().__init__()
        self.name, self.line = str(key.value), key.start_mark.line + 1


# The C loader takes a hundredth of the time, if PyYAML was built with it.
class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # depends on how PyYAML was built
    """Reads each name in an object as text, as JSON has it: without quotes, `200` is a number and `no` a boolean."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != MERGE:
                key.tag = TEXT
                if key.value in names:
                    raise RepeatedName(key)
                names.add(key.value)
        constructed: dict[Any, Any] = super().construct_mapping(node, deep)
        return constructed


class Plain(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]  # depends on how PyYAML was built
    """Writes YAML without anchors, which some OpenAPI tools do not support."""

    def ignore_aliases(self, data: Any) -> bool:
        return True
