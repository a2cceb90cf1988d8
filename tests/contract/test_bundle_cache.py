"""A contract that was read is cached for the next start, as long as nothing has changed."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from understudy.contract.bundle import bundled
from understudy.contract.bundle_cache import place_of, recalled, remember
from understudy.errors import ContractError
from understudy.operations.api_folder import Api, own_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the bundled API."""
    for name in ("openapi", "handlers"):
        shutil.copytree(own_folder() / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(own_folder() / "openapi.yaml", tmp_path)
    return tmp_path


def test_loaded_contract_is_read_from_the_cache(folder: Path) -> None:
    read = Api.load(folder).contract.bundle
    known = bundled(folder / "openapi.yaml")
    assert (read.is_checked, known.is_checked) == (False, True)
    assert (known.document, known.files, known.origins) == (read.document, read.files, read.origins)
    assert Api.load(folder).operations.keys() == Api.load(own_folder()).operations.keys()


@pytest.mark.parametrize("name", ["openapi.yaml", "openapi/flows.yaml"])
def test_changed_file_is_read(folder: Path, name: str) -> None:
    Api.load(folder)
    path = folder / name
    path.write_text(path.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    assert not bundled(folder / "openapi.yaml").is_checked


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\xf3\x00"])
def test_damaged_cache_is_ignored(folder: Path, content: bytes) -> None:
    Api.load(folder)
    place_of(folder / "openapi.yaml").write_bytes(content)
    assert not Api.load(folder).contract.bundle.is_checked
    assert bundled(folder / "openapi.yaml").is_checked


def test_invalid_contract_is_not_cached(folder: Path) -> None:
    path = folder / "openapi" / "flows.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("x-action: read", "x-action: look", 1), encoding="utf-8")
    for _ in range(2):
        with pytest.raises(ContractError, match="`x-action` takes"):
            Api.load(folder)


def test_contract_is_cached_without_compiled_modules(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    Api.load(folder)
    assert bundled(folder / "openapi.yaml").is_checked


def test_deeply_nested_contract_is_not_cached(tmp_path: Path) -> None:
    entry, deep = tmp_path / "rows", json.loads("[" * 900 + "]" * 900)
    entry.touch()
    remember(entry, [entry], deep)
    assert recalled(entry) is None


def test_equal_parts_are_loaded_once(tmp_path: Path) -> None:
    entry, number = tmp_path / "rows", 2**100
    entry.touch()
    stored = {"texts": ["a text", " a text".strip()], "numbers": (number, number + 0, True, 1, 1.0, -0.0, 0.0, None)}
    remember(entry, [entry], stored)
    loaded = recalled(entry)
    assert repr(loaded) == repr(stored)
    assert loaded["texts"][0] is loaded["texts"][1]
    assert loaded["numbers"][0] is loaded["numbers"][1]
