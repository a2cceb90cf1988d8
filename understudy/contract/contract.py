"""The contract: `openapi.yaml`, read once and walked place by place."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from understudy.encoding import read_text
from understudy.errors import ContractError
from understudy.text import one_line

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
MEDIA_TYPE = "application/json"


@dataclass(frozen=True)
class Place:
    """A value of the contract and the way to it, for errors to name.

    References are followed, and a lone `allOf` is laid under what stands beside it: `within` is then
    the way to where most of the value comes from, and so to what is in it.
    """

    value: Any
    path: str
    within: str
    contract: "Contract"

    def __getitem__(self, key: str | int) -> "Place":
        return self.contract.place(self.value[key], f"{self.within}/{key}")

    def get(self, key: str) -> "Place | None":
        return self[key] if key in self.value else None

    def items(self) -> Iterator[tuple[str, "Place"]]:
        """The entries of an object, in the contract's order."""
        for key in self.value:
            yield key, self[key]

    def each(self, key: str) -> list["Place"]:
        """The entries of the list at `key`; none where there is no such key."""
        if key not in self.value:
            return []
        listed = self[key]
        return [listed[index] for index in range(len(listed.value))]

    def entries(self, key: str) -> Iterator[tuple[str, "Place"]]:
        """The entries of the object at `key`; none where there is no such key."""
        return iter(()) if key not in self.value else self[key].items()

    @property
    def has_default(self) -> bool:
        """Whether this schema names a default value."""
        return "default" in self.value or "x-default" in self.value

    @property
    def default(self) -> Any:
        """The schema's default value. Objects are in `x-default`, since client generators accept none in `default`."""
        return self.value["default"] if "default" in self.value else self.value["x-default"]

    def error(self, reason: str) -> ContractError:
        return ContractError(f"{self.contract.name}: {self.path.strip('/')}", reason)

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """Makes whatever fails while this place is prepared an error that names it."""
        try:
            yield
        except ContractError:
            raise
        except Exception as error:  # noqa: BLE001 - a contract can be wrong in more ways than can be told apart
            raise self.error(f"cannot be served ({one_line(f'{type(error).__name__}: {error}')})") from None


@dataclass(frozen=True)
class Contract:
    """An OpenAPI 3.0 document that was found valid.

    `text` is the file as it was written, for those who ask for it; `made` holds what was made of places, by
    their paths, so that a schema is compiled once, however many others refer to it.
    """

    name: str
    text: str
    document: Mapping[str, Any]
    made: dict[tuple[str, Any], Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def load(cls, path: Path) -> "Contract":
        """Read and check a contract.

        Raises:
            ContractError: the file cannot be read, or is not what `check` wants.
        """
        contract = cls.read(path)
        contract.check()
        return contract

    @classmethod
    def read(cls, path: Path) -> "Contract":
        """Read a contract that is known to be valid.

        Raises:
            ContractError: the file cannot be read, or is no YAML.
        """
        try:
            text = read_text(path)
        except (OSError, UnicodeDecodeError) as error:
            raise ContractError(str(path), f"cannot be read ({reason_of(error)})") from None
        return cls(str(path), text, parse(path, text))

    @property
    def root(self) -> Place:
        return self.place(self.document, "")

    def place(self, value: Any, path: str) -> Place:
        """The place of `value`, with its reference followed and its lone `allOf` merged."""
        while isinstance(value, dict) and "$ref" in value:
            path = value["$ref"].removeprefix("#")
            value = self.referred(value["$ref"])
        if isinstance(value, dict) and len(value.get("allOf", ())) == 1:
            below = self.place(value["allOf"][0], f"{path}/allOf/0")
            merged = {**below.value, **{key: part for key, part in value.items() if key != "allOf"}}
            return Place(merged, path, path if "properties" in value else below.within, self)
        return Place(value, path, path, self)

    def referred(self, reference: str) -> Any:
        """What a reference leads to, by JSON pointer within the document.

        Raises:
            KeyError: it leads nowhere.
        """
        value: Any = self.document
        for key in reference.removeprefix("#/").split("/"):
            value = value[key.replace("~1", "/").replace("~0", "~")]
        return value

    def check(self) -> None:
        """Look whether the contract can be served.

        Raises:
            ContractError: it is no valid OpenAPI 3.0.
        """
        # This takes a third of the start, which a contract that is known to be valid does without.
        from openapi_spec_validator import OpenAPIV30SpecValidator  # noqa: PLC0415

        for error in OpenAPIV30SpecValidator(self.document).iter_errors():
            where = "/".join(str(key) for key in getattr(error, "absolute_path", ()))
            raise ContractError(f"{self.name}: {where or 'the document'}", one_line(str(error)))

    def operations(self) -> Iterator[tuple[str, Place]]:
        """Each operation as its id and its place, in the document's order; its path's parameters before its own."""
        for _, path in self.root.entries("paths"):
            shared = path.value.get("parameters", [])
            for method in path.value:
                if method in METHODS:
                    operation = path[method]
                    own = operation.value.get("parameters", [])
                    if "operationId" not in operation.value:
                        raise operation.error("an operation needs an `operationId`")
                    yield (
                        operation.value["operationId"],
                        replace(operation, value={**operation.value, "parameters": [*shared, *own]}),
                    )

    def schemas(self) -> Iterator[Place]:
        for _, schema in self.root["components"].entries("schemas") if "components" in self.document else ():
            yield schema

    @cached_property
    def base_path(self) -> str:
        """The path of the first server, without a slash at its end; '' where none is named."""
        servers = self.document.get("servers", [])
        return str(servers[0]["url"]).rstrip("/") if servers else ""

    @cached_property
    def workspace_path(self) -> str:
        """The path of a workspace of its own, with the ids that name it in braces; '' where there is none to be had.

        It is the first server's whose URL has variables.
        """
        servers = (str(server["url"]).rstrip("/") for server in self.document.get("servers", []))
        return next((url for url in servers if "{" in url), "")

    @cached_property
    def environment_variable(self) -> str | None:
        """The variable in which clients look for this API's URL, as the first server names it."""
        servers = self.document.get("servers", [])
        return servers[0].get("x-environment-variable") if servers else None

    @cached_property
    def key_variable(self) -> str | None:
        """The variable in which clients look for the key that they are let in with."""
        servers = self.document.get("servers", [])
        return servers[0].get("x-key-variable") if servers else None

    @cached_property
    def auth_variable(self) -> str | None:
        """The variable in which clients look for the user and the password that they are let in with."""
        servers = self.document.get("servers", [])
        return servers[0].get("x-auth-variable") if servers else None


def parse(path: Path, text: str) -> Mapping[str, Any]:
    # The C loader takes a hundredth of the time, where PyYAML was built with it.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        document = yaml.load(text, Loader=loader)  # noqa: S506 - both loaders are the safe ones
    except yaml.YAMLError as error:
        raise ContractError(str(path), f"is not YAML ({one_line(str(error))})") from None
    if not isinstance(document, dict):
        raise ContractError(str(path), "is no OpenAPI document")
    if not str(document.get("openapi", "")).startswith("3.0."):
        version = document.get("openapi", document.get("swagger", "an unknown version"))
        raise ContractError(str(path), f"must be OpenAPI 3.0 (`openapi: 3.0.3`), not {version}")
    return document


def reason_of(error: OSError | UnicodeDecodeError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"it is not {error.encoding.removesuffix('-sig').upper()}"
    return error.strerror or str(error)
