"""The contract: `openapi.yaml`, read once and walked place by place."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from understudy.contract.bundle import Bundle, bundled, text_of
from understudy.contract.planned import PlannedOperation, separated, written
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
        return ContractError(self.contract.where(self.path), reason)

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
    """An OpenAPI 3.0 document that was found valid, in one file or in several.

    `document` has the operations that are served, and `planned` those that are not. `bundle` is what was read. `made`
    holds what was made of places, by their paths, so that a schema is compiled once, however many others refer to it.
    """

    name: str
    document: Mapping[str, Any]
    planned: Sequence[PlannedOperation] = ()
    bundle: Bundle = field(default=Bundle({}, (), {}), repr=False)
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
        """Read a contract that is known to be valid, with the files that it refers to.

        Raises:
            ContractError: a file cannot be read, or is no YAML.
        """
        bundle = bundled(path)
        document = {**bundle.document}
        planned = planned_in(path, document.pop(PLANNED_LINES, {}))
        if isinstance(document.get("paths"), dict):
            document["paths"], others = separated(document["paths"], METHODS)
            planned += others
        return cls(str(path), document, planned, bundle)

    @cached_property
    def published(self) -> Mapping[str, Any]:
        """The document with the operations that are planned."""
        paths = {path: {**item} for path, item in self.document["paths"].items()}
        for path, method, value in self.planned:
            paths.setdefault(path, {}).setdefault(method, value)
        return {**self.document, "paths": paths}

    def as_yaml(self) -> str:
        """The document as YAML: the file as it was written where there is only one."""
        if len(self.bundle.files) == 1 and not self.planned:
            return text_of(self.bundle.files[0])
        return yaml.dump(self.published, Dumper=Plain, sort_keys=False, allow_unicode=True, width=120)

    def where(self, path: str) -> str:
        """A place in the contract, for people: its file, and the way to it there."""
        file = next(
            (file for start, file in self.bundle.origins.items() if f"{path}/".startswith(f"{start}/")), self.name
        )
        return f"{file}: {path.strip('/') or 'the document'}"

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
            raise ContractError(self.where(f"/{where}"), one_line(str(error)))

    def operations(self) -> Iterator[tuple[str, Place]]:
        """Each served operation as its id and place, in the document's order; its path's parameters before its own."""
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

    def planned_operations(self) -> Iterator[tuple[str, Place]]:
        """Each operation that is planned, as its id and place."""
        for path, method, value in self.planned:
            yield value["operationId"], self.place(value, f"/paths/{path}/{method}")

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


PLANNED_LINES = "x-planned"


def planned_in(path: Path, lines: Any) -> list[PlannedOperation]:
    """The operations that a contract lists as planned.

    Raises:
        ContractError: a line has not the form that it should have.
    """
    try:
        return list(written(lines))
    except (ValueError, AttributeError) as error:
        raise ContractError(f"{path}: {PLANNED_LINES}", one_line(str(error))) from None


class Plain(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]  # one of the two, as PyYAML was built
    """Writes YAML without anchors, which not every reader of OpenAPI understands."""

    def ignore_aliases(self, data: Any) -> bool:
        return True
