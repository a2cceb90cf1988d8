"""The registry of a server's workspaces, which are created on first use."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

from understudy.clock import MACHINE, Clock
from understudy.errors import (
    Conflict,
    Forbidden,
    InsufficientStorage,
    NotFound,
    StoreWriteError,
    UnderstudyError,
    Unprocessable,
)
from understudy.text import counted
from understudy.workspaces.open_workspace import OpenWorkspace
from understudy.workspaces.services import Service, Services
from understudy.workspaces.shared_caches import Caches
from understudy.workspaces.workspace_names import DEFAULT, canonical, invalid_name
from understudy.workspaces.workspace_storage import Storage


class WorkspaceRegistry:
    """All workspaces of a server by name: DEFAULT, and those whose ids are in a URL ("<id>/<id>").

    Args:
        storage: stores their rows.
        limit: the maximum number of workspaces beyond DEFAULT.
        ids: the number of ids in a name, from the contract.
        clock: the clock with which each of them starts.
        services: the background services of each, which run while its clock is not the machine's.
        always_serves: whether they run on the machine's clock, too.
        sends: whether the messages of operations are sent to other servers.
    """

    def __init__(
        self,
        storage: Storage,
        limit: int = 1000,
        ids: int = 2,
        clock: Clock = MACHINE,
        services: Sequence[Service] = (),
        *,
        always_serves: bool = False,
        sends: bool = False,
    ) -> None:
        self.limit = limit
        self.ids = ids
        self.clock = clock
        self.services = services
        self.always_serves = always_serves
        self.sends = sends
        self.storage = storage
        self._caches = Caches()
        self._open: dict[str, OpenWorkspace] = {}
        self._opening = asyncio.Lock()

    def __iter__(self) -> Iterator[OpenWorkspace]:
        return iter(list(self._open.values()))

    def __getitem__(self, name: str) -> OpenWorkspace:
        """The open workspace of a name."""
        return self._open[name]

    def get_open(self, name: str) -> OpenWorkspace | None:
        """The workspace of a name if it is open. This counts as a use."""
        opened = self._open.get(name)
        if opened is not None:
            opened.used = time.monotonic()
        return opened

    async def get(self, name: str) -> OpenWorkspace:
        """The workspace of a name. It is opened if necessary.

        Raises:
            ApiError: the name is not valid, the limit is reached, or it cannot be opened.
        """
        name = canonical(name)
        if name != DEFAULT and name.count("/") + 1 != self.ids:
            raise invalid_name(name)
        async with self._opening:
            opened = self.get_open(name)
            if opened is None:
                await asyncio.to_thread(self._check_limit, name)
                opened = await self._opened(name)
            return opened

    def _check_limit(self, name: str) -> None:
        """Check that a workspace can be created, if it is a new one. Stored workspaces count even if they are not open.

        Raises:
            Forbidden: the limit is reached.
        """
        if name == DEFAULT or self.storage.has_stored(name):
            return
        if len({*self._open, *self.storage.stored()} - {DEFAULT}) >= self.limit:
            raise Forbidden(
                f"The limit of {counted(self.limit, 'workspaces')} is reached. Drop some (DELETE /__admin/workspaces, "
                "`understudy admin drop`), or start the server with a higher --max-workspaces."
            )

    async def _opened(self, name: str) -> OpenWorkspace:
        try:
            return await asyncio.to_thread(self.open, name)
        except StoreWriteError as error:
            raise InsufficientStorage(f"The workspace {name} cannot be opened: {error}") from None
        except UnderstudyError as error:
            raise Conflict(f"The workspace {name} cannot be opened: {error}") from None

    def open(self, name: str) -> OpenWorkspace:
        """Open a workspace that is not open.

        Raises:
            UnderstudyError: it cannot be opened.
        """
        with ExitStack() as stack:
            content = stack.enter_context(self.storage.open(name))
            content.workspace.share(self._caches)
            services = Services(content.workspace, self.services, self.clock.now())
            closing = stack.pop_all()
            opened = OpenWorkspace(name, content, closing, self.clock, services, self.always_serves, self.sends)
            self._open[name] = opened
        return opened

    async def replace_all(self, others: "WorkspaceRegistry") -> None:
        """Close all workspaces, take over the storage of others, which are not open, and open DEFAULT.

        Requests wait meanwhile.

        Raises:
            UnderstudyError: DEFAULT cannot be opened. The previous one is then open again.
        """
        async with self._opening:
            before = self.storage, self.ids, self.services
            registry, self._open = list(self), {}
            for opened in registry:
                await opened.perform(bool)  # wait until earlier operations are complete
                opened.closing.close()
            self.storage, self.ids, self.services = others.storage, others.ids, others.services
            try:
                await asyncio.to_thread(self.open, DEFAULT)
            except UnderstudyError:
                self.storage, self.ids, self.services = before
                await asyncio.to_thread(self.open, DEFAULT)
                raise

    async def drop(self, name: str) -> OpenWorkspace:
        """Close a workspace and delete its rows. Its next use creates a new one. Returns the closed one.

        Raises:
            ApiError: it does not exist, is DEFAULT, or its file cannot be opened or deleted. Nothing is then deleted.
        """
        if name == DEFAULT:
            raise Unprocessable("The default workspace cannot be deleted. Reset it instead.")
        name = canonical(name)
        async with self._opening:
            if name not in self._open:
                if not self.storage.has_stored(name):
                    raise NotFound(f"The workspace {name} does not exist.")
                await self._opened(name)  # which locks its file
            opened = self._open.pop(name)  # requests for it now wait for a new one
            try:
                await opened.perform(bool)  # wait until earlier operations are complete
                await asyncio.to_thread(opened.content.delete)
            except UnderstudyError as error:
                self._open[name] = opened
                raise InsufficientStorage(f"The workspace {name} cannot be dropped: {error}") from None
            opened.closing.close()
        return opened

    def close(self) -> None:
        """Close all workspaces. Their files stay."""
        for opened in self:
            del self._open[opened.name]
            opened.closing.close()
