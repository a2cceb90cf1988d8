"""The modules of handlers of an API folder, imported by path."""

import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from understudy.contract.contract import Place
from understudy.errors import ContractError
from understudy.text import one_line


class Handlers:
    """The modules of a `handlers` folder, loaded by path."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._package = package_of(folder)
        if self._package not in sys.modules:
            load_package(self._package, folder)

    def function(self, operation_id: str, place: Place) -> Callable[..., Any]:
        """The function of an operation id: "module.function".

        Raises:
            ContractError: the function does not exist, or its module cannot be imported.
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
        except Exception as error:  # noqa: BLE001 - importing a module can raise anything
            raise import_error(path, error) from None


def load_package(name: str, folder: Path) -> None:
    """Import the package in a folder under another name than the folder's, to avoid clashes."""
    path = folder / "__init__.py"
    spec = importlib.util.spec_from_file_location(name, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise ContractError(str(path), "no such file; handlers are a package of modules")
    package = importlib.util.module_from_spec(spec)
    sys.modules[name] = package
    try:
        spec.loader.exec_module(package)
    except Exception as error:  # noqa: BLE001 - importing a module can raise anything
        del sys.modules[name]
        raise import_error(path, error) from None


def import_error(path: Path, error: Exception) -> ContractError:
    return ContractError(str(path), f"cannot be imported ({one_line(f'{type(error).__name__}: {error}')})")


@contextmanager
def reimporting(folder: Path) -> Iterator[None]:
    """Import the handlers of an API folder again within the block. After an error, the previous ones stay."""
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
    """The unique name under which the modules of a `handlers` folder are imported."""
    return f"understudy_handlers_{abs(hash(folder.resolve())):x}"
