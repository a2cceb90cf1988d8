"""Reloading: load a site again when its files change, without interrupting connections and requests."""

import asyncio
import gc
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from understudy.errors import UnderstudyError
from understudy.operations.handler_modules import reimporting
from understudy.options import Options
from understudy.site import Site
from understudy.text import one_line
from understudy.workspaces.registry import WorkspaceRegistry

INTERVAL = 0.25  # seconds between two polls of the files
NAMED = 3  # changed files that the log names

logger = logging.getLogger("understudy")

Stamps = Mapping[Path, tuple[int, int, int]]
"""The inode, modification time and size of each file."""


class Reloader:
    """An ASGI application that delegates to another one, and replaces it when the files of its site have changed.

    A site is replaced as a whole, as if the server were restarted: the default workspace has the rows of the fixture
    set, or of its store. If the files cannot be loaded, nothing changes. Files are polled, since the file events of the
    operating system do not cover all file systems that containers mount.

    Args:
        site: the first site.
        load: loads a site again. Returns it with the workspaces that are to replace the present ones.
        create_app: creates the application of a site.

    Raises:
        UnderstudyError: the application cannot be created.
    """

    def __init__(
        self, site: Site, load: Callable[[Site], tuple[Site, WorkspaceRegistry]], create_app: Callable[[Site], ASGIApp]
    ) -> None:
        self._site = site
        self._load = load
        self._create_app = create_app
        self._app = create_app(site)
        self._stamps = stamps(files_of(site))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return
        watching = asyncio.create_task(self.watch())
        try:
            await self._app(scope, receive, send)  # until the server ends
        finally:
            watching.cancel()

    async def watch(self) -> None:
        """Reload when files have changed and then not changed again for `INTERVAL`, until cancelled."""
        while True:
            await asyncio.sleep(INTERVAL)
            found = await asyncio.to_thread(stamps, files_of(self._site))
            if found == self._stamps:
                continue
            await asyncio.sleep(INTERVAL)
            if found == await asyncio.to_thread(stamps, files_of(self._site)):
                changed = changes(self._stamps, found)
                self._stamps = found
                await self.reload(changed)

    async def reload(self, changed: Iterable[Path]) -> None:
        """Load the site again after some files have changed."""
        names = named(changed)
        try:
            site, registry, app = await asyncio.to_thread(self._loaded)
            await site.registry.replace_all(registry)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a handler that is imported can raise anything
            text = str(error) if isinstance(error, UnderstudyError) else repr(error)
            logger.error("cannot reload after a change of %s: %s", names, one_line(text))  # noqa: TRY400
            return
        self._site, self._app = site, app
        effect = "changes in memory are discarded" if site.options.store is None else "stores keep their rows"
        logger.info("reloaded after a change of %s; %s", names, effect)
        gc.unfreeze()  # the previous site was frozen at the start
        gc.collect()
        gc.freeze()

    def _loaded(self) -> tuple[Site, WorkspaceRegistry, ASGIApp]:
        with reimporting(self._site.api.folder):
            site, registry = self._load(self._site)
            _ = site.fixture_set.rows  # load them now, even if only a store is read
        return site, registry, self._create_app(site)


def files_of(site: Site) -> list[Path]:
    """The files that a site is loaded from, and that exist."""
    options, folder = site.options, site.api.folder
    files = [folder / "openapi.yaml", *folder.glob("openapi/**/*"), *folder.glob("handlers/**/*.py")]
    return [*files, *site.fixture_set.folder.glob("*"), *files_of_faults(options)]


def files_of_faults(options: Options) -> Iterator[Path]:
    if options.faults:
        yield Path(options.faults)  # the name of a profile is not a file, unless one of that name exists


def stamps(files: Iterable[Path]) -> Stamps:
    found = {}
    for file in files:
        with suppress(OSError):
            state = file.stat()
            found[file] = (state.st_ino, state.st_mtime_ns, state.st_size)
    return found


def changes(before: Stamps, after: Stamps) -> list[Path]:
    """The files that were added, deleted or modified."""
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


def named(paths: Iterable[Path]) -> str:
    names = [path.name for path in paths]
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
