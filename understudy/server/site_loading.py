"""Loading a site: its contract, fixture set, workspaces and fault rules."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click

from understudy.admin import CONTRACT
from understudy.contract.reading import Reading
from understudy.http.journal import Journal
from understudy.loading.fixtures import FixtureSet
from understudy.operations.api_folder import Api, own_folder
from understudy.options import Options
from understudy.site import Site
from understudy.store.memory import Memory
from understudy.workspaces.registry import WorkspaceRegistry
from understudy.workspaces.workspace_names import DEFAULT
from understudy.workspaces.workspace_storage import Storage

LARGE = 2**24  # bytes of a file that takes some seconds to load
STEPS = 200  # of a progress bar


@contextmanager
def opened(options: Options) -> Iterator[Site]:
    """A site with its default workspace open.

    Raises:
        UnderstudyError: the contract, the rows or the fault rules cannot be loaded, or the store is in use.
    """
    site = loaded(options)
    site.registry.open(DEFAULT)
    try:
        yield site
    finally:
        site.registry.close()


def loaded(options: Options) -> Site:
    """A site whose workspaces are not open yet.

    Raises:
        UnderstudyError: the contract or the fault rules cannot be loaded, or the web UI is not there.
    """
    folder = Path(options.api) if options.api else own_folder()
    api = Api.load(folder, Reading.STRICT if options.strict else Reading.COERCED)
    fixtures = Path(options.fixtures) if options.fixtures else folder / "fixtures" / "demo"
    clock = options.clock
    fixture_set = FixtureSet(fixtures, api.catalog, watched, clock)
    ids = api.contract.workspace_path.count("{")
    storage = storage_of(fixture_set, options.store)
    registry = WorkspaceRegistry(
        storage,
        options.max_workspaces,
        ids,
        clock,
        api.services,
        always_serves=options.services,
        sends=options.send_notifications,
    )
    web_ui = api.find_web_ui() if options.ui else None
    return with_faults(Site(api, fixture_set, registry, Journal(options.journal), options, web_ui=web_ui))


def reloaded(before: Site) -> tuple[Site, WorkspaceRegistry]:
    """A site loaded again with its present journal and workspaces, and the workspaces that are to replace them.

    Raises:
        UnderstudyError: it cannot be loaded.
    """
    fresh = loaded(before.options)
    site = replace(fresh, registry=before.registry, journal=before.journal, started=before.started)
    return with_faults(site), fresh.registry


def with_faults(site: Site) -> Site:
    """Load the fault rules of a site's options."""
    if site.options.faults:
        # A lazy import: most servers have no fault rules.
        from understudy.faults.rule_files import rules_in  # noqa: PLC0415

        site.faults.put(None, rules_in(site.options.faults, CONTRACT))
    return site


def storage_of(fixture_set: FixtureSet, store: str | None) -> Storage:
    if store is None:
        return Memory(fixture_set)
    # A lazy import: only stores need TinyDB.
    from understudy.store.workspace_files import WorkspaceFiles  # noqa: PLC0415

    return WorkspaceFiles(Path(store), fixture_set)


def watched(lines: Iterable[bytes], path: Path) -> Iterator[bytes]:
    """The lines of a file, with a progress bar on a terminal if the file is large."""
    size = path.stat().st_size
    if size < LARGE or not sys.stderr.isatty():
        yield from lines
        return
    with click.progressbar(
        length=size, label=f"loading {path.name}", file=sys.stderr, update_min_steps=size // STEPS
    ) as bar:
        for line in lines:
            yield line
            bar.update(len(line))
