"""The documents: every command is run and prints what they show, and every link is valid."""

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, fields
from itertools import zip_longest
from pathlib import Path

import click
import pytest

from tests import style
from tests.operations_table import written
from tests.servers import ROOT, free_port, running
from understudy import admin
from understudy.admin.client import RemoteWorkspace
from understudy.cli.admin_commands import admin as admin_command
from understudy.cli.commands import compare, serve, verify
from understudy.contract.contract import Contract
from understudy.operations.api_folder import own_folder
from understudy.options import Options
from understudy.reports.verdict import Rule
from understudy.testing.pytest_plugin import SETTINGS
from understudy.verify import rules

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMAND_LINE = (ROOT / "docs" / "reference" / "command-line.md").read_text(encoding="utf-8")
VERIFY = (ROOT / "docs" / "reference" / "verify.md").read_text(encoding="utf-8")
TESTING = (ROOT / "docs" / "reference" / "pytest-plugin.md").read_text(encoding="utf-8")
ADMIN = (ROOT / "docs" / "reference" / "control-api.md").read_text(encoding="utf-8")
SERVERS = {  # the documents with commands, and how many servers each starts
    "README.md": 1,
    "docs/get-started.md": 1,
    "docs/guides/authentication.md": 2,
    "docs/guides/contract-tests.md": 1,
    "docs/guides/demo-data.md": 2,
    "docs/guides/faults.md": 1,
    "docs/guides/local-development.md": 2,
    "docs/guides/schedules.md": 1,
    "docs/guides/tests.md": 0,
    "docs/reference/control-api.md": 1,
    "docs/reference/fixtures.md": 1,
    "docs/reference/pytest-plugin.md": 0,
    "docs/reference/store.md": 2,
}
ELSEWHERE = ("docs/guides/ui.md",)  # followed by tests/browser, where Prefect is installed
BIN = Path(sys.executable).parent
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Command:
    """The command after `$`, with its continuation lines, and what it prints."""

    text: str
    printed: list[str]

    @property
    def serves(self) -> bool:
        return "serve" in self.text.split()


def commands(document: str) -> Iterator[Command]:
    for block in BLOCK.findall(document):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            lines = part.splitlines()
            end = 1 + next((number for number, line in enumerate(lines) if not continued(lines, number)), 0)
            yield Command("\n".join(lines[:end]), lines[end:])


def continued(lines: list[str], number: int) -> bool:
    """Whether a command continues below a line: after a backslash, or until the END of its input."""
    return lines[number].endswith("\\") or ("<<END" in lines[0] and lines[number] != "END")


@pytest.mark.parametrize("name", SERVERS)
def test_commands_of_a_document_print_what_it_shows(name: str, tmp_path: Path) -> None:
    follow((ROOT / name).read_text(encoding="utf-8"), tmp_path, SERVERS[name])


def test_every_document_with_commands_is_tested() -> None:
    found = {path for path in DOCUMENTS if list(commands(path.read_text(encoding="utf-8")))}
    assert found == {ROOT / name for name in (*SERVERS, *ELSEWHERE)}


def follow(document: str, folder: Path, servers: int, programs: Path = BIN) -> None:
    """All commands of a document in order; each server runs until the next one starts."""
    followed = Reader(folder, programs)
    found = list(commands(document))
    assert sum(command.serves for command in found) == servers
    try:
        for command in found:
            assert_printed(followed.serve(command) if command.serves else followed.run(command), command)
    finally:
        followed.stop()


def test_page_on_verify_lists_each_rule_and_option() -> None:
    listed = dict(re.findall(r"^\| ([a-z ]+) \| ([^|]+) \|$", VERIFY, flags=re.MULTILINE))
    del listed["rule"]
    assert listed == {rule.name: rule.says for rule in vars(rules).values() if isinstance(rule, Rule)}
    assert set(re.findall(r"`(--[a-z-]+)", VERIFY)) == options_of(verify)


class Reader:
    """Runs the commands of a document, on another port instead of 4200."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self._folder = folder
        self._port = ""
        # CI is not set at a terminal; with it, pytest prints another summary.
        usual = {name: value for name, value in os.environ.items() if name not in ("CI", "BUILD_NUMBER")}
        self._environment = {**usual, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
        self._server = ExitStack()

    def serve(self, command: Command) -> Iterator[str]:
        """Yield as many lines as the document has, as they are printed."""
        self.stop()
        self._port = str(free_port())
        if command.text == "make serve":
            words = ["make", "--silent", "-C", str(ROOT), "serve", f"ARGS=--port {self._port}"]
        else:
            words = [*command.text.split(), "--port", self._port]
        process = self._server.enter_context(running(words, self._environment, self._folder))
        assert process.stdout is not None
        for _ in command.printed:
            yield self.seen(process.stdout.readline().rstrip("\n"))

    def run(self, command: Command) -> list[str]:
        text = command.text.replace("4200", self._port or "4200")
        if text.startswith("export "):
            name, _, value = text.removeprefix("export ").partition("=")
            self._environment[name] = value
            return []
        result = subprocess.run(
            ["bash", "-euc", text], cwd=self._folder, env=self._environment, capture_output=True, text=True, check=True
        )
        return [self.seen(line) for line in result.stdout.splitlines()]

    def seen(self, line: str) -> str:
        return line.replace(f":{self._port}", ":4200") if self._port else line

    def stop(self) -> None:
        self._server.close()


def assert_printed(lines: Iterable[str], command: Command) -> None:
    for line, expected in zip_longest(lines, command.printed):
        assert line is not None, (command, expected)
        assert expected is not None, (command, line)
        pattern = re.sub(r"in\\ \d+\\\.\d+\\ s", r"in \\d+\\.\\d+ s", re.escape(expected)).replace("…", ".*")
        assert re.fullmatch(pattern, line), (line, expected)


def test_table_of_operations_matches_the_contract() -> None:
    assert operations_in_table(README) == operations_of(own_folder() / "openapi.yaml")
    assert written(README, Contract.read(own_folder() / "openapi.yaml")) == README, "run `make tables`"


def test_table_of_the_control_api_matches_its_contract() -> None:
    assert operations_in_table(ADMIN) == operations_of(Path(admin.__file__).parent / "openapi.yaml")


def operations_of(contract: Path) -> set[tuple[str, str]]:
    """The methods and paths of a contract."""
    return {
        (method.upper(), path)
        for path, place in Contract.load(contract).root["paths"].items()
        for method in place.value
        if method != "parameters"
    }


def operations_in_table(document: str) -> set[tuple[str, str]]:
    """The methods and paths in a document's table."""
    listed = set()
    for methods, paths in re.findall(r"^\| ([A-Z, ]+) \| (`/.*?`) \|", document, flags=re.MULTILINE):
        for path in re.findall(r"`(/[^`]*)`", paths):
            listed |= {(method, path) for method in methods.split(", ")}
    return listed


def test_every_admin_command_is_described_and_shown() -> None:
    listed = re.findall(r"^\| `([a-z-]+)[^|]*\| ", section(ADMIN, "understudy admin"), flags=re.MULTILINE)
    assert sorted(listed) == sorted(admin_command.commands)
    assert set(re.findall(r"^\$ understudy admin ([a-z-]+)", ADMIN, flags=re.MULTILINE)) == set(listed)


def test_every_option_of_serve_and_compare_is_described() -> None:
    for command in (serve, compare):
        listed = set(
            re.findall(r"^\| (`--[^|]*) \|", section(COMMAND_LINE, f"understudy {command.name}"), flags=re.MULTILINE)
        )
        assert {option for cell in listed for option in re.findall(r"`(--[a-z-]+)", cell)} == options_of(command)


def options_of(command: click.Command) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts if option.startswith("--")}


def test_page_on_limits_has_the_defaults_of_serve() -> None:
    page = (ROOT / "docs" / "reference" / "limits.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"^\| `(--[a-z-]+)` \|[^|]+\| ([0-9.]+) \|", page, flags=re.MULTILINE))
    defaults = {(option, str(parameter.default)) for parameter in serve.params for option in parameter.opts}
    assert len(shown) == 9
    assert shown <= defaults


def test_guide_to_tests_has_each_option_and_method() -> None:
    start = section(TESTING, "StandIn")
    assert names_in_table(start) == {"process"} | {field.name for field in fields(Options)}
    methods = {name for name in vars(RemoteWorkspace) if not name.startswith("_")} | {"url"}
    assert names_in_table(section(TESTING, "Workspace methods")) == methods - {"drop_idle"}
    assert set(re.findall(r"`--understudy-([a-z]+)", TESTING)) == set(SETTINGS)


def names_in_table(text: str) -> set[str]:
    """The names in the first cells of a table."""
    cells = re.findall(r"^\| (`[^|]*) \|", text, flags=re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`(\w+)", cell)}


def section(document: str, heading: str) -> str:
    """The text below a heading, up to the next one."""
    return document.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def test_every_annotation_is_documented() -> None:
    text = (ROOT / "docs" / "reference" / "contract-annotations.md").read_text(encoding="utf-8")
    files = [ROOT / "openapi.yaml", *(ROOT / "openapi").glob("*.yaml")]
    contract = "".join(file.read_text(encoding="utf-8") for file in files)
    used = set(re.findall(r"^\s*(x-[a-z-]+):", contract, flags=re.MULTILINE)) | set(
        re.findall(r", (x-[a-z-]+):", contract)
    )
    explained = set(re.findall(r"^\| `(x-[a-z-]+):", text, flags=re.MULTILINE))
    assert explained == used | {"x-status"}  # which the published document has


def test_every_named_make_target_exists() -> None:
    for document in DOCUMENTS:
        for target in set(re.findall(r"`make ([a-z-]+)", document.read_text(encoding="utf-8"))):
            subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, capture_output=True)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_internal_links_are_valid(document: Path) -> None:
    for path, heading in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", document.read_text(encoding="utf-8")):
        target = document.parent / path if path else document
        assert target.exists(), path
        assert not heading or heading in headings(target), heading


@pytest.mark.parametrize("document", sorted(ROOT.glob("docs/**/*.md")), ids=lambda path: path.name)
def test_documents_of_the_site_link_only_to_each_other(document: Path) -> None:
    """A link to a file outside of `docs` works on GitHub, but not in the site."""
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text(encoding="utf-8"))
    for path in links:
        assert (document.parent / path).resolve().is_relative_to(ROOT / "docs"), path


def test_site_has_every_document() -> None:
    pages = set(re.findall(r'"([a-z/-]+\.md)"', (ROOT / "zensical.toml").read_text(encoding="utf-8")))
    assert pages == {str(path.relative_to(ROOT / "docs")) for path in ROOT.glob("docs/**/*.md")}


def test_words_to_avoid_are_not_used() -> None:
    assert list(style.report()) == []


def test_each_pattern_of_words_to_avoid_matches() -> None:
    text = (
        "who is let in; lose the rows; is told; what it was asked; a room; the short way; goes wrong on purpose; "
        "by its letter; held to; stands in at; a mistake; odd; is no list; put aside; whoever; a liar; spoilt; "
        "is gone; anew; forgets; speaks; a server of our own; hold the rule; it came of chance; by need; otherwise than"
    )
    assert {better for _, _, better in style.findings(text)} == set(style.words().values())
    assert list(style.findings("It is no longer there; there is no other; do not forget to close it.")) == []


def test_words_to_avoid_are_found_in_names_and_comments_but_not_in_data() -> None:
    source = 'def test_error_is_told(odd: int) -> None:\n    """It\n    forgets."""\n    a_mistake = "told"  # anew\n'
    found = [(line, word) for line, word, _ in style.findings(style.without_data(source))]
    assert sorted(found) == [(1, "odd"), (1, "told"), (3, "forgets"), (4, "anew"), (4, "mistake")]


def headings(document: Path) -> set[str]:
    """The anchors of the headings of a document."""
    found = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in found}


def test_architecture_names_every_module_and_is_one_page() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 100
    modules = {path.name for path in (ROOT / "understudy").glob("*.py")} - {"__init__.py", "__main__.py"}
    modules |= {f"{path.parent.name}/" for path in (ROOT / "understudy").glob("*/__init__.py")}
    assert {name for name in modules if name not in text} == set()


EVERYDAY = {"variable", "variables", "log", "logs", "event", "events", "worker", "workers", "automation", "automations"}
"""Tables whose names are words that the engine needs for something else, such as environment variables."""


def test_engine_names_no_resource() -> None:
    """What is served is defined in the contract and the handlers, never in the engine."""
    contract = Contract.load(own_folder() / "openapi.yaml")
    tables = {place.value["x-table"] for place in contract.schemas() if "x-table" in place.value}
    names = {*tables, *(table.removesuffix("s") for table in tables)} - EVERYDAY
    for path in (ROOT / "understudy").rglob("*.py"):
        text = re.sub(
            r"\bself\.flow\b|^    flow: ", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE
        )  # uvicorn's
        words = set(re.findall(r"[a-z_]+", text.lower()))
        assert words & names == set(), path.name
