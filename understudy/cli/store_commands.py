"""`understudy store`: stores as files, while no server runs."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from understudy.cli.path_options import FILE
from understudy.terminal.console import echo, warn
from understudy.text import escape

if TYPE_CHECKING:
    from understudy.contract.catalog import Catalog

api_option = click.option(
    "--api",
    "folder",
    type=FILE,
    metavar="DIR",
    help="Experimental: the folder of the API whose rows the store has, as for `understudy serve --api`.",
)


@click.group()
def store() -> None:
    """Export, import, compact and repair stores (`serve --store FILE`)."""


@store.command("export", short_help="Write the rows of a store as a fixture set.")
@click.argument("path", metavar="FILE", type=FILE)
@click.argument("fixtures", metavar="DIR", type=FILE)
@api_option
def export_store(path: Path, fixtures: Path, folder: Path | None) -> None:
    """Write the rows of the store FILE as a fixture set to DIR, a new or empty folder."""
    from understudy.store import transfer  # noqa: PLC0415

    workspace, warnings = transfer.export(path, fixtures, catalog_of(folder))
    for warning in warnings:
        warn(warning)
    echo(escape(f"exported {workspace.counts()} to {fixtures}"))


@store.command("import", short_help="Create a store from a fixture set.")
@click.argument("fixtures", metavar="DIR", type=FILE)
@click.argument("path", metavar="FILE", type=FILE)
@api_option
def import_store(fixtures: Path, path: Path, folder: Path | None) -> None:
    """Create the store FILE from the fixture set DIR."""
    from understudy.store import transfer  # noqa: PLC0415

    workspace = transfer.import_(fixtures, path, catalog_of(folder))
    echo(escape(f"imported {workspace.counts()} from {fixtures}"))


@store.command("compact", short_help="Merge the log of a store into its file.")
@click.argument("path", metavar="FILE", type=FILE)
@api_option
def compact_store(path: Path, folder: Path | None) -> None:
    """Merge the log of the store FILE into FILE, and delete the log.

    A server does so when it stops. After a crash, this makes FILE complete, so that you can edit it.
    """
    from understudy.store import transfer  # noqa: PLC0415

    workspace, warnings = transfer.compact(path, catalog_of(folder))
    for warning in warnings:
        warn(warning)
    echo(escape(f"{path} has {workspace.counts()}"))


@store.command("repair", short_help="Save what can be read of a damaged store.")
@click.argument("path", metavar="FILE", type=FILE)
@click.option("--to", type=FILE, metavar="FILE", help="The new file.  [default: FILE with .repaired before its suffix]")
@api_option
def repair_store(path: Path, to: Path | None, folder: Path | None) -> None:
    """Save the readable rows of a damaged store and its log to a new file, and list what is lost.

    FILE is not changed. The exit status is 1 if something is lost.
    """
    from understudy.store.repair import repair  # noqa: PLC0415

    to = to or path.parent / f"{path.stem}.repaired{path.suffix}"
    workspace, losses, warnings = repair(path, to, catalog_of(folder))
    echo(escape(f"saved {workspace.counts()} to {to}"))
    for warning in warnings:
        warn(warning)
    for loss in losses:
        place = f"{loss.log}, " if loss.log else ""
        echo(escape(f"lost  {place}line {loss.line}: {loss.reason}: {loss.text}"))
    if losses:
        sys.exit(1)


def catalog_of(folder: Path | None) -> "Catalog":
    """The tables of an API folder; of Understudy's own by default."""
    from understudy.contract import supported_openapi  # noqa: PLC0415
    from understudy.contract.catalog import Catalog  # noqa: PLC0415
    from understudy.contract.contract import Contract  # noqa: PLC0415
    from understudy.operations.api_folder import own_folder  # noqa: PLC0415

    contract = Contract.load((folder or own_folder()) / "openapi.yaml")
    supported_openapi.check(contract)
    return Catalog.of(contract)
