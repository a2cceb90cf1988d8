"""`understudy admin`: the control API for people and scripts."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from understudy.admin import CONTRACT
from understudy.cli.number_options import Number, WholeNumber
from understudy.cli.time_options import seconds_in, time_in
from understudy.network.network import Network, network_options
from understudy.options import MOST, YEAR
from understudy.paths import is_folder
from understudy.terminal.console import echo
from understudy.terminal.secret_options import Decorator, secret_option
from understudy.text import counted, escape, to_json

if TYPE_CHECKING:
    from understudy.admin.client import RemoteWorkspace

PORT = 4200  # the default of `understudy serve`

Show = Callable[[Any], str]
"""Formats a result for people."""


@click.group()
def admin() -> None:
    """Inspect and change a running server, through its control API.

    A command works on the workspace of --url: the default one, or the one whose ids are in the URL.
    """


CONTROL_OPTIONS: tuple[Decorator, ...] = (
    network_options,
    click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
    secret_option("--token", "admin_token", "The server's --admin-token.", "TOKEN"),
    click.option(
        "--url",
        metavar="URL",
        help="The API's URL.  [default: PREFECT_API_URL, else http://127.0.0.1:4200/api]",
    ),
)
"""The options of all commands."""


def control(show: Show) -> Callable[[Callable[..., Any]], Callable[..., None]]:
    """Turn a function into a command on a workspace, which is its first argument. The command prints its result.

    The items of an iterator are printed one by one.
    """

    def decorator(function: Callable[..., Any]) -> Callable[..., None]:
        @wraps(function)
        def command(
            url: str | None, admin_token: str | None, network: Network, *, as_json: bool, **arguments: Any
        ) -> None:
            # Importing the client takes longer than `--help` does.
            from understudy.admin.client import RemoteWorkspace  # noqa: PLC0415

            result = function(RemoteWorkspace(url or default_url(), token=admin_token, network=network), **arguments)
            if isinstance(result, Iterator):
                for each in result:
                    echo(to_json(each) if as_json else show([each]))
            else:
                echo(to_json(result) if as_json else show(result))

        whole: Callable[..., Any] = command
        for option in CONTROL_OPTIONS:
            whole = option(whole)
        return whole

    return decorator


def default_url() -> str:
    """The URL in the environment that clients use; without one, the default URL of `understudy serve`."""
    from understudy.contract.contract import Contract  # noqa: PLC0415
    from understudy.operations.api_folder import own_folder  # noqa: PLC0415

    contract = Contract.read(own_folder() / "openapi.yaml")
    variable = contract.environment_variable or ""
    return os.environ.get(variable) or f"http://127.0.0.1:{PORT}{contract.base_path}"


# ---------------------------------------------------------------------------- rows


def describe_rows(rows: Mapping[str, int]) -> str:
    return ", ".join(counted(count, table) for table, count in rows.items() if count) or "no rows"


def describe_state(state: Mapping[str, Any]) -> str:
    journal = state["journal"]
    size = counted(journal["size"], "requests")
    lines = [
        f"Understudy {state['version']}, up for {state['uptime']:.0f} s, {state['memory'] / 2**20:.0f} MiB",
        f"fixture set  {state['fixture_set']}",
        f"journal      {journal['requests']} of {size}, {journal['dropped']} dropped",
        f"workspaces   {len(state['workspaces'])} of at most {state['max_workspaces'] + 1}",
    ]
    for workspace in state["workspaces"]:
        lines.append(
            f"  {workspace['workspace']}, idle for {workspace['idle']:.0f} s: {describe_rows(workspace['rows'])}"
        )
        if workspace["snapshots"]:
            lines.append(f"    snapshots: {', '.join(workspace['snapshots'])}")
    return "\n".join(map(escape, lines))


@admin.command(short_help="Show the server's version, memory and workspaces.")
@control(describe_state)
def state(workspace: "RemoteWorkspace") -> Any:
    """Show the server's version, memory, fixture set, journal and workspaces."""
    return workspace.state()


@admin.command(short_help="Reset the workspace to the fixture set.")
@control(describe_rows)
def reset(workspace: "RemoteWorkspace") -> Any:
    """Reset the workspace to the rows of the fixture set, and reset its clock."""
    return workspace.reset()


@admin.command(short_help="Load rows from a folder or a fixture set.")
@click.argument("source", metavar="DIR|NAME")
@click.option("--replace", is_flag=True, help="Delete the present rows first.")
@control(describe_rows)
def load(workspace: "RemoteWorkspace", source: str, *, replace: bool) -> Any:
    """Load rows from a local folder of JSON Lines, or from a fixture set beside the server's own, by its name.

    Either all rows are loaded or none.
    """
    return workspace.load(folder_or_name(source), replace=replace)


def folder_or_name(source: str) -> Path | str:
    """The folder of a path, or the name of a fixture set as it is.

    Raises:
        click.BadParameter: the path is not that of a folder.
    """
    folder = Path(source)
    if is_folder(folder):
        return folder
    if folder.name != source:
        raise click.BadParameter(f"`{escape(source)}` is not a folder")
    return source


@admin.command()
@click.argument("snapshot")
@control(lambda name: f"saved {name}")
def save(workspace: "RemoteWorkspace", snapshot: str) -> Any:
    """Save the rows and the clock as a snapshot."""
    workspace.save(snapshot)
    return snapshot


@admin.command()
@click.argument("snapshot")
@control(describe_rows)
def restore(workspace: "RemoteWorkspace", snapshot: str) -> Any:
    """Restore the rows and the clock of a snapshot."""
    return workspace.restore(snapshot)


@admin.command()
@click.argument("snapshot")
@control(lambda name: f"deleted {name}")
def delete_snapshot(workspace: "RemoteWorkspace", snapshot: str) -> Any:
    """Delete a snapshot."""
    workspace.delete_snapshot(snapshot)
    return snapshot


@admin.command()
@click.option(
    "--idle", type=Number(0, YEAR), metavar="SECONDS", help="Delete all workspaces that were not used for this long."
)
@control(lambda names: "\n".join(f"dropped {escape(name)}" for name in names) or "nothing to drop")
def drop(workspace: "RemoteWorkspace", idle: float | None) -> Any:
    """Delete the workspace, or all idle ones. The default workspace is never deleted."""
    return workspace.drop() if idle is None else workspace.drop_idle(idle)


# --------------------------------------------------------------------------- clock


VALUES: Mapping[str, Callable[[str], Any]] = {"freeze": time_in, "set": time_in, "advance": seconds_in}
"""How the value of an action on a clock is read."""


def describe_clock(clock: Mapping[str, Any]) -> str:
    kind = "frozen" if clock["is_frozen"] else "the machine's clock" if clock["is_machine"] else "running"
    return f"{clock['time']} ({kind})"


@admin.command(short_help="Show or change the workspace's clock.")
@click.argument("action", type=click.Choice(["show", "freeze", "set", "advance", "resume", "reset"]), default="show")
@click.argument("value", metavar="[TIME|DURATION]", required=False)
@control(describe_clock)
def clock(workspace: "RemoteWorkspace", action: str, value: str | None) -> Any:
    """Show or change the workspace's clock, from which the server takes all times.

    \b
    show              Show the time. This is the default.
    freeze [TIME]     Stop it, now or at a time such as 2026-03-29T00:00Z.
    set TIME          Set it. A frozen clock stays frozen.
    advance DURATION  Move it forward, by 90s, 30m, 3h, 1d12h or PT3H.
    resume            Start it again, from the time that it shows.
    reset             Use the machine's clock again.
    """  # noqa: D301 - Click needs the character, not its escape
    if value is not None and action not in VALUES:
        raise click.UsageError(f"{action} takes no value")
    if value is None and action in ("set", "advance"):
        raise click.UsageError(f"{action} takes a {'time' if action == 'set' else 'duration'}")
    if action != "show":
        getattr(workspace.clock, action)(*([] if value is None else [VALUES[action](value)]))
    return workspace.clock.state


# ------------------------------------------------------------------------ requests


def describe_requests(requests: list[dict[str, Any]]) -> str:
    from understudy.admin.found_requests import timed_line_of  # noqa: PLC0415

    return "\n".join(map(timed_line_of, requests)) or "no requests"


def describe_found(found: Mapping[str, Any]) -> str:
    from understudy.admin.found_requests import Found  # noqa: PLC0415

    return str(Found(**found))


def parse_json(context: click.Context, parameter: click.Parameter, text: str | None) -> Any:
    """Parse an option whose value is JSON."""
    try:
        return None if text is None else json.loads(text)
    except (ValueError, RecursionError) as error:
        raise click.BadParameter(f"not JSON ({error})") from None


def parse_object(context: click.Context, parameter: click.Parameter, text: str | None) -> dict[str, Any] | None:
    """Parse an option whose value is a JSON object."""
    value = parse_json(context, parameter, text)
    if value is None or isinstance(value, dict):
        return value
    raise click.BadParameter("not a JSON object, such as {}")


def search_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options that select requests."""
    for option in (
        click.option("--body", callback=parse_json, metavar="JSON", help="The request's body, or a part of it."),
        click.option("--status", type=WholeNumber(100, 599), help="The status of the response."),
        click.option("--path", help="The path, with or without the API's base path."),
        click.option("--method", help="The HTTP method."),
        click.option("--operation", help="The operationId in the contract."),
    ):
        function = option(function)
    return function


@admin.command("requests", short_help="List the last requests to the workspace.")
@click.option(
    "-n",
    "--number",
    type=WholeNumber(0, MOST),
    default=100,
    show_default=True,
    help="How many requests to list.",
)
@click.option("-f", "--follow", is_flag=True, help="Continue with each new request, until Ctrl-C.")
@control(describe_requests)
def read_requests(workspace: "RemoteWorkspace", number: int, *, follow: bool) -> Any:
    """List the last requests to the workspace with their time and response, the oldest first.

    Long bodies are cut. --json prints them in full, and with --follow, one line for each request.
    """
    return workspace.follow(number) if follow else workspace.recent(number)


@admin.command()
@search_options
@control(describe_found)
def find(workspace: "RemoteWorkspace", **search: Any) -> Any:
    """Find requests. Without a match, show the most similar ones and how they differ."""
    return vars(workspace.find(**search))


@admin.command()
@search_options
@control(str)
def count(workspace: "RemoteWorkspace", **search: Any) -> Any:
    """Count requests."""
    return workspace.count(**search)


@admin.command()
@control(lambda _: "deleted all requests")
def clear(workspace: "RemoteWorkspace") -> Any:
    """Delete the workspace's requests from the journal."""
    return workspace.clear()


def describe_finding(finding: dict[str, Any]) -> str:
    from understudy.admin.explanation import Explanation  # noqa: PLC0415

    return str(Explanation(finding))


@admin.command(short_help="Show why a row is in the result of a filter, or not.")
@click.argument("path")
@click.argument("id", type=click.UUID)
@click.option("--body", callback=parse_object, metavar="JSON", help="The request's body.")
@control(describe_finding)
def explain(workspace: "RemoteWorkspace", path: str, id: UUID, body: dict[str, Any] | None) -> Any:
    """Show why the row ID is, or is not, in the result of a filter request to PATH."""
    return workspace.explain(path, body, id).finding


# -------------------------------------------------------------------------- faults


def describe_rules(rules: list[dict[str, Any]]) -> str:
    return "\n".join(map(describe_rule, rules)) or "no rules"


def describe_rule(status: Mapping[str, Any]) -> str:
    """A rule on one line, with how often it was applied."""
    rule = {name: value for name, value in status["rule"].items() if name not in ("name", "workspace")}
    definition = ", ".join(f"{name}: {to_json(value)}" for name, value in rule.items())
    requests = counted(status["matched"], "requests")
    return escape(f"{status['rule'].get('name') or 'a rule'} ({definition}): {status['applied']} of {requests}")


@admin.command(short_help="Show or replace the fault rules.")
@click.option("--set", "source", metavar="FILE|PROFILE", help="Replace the rules with those of a file or a profile.")
@click.option("--clear", is_flag=True, help="Remove all rules.")
@control(describe_rules)
def faults(workspace: "RemoteWorkspace", source: str | None, *, clear: bool) -> Any:
    """Show the fault rules and how often each was applied, or replace them.

    They are the rules of the workspace whose ids are in --url; without ids, the rules for all workspaces. A profile is
    flaky, slow, rate-limited or outage.
    """
    if source is not None and clear:
        raise click.UsageError("--set and --clear exclude each other")
    if source is not None:
        # A slow import that only --set needs.
        from understudy.faults.rule_files import rules_in  # noqa: PLC0415

        workspace.faults.replace(rules_in(source, CONTRACT))
    if clear:
        workspace.faults.clear()
    return workspace.faults.rules
