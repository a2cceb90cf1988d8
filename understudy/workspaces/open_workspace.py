"""A workspace while it is open: its rows, clock and snapshots, and operations on it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from understudy.clock import MACHINE, Clock
from understudy.workspaces.history import History
from understudy.workspaces.outbox import Outbox, sent_after
from understudy.workspaces.services import Services
from understudy.workspaces.workspace import Workspace
from understudy.workspaces.workspace_names import DEFAULT
from understudy.workspaces.workspace_storage import Content


class Snapshot(NamedTuple):
    """The rows and the clock of a workspace as they were."""

    rows: Workspace
    clock: Clock


@dataclass
class OpenWorkspace:
    """An open workspace.

    `clock` is its time, and `services` are its background services, which run if it `has_services`. `used` is when it
    was last used, by `time.monotonic`, in seconds. `watchers` are set after each operation that may have changed rows,
    and when the workspace is closed. `shared` is what streams have in common. `sends` is whether messages of operations
    are sent to other servers.
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
        """Do what an operation has made due, after it was performed."""
        clock = self.clock
        returned = await result
        self.services.pass_to(clock.now())
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
        """Whether background services run: while its clock is not the machine's, or always."""
        return self.always_serves or self.clock is not MACHINE

    async def set_clock(self, clock: Clock, *, jumps: bool) -> None:
        """Change the clock. Services do what is due before and after that.

        Args:
            clock: the new clock.
            jumps: whether to omit what would be done until then.
        """
        await self.perform(bool)
        if jumps or not self.has_services:
            self.services.jump(clock.now() if jumps else min(self.clock.now(), clock.now()))
        self._use(clock)
        await self.perform(bool)

    async def restore(self, rows: Workspace, clock: Clock) -> None:
        """Restore rows and the clock. Services do not apply the present clock to them."""
        clock_before, time_before = self.clock, self.services.time
        self._use(clock)
        self.services.jump(clock.now())
        try:
            await self._performed(partial(self.content.workspace.restore, rows))
        except Exception:
            self._use(clock_before)
            self.services.jump(time_before)
            raise
        finally:
            self.wake()
        await self.perform(bool)

    def _use(self, clock: Clock) -> None:
        self.clock = clock
        self.content.workspace.has_services = self.has_services

    def _performed(self, operation: Callable[[], Any]) -> Awaitable[Any]:
        """The result of an operation, whose messages are sent once it is durable."""
        outbox = self.content.workspace.outbox
        try:
            result = self.content.perform(self.at_its_time(operation))
        finally:
            messages = outbox.take()
        return sent_after(result, messages) if messages else result

    def at_its_time(self, operation: Callable[[], Any]) -> Callable[[], Any]:
        """An operation that uses the clock of the workspace."""
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
