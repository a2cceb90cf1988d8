"""The test files that a mutation of a module is tried on, the nearest first."""

import re
from pathlib import Path

# Tests of whole packages besides those that import them: by the server's responses.
AREAS: dict[str, tuple[str, ...]] = {
    "contract": ("contract/", "operations/test_strict.py", "test_golden.py"),
    "filters": ("filters/", "contract/test_contract.py", "test_golden.py", "workspaces/test_explain.py"),
    "tables": ("tables/", "workspaces/test_forks.py", "filters/test_selection.py", "test_golden.py"),
    "loading": ("loading/", "store/"),
    "workspaces": ("workspaces/", "admin/test_control_api.py", "loading/test_fixtures.py"),
    "operations": ("operations/", "contract/test_contract.py", "test_golden.py"),
    "http": ("http/", "test_golden.py", "hostile/"),
    "faults": ("faults/", "http/test_prefer.py"),
    "admin": ("admin/", "cli/test_admin_commands.py"),
    "store": ("store/",),
    "server": ("server/", "terminal/"),
    "cli": ("cli/", "terminal/"),
    "terminal": ("terminal/", "cli/"),
    "network": ("network/", "admin/test_client.py"),
    "testing": ("testing/",),
    "sampling": ("sampling/", "verify/", "compare/"),
    "compare": ("compare/",),
    "drift": ("drift/",),
    "reports": ("reports/", "verify/test_verify.py"),
    "verify": ("verify/",),
    "handlers": ("test_", "orchestration/", "services/"),
}
# These need other programs, or take long without testing a single line well.
LEFT_OUT = (
    "real/",
    "browser/",
    "mutants/",
    "mutation/",
    "recipes/",
    "server/test_soak.py",
    "test_bench.py",
    "cli/test_docs.py",
    "verify/test_plain_schemathesis.py",
)
OF_ITS_NAME, OF_ITS_AREA, OF_ITS_IMPORTS, OF_ITS_PACKAGE, OF_ITS_WORDS = 16, 8, 4, 1, 3


def test_files(root: Path, module: str) -> list[str]:
    """All test files, as paths relative to the checkout; those that are most related to a module first.

    Args:
        root: the checkout.
        module: the path of a module in it, `understudy/http/journal.py`.
    """
    tests = root / "tests"
    files = {path.relative_to(tests).as_posix(): path for path in tests.rglob("test_*.py")}
    found = [name for name in files if not name.startswith(LEFT_OUT)]
    score = {name: nearness(name, files[name].read_text(encoding="utf-8"), module) for name in found}
    return [f"tests/{name}" for name in sorted(found, key=lambda name: (-score[name], files[name].stat().st_size))]


def nearness(test: str, text: str, module: str) -> int:
    """How closely a test file is related to a module."""
    path = Path(module).with_suffix("")
    package = path.parts[1 if len(path.parts) > 2 and path.parts[0] != "handlers" else 0]
    areas = AREAS.get(package, ())
    imported = re.escape(".".join(path.parts))
    parent, name = re.escape(".".join(path.parts[:-1])), re.escape(path.name)
    by_name = rf"^(from {imported} import|import {imported}\b|from {parent} import .*\b{name}\b)"
    by_package = rf"^from {parent}\b"
    return (
        OF_ITS_NAME * (Path(test).stem == f"test_{path.name}")
        + OF_ITS_AREA * test.startswith(areas)
        + OF_ITS_IMPORTS * bool(re.search(by_name, text, re.MULTILINE))
        + OF_ITS_PACKAGE * bool(re.search(by_package, text, re.MULTILINE))
        + OF_ITS_WORDS * len(words(Path(test).stem) & words("_".join(path.parts[-2:])))
    )


def words(name: str) -> set[str]:
    """The words of a name, each without the "s" of a plural."""
    return {word.removesuffix("s") for word in name.split("_")}
