"""The API folder: a contract, the handlers of its operations, and fixture sets."""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, NoReturn

from understudy.cache import Cache
from understudy.contract import supported_openapi
from understudy.contract.catalog import Catalog
from understudy.contract.contract import WEB_UI, Contract, Place
from understudy.contract.reading import Reading
from understudy.errors import ContractError, NotImplementedByServer, did_you_mean
from understudy.filters.query import query_at, sort_by
from understudy.operations.actions import action_at
from understudy.operations.handler_modules import Handlers
from understudy.operations.observers import observed
from understudy.operations.operation import Operation, Prepared
from understudy.operations.request_bodies import body_schema
from understudy.operations.request_reader import REMEMBERED, Remembered, RequestReader
from understudy.operations.web_ui import WebUI
from understudy.workspaces.services import Service

PACKAGE = Path(__file__).parents[1]
OF_REQUEST = frozenset({"api_url", "headers"})
"""Arguments of handlers that look at the request itself: the API's URL that it was sent to, and its headers."""
NAMED = re.compile(r"\{(\w+)\}")
SWITCHING = 101  # the status of a handshake for a WebSocket that was accepted
STREAM = "stream"  # the first argument of handlers of streams


def own_folder() -> Path:
    """The API folder of Understudy: inside the installed package, else above it in a checkout."""
    inside = PACKAGE / "api"
    return inside if inside.is_dir() else PACKAGE.parent


@dataclass(frozen=True)
class Api:
    """A loaded API folder. `reading` is how values in requests are validated.

    `operations` are the served operations by id. `planned` operations respond that they are not served. `streams` are
    served on WebSockets. `services` are its background services.
    """

    folder: Path
    contract: Contract
    catalog: Catalog
    operations: Mapping[str, Operation]
    planned: Sequence[Operation]
    streams: Sequence[Operation]
    services: Sequence[Service]
    reading: Reading

    @classmethod
    def load(cls, folder: Path, reading: Reading = Reading.COERCED, subject: str = "workspace") -> "Api":
        """Load an API folder. The operations of an API other than Understudy's own are compiled too.

        Args:
            folder: the folder with `openapi.yaml` and `handlers/`.
            reading: how values in requests are validated; by default as by the real server.
            subject: the name of the handlers' first argument.

        Raises:
            ContractError: it cannot be served; the text names the place.
        """
        contract = Contract.read(folder / "openapi.yaml")
        if not contract.bundle.is_checked:
            supported_openapi.check(contract)
            if not is_ours(folder):
                contract.check()
        try:
            api = cls.made_of(folder, contract, reading, subject)
            if not (is_ours(folder) and contract.bundle.is_checked):
                api.prepare()
        except Exception:
            # Tests validate Understudy's own contract. If it was edited, this check finds a clearer error.
            contract.check()
            raise
        if not contract.bundle.is_checked:
            contract.bundle.keep()
        return api

    @classmethod
    def made_of(cls, folder: Path, contract: Contract, reading: Reading, subject: str) -> "Api":
        handlers = Handlers(folder / "handlers")
        contract = replace(contract, functions=handlers.function)
        catalog = Catalog.of(contract)
        for table in catalog.tables.values():
            if "x-shown-by" in table.place.value:
                table.present = lazily("x-shown-by", table.place, handlers)
            if "x-observed-by" in table.place.value:
                table.observe = lazily("x-observed-by", table.place, handlers)
        maker = Maker(catalog, handlers, reading, subject)
        operations = {}
        for operation_id, place in contract.operations():
            with place.blamed():
                register(place, catalog)
                operations[operation_id] = maker.operation(operation_id, place)
        planned = [maker.operation(*each, planned=True) for each in contract.planned_operations()]
        streams = [maker.stream(place) for place in contract.stream_places()]
        services = [service_of(module, place, catalog, handlers) for module, place in contract.service_places()]
        return cls(folder, contract, catalog, operations, planned, streams, services, reading)

    def prepare(self) -> None:
        """Compile all operations, which finds their errors.

        Raises:
            ContractError: an operation cannot be served.
        """
        for operation in (*self.operations.values(), *self.streams):
            _ = operation.prepared
        for service in self.services:
            _ = service.due, service.run

    def find_web_ui(self) -> WebUI:
        """The API's web UI.

        Raises:
            UnderstudyError: the API has none, or it is not installed.
        """
        name = self.contract.web_ui
        if not name:
            raise ContractError(self.contract.name, "the API has no web UI (`x-web-ui`)")
        found: WebUI = Handlers(self.folder / "handlers").function(name, self.contract.place(name, f"/{WEB_UI}"))()
        return found

    @property
    def routed(self) -> list[Operation]:
        """All operations with a route, in the contract's order, planned ones last."""
        return [*self.operations.values(), *self.planned]


def register(operation: Place, catalog: Catalog) -> None:
    """Register the columns that an operation uses, before their tables have rows."""
    schema = body_schema(operation)
    if schema is not None and "x-selects" in schema.value:
        table = query_at(schema, catalog).table
        if "x-order" in schema.value:
            sort_by(schema.value["x-order"], table, catalog, schema)
    for parameter in operation.each("parameters"):
        if "x-names" in parameter.value:
            of, _, name = parameter.value["x-names"].partition(".")
            catalog.column(of, (name,), parameter)


def lazily(annotation: str, place: Place, handlers: Handlers) -> Callable[..., Any]:
    """The function that an annotation of a row schema names. Its module is imported on first use."""

    @cache
    def function() -> Callable[..., Any]:
        return handlers.function(place.value[annotation], place)

    def call(*arguments: Any) -> Any:
        return function()(*arguments)

    return call


def service_of(module: str, place: Place, catalog: Catalog, handlers: Handlers) -> Service:
    """The service in a module of handlers, which is imported on first use.

    Raises:
        ContractError: a table does not exist.
    """
    for name in place.value:
        if name not in catalog.tables:
            raise place.error(f"no table is named `{name}`{did_you_mean(name, catalog.tables)}")
    return Service(place.value, lambda name: handlers.function(f"{module}.{name}", place))


class Maker:
    """Creates the operations of an API folder."""

    def __init__(self, catalog: Catalog, handlers: Handlers, reading: Reading, subject: str) -> None:
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

    def stream(self, place: Place) -> Operation:
        """A WebSocket. Its handler takes the stream, and the path parameters, which are texts."""
        path = place.path.removeprefix("/x-streams/")
        names = NAMED.findall(path)
        prepare = partial(self._streaming, place, names)
        return Operation(
            place.value["operationId"], "GET", path, place, dict.fromkeys(names, False), SWITCHING, prepare
        )

    def _streaming(self, place: Place, names: list[str]) -> Prepared:
        handler = self._handlers.function(place.value["operationId"], place)
        parameters = set(inspect.signature(handler).parameters)
        check_parameters(place, handler, parameters, {STREAM, *names})
        return Prepared(handler, True, RequestReader(place, self._catalog, self._reading))

    def _prepared(self, operation_id: str, place: Place) -> Prepared:
        reader = RequestReader(place, self._catalog, self._reading, self._remembered)
        if "x-action" in place.value:
            return Prepared(self._observed(place, action_at(place, self._catalog)), True, reader)
        handler = self._handlers.function(operation_id, place)
        parameters = set(inspect.signature(handler).parameters)
        check_parameters(place, handler, parameters - OF_REQUEST - {self._subject}, reader.arguments)
        return Prepared(self._observed(place, handler), self._subject in parameters, reader, OF_REQUEST & parameters)

    def _observed(self, place: Place, handler: Callable[..., Any]) -> Callable[..., Any]:
        """A handler whose changes of the tables of `x-observes` are passed to their observers."""
        tables = place.value.get("x-observes", ())
        for name in tables:
            schema = self._catalog.table(name, place).place
            if "x-observed-by" not in schema.value:
                raise place.error(f"`x-observes` requires an `x-observed-by` of the row schema of `{name}`")
            self._handlers.function(schema.value["x-observed-by"], schema)
        return observed(handler, tables) if tables else handler

    def _planned(self, operation_id: str, place: Place) -> Prepared:
        reader = RequestReader(place, self._catalog, self._reading, self._remembered)
        path, _, method = place.path.removeprefix("/paths/").rpartition("/")
        detail = f"{operation_id.rpartition('.')[2]} ({method.upper()} {path}) is not served by Understudy"

        def refuse(**arguments: Any) -> NoReturn:
            raise NotImplementedByServer(detail)

        return Prepared(refuse, False, reader)


def is_ours(folder: Path) -> bool:
    """Whether an API folder is Understudy's own. Its contract is validated by tests."""
    return folder == own_folder() or PACKAGE in folder.parents


def check_parameters(place: Place, handler: Callable[..., Any], has: set[str], needs: set[str]) -> None:
    name = f"{handler.__module__.rpartition('.')[2]}.{handler.__name__}"
    for wrong, reason in ((needs - has, "does not take"), (has - needs, "takes unknown parameters:")):
        if wrong:
            raise place.error(f"the handler {name} {reason} {', '.join(sorted(wrong))}")


def first_success(place: Place) -> int:
    statuses = [int(status) for status in place.value["responses"] if status.startswith("2")]
    return statuses[0] if statuses else 200
