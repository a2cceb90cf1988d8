"""Sequences of requests that a contract has with an operation (`x-scenarios`).

Long ones are in files of their own, which only `verify` reads: no other command needs them, and they are more than half
of a contract.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from understudy.contract.annotations import SCENARIOS, wrong_scenarios
from understudy.contract.bundle import target_of, text_of
from understudy.contract.contract import Place
from understudy.contract.yaml_text import parsed
from understudy.errors import ContractError

Step = Mapping[str, Any]
"""A request as in the contract: what to `send`, its `body` and `headers`, and the name of its response (`as`)."""


@dataclass
class ScenarioFiles:
    """Reads the scenarios of operations, and each file once."""

    _files: dict[Path, dict[str, Any]] = field(default_factory=dict)

    def of(self, operation: Place) -> Mapping[str, Sequence[Step]]:
        """The scenarios of an operation, by their names.

        Raises:
            ContractError: a file cannot be read or is not YAML, or has no scenarios at that place.
        """
        value = operation.value.get(SCENARIOS, {})
        if not isinstance(value, str):
            return dict(value)
        name, _, pointer = value.partition("#")
        path = operation.file.parent / name
        found = target_of(self._read(path), pointer)
        if found is None:
            raise operation.error(f"`{SCENARIOS}: {value}` cannot be resolved")
        wrong = wrong_scenarios(found)
        if wrong is not None:
            raise ContractError(f"{path}: {pointer.strip('/')}", f"`{SCENARIOS}` {wrong}")
        return dict(found)

    def _read(self, path: Path) -> dict[str, Any]:
        if path not in self._files:
            self._files[path] = parsed(path, text_of(path))
        return self._files[path]
