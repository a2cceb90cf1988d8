"""The mutation testing tool, on a tiny checkout."""

import ast
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from tests.mutation import __main__ as tool
from tests.mutation.checkout import Checkout, Run, failure
from tests.mutation.mutations import mutations
from tests.mutation.nearest import test_files as nearest_files
from tests.mutation.reach import MarkedCheckout, Reach, marked

SAMPLE = '''"""A module."""

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from nowhere import nothing

Number = int | None


def checked(first: int, second: "int | None" = 1, *, strict: bool = True) -> int:
    """Neither 5 nor "a < b" in here is code."""
    if not strict and first < cast(int, second):
        raise ValueError(f"{first + 1} is less")
    logger.warning("%s", 5)
    assert first == 3
    return sum([first], start=second)
'''
EXPECTED = {
    ("constant + 1", "= (2)"), ("constant - 1", "= (0)"), ("boolean negated", "= False"),
    ("`not` removed", "if (strict) and"), ("and/or swapped", "not strict or first"),
    ("comparison swapped", "first <= cast"), ("`raise` removed", "        pass"),
    ("condition negated", "if (not (not strict and"), ("return value replaced", "return None"),
    ("argument removed", "sum([first], )"),
}  # fmt: skip


def test_mutations_of_a_module() -> None:
    source = SAMPLE.encode()
    found = mutations(source)
    added = {(each.kind, line) for each in found for line in each.diff(source).splitlines() if line[:2] == "+ "}
    added |= {(each.kind, line) for each in found for line in each.diff(source).splitlines() if line[:4] == "+def"}
    assert len(found) == len(EXPECTED)
    for kind, text in EXPECTED:
        assert any(kind == other and text in line for other, line in added), (kind, text)


@pytest.mark.parametrize("statement", [
    "a.b = 1", "a += 1", "del a[0]", "f(a)", "await f(a)", "return not a", "raise E from None", "x = a if b else c",
    "x = [a for a in b if a]", "x = a is not b", "x = a not in b", "x = (a) == (b) != c", "x = é + a * b",
    "while a: break", "for a in b: continue", "x = f(a, b=1, c=2)", "x = a and b and c", "x = 1.5",
])  # fmt: skip
def test_every_mutation_is_valid_and_changes_the_program(statement: str) -> None:
    source = f"async def function():\n    {statement}\n".encode()
    found = mutations(source)
    assert found
    for mutation in found:
        assert ast.dump(ast.parse(mutation.applied(source))) != ast.dump(ast.parse(source))


def test_initial_values_are_not_removed() -> None:
    """Without it the object fails at once in any test."""
    source = b"class C:\n    def __init__(self):\n        self.a = 1\n    def set(self):\n        self.a = b\n"
    assert [(each.line, each.kind) for each in mutations(source)] == [
        (3, "constant - 1"), (3, "constant + 1"), (5, "assignment removed"),
    ]  # fmt: skip


def test_redundant_arguments_are_not_removed() -> None:
    assert [each.kind for each in mutations(b"for a in zip(b, c, strict=False): pass")] == ["boolean negated"]
    assert "argument removed" in [each.kind for each in mutations(b"for a in zip(b, c, strict=True): pass")]


# ------------------------------------------------------------------- a whole run

MODULE = "def larger(a, b):\n    return max(a, b)\n\n\ndef unused():\n    return larger(1, 2)\n"
TEST = (
    "from understudy.sample import larger\n\n\ndef test_larger():\n    assert [larger(1, 2), larger(2, 1)] == [2, 2]\n"
)
HANGING = """import time


def test_hanging():
    time.sleep(3600)
"""

BROKEN = "def test_broken():\n    assert False\n"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout of one module, which the tool uses."""
    for name, text in {
        "understudy/__init__.py": "", "understudy/sample.py": MODULE, "tests/__init__.py": "",
        "tests/test_sample.py": TEST, "tests/equivalent.yaml": "[]", ".venv/left_out.py": "1",
        "pytest.ini": "[pytest]\n",
    }.items():  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # not needed, and slow
    monkeypatch.setattr(tool, "ROOT", tmp_path)
    monkeypatch.setattr(tool, "EQUIVALENT", tmp_path / "tests/equivalent.yaml")
    return tmp_path


def ran(*options: str) -> tuple[int, str]:
    result = CliRunner().invoke(tool.main, ["--module", "understudy/sample.py", *options])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_run_reports_caught_and_surviving_mutations(checkout: Path) -> None:
    status, output = ran("--seed", "1", "--count", "9")
    assert status == 1
    assert "2 mutations, drawn by --seed 1\n" in output
    assert "caught by tests/test_sample.py::test_larger (" in output
    assert "caught 1 of 2 (50%); wanted: 97%" in output
    assert "\nsurvived: understudy/sample.py:6: " in output
    assert "\n-    return larger(1, 2)\n+    return " in output
    assert (checkout / "understudy/sample.py").read_text(encoding="utf-8") == MODULE


def test_known_equivalents_are_not_tried(checkout: Path) -> None:
    known = [
        {"module": "understudy/sample.py", "was": "return larger(1, 2)", "becomes": becomes, "why": "nobody calls it"}
        for becomes in ("return None", *(f"return larger({args})" for args in ("(2), 2", "(0), 2", "1, (3)", "1, (1)")))
    ]
    (checkout / "tests/equivalent.yaml").write_text(yaml.safe_dump(known), encoding="utf-8")
    status, output = ran("--seed", "1", "--count", "9")
    assert status == 0
    assert ": equivalent: nobody calls it\n" in output
    assert "caught 1 of 1 (100%)" in output


def test_failing_test_catches_nothing(checkout: Path) -> None:
    (checkout / "tests/test_sample.py").write_text(BROKEN, encoding="utf-8")
    status, output = ran("--seed", "1")
    assert status == 1
    assert output.count("tests/test_sample.py::test_broken is left out: it fails without a mutation too") == 1
    assert "caught 0 of 2" in output


def test_tests_that_hang_fail_and_are_killed(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    (checkout / "tests/test_sample.py").write_text(HANGING, encoding="utf-8")
    folder = tmp_path_factory.mktemp("copy") / "checkout"
    run = Checkout(checkout, folder, limit=0.2).run(["tests/test_sample.py"])
    assert run == Run(passed=False, test="tests/test_sample.py", reason="did not end within 0.2 seconds")
    assert not (folder / ".venv").exists()


def test_seed_repeats_the_mutations(checkout: Path) -> None:
    places = ("understudy",)
    drawn = [tool.draw(checkout, places, 5, 2) for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert {str(tool.draw(checkout, places, seed, 1)[0]) for seed in range(20)} > {str(drawn[0][0])}


def test_place_without_modules_is_rejected(checkout: Path) -> None:
    assert checkout.is_dir()
    result = CliRunner().invoke(tool.main, ["--module", "understudy/nothing.py"])
    assert result.exit_code == 2
    assert "no module at understudy/nothing.py" in result.output


def test_files_that_do_not_run_the_line_are_not_tried(checkout: Path) -> None:
    """Each runs once without mutations, which is sufficient."""
    log = checkout / "runs.log"
    (checkout / "tests/test_elsewhere.py").write_text(
        f"import understudy.sample\n\n\ndef test_nothing():\n    open({str(log)!r}, 'a').write('run ')\n"
    )
    status, output = ran("--seed", "1")
    assert status == 1
    assert "caught 1 of 2" in output
    assert log.read_text() == "run "


# ----------------------------------------------------------------------- its parts


def test_file_reaches_the_lines_that_it_runs(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("copy")
    module = "understudy/sample.py"
    (checkout / "tests/test_broken.py").write_text(f"{BROKEN}\n\n{TEST}", encoding="utf-8")
    (checkout / "tests/test_fatal.py").write_text("import os\n\nos.abort()\n", encoding="utf-8")
    copy = Checkout(checkout, folder / "copy", 60)
    reach = Reach([MarkedCheckout(copy, [(module, 2), (module, 6)])])
    test, broken, fatal = "tests/test_sample.py", "tests/test_broken.py", "tests/test_fatal.py"
    assert [reach.tests(test, (module, line)) for line in (2, 6)] == [[f"{test}::test_larger"], []]
    assert [reach.tests(broken, (module, line)) for line in (2, 6)] == [
        [f"{broken}::test_larger", f"{broken}::test_broken"], [f"{broken}::test_broken"],
    ]  # fmt: skip
    assert [reach.tests(fatal, (module, line)) for line in (2, 6)] == [[fatal], [fatal]]


FIXTURE = """
import pytest

from understudy.sample import larger


@pytest.fixture(scope="{scope}")
def fixture():
    larger(1, 2)


def test_of_nothing():
    pass


def test_with_a_fixture(fixture):
    pass


@pytest.mark.parametrize("number", ["1 - 2"])
def test_larger(number):
    larger(1, 2)
"""


@pytest.mark.parametrize(("scope", "expected"), [
    ("function", ["::test_with_a_fixture", "::test_larger[1 - 2]"]), ("module", [""]), ("session", [""]),
])  # fmt: skip
def test_lines_run_by_shared_setup_count_for_all_tests_of_a_file(
    scope: str, expected: list[str], checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (checkout / "tests/test_sample.py").write_text(FIXTURE.format(scope=scope), encoding="utf-8")
    folder, place = tmp_path_factory.mktemp("copy"), ("understudy/sample.py", 2)
    reach = Reach([MarkedCheckout(Checkout(checkout, folder / "copy", 60), [place])])
    assert reach.tests("tests/test_sample.py", place) == [f"tests/test_sample.py{each}" for each in expected]


KEPT = """
from understudy.sample import larger

kept = []


def kept_larger():
    if not kept:
        kept.append(larger(1, 2))
    return kept[0]


def test_of_nothing():
    kept_larger()


def test_larger():
    assert kept_larger() == 2
"""


def test_cached_results_may_be_checked_by_another_test(checkout: Path) -> None:
    (checkout / "tests/test_sample.py").write_text(KEPT, encoding="utf-8")
    status, output = ran("--seed", "1", "--count", "9", "--jobs", "2")
    assert status == 1
    assert "caught by tests/test_sample.py::test_larger (" in output
    assert "caught 1 of 2 (50%)" in output


BRANCHES = """
@str
class Decorated:
    number: int = 1


def branch(number, other=2):
    if number == 3:
        return [
            4,
        ]
    elif number == 5:
        return 6
    return 7


result = branch(BRANCH)
"""


@pytest.mark.parametrize(("branch", "reached"), [
    (3, [4, 7, 8, 10, 12]), (5, [4, 7, 8, 12, 13]), (7, [4, 7, 8, 12]),
])  # fmt: skip
def test_line_is_marked_when_its_statement_runs(branch: int, reached: list[int], tmp_path: Path) -> None:
    """The condition of an `elif` counts as reached with that of its `if`."""
    exec(marked(BRANCHES, {line: tmp_path / str(line) for line in (4, 7, 8, 10, 12, 13)}), {"BRANCH": branch})
    assert sorted(int(mark.name) for mark in tmp_path.iterdir()) == reached


def test_nearest_files_come_first() -> None:
    files = nearest_files(tool.ROOT, "understudy/http/journal.py")
    assert files[0] == "tests/http/test_journal.py"
    assert not [name for name in files if name.startswith(("tests/real/", "tests/mutation/"))]
    assert nearest_files(tool.ROOT, "understudy/store/store.py")[0] == "tests/store/test_store.py"
    assert len(set(files)) == len(files) > 30


def test_failure_is_read_from_the_summary() -> None:
    output = "ERROR    log of a test\n=== short test summary info ===\n{} tests/a.py::b{}\n!!! stopping"
    assert failure("tests/a.py", 1, output.format("FAILED", "[1 - 2] - assert [1] - 2")) == Run(
        passed=False, test="tests/a.py::b[1 - 2]", reason="assert [1] - 2"
    )
    assert failure("tests/a.py", 1, output.format("ERROR", "")) == Run(passed=False, test="tests/a.py::b")
    assert (
        failure("tests/a.py", 3, "INTERNALERROR> it broke\n").reason == "pytest ended with 3: INTERNALERROR> it broke"
    )


def test_every_equivalent_mutation_has_a_reason() -> None:
    known = tool.equivalent(tool.EQUIVALENT.read_text(encoding="utf-8"))
    assert all(why.strip() for why in known.values())
    assert all((tool.ROOT / module).is_file() for module, _, _ in known)
