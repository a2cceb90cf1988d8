"""YAML, as contracts are written in it. A start from the cache does not import this module."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from understudy.errors import ContractError
from understudy.text import one_line


def parsed(path: Path, text: str) -> dict[str, Any]:
    """The document in the text of a file.

    Raises:
        ContractError: it is not YAML, or not an object.
    """
    # The C loader takes a hundredth of the time, if PyYAML was built with it.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        document = yaml.load(text, Loader=loader)  # noqa: S506 - both loaders are safe
    except yaml.YAMLError as error:
        raise ContractError(str(path), f"is not YAML ({one_line(str(error))})") from None
    if not isinstance(document, dict):
        raise ContractError(str(path), "is not an OpenAPI document")
    return document


def written(document: Mapping[str, Any]) -> str:
    """A document as YAML."""
    return yaml.dump(document, Dumper=Plain, sort_keys=False, allow_unicode=True, width=120)


class Plain(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]  # depends on how PyYAML was built
    """Writes YAML without anchors, which some OpenAPI tools do not support."""

    def ignore_aliases(self, data: Any) -> bool:
        return True
