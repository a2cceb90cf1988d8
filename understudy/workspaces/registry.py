"""Tenants: the workspaces of a server, each made when it is first asked for."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol
from uuid import UUID

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
from understudy.workspaces.shared_caches import Caches
from understudy.workspaces.workspace import Workspace

DEFAULT = "default"  # the workspace of the API's plain URL
WORKSPACE = "understudy.workspace"  # where a request's ASGI scope says which one it is for

Perform = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Performs an operation on a workspace, and returns its answer once that may be told."""


async def at_once(operation: Callable[[], Any]) -> Any:
    """Performs operations on a workspace that nobody keeps."""
    return operation()


@dataclass(frozen=True)
class Kept:
    """A workspace and where it is kept.

    Args:
        workspace: the rows.
        perform: performs operations on them.
        origin: where they come from, in words.
        warnings: what is odd about them, a line each.
        delete: deletes what is kept of them; raises UnderstudyError where it cannot, having changed nothing.
    """

    workspace: Workspace
    perform: Perform
    origin: str
    warnings: Callable[[], Iterable[str]]
    delete: Callable[[], None]


class Keeper(Protocol):
    """Where the rows of workspaces are."""

    def open(self, name: str) -> AbstractContextManager[Kept]:
        """A workspace as it was left; a new one has the rows of the fixture set.

        Raises:
            UnderstudyError: it cannot be opened.
        """

    def has_left(self, name: str) -> bool:
        """Whether something is left of a workspace that is not open."""

    def left(self) -> Iterable[str]:
        """The names of the workspaces, beyond DEFAULT, of which something is left, whether they are open or not."""


@dataclass
class Tenant:
    """A workspace that is open. `used` is when it was last asked for, by `time.monotonic`, in seconds."""

    name: str
    kept: Kept
    closing: ExitStack
    used: float = field(default_factory=time.monotonic)
    snapshots: dict[str, Workspace] = field(default_factory=dict)
    history: History = field(init=False)

    def __post_init__(self) -> None:
        self.history = History(self.kept.workspace)

    @property
    def is_default(self) -> bool:
        return self.name == DEFAULT

    def rows(self, rows: Workspace | None = None) -> dict[str, Any]:
        """How many rows it has by table, or a snapshot of it, for people."""
        counted = self.kept.workspace if rows is None else rows
        return {"workspace": self.name, "rows": {name: len(table) for name, table in counted.items()}}

    def perform(self, operation: Callable[..., Any], **arguments: Any) -> Awaitable[Any]:
        """What an operation on the workspace answers, once that may be told."""
        return self.kept.perform(partial(operation, self.kept.workspace, **arguments))


class Tenants:
    """All workspaces of a server by name: DEFAULT, and those that a URL names by ids ("<id>/<id>").

    Args:
        keeper: where their rows are.
        limit: how many there may be beyond DEFAULT.
        ids: how many ids name one, as the contract has it.
    """

    def __init__(self, keeper: Keeper, limit: int = 1000, ids: int = 2) -> None:
        self.limit = limit
        self.ids = ids
        self.keeper = keeper
        self._caches = Caches()
        self._open: dict[str, Tenant] = {}
        self._opening = asyncio.Lock()

    def __iter__(self) -> Iterator[Tenant]:
        return iter(list(self._open.values()))

    def __getitem__(self, name: str) -> Tenant:
        """The workspace of a name, which is open."""
        return self._open[name]

    def at_hand(self, name: str) -> Tenant | None:
        """The workspace of a name, if it is open. It counts as used."""
        tenant = self._open.get(name)
        if tenant is not None:
            tenant.used = time.monotonic()
        return tenant

    async def get(self, name: str) -> Tenant:
        """The workspace of a name, which is opened where it is not yet.

        Raises:
            ApiError: it is no name of one, there are too many, or it cannot be opened.
        """
        name = canonical(name)
        if name != DEFAULT and name.count("/") + 1 != self.ids:
            raise no_name(name)
        async with self._opening:
            tenant = self.at_hand(name)
            if tenant is None:
                await asyncio.to_thread(self._check_room, name)
                tenant = await self._opened(name)
            return tenant

    def _check_room(self, name: str) -> None:
        """See whether there may be one more workspace, if this is a new one. All that are kept count, open or not.

        Raises:
            Forbidden: there are as many as there may be.
        """
        if name == DEFAULT or self.keeper.has_left(name):
            return
        if len({*self._open, *self.keeper.left()} - {DEFAULT}) >= self.limit:
            raise Forbidden(
                f"The limit of {counted(self.limit, 'workspaces')} is reached. Drop some (DELETE /__admin/workspaces, "
                "`understudy admin drop`), or start the server with a higher --max-workspaces."
            )

    async def _opened(self, name: str) -> Tenant:
        try:
            return await asyncio.to_thread(self.open, name)
        except StoreWriteError as error:
            raise InsufficientStorage(f"The workspace {name} cannot be opened: {error}") from None
        except UnderstudyError as error:
            raise Conflict(f"The workspace {name} cannot be opened: {error}") from None

    def open(self, name: str) -> Tenant:
        """Open a workspace that is not open.

        Raises:
            UnderstudyError: it cannot be opened.
        """
        with ExitStack() as stack:
            kept = stack.enter_context(self.keeper.open(name))
            kept.workspace.share(self._caches)
            tenant = self._open[name] = Tenant(name, kept, stack.pop_all())
        return tenant

    async def become(self, others: "Tenants") -> None:
        """Close all workspaces, and from now on open those that others, which are not open, would open: DEFAULT now.

        Requests wait meanwhile.

        Raises:
            UnderstudyError: DEFAULT cannot be opened. Then that of before is open again.
        """
        async with self._opening:
            before = self.keeper, self.ids
            tenants, self._open = list(self), {}
            for tenant in tenants:
                await tenant.perform(bool)  # what was done to it before is through
                tenant.closing.close()
            self.keeper, self.ids = others.keeper, others.ids
            try:
                await asyncio.to_thread(self.open, DEFAULT)
            except UnderstudyError:
                self.keeper, self.ids = before
                await asyncio.to_thread(self.open, DEFAULT)
                raise

    async def drop(self, name: str) -> Tenant:
        """Close a workspace and lose its rows; when it is asked for again, it is a new one. Returns what it was.

        Raises:
            ApiError: there is none, it is DEFAULT, or what is left of it cannot be opened or deleted. Then nothing
                is lost.
        """
        if name == DEFAULT:
            raise Unprocessable("The default workspace stays. Reset it instead.")
        name = canonical(name)
        async with self._opening:
            if name not in self._open:
                if not self.keeper.has_left(name):
                    raise NotFound(f"There is no workspace {name}.")
                await self._opened(name)  # so that nobody else has it
            tenant = self._open.pop(name)  # from here on, who asks for it waits for a new one
            try:
                await tenant.perform(bool)  # what was done to it before is through
                await asyncio.to_thread(tenant.kept.delete)
            except UnderstudyError as error:
                self._open[name] = tenant
                raise InsufficientStorage(f"The workspace {name} cannot be dropped: {error}") from None
            tenant.closing.close()
        return tenant

    def close(self) -> None:
        """Close all workspaces. What is kept of them stays."""
        for tenant in self:
            del self._open[tenant.name]
            tenant.closing.close()


def canonical(name: str) -> str:
    """A name as the one way in which its ids are written.

    Raises:
        Unprocessable: it is neither DEFAULT nor ids behind each other.
    """
    if name == DEFAULT:
        return name
    try:
        return "/".join(str(UUID(part)) for part in name.split("/"))
    except ValueError:
        raise no_name(name) from None


def is_name(text: str) -> bool:
    """Whether a text is the name of a workspace, written as `canonical` writes it."""
    try:
        return canonical(text) == text
    except Unprocessable:
        return False


def no_name(name: str) -> Unprocessable:
    return Unprocessable(
        f"`{name}` names no workspace: that is `{DEFAULT}`, or the ids of its URL with a slash between, each a UUID "
        "such as 7c0f3ed5-4b8a-4c5e-9d57-0c1f8a6b2d11."
    )
