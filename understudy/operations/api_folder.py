"""The API folder: a contract, the handlers of its operations, and fixture sets."""

import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, NoReturn

from understudy.cache import Cache
from understudy.contract import support
from understudy.contract.catalog import Catalog, Present
from understudy.contract.contract import Contract, Place
from understudy.contract.validation import Reading
from understudy.errors import ContractError, NotImplementedByServer
from understudy.filters.query import query_at, sort_by
from understudy.operations.actions import action_at
from understudy.operations.request_reader import REMEMBERED, Remembered, RequestReader, body_schema
from understudy.text import one_line

PACKAGE = Path(__file__).parents[1]


def own_folder() -> Path:
    """The API that Understudy comes with: inside the package where it was installed, else above it."""
    inside = PACKAGE / "api"
    return inside if inside.is_dir() else PACKAGE.parent


class Prepared(NamedTuple):
    """What an operation needs to answer requests, made of the contract.

    `takes_subject` says whether the handler is given what the API is about, such as a workspace, before what the
    request says.
    """

    handler: Callable[..., Any]
    takes_subject: bool
    reader: RequestReader


@dataclass(frozen=True)
class Operation:
    """One operation: where it is, how its requests are read, what answers them, and with which status.

    `path` is the contract's, with names in braces; `path_parameters` says of each of these names whether it takes
    ids. `prepare` compiles the operation, which is done when it is first asked for.
    """

    id: str
    method: str
    path: str
    place: Place
    path_parameters: Mapping[str, bool]
    status: int
    prepare: Callable[[], Prepared]

    @cached_property
    def prepared(self) -> Prepared:
        with self.place.blamed():
            return self.prepare()

    @property
    def handler(self) -> Callable[..., Any]:
        return self.prepared.handler

    @property
    def takes_subject(self) -> bool:
        return self.prepared.takes_subject

    @property
    def reader(self) -> RequestReader:
        return self.prepared.reader

    def answered_by(self, handler: Callable[..., Any]) -> "Operation":
        """The same operation with another handler."""
        return replace(self, prepare=lambda: self.prepared._replace(handler=handler))

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
    """A loaded API folder. `reading` is how the values of requests are taken.

    `operations` are those that are served, by id, and `planned` those of which clients are told that they are not.
    """

    folder: Path
    contract: Contract
    catalog: Catalog
    operations: Mapping[str, Operation]
    planned: Sequence[Operation]
    reading: Reading

    @classmethod
    def load(cls, folder: Path, reading: Reading = Reading.COERCED, subject: str = "workspace") -> "Api":
        """Load an API folder. The operations of another API than our own are prepared, too.

        Args:
            folder: holds `openapi.yaml` and `handlers/`.
            reading: how the values of requests are taken; by default as the real server takes them.
            subject: the handlers' name for what the API is about.

        Raises:
            ContractError: something in it cannot be served; the text names the place.
        """
        contract = Contract.read(folder / "openapi.yaml")
        if not contract.bundle.is_checked:
            support.check(contract)
            if not is_ours(folder):
                contract.check()
        try:
            api = cls.made_of(folder, contract, reading, subject)
            if not (is_ours(folder) and contract.bundle.is_checked):
                api.prepare()
        except Exception:
            # The tests hold our own contract to be valid. Where somebody edits it, this finds better words.
            contract.check()
            raise
        if not contract.bundle.is_checked:
            contract.bundle.keep()
        return api

    @classmethod
    def made_of(cls, folder: Path, contract: Contract, reading: Reading, subject: str) -> "Api":
        catalog = Catalog.of(contract)
        handlers = Handlers(folder / "handlers")
        for table in catalog.tables.values():
            if "x-shown-by" in table.place.value:
                table.present = presenter(table.place, handlers)
        maker = Maker(catalog, handlers, reading, subject)
        operations = {}
        for operation_id, place in contract.operations():
            with place.blamed():
                register(place, catalog)
                operations[operation_id] = maker.operation(operation_id, place)
        planned = [maker.operation(*each, planned=True) for each in contract.planned_operations()]
        return cls(folder, contract, catalog, operations, planned, reading)

    def prepare(self) -> None:
        """Compile all operations, which finds what is wrong with them.

        Raises:
            ContractError: an operation cannot be served.
        """
        for operation in self.operations.values():
            _ = operation.prepared

    @property
    def routed(self) -> list[Operation]:
        """All operations that have a route, in the contract's order: those that are planned come last."""
        return [*self.operations.values(), *self.planned]


def register(operation: Place, catalog: Catalog) -> None:
    """Have the tables know the columns that an operation asks about, before their first row comes."""
    schema = body_schema(operation)
    if schema is not None and "x-selects" in schema.value:
        table = query_at(schema, catalog).table
        if "x-order" in schema.value:
            sort_by(schema.value["x-order"], table, catalog, schema)
    for parameter in operation.each("parameters"):
        if "x-names" in parameter.value:
            of, _, name = parameter.value["x-names"].partition(".")
            catalog.column(of, (name,), parameter)


def presenter(place: Place, handlers: "Handlers") -> Present:
    """What shows the rows of a table: a function of a handlers' module, which is imported when it is first needed."""

    @cache
    def function() -> Present:
        found: Present = handlers.function(place.value["x-shown-by"], place)
        return found

    def present(tables: Mapping[str, Any], row: dict[str, Any]) -> None:
        function()(tables, row)

    return present


class Maker:
    """Makes the operations of an API folder."""

    def __init__(self, catalog: Catalog, handlers: "Handlers", reading: Reading, subject: str) -> None:
        self._catalog = catalog
        self._handlers = handlers
        self._reading = reading
        self._subject = subject
        self._remembered: Remembered = Cache(REMEMBERED)

    def operation(self, operation_id: str, place: Place, *, planned: bool = False) -> Operation:
        path, _, method = place.path.removeprefix("/paths/").rpartition("/")
        parameters = [each.value for each in place.each("parameters") if each.value["in"] == "path"]
        ids = {each["name"]: each["schema"].get("format") == "uuid" for each in parameters}
        prepare = partial(self._planned if planned else self._prepared, operation_id, place)
        return Operation(operation_id, method.upper(), path, place, ids, first_success(place), prepare)

    def _prepared(self, operation_id: str, place: Place) -> Prepared:
        reader = RequestReader(place, self._catalog, self._reading, self._remembered)
        if "x-action" in place.value:
            return Prepared(action_at(place, self._catalog), True, reader)
        handler = self._handlers.function(operation_id, place)
        parameters = set(inspect.signature(handler).parameters)
        check_parameters(place, handler, parameters - {self._subject}, reader.arguments)
        return Prepared(handler, self._subject in parameters, reader)

    def _planned(self, operation_id: str, place: Place) -> Prepared:
        reader = RequestReader(place, self._catalog, self._reading, self._remembered)
        path, _, method = place.path.removeprefix("/paths/").rpartition("/")
        detail = f"{operation_id.rpartition('.')[2]} ({method.upper()} {path}) is not served by Understudy"

        def refuse(**arguments: Any) -> NoReturn:
            raise NotImplementedByServer(detail)

        return Prepared(refuse, False, reader)


def is_ours(folder: Path) -> bool:
    """Whether an API folder came with Understudy, whose tests hold its contract to be valid."""
    return folder == own_folder() or PACKAGE in folder.parents


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
