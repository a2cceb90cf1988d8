"""The API folder: a contract, the handlers of its operations, and fixture sets."""

import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from understudy.cache import Cache
from understudy.contract import support
from understudy.contract.catalog import Catalog
from understudy.contract.contract import Contract, Place
from understudy.contract.validation import Reading
from understudy.errors import ContractError
from understudy.operations.request_reader import REMEMBERED, Remembered, RequestReader
from understudy.text import one_line

PACKAGE = Path(__file__).parents[1]


def own_folder() -> Path:
    """The API that Understudy comes with: inside the package where it was installed, else above it."""
    inside = PACKAGE / "api"
    return inside if inside.is_dir() else PACKAGE.parent


@dataclass(frozen=True)
class Operation:
    """One operation, prepared: where it is, how its requests are read, what answers them, and with which status.

    `path` is the contract's, with names in braces. `takes_subject` says whether the handler is given what
    the API is about, such as a workspace, before what the request says.
    """

    id: str
    method: str
    path: str
    handler: Callable[..., Any]
    takes_subject: bool
    reader: RequestReader
    status: int
    place: Place

    @property
    def is_safe(self) -> bool:
        """Whether it changes nothing."""
        return self.method == "GET" or bool(self.place.value.get("x-safe"))

    @property
    def is_open(self) -> bool:
        """Whether it answers those who are not let in, too."""
        return bool(self.place.value.get("x-open"))

    @property
    def issues_tokens(self) -> bool:
        """Whether it hands out tokens against cross-site request forgery."""
        return bool(self.place.value.get("x-issues-tokens"))


@dataclass(frozen=True)
class Api:
    """A loaded API folder. `reading` is how the values of requests are taken."""

    folder: Path
    contract: Contract
    catalog: Catalog
    operations: Mapping[str, Operation]
    reading: Reading

    @classmethod
    def load(cls, folder: Path, reading: Reading = Reading.COERCED, subject: str = "workspace") -> "Api":
        """Load an API folder and prepare its operations.

        Args:
            folder: holds `openapi.yaml` and `handlers/`.
            reading: how the values of requests are taken; by default as the real server takes them.
            subject: the handlers' name for what the API is about.

        Raises:
            ContractError: something in it cannot be served; the text names the place.
        """
        contract = Contract.read(folder / "openapi.yaml")
        support.check(contract)
        if not is_ours(folder):
            contract.check()
        try:
            return cls.prepared(folder, contract, reading, subject)
        except Exception:
            # The tests hold our own contract to be valid. Where somebody edits it, this finds better words.
            contract.check()
            raise

    @classmethod
    def prepared(cls, folder: Path, contract: Contract, reading: Reading, subject: str) -> "Api":
        catalog = Catalog.of(contract)
        handlers = Handlers(folder / "handlers")
        operations = {}
        remembered: Remembered = Cache(REMEMBERED)
        for operation_id, place in contract.operations():
            with place.blamed():
                handler = handlers.function(operation_id, place)
                reader = RequestReader(place, catalog, reading, remembered)
                operations[operation_id] = prepared(operation_id, place, handler, reader, subject)
        return cls(folder, contract, catalog, operations, reading)


def is_ours(folder: Path) -> bool:
    """Whether an API folder came with Understudy, whose tests hold its contract to be valid."""
    return folder == own_folder() or PACKAGE in folder.parents


def prepared(
    operation_id: str, place: Place, handler: Callable[..., Any], reader: RequestReader, subject: str
) -> Operation:
    parameters = set(inspect.signature(handler).parameters)
    check_parameters(place, handler, parameters - {subject}, reader.arguments)
    path, _, method = place.path.removeprefix("/paths/").rpartition("/")
    return Operation(
        operation_id, method.upper(), path, handler, subject in parameters, reader, first_success(place), place
    )


def check_parameters(place: Place, handler: Callable[..., Any], has: set[str], needs: set[str]) -> None:
    name = f"{handler.__module__.rpartition('.')[2]}.{handler.__name__}"
    for wrong, reason in ((needs - has, "does not take"), (has - needs, "takes what the operation has not:")):
        if wrong:
            raise place.error(f"the handler {name} {reason} {', '.join(sorted(wrong))}")


def first_success(place: Place) -> int:
    statuses = [int(status) for status in place.value["responses"] if status.startswith("2")]
    return statuses[0] if statuses else 200


@contextmanager
def reimporting(folder: Path) -> Iterator[None]:
    """Within, the handlers of an API folder are imported again. Where something fails, those before stay."""
    package = package_of(folder / "handlers")
    before = {name: module for name, module in sys.modules.items() if f"{name}.".startswith(f"{package}.")}
    for name in before:
        del sys.modules[name]
    importlib.invalidate_caches()
    try:
        yield
    except BaseException:
        for name in [name for name in sys.modules if f"{name}.".startswith(f"{package}.")]:
            del sys.modules[name]
        sys.modules.update(before)
        raise


def package_of(folder: Path) -> str:
    """The name under which the modules of a `handlers` folder are imported, which nothing else has."""
    return f"understudy_handlers_{abs(hash(folder.resolve())):x}"


class Handlers:
    """The modules of a `handlers` folder, loaded by path."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._package = package_of(folder)
        if self._package not in sys.modules:
            load_package(self._package, folder)

    def function(self, operation_id: str, place: Place) -> Callable[..., Any]:
        """The function that an operation id names: "module.function".

        Raises:
            ContractError: there is no such function, or its module fails when it is imported.
        """
        module_name, _, name = operation_id.rpartition(".")
        function = getattr(self._module(module_name), name, None) if module_name else None
        if not inspect.isfunction(function):
            raise place.error(f"`operationId: {operation_id}` has no handler in {self._folder}")
        return function

    def _module(self, name: str) -> ModuleType | None:
        path = self._folder / f"{name.replace('.', '/')}.py"
        if not path.is_file():
            return None
        try:
            return import_module(f"{self._package}.{name}")
        except Exception as error:  # noqa: BLE001 - whatever a module does when it is imported
            raise import_error(path, error) from None


def load_package(name: str, folder: Path) -> None:
    """Import the package in a folder under another name than the folder's, so that no other module clashes."""
    path = folder / "__init__.py"
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=[str(folder)])
    if not path.is_file() or spec is None or spec.loader is None:
        raise ContractError(str(path), "there is no such file; handlers are a package of modules")
    package = importlib.util.module_from_spec(spec)
    sys.modules[name] = package
    try:
        spec.loader.exec_module(package)
    except Exception as error:  # noqa: BLE001 - whatever a module does when it is imported
        del sys.modules[name]
        raise import_error(path, error) from None


def import_error(path: Path, error: Exception) -> ContractError:
    return ContractError(str(path), f"cannot be imported ({one_line(f'{type(error).__name__}: {error}')})")
