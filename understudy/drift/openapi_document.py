"""OpenAPI documents (3.0 and 3.1) and their operations, in a form to compare."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from understudy.contract.contract import METHODS
from understudy.errors import UnderstudyError
from understudy.text import one_line

PATH_PARAMETER = re.compile(r"\{([^}]*)\}")
NO_PARAMETERS = ("accept", "authorization", "content-type")  # headers that OpenAPI does not describe as parameters

Raw = Any
"""A part of a document."""
Part = Mapping[str, Raw]


@dataclass(frozen=True)
class Operation:
    """The parameters, body and responses of an operation.

    The keys of parameters are kind and name, or kind and number for path parameters, whose names may differ between
    documents. The keys of responses are statuses.
    """

    parameters: Mapping[tuple[str, str], Part]
    body: Part | None
    responses: Mapping[str, Part]

    def response(self, status: str) -> Part | None:
        """The response for a status, for its class ("4XX"), or the default one."""
        keys = (status, f"{status[0]}XX", "default")
        return next((self.responses[key] for key in keys if key in self.responses), None)


@dataclass(frozen=True)
class Document:
    """An OpenAPI document. Errors show its `name`."""

    name: str
    value: Part

    def error(self, reason: str) -> UnderstudyError:
        return UnderstudyError(f"{self.name}: {reason}")

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """Turn all exceptions into errors that name the document."""
        try:
            yield
        except UnderstudyError:
            raise
        except Exception as error:  # noqa: BLE001 - an invalid document can cause any exception
            raise self.error(f"cannot be processed ({one_line(f'{type(error).__name__}: {error}')})") from None

    def operations(self, prefix: str, paths: Collection[str]) -> dict[tuple[str, str], Operation]:
        """The operations of some nameless paths after a prefix, by method and nameless path."""
        found = {}
        for path, raw in self.value["paths"].items():
            below = nameless(path)[len(prefix) :]
            if below in paths and prefix + below == nameless(path):
                names = PATH_PARAMETER.findall(path)[prefix.count("{}") :]
                item, _ = self.flat(raw)
                for method in METHODS:
                    if method in item:
                        found[method.upper(), below] = self.operation(item, item[method], names)
        return found

    def operation(self, item: Part, value: Part, names: list[str]) -> Operation:
        listed = [self.flat(raw)[0] for raw in (*item.get("parameters", ()), *value.get("parameters", ()))]
        return Operation(
            {key: parameter for parameter in listed if (key := key_of(parameter, names)) is not None},
            self.flat(value["requestBody"])[0] if "requestBody" in value else None,
            {str(status): self.flat(raw)[0] for status, raw in value.get("responses", {}).items()},
        )

    def flat(self, raw: Raw) -> tuple[dict[str, Raw], str | None]:
        """A part with references resolved and `allOf` merged, and its component's name, if it has one."""
        if isinstance(raw, bool):  # a schema of OpenAPI 3.1
            return ({} if raw else {"enum": []}), None
        if "$ref" in raw:
            target, name = self.flat(self.referred(raw["$ref"]))
            return merged([target, self.flat(self.beside(raw))[0]]), name or unquote(raw["$ref"]).rpartition("/")[2]
        if "allOf" in raw:
            parts = [self.flat(part) for part in raw["allOf"]]
            own = {key: part for key, part in raw.items() if key != "allOf"}
            return merged([*(part for part, _ in parts), own]), parts[0][1] if len(parts) == 1 else None
        return dict(raw), None

    def beside(self, raw: Part) -> dict[str, Raw]:
        """The siblings of a reference, which OpenAPI 3.0 ignores."""
        counts = not str(self.value["openapi"]).startswith("3.0")
        return {key: part for key, part in raw.items() if key != "$ref" and counts}

    def referred(self, reference: str) -> Raw:
        """Resolve a reference within the document."""
        value: Any = self.value
        try:
            for key in unquote(reference).removeprefix("#/").split("/"):
                value = value[int(key) if isinstance(value, list) else key.replace("~1", "/").replace("~0", "~")]
        except (LookupError, ValueError, TypeError):
            raise self.error(f"`$ref: {reference}` cannot be resolved") from None
        return value


def key_of(parameter: Part, names: list[str]) -> tuple[str, str] | None:
    """The key of a parameter; None for one to ignore."""
    kind, name = parameter["in"], parameter["name"]
    if kind == "path":
        return (kind, str(names.index(name))) if name in names else None
    if kind == "header":
        return None if name.lower() in NO_PARAMETERS else (kind, name.lower())
    return kind, name


def merged(parts: Iterable[Part]) -> dict[str, Raw]:
    """Merge schemas: fields are combined; of other keywords, the last one is used."""
    result: dict[str, Raw] = {}
    for key, value in (entry for part in parts for entry in part.items()):
        if key == "properties":
            result[key] = {**result.get(key, {}), **value}
        elif key == "required" and isinstance(value, list):
            result[key] = [*result.get(key, ()), *value]
        else:
            result[key] = value
    return result


def nameless(path: str) -> str:
    """A path without the names of its parameters."""
    return PATH_PARAMETER.sub("{}", path)


def prefix_of(paths: Iterable[str], ends: Iterable[str]) -> str:
    """The prefix of most of `ends` in `paths`; the shortest of several."""
    wanted = list(map(nameless, ends))
    found = Counter(path[: -len(end)] for path in map(nameless, paths) for end in wanted if path.endswith(end))
    return max(found, key=lambda prefix: (found[prefix], -len(prefix)), default="")
