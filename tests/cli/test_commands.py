"""The command line: its output and its exit statuses."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import understudy
from tests.conftest import SMALL
from tests.servers import free_port, greeting, running
from understudy.cli.commands import main

COMMAND = [sys.executable, "-m", "understudy"]


def called(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=30, check=False)


def refused(*arguments: str) -> str:
    """The single line on stderr of a command that exits with 2."""
    result = called(*arguments)
    assert result.returncode == 2, result
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    return line


WITH_SPEC_ONLY = {"url", "spec_only", "headers", "auth", "proxy", "ca_file", "insecure"}
UNUSED = {
    "verify": (["--spec-only"], {each.name for each in main.commands["verify"].params} - WITH_SPEC_ONLY),
    "compare": (["--replay", "x"], {"requests", "seed", "fixtures"}),
}


@pytest.mark.parametrize(
    ("name", "field"), [(name, field) for name in UNUSED for field in sorted(map(str, UNUSED[name][1]))]
)
def test_option_without_effect_is_rejected(name: str, field: str) -> None:
    option = next(each for each in main.commands[name].params if each.name == field)
    value = [] if isinstance(option, click.Option) and option.is_flag else ["1"]
    given, urls = UNUSED[name][0], ["http://127.0.0.1:1/api"] * (2 if name == "compare" else 1)
    result = CliRunner().invoke(main, [name, *urls, *given, option.opts[0], *value])
    assert result.exit_code == 2
    assert f"{given[0]} cannot be used with {option.opts[0]}, which would have no effect" in result.output


def test_serve_prints_what_it_serves() -> None:
    port = free_port()
    with running([*COMMAND, "serve", "--port", str(port), "--fixtures", str(SMALL)], {}) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().rstrip() for _ in range(12)]
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            pass
    assert re.fullmatch(
        rf"Understudy is running at http://127\.0\.0\.1:{port}/api \(started in \d+\.\d\d s\)", lines[0]
    )
    assert lines[1:] == [
        f"  rows from {SMALL}:",
        "    120 artifacts",
        "     20 artifact_collections",
        "     12 flows",
        "     30 flow_runs",
        "     40 task_runs",
        "     12 deployments",
        "      5 work_pools",
        "     10 work_queues",
        f"  docs: http://127.0.0.1:{port}/docs",
        f"  export PREFECT_API_URL=http://127.0.0.1:{port}/api",
    ]


def test_serve_reports_empty_tables_and_required_credentials(tmp_path: Path) -> None:
    command = [
        *COMMAND,
        "serve",
        "--port",
        "0",
        "--fixtures",
        str(tmp_path),
        "--auth",
        "ada:1815",
        "--api-key",
        "pnu_1",
    ]
    with running(command, {}) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().rstrip() for _ in range(7)]
    url = lines[4].rpartition("=")[2]
    assert lines[1:] == [
        f"  rows from {tmp_path}:",
        "    none",
        f"  docs: {url.removesuffix('/api')}/docs",
        f"  export PREFECT_API_URL={url}",
        "  export PREFECT_API_AUTH_STRING=ada:1815",
        "  export PREFECT_API_KEY=pnu_1",
    ]


def commands_under(command: click.Command, *names: str) -> Iterator[tuple[str, click.Command]]:
    yield " ".join(names), command
    if isinstance(command, click.Group):
        for name, each in command.commands.items():
            yield from commands_under(each, *names, name)


def test_every_command_and_option_has_a_help_text() -> None:
    found = dict(commands_under(main, "understudy"))
    assert {"understudy serve", "understudy store compact", "understudy admin requests"} <= set(found)
    options = [
        (name, each) for name, command in found.items() for each in command.params if isinstance(each, click.Option)
    ]
    assert [name for name, command in found.items() if not command.help] == []
    assert [(name, each.opts) for name, each in options if not each.help] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_stops_the_server_cleanly_with_an_open_connection(number: signal.Signals) -> None:
    port = free_port()
    command = [*COMMAND, "serve", "--port", str(port), "--fixtures", str(SMALL), "--log-level", "critical"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            process.send_signal(number)
            _, errors = process.communicate(timeout=10)
    assert process.returncode == 0
    assert errors == "warning: artifacts: 5 rows refer by `flow_run_id` to flow_runs that do not exist\n"


def test_port_in_use_is_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = refused("serve", "--port", str(port))
    assert line == (
        f"error: cannot listen on 127.0.0.1:{port} (Address already in use); "
        "is another server running? Choose another port"
    )


def test_unknown_host_is_reported() -> None:
    assert refused("serve", "--host", "no.such.host.invalid", "--port", "0").startswith(
        "error: cannot listen on no.such.host.invalid:0 ("
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--fixtures", "nowhere"], "nowhere: no such fixture folder"),
        (["--api", "nowhere"], "nowhere/openapi.yaml: cannot be read (No such file or directory)"),
    ],
)
def test_missing_folder_is_reported(arguments: list[str], message: str) -> None:
    assert refused("serve", "--port", "0", *arguments) == f"error: {message}"


@pytest.mark.parametrize(
    "arguments",
    [["serve", "--prot", "1"], ["serve", "--port", "x"], ["serve", "--port", "70000"], ["serve", "--log-level", "loud"],
     ["sreve"], ["serve", "more"]],
)  # fmt: skip
def test_invalid_option_is_reported_with_a_hint(arguments: list[str]) -> None:
    line = refused(*arguments)
    assert arguments[-1] in line or arguments[1] in line
    assert line.endswith("--help`)")


def test_invalid_fixture_set_is_reported(tmp_path: Path) -> None:
    (tmp_path / "flows.jsonl").write_text("{bad\n", encoding="utf-8")
    message = refused("serve", "--port", "0", "--fixtures", str(tmp_path))
    assert message == f"error: {tmp_path}/flows.jsonl, line 1: Invalid JSON: key must be a string at column 2"


def test_shell_completion() -> None:
    environment = {**os.environ, "_UNDERSTUDY_COMPLETE": "bash_source"}
    script = subprocess.run(COMMAND, env=environment, capture_output=True, text=True, check=True).stdout
    assert "_understudy_completion" in script


def test_version_and_help() -> None:
    assert called("--version").stdout == f"understudy, version {understudy.__version__}\n"
    assert "--fixtures" in called("serve", "--help").stdout
    assert "serve" in called("-h").stdout
    assert "\n  resume            Start it again" in called("admin", "clock", "--help").stdout


def test_help_describes_every_number_as_a_number() -> None:
    for name in ("serve", "verify", "compare", "admin requests", "admin find"):
        text = called(*name.split(), "--help").stdout
        assert "RANGE" not in text, name
    assert "--port N " in called("serve", "--help").stdout


@pytest.mark.parametrize("group", [[], ["admin"], ["store"]], ids=" ".join)
def test_group_without_a_command_shows_its_help(group: list[str]) -> None:
    result = called(*group)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == called(*group, "--help").stdout
    assert result.stdout.startswith("Usage: ")


def test_printed_exports_can_be_run_by_a_shell(tmp_path: Path) -> None:
    """With secrets as they were typed, or else with where they are stored, which does not show them."""
    secret = tmp_path / "a file's secret"
    secret.write_text("user:it's $HOME\n", encoding="utf-8")
    environment = {**os.environ, "UNDERSTUDY_API_KEY": "from-the-environment"}
    for options, wanted in (
        (["--auth", "a:b c$HOME"], ("a:b c$HOME", "from-the-environment")),
        (["--auth", f"@{secret}", "--api-key", "typed"], ("user:it's $HOME", "typed")),
    ):
        command = [*COMMAND, "serve", "--port", "0", "--fixtures", str(SMALL), *options]
        with running(command, environment) as process:
            assert process.stdout is not None
            greeting(process.stdout)
            lines = "".join(process.stdout.readline() for _ in range(2))
        assert "from-the-environment" not in lines
        assert "it's" not in lines
        script = f'{lines}\nprintf "%s\\n" "$PREFECT_API_AUTH_STRING" "$PREFECT_API_KEY"'
        shell = subprocess.run(["sh", "-c", script], env=environment, capture_output=True, text=True, check=True)
        assert tuple(shell.stdout.splitlines()) == wanted
