"""OpenAPI documents, 3.0 and 3.1, whose operations can be held against each other."""

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
NO_PARAMETERS = ("accept", "authorization", "content-type")  # headers that OpenAPI describes in other ways

Raw = Any
"""A part of a document, as it is written there."""
Part = Mapping[str, Raw]


@dataclass(frozen=True)
class Operation:
    """What an operation takes and answers.

    Parameters stand under kind and name, those of the path under their number, so that another
    document may name them otherwise. Responses stand under their status.
    """

    parameters: Mapping[tuple[str, str], Part]
    body: Part | None
    responses: Mapping[str, Part]

    def response(self, status: str) -> Part | None:
        """The response for a status, or that for all like it ("4XX"), or for all others."""
        keys = (status, f"{status[0]}XX", "default")
        return next((self.responses[key] for key in keys if key in self.responses), None)


@dataclass(frozen=True)
class Document:
    """An OpenAPI document; `name` is what its reader knows it by."""

    name: str
    value: Part

    def error(self, reason: str) -> UnderstudyError:
        return UnderstudyError(f"{self.name}: {reason}")

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """Makes whatever fails while the document is read an error that names it."""
        try:
            yield
        except UnderstudyError:
            raise
        except Exception as error:  # noqa: BLE001 - a document can be wrong in more ways than can be told apart
            raise self.error(f"cannot be understood ({one_line(f'{type(error).__name__}: {error}')})") from None

    def operations(self, prefix: str, paths: Collection[str]) -> dict[tuple[str, str], Operation]:
        """The operations at some nameless paths behind a prefix, each under its method and that path."""
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
        """A part with references followed and `allOf` merged, and the component's name where it is one."""
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
        """What stands beside a reference, where it counts: OpenAPI 3.0 ignores it."""
        counts = not str(self.value["openapi"]).startswith("3.0")
        return {key: part for key, part in raw.items() if key != "$ref" and counts}

    def referred(self, reference: str) -> Raw:
        """What a reference leads to, by JSON pointer within the document."""
        value: Any = self.value
        try:
            for key in unquote(reference).removeprefix("#/").split("/"):
                value = value[int(key) if isinstance(value, list) else key.replace("~1", "/").replace("~0", "~")]
        except (LookupError, ValueError, TypeError):
            raise self.error(f"`$ref: {reference}` leads nowhere") from None
        return value


def key_of(parameter: Part, names: list[str]) -> tuple[str, str] | None:
    """What a parameter stands under; None for one that is of no account."""
    kind, name = parameter["in"], parameter["name"]
    if kind == "path":
        return (kind, str(names.index(name))) if name in names else None
    if kind == "header":
        return None if name.lower() in NO_PARAMETERS else (kind, name.lower())
    return kind, name


def merged(parts: Iterable[Part]) -> dict[str, Raw]:
    """Schemas that hold together, as one: their fields added up, else the last word counts."""
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
    """What stands before most of `ends` in `paths`; the shortest where as many stand behind several."""
    wanted = list(map(nameless, ends))
    found = Counter(path[: -len(end)] for path in map(nameless, paths) for end in wanted if path.endswith(end))
    return max(found, key=lambda prefix: (found[prefix], -len(prefix)), default="")
