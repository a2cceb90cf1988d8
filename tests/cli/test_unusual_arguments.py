"""Every option and argument of every command, with unusual values: a status and a line, and never a traceback."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import click
import pytest

from tests.cli.calling import Ended, caller
from tests.conftest import SMALL
from understudy import StandIn
from understudy.cli.commands import main

FLOW = "a92c0e6f-17ec-4406-b9bc-2ccdf572df00"
SHARE = 4  # each parameter gets every fourth of the unusual values, the next parameter others
NOWHERE = "http://127.0.0.1:1/api"  # the operations for `verify` and `compare`, which then end soon
STATUSES = {0, 1, 2}  # exit statuses of commands; 70 would be an unexpected error
LOOP = "loop"  # a link to itself, in the folder where commands run

UNUSUAL = [
    "", " ", "-1", "0", "9" * 25, "1e999", "nan", "x" * 300, "a/" * 3000, LOOP, f"@{LOOP}", ".", "..", "/",
    "\udcff\udcfe", "\x1b[2J\x07", "a\nFORGED", "日本\u202e", "%00", "%zz", "[" * 5000, '{"a": "\\ud800"}', "{", "null",
    "@nowhere", "http://", "http://[::1", "http://\x7f/", "http://127.0.0.1:99999/", f"http://{'a' * 70}.invalid/",
    "ftp://a/", "http://127.0.0.1:1/\udcff", "nonsense",
]  # fmt: skip
UNUSUAL_HEADERS = [
    "content-length: 5", "transfer-encoding: chunked", "host: \x1b", "a b: c", ": c", "a: \udcff", "a: b\r\nc: d",
    "é: ü", "x: " + "y" * 100_000, "connection: close", "expect: 100-continue", "authorization: \x00",
]  # fmt: skip
UNUSUAL_NUMBERS = ["", "-1", "0", "9" * 25, "1e999", "nan", "x", "\udcff\x1b"]
COUNTS = {"--requests": "3", "--max-requests": "3"}  # that keep a run short


def commands(group: click.Group, way: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with the words that call it."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*way, name))
        else:
            yield (*way, name), command


COMMANDS = dict(commands(main))


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with StandIn(SMALL) as standin:
        yield standin.url


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder in which commands run, for relative paths, with a broken link."""
    (tmp_path / LOOP).symlink_to(LOOP)
    return tmp_path


def usual(parameter: click.Parameter, url: str, folder: Path) -> str:
    """A valid value of an argument."""
    values = {
        "DIR": str(SMALL), "FILE": str(folder / "rows.json"), "URL": NOWHERE, "DIR|NAME": str(SMALL),
        "PATH": "/flows/filter", "ID": FLOW, "SNAPSHOT": "odd",
    }  # fmt: skip
    return values.get(parameter.make_metavar(click.Context(main)).strip("[]"), "odd")


def short(command: click.Command, url: str) -> list[str]:
    """Options with which a command ends soon, and uses no server but the test's."""
    names = {name for parameter in command.params for name in parameter.opts}
    given = {**COUNTS, "--port": "0", "--fixtures": str(SMALL), "--url": url}
    return [word for name, value in given.items() if name in names for word in (name, value)]


def calls(command: click.Command, url: str, folder: Path) -> Iterator[list[str]]:
    """A command's arguments: an unusual value for one of its parameters, and valid ones for the others."""
    arguments = [each for each in command.params if isinstance(each, click.Argument)]
    good = [usual(each, url, folder) for each in arguments]
    for number in range(len(arguments)):
        for value in UNUSUAL[number % SHARE :: SHARE]:
            yield [*short(command, url), "--", *good[:number], value, *good[number + 1 :]]
    for number, option in enumerate(command.params):
        if isinstance(option, click.Option) and not option.is_flag:
            for value in unusual_values(option)[number % SHARE :: SHARE]:
                yield [*short(command, url), f"{option.opts[0]}={value}", "--", *good]


def unusual_values(option: click.Option) -> list[str]:
    if "--header" in option.opts:
        return [*UNUSUAL, *UNUSUAL_HEADERS]
    return UNUSUAL if isinstance(option.type, click.types.StringParamType | click.Path) else UNUSUAL_NUMBERS


NUMBERS = [
    (way, option.opts[0])
    for way, command in COMMANDS.items()
    for option in command.params
    if isinstance(option.type, click.types.IntParamType | click.types.FloatParamType)
]


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "9" * 25, "1e999", "9" * 5000])
@pytest.mark.parametrize(("way", "option"), NUMBERS)
def test_unusable_number_is_rejected(way: tuple[str, ...], option: str, value: str) -> None:
    arguments = ["x" for parameter in COMMANDS[way].params if isinstance(parameter, click.Argument)]
    with pytest.raises(click.BadParameter, match=r"is not (in the range|a valid|a finite number)"):
        COMMANDS[way].make_context(way[-1], [f"{option}={value}", "--", *arguments])


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("way", COMMANDS, ids=" ".join)
def test_unusual_arguments_cause_no_traceback(way: tuple[str, ...], url: str, folder: Path) -> None:
    wrong = {}
    with caller(folder) as command:
        for call in calls(COMMANDS[way], url, folder):
            ended = command.run([*way, *call])
            if not is_sensible(ended):
                wrong[tuple(call)] = ended
    assert not wrong


UNUSUAL_BODIES = [
    b"{}", b"[]", b"5", b"null", b'"x"', b"[NaN, 1e999]", b"[" * 100_000, b"9" * 6000,
    b'[{"id": "\\ud800", "name": "\\u001b"}]',
    b"<html>\x1b[2J", b'{"version": 1, "api": 5, "workspace_path": []}', b'{"token": [], "expiration": 5}',
]  # fmt: skip
ASKING = [
    ["admin", "state", "--url"], ["admin", "requests", "--url"], ["admin", "drop", "--url"],
    ["verify", "--max-requests", "20", "--seed", "1"], ["compare", "--requests", "5", "--seed", "1"],
]  # fmt: skip


class UnusualServer(BaseHTTPRequestHandler):
    """Sends the same response to every request."""

    answer = b""

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(self.answer)))
        self.end_headers()
        self.wfile.write(self.answer)

    do_POST = do_DELETE = do_TRACE = do_GET  # noqa: N815 - as the library calls them

    def log_message(self, *arguments: object) -> None:
        """Do not log."""


@pytest.mark.timeout(1800)
def test_unusual_responses_cause_no_traceback(folder: Path) -> None:
    wrong = {}
    with ThreadingHTTPServer(("127.0.0.1", 0), UnusualServer) as server, caller(folder) as command:
        Thread(target=server.serve_forever, daemon=True).start()
        for UnusualServer.answer in UNUSUAL_BODIES:
            for words in ASKING:
                url = f"http://127.0.0.1:{server.server_port}/api"
                ended = command.run([*words, url, *([url] if words[0] == "compare" else [])])
                if not is_sensible(ended):
                    wrong[words[0], UnusualServer.answer[:20]] = ended
        server.shutdown()
    assert not wrong


def is_sensible(ended: Ended) -> bool:
    """Whether a command ended with one of its statuses, and printed only printable lines."""
    text = ended.output + ended.errors
    is_clean = text.replace("\n", "").isprintable() and "Traceback" not in text and "\nFORGED" not in text
    is_reported = ended.status != 2 or any(line.startswith("error: ") for line in ended.errors.splitlines())
    return ended.status in STATUSES and is_clean and is_reported
