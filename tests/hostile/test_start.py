"""Files that a server is started with: any error in them is reported in one line, and soon."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click
import pytest

from tests.conftest import SMALL
from understudy.admin import CONTRACT
from understudy.contract.catalog import Catalog
from understudy.errors import FaultsError, FixtureError
from understudy.faults.rule_files import rules_in
from understudy.loading.fixtures import load
from understudy.operations.api_folder import Api
from understudy.terminal.secret_options import read_secret
from understudy.workspaces.workspace import Workspace

SECONDS = 5
LINE = 1000  # characters
MEBIBYTE = 2**20
ROW = json.dumps({"id": "00000000-0000-4000-8000-000000000000", "created": "2025-01-01T00:00:00Z",
                  "updated": "2025-01-01T00:00:00Z", "name": "x"})  # fmt: skip

RULES: dict[str, bytes] = {
    "nothing": b"",
    "spaces": b" " * 10_000,
    "a NUL": b"\0",
    "binary": bytes(range(256)) * 10,
    "no UTF-8": b"rules: [\xff]",
    "UTF-16 without its mark": "rules: []".encode("utf-16-le"),
    "a list": b"[]",
    "a number": b"5",
    "a text": b"rules",
    "null": b"null",
    "rules of null": b"rules: null",
    "rules of a number": b"rules: 5",
    "a rule of nothing": b"rules: [{}]",
    "a rule of a list": b"rules: [[]]",
    "an unknown name": b"rules: [{answr: 500}]",
    "a name that is no text": b"rules: [{5: 500}]",
    "a name that is a list": b"rules: [{[a]: 500}]",
    "a name that is an object": b"rules: [{{a: b}: 500}]",
    "another thing beside": b"rules: []\nelse: 5",
    "two documents": b"rules: []\n---\nrules: []",
    "an open bracket": b"rules: [",
    "an open quote": b'rules: "',
    "a tab": b"rules:\n\t- answer: 500",
    "an alias": b"rules: [&a {answer: 500}, *a]",
    "an alias of nothing": b"rules: *a",
    "a cycle": b"rules: &a [*a]",
    "a million laughs": b"a: &a [x,x]\n" + b"".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)},*{chr(97 + n)}]\n".encode() for n in range(20)),
    "a merge": b"a: &a {answer: 500}\nrules: [{<<: *a}]",
    "a merge of no object": b"rules: [{<<: 5}]",
    "a tag of Python": b"rules: !!python/object/apply:os.system ['true']",
    "another of Python": b"rules: !!python/name:os.system ''",
    "an unknown tag": b"rules: !nothing []",
    "a tag that does not fit": b"rules: [{answer: !!int x}]",
    "a time that is none": b"rules: [{answer: !!timestamp x}]",
    "a word that is none": b"rules: [{answer: !!bool x}]",
    "a number of no digits": b"rules: [{answer: !!int ''}]",
    "a date": b"rules: [{answer: 2025-02-30}]",
    "binary in it": b"rules: [{name: !!binary '%%%'}]",
    "a set": b"rules: !!set {a, b}",
    "pairs": b"rules: !!omap [a, b]",
    "a directive": b"%YAML 9.9\n---\nrules: []\n",
    "a directive that is none": b"%NOPE\n---\nrules: [",
    "depth": b"[" * 100_000,
    "depth of objects": b"{a: " * 100_000,
    "depth of dashes": b"- " * 10_000,
    "10 MiB": b"# \n" * (10 * MEBIBYTE // 3),
    "a line of a MiB": b"rules: [" + b"a" * (MEBIBYTE - 100),
    "many wrong rules": b"rules:\n" + b"- {answer: x}\n" * 5000,
    "an infinite delay": b"rules: [{delay: .inf}]",
    "no number": b"rules: [{delay: .nan}]",
    "a number of many digits": b"rules: [{answer: " + b"9" * 5000 + b"}]",
    "sixty by sixty": b"rules: [{answer: 1:60:60:60:60}]",
    "a byte order mark within": b"rules: [\xef\xbb\xbf{}]",
    "emoji": "rules: [{\U0001f600: 1}]".encode(),
}  # fmt: skip
ROWS: dict[str, bytes] = {
    "binary": bytes(range(256)),
    "NULs": b"\0" * 1000,
    "no UTF-8": b'{"name":"\xff"}',
    "UTF-16 without its mark": ROW.encode("utf-16-le"),
    "no JSON": b"nothing",
    "half a row": ROW.encode()[:-5],
    "a list of lists": b"[[]]",
    "a number": b"1e400",
    "null": b"null",
    "no fields": b"{}",
    "an unknown field": ROW.replace('"name"', '"nope"').encode(),
    "the same id twice": f"{ROW}\n{ROW}".encode(),
    "two rows in a line": f"{ROW} {ROW}".encode(),
    "an id that is none": ROW.replace("00000000-", "x").encode(),
    "a time that is none": ROW.replace("2025-01-01", "2025-02-30").encode(),
    "half a pair": ROW.replace('"x"', r'"\ud800"').encode(),
    "depth": ROW.replace('"x"', "[" * 100_000).encode(),
    "labels as deep as can be": ROW.replace('"x"', '{"a":' * 5000 + "1" + "}" * 5000).encode(),
    "many digits": ROW.replace('"x"', "9" * 10_000).encode(),
    "a line of 20 MiB": b'{"name":"' + b"x" * 20 * MEBIBYTE,
    "a pickle": b"cos\nsystem\n(S'true'\ntR.",
}


def link_to_pipe(path: Path) -> None:
    os.mkfifo(path.with_name("pipe"))
    path.symlink_to("pipe")


# What is in the place of a file.
THINGS: dict[str, Callable[[Path], object]] = {
    "a folder": lambda path: path.mkdir(),
    "a pipe": os.mkfifo,
    "a link to a pipe": link_to_pipe,
    "a link to nothing": lambda path: path.symlink_to("nothing"),
    "a link to itself": lambda path: path.symlink_to(path),
    "a link to a folder": lambda path: path.symlink_to("/"),
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
}
SECRETS: dict[str, Callable[[Path], object]] = {
    "nothing": lambda path: None,
    "a folder": lambda path: path.mkdir(),
    "a link to itself": lambda path: path.symlink_to(path),
    "no UTF-8": lambda path: path.write_bytes(b"a:\xff"),
    "binary": lambda path: path.write_bytes(bytes(range(256))),
}


@contextmanager
def soon() -> Iterator[None]:
    """What waits for longer is interrupted, and fails."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"it took more than {SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def catalog(api: Api) -> Catalog:
    return api.catalog


def assert_in_a_line(error: BaseException, path: Path) -> None:
    text = str(error)
    assert str(path) in text
    assert "\n" not in text
    assert len(text) - len(str(path)) < LINE


def test_number_of_files() -> None:
    assert len(RULES) + len(ROWS) + 2 * len(THINGS) + len(SECRETS) >= 80


@pytest.mark.parametrize("name", RULES)
def test_invalid_rules_are_rejected(name: str, tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_bytes(RULES[name])
    with soon(), pytest.raises(FaultsError) as caught:
        rules_in(str(path), CONTRACT)
    assert_in_a_line(caught.value, path)


@pytest.mark.parametrize("name", [name for name in THINGS if "pipe" not in name])
def test_file_without_rules_is_rejected(name: str, tmp_path: Path) -> None:
    THINGS[name](tmp_path / "rules.yaml")
    with soon(), pytest.raises(FaultsError) as caught:
        rules_in(str(tmp_path / "rules.yaml"), CONTRACT)
    assert_in_a_line(caught.value, tmp_path / "rules.yaml")


@pytest.mark.parametrize("name", ROWS)
def test_invalid_rows_are_rejected(name: str, tmp_path: Path, catalog: Catalog) -> None:
    (tmp_path / "flows.jsonl").write_bytes(ROWS[name])
    with soon(), pytest.raises(FixtureError) as caught:
        load(tmp_path, Workspace.empty(catalog))
    text = str(caught.value)
    assert str(tmp_path / "flows.jsonl") in text
    assert len(text.splitlines()) <= 52  # a line for the whole, one for each of the first 50, and one for the rest
    assert all(len(line) - len(str(tmp_path)) < LINE for line in text.splitlines())


@pytest.mark.parametrize("name", THINGS)
def test_file_without_rows_is_rejected(name: str, tmp_path: Path, catalog: Catalog) -> None:
    THINGS[name](tmp_path / "flows.jsonl")
    with soon(), pytest.raises(FixtureError) as caught:
        load(tmp_path, Workspace.empty(catalog))
    assert_in_a_line(caught.value, tmp_path / "flows.jsonl")


def test_link_to_a_file_is_read(tmp_path: Path, catalog: Catalog) -> None:
    (tmp_path / "flows.jsonl").symlink_to(SMALL / "flows.jsonl")
    workspace = Workspace.empty(catalog)
    load(tmp_path, workspace)
    assert len(workspace["flows"]) > 0


@pytest.mark.parametrize("name", SECRETS)
def test_file_without_a_secret_is_rejected(name: str, tmp_path: Path) -> None:
    SECRETS[name](tmp_path / "secret")
    command = click.Command("serve")
    with soon(), pytest.raises(click.BadParameter, match="cannot be read"):
        read_secret(click.Context(command), click.Option(["--auth"]), f"@{tmp_path / 'secret'}")


@pytest.mark.parametrize("option", ["--fixtures", "--faults", "--auth"])
def test_command_reports_the_error_in_one_line(option: str, tmp_path: Path) -> None:
    (tmp_path / "flows.jsonl").write_bytes(ROWS["binary"])
    (tmp_path / "binary").write_bytes(RULES["binary"])
    value = {"--fixtures": tmp_path, "--faults": tmp_path / "binary", "--auth": f"@{tmp_path / 'binary'}"}[option]
    command = [sys.executable, "-m", "understudy", "serve", "--port", "0", option, str(value)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: ")
    assert "Traceback" not in ended.stderr
    assert ended.stderr.count("\n") == 1
