"""How the package is built: which module may import which, and that each name is there once."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "understudy"

# From the top: the modules of a line may import those of the lines below, and none above. A name stands for a module,
# or for a package with all of its modules that have no separate line.
LAYERS = """
    understudy understudy.__main__
    cli
    testing
    verify.verify
    verify.suite verify.fuzzing
    verify.read_parts verify.write_parts
    verify.parts verify.checks
    verify.filtered_rows verify.cleanup
    verify.check_context
    verify.check_results
    verify.expectations
    verify.requests
    verify
    reference
    compare
    drift
    reports
    sampling
    server
    streams
    admin
    site
    options
    faults
    http
    operations
    store
    loading
    workspaces
    filters
    tables
    contract
    terminal
    network
    encoding values
    paths errors cache clock
    text version
"""

# Clients of a server, which are not part of it, and modules of a server only.
CLIENTS = ("verify", "compare", "drift", "reports", "sampling")
SERVERS = ("server", "admin", "site", "options", "faults", "store")

# Modules of handlers are named for the tags of their operations, which other packages are named for too.
TAGS = ("admin", "handlers")


def modules() -> dict[str, Path]:
    """All modules of the package by their names, those of `understudy` itself as "understudy.…"."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[{"": "understudy", "__main__": "understudy.__main__"}.get(name, name)] = path
    return found


MODULES = modules()


@cache
def imports(module: str) -> frozenset[str]:
    """The modules of the package that a module imports, anywhere in it."""
    return frozenset(imported(ast.parse(MODULES[module].read_text(encoding="utf-8"))))


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            package, _, rest = name.partition(".")
            if package == "understudy":
                yield next((found for found in (rest, rest.rpartition(".")[0]) if found in MODULES), package)


@cache
def layers() -> dict[str, int]:
    """The number of each line of LAYERS, from the top, by the names in it."""
    return {name: number for number, line in enumerate(LAYERS.strip().splitlines()) for name in line.split()}


def layer_of(module: str) -> str:
    """The entry of LAYERS for a module: its name, or that of the nearest package."""
    known = layers()
    while module not in known:
        assert "." in module, f"{module} has no line in LAYERS"
        module = module.rpartition(".")[0]
    return module


def test_every_entry_of_the_layers_exists() -> None:
    assert layers().keys() <= MODULES.keys()


@pytest.mark.parametrize("module", MODULES)
def test_imports_follow_the_layers(module: str) -> None:
    known, own = layers(), layer_of(module)
    up = [other for other in imports(module) if known[layer_of(other)] <= known[own] and layer_of(other) != own]
    assert not up, f"{module} imports what is above it or beside it: {up}"


@pytest.mark.parametrize("module", [module for module in MODULES if module.startswith(CLIENTS)])
def test_clients_do_not_import_server_modules(module: str) -> None:
    assert not [other for other in imports(module) if other.split(".")[0] in SERVERS]


@pytest.mark.parametrize("module", MODULES)
def test_modules_do_not_import_each_other(module: str) -> None:
    """Within a package as well."""
    seen: set[str] = set()
    waiting = [*imports(module)]
    while waiting:
        other = waiting.pop()
        if other not in seen:
            seen.add(other)
            waiting += imports(other)
    assert module not in seen


def stem(name: str) -> str:
    """The common part of names with the same word: "compare" and "comparison", "rule" and "rules"."""
    return re.sub(r"(ing|ison|ations?|ions?|ers?|ies|es|s|y|e)$", "", name)


def test_module_names_are_unique() -> None:
    """A package's main module may have its name; else no two modules or packages share a word."""
    named = defaultdict(set)
    for module in MODULES:
        *package, name = module.split(".")
        is_main = bool(package) and stem(package[-1]) == stem(name)
        if tuple(package) != TAGS and not is_main and not name.startswith("__"):
            named[stem(name)].add(module)
    assert [modules for modules in named.values() if len(modules) > 1] == []


def test_wheel_has_every_package() -> None:
    """Setuptools does not find them automatically, since the repository's root is a package, too."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    own = {path.parent.relative_to(ROOT) for path in PACKAGE.rglob("*.py")}
    handlers = {Path("understudy/api") / path.parent.relative_to(ROOT) for path in ROOT.glob("handlers/**/*.py")}
    assert [package for each in own | handlers if (package := f'"{".".join(each.parts)}"') not in text] == []
