"""The registry of a server's workspaces, which are created on first use."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, Protocol
from uuid import UUID

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
from understudy.workspaces.history import History
from understudy.workspaces.outbox import Outbox, sent_after
from understudy.workspaces.services import Service, Services
from understudy.workspaces.shared_caches import Caches
from understudy.workspaces.workspace import Workspace

DEFAULT = "default"  # the workspace of the API's plain URL
WORKSPACE = "understudy.workspace"  # the key of a request's workspace in the ASGI scope

Perform = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Performs an operation on a workspace, and returns its result once it is durable."""


@dataclass(frozen=True)
class Content:
    """The rows of a workspace and how they are stored.

    Args:
        workspace: the rows.
        perform: performs operations on them.
        origin: a description of where they come from.
        warnings: warnings about them.
        delete: deletes what is stored; raises UnderstudyError if it cannot, and then changes nothing.
    """

    workspace: Workspace
    perform: Perform
    origin: str
    warnings: Callable[[], Iterable[str]]
    delete: Callable[[], None]


class Storage(Protocol):
    """Stores the rows of workspaces."""

    def open(self, name: str) -> AbstractContextManager[Content]:
        """Open a stored workspace, or a new one with the rows of the fixture set.

        Raises:
            UnderstudyError: it cannot be opened.
        """

    def has_stored(self, name: str) -> bool:
        """Whether a workspace is stored."""

    def stored(self) -> Iterable[str]:
        """The names of the stored workspaces, except DEFAULT, whether open or not."""


class Snapshot(NamedTuple):
    """The rows and the clock of a workspace as they were."""

    rows: Workspace
    clock: Clock


@dataclass
class OpenWorkspace:
    """An open workspace.

    `clock` is its time, and `services` are what it does by itself, if it `has_services`. `used` is when it was last
    used, by `time.monotonic`, in seconds. `watchers` are set after each operation that may have changed rows, and when
    the workspace is closed. `shared` is what streams have in common. `sends` is whether messages of operations are sent
    to other servers.
    """

    name: str
    content: Content
    closing: ExitStack
    clock: Clock
    services: Services
    always_serves: bool = False
    sends: bool = False
    used: float = field(default_factory=time.monotonic)
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    watchers: set[asyncio.Event] = field(default_factory=set)
    shared: dict[str, Any] = field(default_factory=dict)
    history: History = field(init=False)

    def __post_init__(self) -> None:
        self.history = History(self.content.workspace)
        self.content.workspace.has_services = self.has_services
        self.content.workspace.outbox = Outbox(sends=self.sends)

    @property
    def is_default(self) -> bool:
        return self.name == DEFAULT

    def rows(self, rows: Workspace | None = None) -> dict[str, Any]:
        """The number of rows by table, of the workspace or of a snapshot."""
        counted = self.content.workspace if rows is None else rows
        return {"workspace": self.name, "rows": {name: len(table) for name, table in counted.items()}}

    def perform(self, operation: Callable[..., Any], **arguments: Any) -> Awaitable[Any]:
        """The result of an operation on the workspace, once it is durable."""
        result = self.read(operation, **arguments)
        if self.has_services:
            result = self._with_services(result)
        return self._noticed(result) if self.watchers else result

    async def _with_services(self, result: Awaitable[Any]) -> Any:
        """Do what an operation has made due, once it is performed."""
        returned = await result
        if self.services.is_due(self.clock.now()):
            await self._run_services()
        return returned

    def read(self, operation: Callable[..., Any], **arguments: Any) -> Awaitable[Any]:
        """The same of an operation that changes no row."""
        bound = partial(operation, self.content.workspace, **arguments)
        if self.has_services and self.services.is_due(self.clock.now()):
            return self._after_services(bound)
        return self._performed(bound)

    async def _after_services(self, operation: Callable[[], Any]) -> Any:
        await self._run_services()
        return await self._performed(operation)

    async def _run_services(self) -> None:
        await self._performed(partial(self.services.run, self.clock.now()))
        self.wake()

    @property
    def has_services(self) -> bool:
        """Whether it does anything by itself: as long as its clock is not the machine's, or always."""
        return self.always_serves or self.clock is not MACHINE

    async def set_clock(self, clock: Clock, *, jumps: bool) -> None:
        """Do what is due, change the clock, and do what is due then.

        Args:
            clock: the new clock.
            jumps: whether to omit what would be done until then.
        """
        await self.perform(bool)
        if jumps or not self.has_services:
            self.services.jump(clock.now() if jumps else min(self.clock.now(), clock.now()))
        self.clock = clock
        self.content.workspace.has_services = self.has_services
        await self.perform(bool)

    def _performed(self, operation: Callable[[], Any]) -> Awaitable[Any]:
        """The result of an operation, whose messages are sent once it is durable."""
        outbox = self.content.workspace.outbox
        try:
            result = self.content.perform(self.at_its_time(operation))
        finally:
            messages = outbox.take()
        return sent_after(result, messages) if messages else result

    def at_its_time(self, operation: Callable[[], Any]) -> Callable[[], Any]:
        """An operation for which the current clock is that of the workspace."""
        return operation if self.clock is MACHINE else partial(self.clock.run, operation)

    async def _noticed(self, result: Awaitable[Any]) -> Any:
        try:
            return await result
        finally:
            self.wake()

    def wake(self) -> None:
        """Set all watchers."""
        for watcher in self.watchers:
            watcher.set()


class WorkspaceRegistry:
    """All workspaces of a server by name: DEFAULT, and those whose ids are in a URL ("<id>/<id>").

    Args:
        storage: stores their rows.
        limit: the maximum number of workspaces beyond DEFAULT.
        ids: the number of ids in a name, from the contract.
        clock: the clock with which each of them starts.
        services: what each of them does by itself while its clock is not the machine's.
        always_serves: whether it does this by the machine's clock, too.
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


def canonical(name: str) -> str:
    """A name with its ids in canonical form.

    Raises:
        Unprocessable: it is neither DEFAULT nor a sequence of ids.
    """
    if name == DEFAULT:
        return name
    try:
        return "/".join(str(UUID(part)) for part in name.split("/"))
    except ValueError:
        raise invalid_name(name) from None


def is_name(text: str) -> bool:
    """Whether a text is the name of a workspace in canonical form."""
    try:
        return canonical(text) == text
    except Unprocessable:
        return False


def invalid_name(name: str) -> Unprocessable:
    return Unprocessable(
        f"`{name}` is not the name of a workspace: use `{DEFAULT}`, or the ids of its URL with a slash between, each "
        "a UUID such as 7c0f3ed5-4b8a-4c5e-9d57-0c1f8a6b2d11."
    )
