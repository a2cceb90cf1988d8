"""Bundling a contract of several files into one document."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from understudy.contract.bundle_cache import recalled, remember
from understudy.encoding import read_text, reason_of
from understudy.errors import ContractError

COMPONENTS = "/components/"


@dataclass(frozen=True)
class Bundle:
    """The document of a contract, bundled from its files.

    `files` are those that it was read from, the entry first; `origins` names the one that each path and each component
    comes from, by its JSON pointer. `is_checked` means that it was validated before, and has not changed since.
    """

    document: Mapping[str, Any]
    files: Sequence[Path]
    origins: Mapping[str, str]
    is_checked: bool = False

    def keep(self) -> None:
        """Cache the document for the next start, as checked."""
        remember(self.files[0], self.files, (self.document, [str(file) for file in self.files], self.origins))


def bundled(entry: Path) -> Bundle:
    """Read a contract and all files that it refers to.

    A reference to `FILE#/components/KIND/NAME` becomes one to the same component of the document, and one to another
    place (`FILE#/paths/~1pets`) becomes what it leads to. Components are known by their names alone, so each is in
    one file.

    Raises:
        ContractError: a file cannot be read or is not YAML, a reference cannot be resolved, or a name is repeated.
    """
    known = recalled(entry)
    if known is not None:
        document, files, origins = known
        return Bundle(document, [Path(file) for file in files], origins, is_checked=True)
    bundler = Bundler(entry)
    document = bundler.read(entry)
    check_version(entry, document)
    bundler.follow()
    return Bundle(bundler.joined(document), bundler.files, {at: str(file) for at, file in bundler.origins.items()})


def check_version(path: Path, document: Mapping[str, Any]) -> None:
    if not str(document.get("openapi", "")).startswith("3.0."):
        version = document.get("openapi", document.get("swagger", "an unknown version"))
        raise ContractError(str(path), f"must be OpenAPI 3.0 (`openapi: 3.0.3`), not {version}")


@dataclass
class Bundler:
    """Reads files, each once, and rewrites their references for one document."""

    entry: Path
    origins: dict[str, Path] = field(default_factory=dict)
    _files: dict[Path, dict[str, Any]] = field(default_factory=dict)
    _pasted: set[str] = field(default_factory=set)

    def read(self, path: Path) -> dict[str, Any]:
        from understudy.contract.yaml_text import parsed  # noqa: PLC0415 - not needed to start from the cache

        if path not in self._files:
            self._files[path] = parsed(path, text_of(path))
        return self._files[path]

    @property
    def files(self) -> list[Path]:
        return list(self._files)

    def follow(self) -> None:
        """Follow the references of all files, including those that are read meanwhile."""
        done: set[Path] = set()
        while todo := [path for path in self._files if path not in done]:
            for path in todo:
                self._follow(self._files[path], path)
                done.add(path)

    def _follow(self, value: Any, path: Path) -> Any:
        """Rewrite the references in a value of a file; lists and objects are changed in place."""
        if isinstance(value, dict):
            reference = value.get("$ref")
            if isinstance(reference, str):
                return self._referred(value, reference, path)
            for key, part in value.items():
                if isinstance(part, dict | list):
                    value[key] = self._follow(part, path)
        elif isinstance(value, list):
            value[:] = [self._follow(part, path) if isinstance(part, dict | list) else part for part in value]
        return value

    def _referred(self, value: dict[str, Any], reference: str, path: Path) -> Any:
        name, _, pointer = reference.partition("#")
        if not name or "://" in name:
            return value
        file = path.parent / name
        target = target_of(self.read(file), pointer)
        if target is None:
            raise ContractError(str(path), f"`$ref: {reference}` cannot be resolved")
        if pointer.startswith(COMPONENTS):
            value["$ref"] = f"#{pointer}"
            return value
        self._pasted.add(f"{file}#{pointer}")
        self.origins[unescaped(pointer)] = file
        return target

    def joined(self, entry: dict[str, Any]) -> dict[str, Any]:
        """The entry with the components of all files."""
        components: dict[str, dict[str, Any]] = {}
        for path, document in self._files.items():
            for kind, named in (document.get("components") or {}).items():
                if not isinstance(named, dict):
                    components[kind] = named  # which is refused where the document is checked
                    continue
                for name, value in named.items():
                    known = self.origins.setdefault(f"{COMPONENTS}{kind}/{name}", path)
                    if known != path:
                        raise ContractError(str(path), f"components/{kind}/{name} is in {known.name}, too")
                    components.setdefault(kind, {})[name] = value
            if path != self.entry:
                self._check_paths(path, document)
        return {**entry, "components": components} if components else entry

    def _check_paths(self, file: Path, document: Mapping[str, Any]) -> None:
        for path in document.get("paths", {}):
            if f"{file}#/paths/{escaped(path)}" not in self._pasted:
                raise ContractError(str(file), f"paths/{path} is not listed in {self.entry.name}")


def target_of(document: Any, pointer: str) -> Any:
    """The value of a document at a JSON pointer; None if it has none."""
    for key in pointer.split("/")[1:]:
        document = document.get(unescaped(key)) if isinstance(document, dict) else None
    return document


def escaped(key: str) -> str:
    """A key as it is in a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def unescaped(key: str) -> str:
    return key.replace("~1", "/").replace("~0", "~")


def text_of(path: Path) -> str:
    try:
        return read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        raise ContractError(str(path), f"cannot be read ({reason_of(error)})") from None
