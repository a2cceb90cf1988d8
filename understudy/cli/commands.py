"""The command line."""

import gc
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from understudy.cli.admin_commands import admin
from understudy.cli.exclusive_options import refuse_beside
from understudy.cli.number_options import SEED, Number, WholeNumber
from understudy.cli.path_options import FILE
from understudy.cli.store_commands import store
from understudy.cli.time_options import time_in
from understudy.network.network import Network, network_options
from understudy.options import HIGHEST_PORT, RANGES, Options
from understudy.terminal.console import run_command
from understudy.terminal.secret_options import IN_SHELL, Decorator, secret_option
from understudy.version import __version__

STARTED = time.perf_counter()
DEFAULTS = Options()
UNSENT = (  # what `verify --spec-only` has no use for, since it sends none of these requests and finds no violations
    "max_requests", "thorough", "only", "rate", "seed", "strict", "allow_writes", "fixtures", "known", "junit", "json",
    "html", "repro",
)  # fmt: skip
COLLECTED = 10_000  # new objects after which `verify` collects garbage
LONGEST_RUN = 10_000_000  # requests of a run, which are all drawn before the first is sent
API_HELP = (
    "Experimental: serve another API, from a folder with openapi.yaml, handlers/ and fixtures/. The contract must "
    "be OpenAPI 3.0 in YAML, with a path as its server, one operationId MODULE.FUNCTION for each operation, JSON "
    "bodies, UUIDs as ids, and no security. Anything else is rejected at start; see docs/reference/own-api.md."
)


def run(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line of this process, or the given arguments, and exit."""
    sys.exit(run_command(lambda: main(arguments, prog_name="understudy", standalone_mode=False)))


class Commands(click.Group):
    """Commands whose unexpected end of a file is an error: click would take it for an interrupt, without a word.

    It comes from a compiled module that was cut off when the disk was full, for example.
    """

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except EOFError as error:
            raise ValueError(f"a file ends too early: {error}") from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="understudy")
def main() -> None:
    """A stand-in server for the Prefect REST API: the same rows, order and errors, in a fraction of the time."""


def limit_option(name: str, unit: str, help_: str) -> Decorator:
    field = name.strip("-").replace("-", "_")
    default, (least, most) = getattr(DEFAULTS, field), RANGES[field]
    kind = Number(least, most) if isinstance(default, float) else WholeNumber(int(least), int(most))
    return click.option(name, type=kind, default=default, show_default=True, metavar=unit, help=help_)


@main.command()
@click.option(
    "--fixtures",
    metavar="DIR",
    help="The fixture set: a folder with one file of rows per table.  [default: the demo set]",
)
@click.option(
    "--store",
    metavar="FILE",
    help="Store changes in this file. A new file starts from the fixture set.",
)
@click.option("--host", default=DEFAULTS.host, show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    type=WholeNumber(0, HIGHEST_PORT),
    default=4200,
    show_default=True,
    help="The port to listen on; 0 picks a free one.",
)
@click.option("--strict", is_flag=True, help="Strict mode: refuse what the contract does not allow; no coercions.")
@click.option(
    "--api",
    metavar="DIR",
    help=API_HELP,
)
@click.option(
    "--now",
    type=time_in,
    metavar="TIME",
    help="Freeze the clock of each workspace at this time, such as 2026-03-29T00:00Z.  [default: the machine's clock]",
)
@click.option(
    "--services", is_flag=True, help="Run schedules, automations and other services on the machine's clock, too."
)
@click.option(
    "--send-notifications",
    is_flag=True,
    help="Send the notifications and webhooks of automations instead of only recording them.",
)
@click.option(
    "--ui", is_flag=True, help="Also serve Prefect's UI, from the Prefect that is installed beside Understudy."
)
@click.option(
    "--faults",
    metavar="FILE|PROFILE",
    help="Inject faults: by rules in a file, or by a profile: flaky, slow, rate-limited, outage.",
)
@click.option("--seed", type=SEED, metavar="N", help="The seed of the random faults.  [default: random]")
@secret_option("--auth", "auth", "Require Basic authentication with these credentials.", "USER:PASSWORD")
@secret_option("--api-key", "api_key", "Require this key as a Bearer token.", "KEY")
@click.option("--csrf", is_flag=True, help="Require a token against cross-site request forgery for changes.")
@secret_option(
    "--admin-token",
    "admin_token",
    "Require this Bearer token for the control API. Without it, the control API answers only this machine.",
    "TOKEN",
)
@click.option(
    "--trusted-proxy",
    "trusted_proxies",
    multiple=True,
    metavar="ADDRESS|NETWORK",
    help="Trust the X-Forwarded-For of this proxy. Repeatable.  [default: none]",
)
@limit_option("--journal", "N", "How many requests the journal holds, for `understudy admin requests`.")
@limit_option("--max-workspaces", "N", "The maximum number of workspaces beyond the default one.")
@limit_option("--max-snapshots", "N", "The maximum number of snapshots.")
@limit_option("--max-body", "BYTES", "The maximum size of a request body.")
@limit_option("--max-head", "BYTES", "The maximum size of a request line and its headers.")
@limit_option("--max-depth", "N", "The maximum nesting depth of a body.")
@limit_option("--max-items", "N", "The maximum length of a list or object in a body, and the maximum number of them.")
@limit_option("--max-connections", "N", "The maximum number of open connections.")
@limit_option(
    "--client-timeout", "SECONDS", "The timeout for receiving a request, and for a client that does not read."
)
@click.option(
    "--log-level",
    type=click.Choice(["critical", "error", "warning", "info", "debug"]),
    default="info",
    show_default=True,
    help="What to write to stderr. `info` includes a line for each request.",
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Plain text, or one JSON object per line.",
)
@click.option("--watch", is_flag=True, help="Reload when fixtures, contract, handlers or fault rules change.")
@click.option("--quiet", "-q", is_flag=True, help="Do not log requests.")
def serve(log_level: str, log_format: str, *, quiet: bool, watch: bool, **options: Any) -> None:
    """Serve the API until Ctrl-C."""
    gc.disable()  # objects made at start stay alive; the server enables the collector again
    # This import takes most of the start. `--help` and usage errors do not need it.
    from understudy.server import server  # noqa: PLC0415
    from understudy.server.logs import Logging  # noqa: PLC0415

    secrets = click.get_current_context().meta.get(IN_SHELL, {})
    logging = Logging(log_level, log_format, is_quiet=quiet)
    server.serve(Options(**options), logging, called=STARTED, watch=watch, secrets=secrets)


@main.command(short_help="Compare the responses of two servers.")
@click.argument("first", metavar="URL")
@click.argument("second", metavar="URL")
@click.option(
    "--requests",
    type=WholeNumber(1, LONGEST_RUN),
    default=1000,
    show_default=True,
    help="How many requests to send.",
)
@click.option("--seed", type=SEED, metavar="N", help="The seed of the random requests.  [default: random]")
@click.option(
    "--fixtures",
    type=FILE,
    metavar="DIR",
    help="A fixture set to take values from.  [default: the rows that the first server lists]",
)
@click.option(
    "--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="A header for both servers. Repeatable."
)
@click.option(
    "--save", type=FILE, metavar="FILE", help="Save the requests that differ, with the first server's responses."
)
@click.option("--replay", type=FILE, metavar="FILE", help="Send the requests of a saved file instead.")
@click.option("--map-ids", is_flag=True, help="Pair the servers' rows by content, regardless of their ids and times.")
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
    """Send the same random requests to two servers, and report where their responses differ.

    Each URL is that of an API, such as http://127.0.0.1:4200/api. Nothing is changed on either server. The exit status
    is 1 if something differs.
    """
    if replay is not None:
        refuse_beside("--replay", "requests", "seed", "fixtures")
    from understudy.compare import compare  # noqa: PLC0415

    plan = compare.Plan((first, second), requests, seed, fixtures, headers, save, replay, map_ids, network)
    sys.exit(compare.run(plan))


@main.command(short_help="Check a server against the contract.")
@click.argument("url", metavar="URL")
@click.option(
    "--max-requests",
    type=WholeNumber(1, LONGEST_RUN),
    help="Send at most this many requests.  [default: as many as fit in a minute]",
)
@click.option("--thorough", is_flag=True, help="Check everything, however long it takes.")
@click.option("--only", multiple=True, metavar="NAME", help="Check only this tag or operation. Repeatable.")
@click.option("--rate", type=Number(0.001, 1_000_000), metavar="N", help="Send at most this many requests per second.")
@click.option("--seed", type=SEED, metavar="N", help="The seed of the random requests.  [default: random]")
@click.option("--strict", is_flag=True, help="Strict mode: the server must refuse what the contract does not allow.")
@click.option(
    "--allow-writes",
    is_flag=True,
    help="Also create, change and delete rows. The run only touches rows that it created.",
)
@click.option(
    "--fixtures",
    type=FILE,
    metavar="DIR",
    help="The fixture set that the server serves, to know the rows that it does not list.",
)
@click.option("--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="A header to send. Repeatable.")
@click.option(
    "--auth", metavar="USER:PASSWORD", help="Basic authentication. PREFECT_API_KEY is sent as a Bearer token."
)
@click.option(
    "--known", type=FILE, metavar="FILE", help="A document of known deviations, which do not count as violations."
)
@click.option("--junit", type=FILE, metavar="FILE", help="Write a JUnit XML report.")
@click.option("--json", type=FILE, metavar="FILE", help="Write a JSON report.")
@click.option("--html", type=FILE, metavar="FILE", help="Write an HTML report with all requests and violations.")
@click.option("--repro", type=FILE, metavar="DIR", help="Write a script for each violation that reproduces it.")
@click.option("--spec-only", is_flag=True, help="Only compare the server's OpenAPI document with the contract.")
@network_options
def verify(url: str, spec_only: bool, **options: Any) -> None:
    """Check a server against the contract: the shape of its responses, and their meaning.

    The URL is that of an API, such as http://127.0.0.1:4200/api. Nothing is changed there without --allow-writes. The
    exit status is 1 if something violates the contract.
    """
    gc.set_threshold(COLLECTED)  # a run makes millions of objects, hardly any of which are garbage in cycles
    if spec_only:
        refuse_beside("--spec-only", *UNSENT)
    from understudy.verify import verify  # noqa: PLC0415

    plan = verify.Plan(url, **options)
    sys.exit(int(not verify.run_spec(plan)) if spec_only else verify.run(plan))


main.add_command(admin)
main.add_command(store)
