"""The contract: `openapi.yaml`, parsed once, and its places."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from understudy.contract.bundle import Bundle, bundled, text_of
from understudy.contract.planned import PlannedOperation, separated, written
from understudy.errors import ContractError
from understudy.text import one_line

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
MEDIA_TYPE = "application/json"


@dataclass(frozen=True)
class Place:
    """A value of the contract with its path, which errors name.

    References are resolved, and a single `allOf` is merged with the keywords beside it: `within` is then the path of
    the schema that most of the value comes from.
    """

    value: Any
    path: str
    within: str
    contract: "Contract" = field(repr=False)

    def __getitem__(self, key: str | int) -> "Place":
        return self.contract.place(self.value[key], f"{self.within}/{key}")

    def get(self, key: str) -> "Place | None":
        return self[key] if key in self.value else None

    def items(self) -> Iterator[tuple[str, "Place"]]:
        """The entries of an object, in the contract's order."""
        for key in self.value:
            yield key, self[key]

    def each(self, key: str) -> list["Place"]:
        """The entries of the list at `key`; empty without that key."""
        if key not in self.value:
            return []
        listed = self[key]
        return [listed[index] for index in range(len(listed.value))]

    def entries(self, key: str) -> Iterator[tuple[str, "Place"]]:
        """The entries of the object at `key`; empty without that key."""
        return iter(()) if key not in self.value else self[key].items()

    @cached_property
    def properties(self) -> Mapping[str, "Place"]:
        """The schemas of the properties of an object, which are only resolved once."""
        return dict(self.entries("properties"))

    @cached_property
    def items_schema(self) -> "Place":
        """The schema of the items of a list, which is only resolved once."""
        return self["items"]

    @property
    def json_schema(self) -> "Place | None":
        """The schema of the JSON body of this request body or response; None if it has no JSON body."""
        content = self.value.get("content", {})
        return self["content"][MEDIA_TYPE].get("schema") if MEDIA_TYPE in content else None

    @property
    def has_default(self) -> bool:
        """Whether this schema has a default value."""
        return "default" in self.value or "x-default" in self.value

    @property
    def default(self) -> Any:
        """The schema's default value. Objects are in `x-default`, since client generators accept none in `default`."""
        return self.value["default"] if "default" in self.value else self.value["x-default"]

    @property
    def file(self) -> Path:
        """The file that has this place."""
        return Path(self.contract.file_of(self.path))

    def error(self, reason: str) -> ContractError:
        return ContractError(self.contract.where(self.path), reason)

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """Turn all exceptions into errors that name this place."""
        try:
            yield
        except ContractError:
            raise
        except Exception as error:  # noqa: BLE001 - an invalid contract can cause any exception
            raise self.error(f"cannot be served ({one_line(f'{type(error).__name__}: {error}')})") from None


@dataclass(frozen=True)
class Contract:
    """A valid OpenAPI 3.0 document, in one or several files.

    `document` has the served operations, and `planned` the others; `streams` are the ids of WebSockets by their paths,
    which OpenAPI documents do not have. `services` are the tables of background services, by the modules of their
    handlers. `web_ui` is the function of the handlers that finds the web UI; '' without one. `bundle` is the
    bundled document with its files. `made` has compiled schemas by their paths, so that a schema is compiled once,
    however often it is referenced. `functions` finds a function of the handlers by its name; None where the contract is
    read without its handlers.
    """

    name: str
    document: Mapping[str, Any]
    planned: Sequence[PlannedOperation] = ()
    streams: Mapping[str, str] = field(default_factory=dict)
    services: Mapping[str, Sequence[str]] = field(default_factory=dict)
    web_ui: str = ""
    bundle: Bundle = field(default=Bundle({}, (), {}), repr=False)
    made: dict[tuple[str, Any], Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    functions: Callable[[str, Place], Callable[..., Any]] | None = field(default=None, repr=False, compare=False)

    @classmethod
    def load(cls, path: Path) -> "Contract":
        """Read and check a contract.

        Raises:
            ContractError: the file cannot be read, or is not valid.
        """
        contract = cls.read(path)
        if not contract.bundle.is_checked:
            contract.check()
        return contract

    @classmethod
    def read(cls, path: Path) -> "Contract":
        """Read a contract that is known to be valid, with all its files.

        Raises:
            ContractError: a file cannot be read, or is not YAML.
        """
        bundle = bundled(path)
        document = {**bundle.document}
        planned = planned_in(path, document.pop(PLANNED_LINES, {}))
        streams = streams_in(path, document.pop(STREAMS, {}))
        services = services_in(path, document.pop(SERVICES, {}))
        web_ui = web_ui_in(path, document.pop(WEB_UI, ""))
        if isinstance(document.get("paths"), dict):
            document["paths"], others = separated(document["paths"], METHODS)
            planned += others
        return cls(str(path), document, planned, streams, services, web_ui, bundle)

    @cached_property
    def published(self) -> Mapping[str, Any]:
        """The document with the planned operations."""
        paths = {path: {**item} for path, item in self.document["paths"].items()}
        for path, method, value in self.planned:
            paths.setdefault(path, {}).setdefault(method, value)
        return {**self.document, "paths": paths}

    def as_yaml(self) -> str:
        """The document as YAML: the original file if there is only one."""
        if len(self.bundle.files) == 1 and not self.planned:
            return text_of(self.bundle.files[0])
        from understudy.contract import yaml_text  # noqa: PLC0415 - not needed to start from the cache

        return yaml_text.written(self.published)

    def where(self, path: str) -> str:
        """A description of a place in the contract: its file and its path."""
        return f"{self.file_of(path)}: {path.strip('/') or 'the document'}"

    def file_of(self, path: str) -> str:
        """The file that has the place with a path."""
        origins = self.bundle.origins.items()
        return next((file for start, file in origins if f"{path}/".startswith(f"{start}/")), self.name)

    @property
    def root(self) -> Place:
        return self.place(self.document, "")

    def place(self, value: Any, path: str) -> Place:
        """The place of `value`, with its reference resolved and its single `allOf` merged."""
        while isinstance(value, dict) and "$ref" in value:
            path = value["$ref"].removeprefix("#")
            value = self.referred(value["$ref"])
        if isinstance(value, dict) and len(value.get("allOf", ())) == 1:
            below = self.place(value["allOf"][0], f"{path}/allOf/0")
            merged = {**below.value, **{key: part for key, part in value.items() if key != "allOf"}}
            return Place(merged, path, path if "properties" in value else below.within, self)
        return Place(value, path, path, self)

    def referred(self, reference: str) -> Any:
        """Resolve a reference within the document.

        Raises:
            KeyError: it cannot be resolved.
        """
        value: Any = self.document
        for key in reference.removeprefix("#/").split("/"):
            value = value[key.replace("~1", "/").replace("~0", "~")]
        return value

    def check(self) -> None:
        """Validate the contract.

        Raises:
            ContractError: it is not valid OpenAPI 3.0.
        """
        # This takes a third of the start, so it is skipped for a contract that is known to be valid.
        from openapi_spec_validator import OpenAPIV30SpecValidator  # noqa: PLC0415

        for error in OpenAPIV30SpecValidator(self.document).iter_errors():
            where = "/".join(str(key) for key in getattr(error, "absolute_path", ()))
            reason, _, _ = str(error).partition("\n\nFailed validating")  # with rules of OpenAPI's own schema
            raise ContractError(self.where(f"/{where}"), one_line(reason))

    def operations(self) -> Iterator[tuple[str, Place]]:
        """The id and place of each served operation, in the document's order, with the parameters of its path."""
        for _, path in self.root.entries("paths"):
            shared = path.value.get("parameters", [])
            for method in path.value:
                if method in METHODS:
                    operation = path[method]
                    own = operation.value.get("parameters", [])
                    if "operationId" not in operation.value:
                        raise operation.error("an operation requires an `operationId`")
                    yield (
                        operation.value["operationId"],
                        replace(operation, value={**operation.value, "parameters": [*shared, *own]}),
                    )

    def planned_operations(self) -> Iterator[tuple[str, Place]]:
        """The id and place of each planned operation."""
        for path, method, value in self.planned:
            yield value["operationId"], self.place(value, f"/paths/{path}/{method}")

    def stream_places(self) -> Iterator[Place]:
        """The place of each stream, which has its id as `operationId`."""
        for path, stream_id in self.streams.items():
            yield self.place({"operationId": stream_id}, f"/{STREAMS}/{path}")

    def service_places(self) -> Iterator[tuple[str, Place]]:
        """The module of each service, and the place of its tables."""
        for module, tables in self.services.items():
            yield module, self.place(tables, f"/{SERVICES}/{module}")

    def schemas(self) -> Iterator[Place]:
        for _, schema in self.root["components"].entries("schemas") if "components" in self.document else ():
            yield schema

    @cached_property
    def base_path(self) -> str:
        """The path of the first server, without a slash at its end; '' without a server."""
        servers = self.document.get("servers", [])
        return str(servers[0]["url"]).rstrip("/") if servers else ""

    @cached_property
    def workspace_path(self) -> str:
        """The path of a workspace, with its ids in braces; '' if the API has only one workspace.

        It is that of the first server whose URL has variables.
        """
        servers = (str(server["url"]).rstrip("/") for server in self.document.get("servers", []))
        return next((url for url in servers if "{" in url), "")

    @cached_property
    def environment_variable(self) -> str | None:
        """The environment variable with the API's URL, from the first server."""
        servers = self.document.get("servers", [])
        return servers[0].get("x-environment-variable") if servers else None

    @cached_property
    def key_variable(self) -> str | None:
        """The environment variable with the API key of clients."""
        servers = self.document.get("servers", [])
        return servers[0].get("x-key-variable") if servers else None

    @cached_property
    def auth_variable(self) -> str | None:
        """The environment variable with the user and password of clients."""
        servers = self.document.get("servers", [])
        return servers[0].get("x-auth-variable") if servers else None


PLANNED_LINES = "x-planned"
STREAMS = "x-streams"
SERVICES = "x-services"
WEB_UI = "x-web-ui"


def planned_in(path: Path, lines: Any) -> list[PlannedOperation]:
    """The operations that a contract lists as planned.

    Raises:
        ContractError: a line is not valid.
    """
    try:
        return list(written(lines))
    except (ValueError, AttributeError) as error:
        raise ContractError(f"{path}: {PLANNED_LINES}", one_line(str(error))) from None


def streams_in(path: Path, lines: Any) -> Mapping[str, str]:
    """The ids of a contract's streams by their paths.

    Raises:
        ContractError: a line is not valid.
    """
    for stream, stream_id in lines.items() if isinstance(lines, dict) else [("", lines)]:
        if not (isinstance(stream, str) and stream.startswith("/") and isinstance(stream_id, str)):
            raise ContractError(
                f"{path}: {STREAMS}", f"`{stream}: {stream_id}` is not of the form `/pets/{{name}}: pets.stream_pet`"
            )
    return lines or {}


def services_in(path: Path, lines: Any) -> Mapping[str, Sequence[str]]:
    """The tables of a contract's background services, by their modules.

    Raises:
        ContractError: a line is not valid.
    """
    for module, tables in lines.items() if isinstance(lines, dict) else [("", lines)]:
        if not (module and isinstance(tables, list) and tables and all(isinstance(table, str) for table in tables)):
            raise ContractError(f"{path}: {SERVICES}", f"`{module}: {tables}` is not of the form `feeding: [pets]`")
    return lines or {}


def web_ui_in(path: Path, function: Any) -> str:
    """The name of the function that finds a contract's web UI.

    Raises:
        ContractError: it is not a text.
    """
    if not isinstance(function, str):
        raise ContractError(f"{path}: {WEB_UI}", f"`{function}` is not of the form `web_ui.installed_ui`")
    return function
