"""The command line."""

import gc
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from understudy.cli.admin_commands import admin
from understudy.cli.number_options import SEED, Number
from understudy.network.network import Network, network_options
from understudy.options import HIGHEST_PORT, RANGES, Options
from understudy.terminal.console import echo, run_command
from understudy.terminal.secret_options import IN_SHELL, Decorator, secret_option
from understudy.text import escape
from understudy.version import __version__

if TYPE_CHECKING:
    from understudy.contract.catalog import Catalog

STARTED = time.perf_counter()
USUAL = Options()
LONGEST_RUN = 10_000_000  # requests of a run, which are drawn before the first is sent
API_HELP = (
    "Experimental: another API than Prefect's, a folder with openapi.yaml, handlers/ and fixtures/. The contract must "
    "be OpenAPI 3.0 in one file, with a path as its server, one operationId MODULE.FUNCTION for each operation, JSON "
    "bodies, UUIDs as ids, and no security. The rest is refused at start; docs/reference/own-api.md lists it."
)


def run(arguments: Sequence[str] | None = None) -> NoReturn:
    """The command of this process, with the arguments that it was called with unless others are given."""
    sys.exit(run_command(lambda: main(arguments, prog_name="understudy", standalone_mode=False)))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="understudy")
def main() -> None:
    """A stand-in for the Prefect REST API: same rows, same order, same errors, in a fraction of the time."""


FILE = click.Path(path_type=Path)
api_option = click.option(
    "--api",
    "folder",
    type=FILE,
    help=API_HELP,
)


def limit_option(name: str, unit: str, help_: str) -> Decorator:
    field = name.strip("-").replace("-", "_")
    default, (least, most) = getattr(USUAL, field), RANGES[field]
    kind = Number(least, most) if isinstance(default, float) else click.IntRange(int(least), int(most))
    return click.option(name, type=kind, default=default, show_default=True, metavar=unit, help=help_)


@main.command()
@click.option(
    "--fixtures",
    metavar="DIR",
    help="The fixture set: a folder with a file of rows for each table.  [default: the demo set]",
)
@click.option(
    "--store",
    metavar="FILE",
    help="Keep what is written in this file; a new one starts from the fixture set.",
)
@click.option("--host", default=USUAL.host, show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, HIGHEST_PORT),
    default=4200,
    show_default=True,
    help="The port to listen on; 0 takes a free one.",
)
@click.option("--strict", is_flag=True, help="Take the contract by its letter, without the real server's coercions.")
@click.option(
    "--api",
    metavar="DIR",
    help=API_HELP,
)
@click.option(
    "--faults", metavar="FILE|PROFILE", help="What goes wrong on purpose: rules, or flaky, slow, rate-limited, outage."
)
@click.option(
    "--seed", type=SEED, metavar="N", help="Draw faults the same way again.  [default: another at each start]"
)
@secret_option("--auth", "auth", "Let in who knows these, by Basic authentication.", "USER:PASSWORD")
@secret_option("--api-key", "api_key", "Let in who has this key, as a Bearer token.", "KEY")
@click.option("--csrf", is_flag=True, help="Ask for a token against cross-site request forgery with each change.")
@secret_option(
    "--admin-token", "admin_token", "Let in to the control API who has this token; without one, this machine.", "TOKEN"
)
@click.option(
    "--trusted-proxy",
    "trusted_proxies",
    multiple=True,
    metavar="ADDRESS|NETWORK",
    help="A proxy whose X-Forwarded-For says who the client is; may be repeated.  [default: none is trusted]",
)
@limit_option("--journal", "N", "How many of the last requests are remembered, for `understudy admin requests`.")
@limit_option("--max-workspaces", "N", "How many workspaces there may be beyond the default one.")
@limit_option("--max-snapshots", "N", "How many snapshots there may be.")
@limit_option("--max-body", "BYTES", "How long a request's body may be.")
@limit_option("--max-head", "BYTES", "How long a request's line and headers may be.")
@limit_option("--max-depth", "N", "How deep a body may be nested.")
@limit_option("--max-items", "N", "How long a list or object in a body may be, and how many there may be.")
@limit_option("--max-connections", "N", "How many connections may be open.")
@limit_option(
    "--client-timeout", "SECONDS", "How long a request may take to come in, and how long a client may not read."
)
@click.option(
    "--log-level",
    type=click.Choice(["critical", "error", "warning", "info", "debug"]),
    default="info",
    show_default=True,
    help="What to write to stderr; `info` has a line for each request.",
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Lines for people, or a JSON object in each.",
)
@click.option("--watch", is_flag=True, help="Load all again when fixtures, contract, handlers or fault rules change.")
@click.option("--quiet", "-q", is_flag=True, help="Write no line for each request.")
def serve(log_level: str, log_format: str, *, quiet: bool, watch: bool, **options: Any) -> None:
    """Serve the API until Ctrl-C."""
    gc.disable()  # what is made at start stays; the server turns it on again
    # This takes most of the start; `--help` and mistakes on the command line do without.
    from understudy.server import server  # noqa: PLC0415

    secrets = click.get_current_context().meta.get(IN_SHELL, {})
    server.serve(Options(**options), log_level, log_format, called=STARTED, quiet=quiet, watch=watch, secrets=secrets)


@main.command()
@click.argument("first", metavar="URL")
@click.argument("second", metavar="URL")
@click.option(
    "--requests", type=click.IntRange(1, LONGEST_RUN), default=1000, show_default=True, help="How many requests to ask."
)
@click.option("--seed", type=SEED, metavar="N", help="Draw the same requests again.  [default: another at each run]")
@click.option(
    "--fixtures",
    type=FILE,
    help="A fixture set to take values from.  [default: what the first server shows]",
)
@click.option("--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="A header for both; may be repeated.")
@click.option("--save", type=FILE, help="Keep what differs in a file, with the first's answers.")
@click.option("--replay", type=FILE, help="Ask the requests of such a file instead.")
@click.option("--map-ids", is_flag=True, help="Pair the servers' rows by what they hold, whatever their ids and times.")
@network_options
def compare(
    first: str,
    second: str,
    requests: int,
    seed: int | None,
    fixtures: Path | None,
    headers: tuple[str, ...],
    save: Path | None,
    replay: Path | None,
    map_ids: bool,
    network: Network,
) -> None:
    """Ask two servers the same random requests, and tell where their answers differ.

    Each URL is an API's, such as http://127.0.0.1:4200/api. Nothing is changed on either. Ends with 1
    where something differs.
    """
    from understudy.compare import compare  # noqa: PLC0415

    plan = compare.Plan((first, second), requests, seed, fixtures, headers, save, replay, map_ids, network)
    sys.exit(compare.run(plan))


@main.command()
@click.argument("url", metavar="URL")
@click.option(
    "--max-requests",
    type=click.IntRange(1, LONGEST_RUN),
    default=30_000,
    show_default=True,
    help="Ask no more than this.",
)
@click.option("--rate", type=Number(0.001, 1_000_000), help="Ask no faster than so many requests a second.")
@click.option("--seed", type=SEED, metavar="N", help="Ask the same again.  [default: another at each run]")
@click.option("--strict", is_flag=True, help="Hold the server to the contract's letter: no coercions.")
@click.option("--allow-writes", is_flag=True, help="Create, change and delete rows too, all of them the run's own.")
@click.option(
    "--fixtures",
    type=FILE,
    help="The fixture set that the server holds, to know its hidden rows.",
)
@click.option("--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="A header; may be repeated.")
@click.option(
    "--auth", metavar="USER:PASSWORD", help="Basic authentication. PREFECT_API_KEY is sent as a Bearer token."
)
@click.option("--known", type=FILE, help="A document of known deviations, which are no violations.")
@click.option("--junit", type=FILE, help="Write a JUnit XML report.")
@click.option("--json", type=FILE, help="Write a JSON report.")
@click.option("--html", type=FILE, help="Write a page with all that was asked and found.")
@click.option(
    "--spec-only", is_flag=True, help="Only compare the document that the server publishes with the contract."
)
@network_options
def verify(url: str, spec_only: bool, **options: Any) -> None:
    """Hold a server to the contract: the shape of its answers, and what they mean.

    The URL is an API's, such as http://127.0.0.1:4200/api. Nothing is changed there without --allow-writes.
    Ends with 1 where something breaks the contract.
    """
    from understudy.verify import verify  # noqa: PLC0415

    plan = verify.Plan(url, **options)
    sys.exit(int(not verify.run_spec(plan)) if spec_only else verify.run(plan))


main.add_command(admin)


@main.group()
def store() -> None:
    """What a store keeps (`serve --store FILE`): to a fixture set and back, and out of a damaged file."""


@store.command("export")
@click.argument("path", metavar="FILE", type=FILE)
@click.argument("fixtures", metavar="DIR", type=FILE)
@api_option
def export_store(path: Path, fixtures: Path, folder: Path | None) -> None:
    """Write the rows of the store FILE as a fixture set into the new or empty folder DIR."""
    from understudy.store import transfer  # noqa: PLC0415

    workspace, warnings = transfer.export(path, fixtures, catalog_of(folder))
    for warning in warnings:
        echo(escape(f"warning: {warning}"), fg="yellow", err=True)
    echo(escape(f"exported {workspace.counts()} to {fixtures}"))


@store.command("import")
@click.argument("fixtures", metavar="DIR", type=FILE)
@click.argument("path", metavar="FILE", type=FILE)
@api_option
def import_store(fixtures: Path, path: Path, folder: Path | None) -> None:
    """Make the new store FILE of the fixture set DIR."""
    from understudy.store import transfer  # noqa: PLC0415

    workspace = transfer.import_(fixtures, path, catalog_of(folder))
    echo(escape(f"imported {workspace.counts()} from {fixtures}"))


@store.command("repair")
@click.argument("path", metavar="FILE", type=FILE)
@click.option("--to", type=FILE, help="The new file.  [default: FILE with .repaired before its ending]")
@api_option
def repair_store(path: Path, to: Path | None, folder: Path | None) -> None:
    """Save what can be read of a damaged store to a new file, and list what cannot.

    FILE stays as it is. Ends with 1 where something is lost.
    """
    from understudy.store.repair import repair  # noqa: PLC0415

    to = to or path.parent / f"{path.stem}.repaired{path.suffix}"
    workspace, losses, warnings = repair(path, to, catalog_of(folder))
    echo(escape(f"saved {workspace.counts()} to {to}"))
    for warning in warnings:
        echo(escape(f"warning: {warning}"), fg="yellow", err=True)
    for loss in losses:
        echo(escape(f"lost  line {loss.line}: {loss.reason}: {loss.text}"))
    if losses:
        sys.exit(1)


def catalog_of(folder: Path | None) -> "Catalog":
    """The tables of an API folder; of the own one without."""
    from understudy.contract import support  # noqa: PLC0415
    from understudy.contract.catalog import Catalog  # noqa: PLC0415
    from understudy.contract.contract import Contract  # noqa: PLC0415
    from understudy.operations.api_folder import own_folder  # noqa: PLC0415

    contract = Contract.load((folder or own_folder()) / "openapi.yaml")
    support.check(contract)
    return Catalog.of(contract)
