"""`understudy admin`: the control API for people and scripts."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from understudy.admin import CONTRACT
from understudy.cli.number_options import Number
from understudy.network.network import Network, network_options
from understudy.options import MOST, YEAR
from understudy.paths import is_folder
from understudy.terminal.console import echo
from understudy.terminal.secret_options import Decorator, secret_option
from understudy.text import counted, escape, to_json

if TYPE_CHECKING:
    from understudy.admin.client import RemoteWorkspace

PORT = 4200  # that `understudy serve` listens on

Show = Callable[[Any], str]
"""What people read of an answer."""


@click.group()
def admin() -> None:
    """What a running server holds and was asked; and its rows back to where they started.

    A command is about the workspace that --url leads to: the default one, or one with ids in its URL.
    """


def control(show: Show) -> Callable[[Callable[..., Any]], Callable[..., None]]:
    """Makes a function a command about a workspace: it gets that first, and what it returns is shown.

    What an iterator yields is shown as it comes.
    """

    def decorator(function: Callable[..., Any]) -> Callable[..., None]:
        @wraps(function)
        def command(
            url: str | None, admin_token: str | None, network: Network, *, as_json: bool, **arguments: Any
        ) -> None:
            # The client takes longer to import than all that `--help` needs.
            from understudy.admin.client import RemoteWorkspace  # noqa: PLC0415

            answer = function(RemoteWorkspace(url or usual_url(), token=admin_token, network=network), **arguments)
            if isinstance(answer, Iterator):
                for each in answer:
                    echo(to_json(each) if as_json else show([each]))
            else:
                echo(to_json(answer) if as_json else show(answer))

        options: tuple[Decorator, ...] = (
            network_options,
            click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON."),
            secret_option("--token", "admin_token", "The server's --admin-token, if it has one.", "TOKEN"),
            click.option(
                "--url",
                metavar="URL",
                help="The API's URL.  [default: PREFECT_API_URL, else http://127.0.0.1:4200/api]",
            ),
        )
        whole: Callable[..., Any] = command
        for option in options:
            whole = option(whole)
        return whole

    return decorator


def usual_url() -> str:
    """Where clients would look for the API; else where `understudy serve` is by itself."""
    from understudy.contract.contract import Contract  # noqa: PLC0415
    from understudy.operations.api_folder import own_folder  # noqa: PLC0415

    contract = Contract.read(own_folder() / "openapi.yaml")
    variable = contract.environment_variable or ""
    return os.environ.get(variable) or f"http://127.0.0.1:{PORT}{contract.base_path}"


# ---------------------------------------------------------------------------- rows


def rows_in_words(rows: Mapping[str, int]) -> str:
    return ", ".join(counted(count, table) for table, count in rows.items() if count) or "no rows"


def state_in_words(state: Mapping[str, Any]) -> str:
    journal = state["journal"]
    size = counted(journal["size"], "requests")
    lines = [
        f"Understudy {state['version']}, up for {state['uptime']:.0f} s, {state['memory'] / 2**20:.0f} MiB",
        f"fixture set  {state['fixture_set']}",
        f"journal      {journal['requests']} of {size}, {journal['forgotten']} forgotten",
        f"workspaces   {len(state['workspaces'])} of at most {state['max_workspaces'] + 1}",
    ]
    for workspace in state["workspaces"]:
        lines.append(
            f"  {workspace['workspace']}, idle for {workspace['idle']:.0f} s: {rows_in_words(workspace['rows'])}"
        )
        if workspace["snapshots"]:
            lines.append(f"    snapshots: {', '.join(workspace['snapshots'])}")
    return "\n".join(map(escape, lines))


@admin.command()
@control(state_in_words)
def state(workspace: "RemoteWorkspace") -> Any:
    """Show what the server is and holds."""
    return workspace.state()


@admin.command()
@control(rows_in_words)
def reset(workspace: "RemoteWorkspace") -> Any:
    """Give the workspace the rows of the fixture set again."""
    return workspace.reset()


@admin.command()
@click.argument("source", metavar="DIR|NAME")
@click.option("--replace", is_flag=True, help="Take away the rows that are there first.")
@control(rows_in_words)
def load(workspace: "RemoteWorkspace", source: str, *, replace: bool) -> Any:
    """Load rows: of a folder of JSON Lines here, or of a fixture set beside the server's own, by its name.

    Either all are loaded, or none.
    """
    folder = Path(source)
    return workspace.load(folder if is_folder(folder) else source, replace=replace)


@admin.command()
@click.argument("snapshot")
@control(lambda name: f"saved {name}")
def save(workspace: "RemoteWorkspace", snapshot: str) -> Any:
    """Put the rows aside under a name."""
    workspace.save(snapshot)
    return snapshot


@admin.command()
@click.argument("snapshot")
@control(rows_in_words)
def restore(workspace: "RemoteWorkspace", snapshot: str) -> Any:
    """Take back the rows that were put aside under a name."""
    return workspace.restore(snapshot)


@admin.command()
@click.argument("snapshot")
@control(lambda name: f"forgot {name}")
def forget(workspace: "RemoteWorkspace", snapshot: str) -> Any:
    """Lose the rows that were put aside under a name."""
    workspace.forget(snapshot)
    return snapshot


@admin.command()
@click.option("--idle", type=Number(0, YEAR), metavar="SECONDS", help="All that were not used for so long.")
@control(lambda names: "\n".join(f"dropped {escape(name)}" for name in names) or "nothing to drop")
def drop(workspace: "RemoteWorkspace", idle: float | None) -> Any:
    """Lose the workspace, or all that were idle. The default one stays."""
    return workspace.drop() if idle is None else workspace.drop_idle(idle)


# ------------------------------------------------------------------------ requests


def listed(requests: list[dict[str, Any]]) -> str:
    from understudy.admin.client import timed_line_of  # noqa: PLC0415

    return "\n".join(map(timed_line_of, requests)) or "no requests"


def found_in_words(found: Mapping[str, Any]) -> str:
    from understudy.admin.client import Found  # noqa: PLC0415

    return str(Found(**found))


def as_value(context: click.Context, parameter: click.Parameter, text: str | None) -> Any:
    """The value of an option that is JSON."""
    try:
        return None if text is None else json.loads(text)
    except (ValueError, RecursionError) as error:
        raise click.BadParameter(f"it is no JSON ({error})") from None


def searching(function: Callable[..., None]) -> Callable[..., None]:
    """Adds the options that say what a request is like."""
    for option in (
        click.option("--body", callback=as_value, metavar="JSON", help="What its body has, or a part of it."),
        click.option("--status", type=click.IntRange(100, 599), help="What it was answered."),
        click.option("--path", help="Its path, below the API's or with it."),
        click.option("--method", help="Its method."),
        click.option("--operation", help="The operationId of the contract."),
    ):
        function = option(function)
    return function


@admin.command("requests")
@click.option(
    "-n",
    "--number",
    type=click.IntRange(0, MOST),
    default=100,
    show_default=True,
    help="How many of the last requests.",
)
@click.option("-f", "--follow", is_flag=True, help="Go on with each new request, until Ctrl-C.")
@control(listed)
def read_requests(workspace: "RemoteWorkspace", number: int, *, follow: bool) -> Any:
    """List the last requests to the workspace, the oldest first: when, what, and the response.

    Long bodies are cut; --json has all of them, and with --follow a line for each request.
    """
    return workspace.follow(number) if follow else workspace.recent(number)


@admin.command()
@searching
@control(found_in_words)
def find(workspace: "RemoteWorkspace", **search: Any) -> Any:
    """Find requests; where there is none, those that are least unlike, and in what."""
    return vars(workspace.find(**search))


@admin.command()
@searching
@control(str)
def count(workspace: "RemoteWorkspace", **search: Any) -> Any:
    """Count requests."""
    return workspace.count(**search)


@admin.command()
@control(lambda _: "forgot all requests")
def clear(workspace: "RemoteWorkspace") -> Any:
    """Forget what the workspace was asked."""
    return workspace.clear()


def explained(finding: dict[str, Any]) -> str:
    from understudy.admin.client import Explanation  # noqa: PLC0415

    return str(Explanation(finding))


@admin.command()
@click.argument("path")
@click.argument("id")
@click.option("--body", callback=as_value, metavar="JSON", help="The request's body.")
@control(explained)
def explain(workspace: "RemoteWorkspace", path: str, id: str, body: Any) -> Any:
    """Tell why the row of an ID is in the answer to a filter request at PATH, or is not."""
    return workspace.explain(path, body, id).finding


# -------------------------------------------------------------------------- faults


def rules_in_words(rules: list[dict[str, Any]]) -> str:
    return "\n".join(map(rule_in_words, rules)) or "no rules"


def rule_in_words(told: Mapping[str, Any]) -> str:
    """A rule in a line, and how often it was applied."""
    rule = {name: value for name, value in told["rule"].items() if name not in ("name", "workspace")}
    says = ", ".join(f"{name}: {to_json(value)}" for name, value in rule.items())
    requests = counted(told["matched"], "requests")
    return escape(f"{told['rule'].get('name') or 'a rule'} ({says}): {told['applied']} of {requests}")


@admin.command()
@click.option("--set", "source", metavar="FILE|PROFILE", help="Have the rules of a file, or of a profile.")
@click.option("--clear", is_flag=True, help="Have no rules.")
@control(rules_in_words)
def faults(workspace: "RemoteWorkspace", source: str | None, *, clear: bool) -> Any:
    """Show what goes wrong on purpose, and how often it did.

    The rules are those of the workspace whose ids are in --url; without ids, those for all workspaces. A profile is
    flaky, slow, rate-limited or outage.
    """
    if source is not None and clear:
        raise click.UsageError("--set and --clear exclude each other")
    if source is not None:
        # What checks a file takes longer to import than all else that this command needs.
        from understudy.faults.rule_files import rules_in  # noqa: PLC0415

        workspace.faults.replace(rules_in(source, CONTRACT))
    if clear:
        workspace.faults.clear()
    return workspace.faults.rules
