"""The API folder: a contract, the handlers of its operations, and fixture sets."""

import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from understudy.catalog import Catalog
from understudy.contract import Contract, Place
from understudy.errors import ContractError, one_line
from understudy.requests import RequestReader
from understudy.validation import Reading

PACKAGE = Path(__file__).parent


def own_folder() -> Path:
    """The API that Understudy comes with: inside the package where it was installed, else above it."""
    inside = PACKAGE / "api"
    return inside if inside.is_dir() else PACKAGE.parent


@dataclass(frozen=True)
class Operation:
    """One operation, prepared: how its requests are read, what answers them, and with which status."""

    handler: Callable[..., Any]
    takes_workspace: bool
    reader: RequestReader
    status: int


@dataclass(frozen=True)
class Api:
    """A loaded API folder."""

    folder: Path
    contract: Contract
    catalog: Catalog
    operations: Mapping[str, Operation]

    @classmethod
    def load(cls, folder: Path, reading: Reading = Reading.COERCED) -> "Api":
        """Load an API folder and prepare its operations.

        Args:
            folder: holds `openapi.yaml` and `handlers/`.
            reading: how the values of requests are taken; by default as the real server takes them.

        Raises:
            ContractError: something in it cannot be served; the text names the place.
        """
        contract = Contract.load(folder / "openapi.yaml")
        catalog = Catalog.of(contract)
        handlers = Handlers(folder / "handlers")
        operations = {
            operation_id: prepared(place, handlers.function(operation_id, place), catalog, reading)
            for operation_id, place in contract.operations()
        }
        return cls(folder, contract, catalog, operations)


def prepared(place: Place, handler: Callable[..., Any], catalog: Catalog, reading: Reading) -> Operation:
    reader = RequestReader(place, catalog, reading)
    parameters = set(inspect.signature(handler).parameters)
    check_parameters(place, handler, parameters - {"workspace"}, reader.arguments)
    return Operation(handler, "workspace" in parameters, reader, first_success(place))


def check_parameters(place: Place, handler: Callable[..., Any], has: set[str], needs: set[str]) -> None:
    name = f"{handler.__module__.rpartition('.')[2]}.{handler.__name__}"
    for wrong, reason in ((needs - has, "does not take"), (has - needs, "takes what the operation has not:")):
        if wrong:
            raise place.error(f"the handler {name} {reason} {', '.join(sorted(wrong))}")


def first_success(place: Place) -> int:
    statuses = [int(status) for status in place.value["responses"] if status.startswith("2")]
    return statuses[0] if statuses else 200


class Handlers:
    """The modules of a `handlers` folder, loaded by path, under a name that nothing else has."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._package = f"understudy_handlers_{abs(hash(folder.resolve())):x}"
        if self._package not in sys.modules:
            self._load_package()

    def _load_package(self) -> None:
        if not self._folder.is_dir():
            raise ContractError(str(self._folder), "there is no such folder of handlers")
        spec = importlib.util.spec_from_file_location(
            self._package, self._folder / "__init__.py", submodule_search_locations=[str(self._folder)]
        )
        if spec is None or spec.loader is None or not (self._folder / "__init__.py").exists():
            raise ContractError(str(self._folder), "has no `__init__.py`")
        package = importlib.util.module_from_spec(spec)
        sys.modules[self._package] = package
        spec.loader.exec_module(package)

    def function(self, operation_id: str, place: Place) -> Callable[..., Any]:
        """The function that an operation id names: "module.function".

        Raises:
            ContractError: there is no such function, or its module fails when it is imported.
        """
        module_name, _, name = operation_id.rpartition(".")
        function = getattr(self._module(module_name, place), name, None) if module_name else None
        if not inspect.isfunction(function):
            raise place.error(f"`operationId: {operation_id}` has no handler in {self._folder}")
        return function

    def _module(self, name: str, place: Place) -> ModuleType | None:
        if not (self._folder / f"{name.replace('.', '/')}.py").exists():
            return None
        try:
            return import_module(f"{self._package}.{name}")
        except Exception as error:  # noqa: BLE001 - whatever a module does when it is imported
            reason = one_line(f"{type(error).__name__}: {error}")
            raise place.error(f"the handlers in {self._folder / name}.py cannot be imported ({reason})") from None
