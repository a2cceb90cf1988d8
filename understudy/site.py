"""A site: all that one server serves."""

import asyncio
import time
from dataclasses import dataclass, field
from functools import cached_property

from understudy.errors import Conflict, NotFound, UnderstudyError
from understudy.faults.faults import Faults
from understudy.http.authentication import Credentials, Guard
from understudy.http.csrf import Tokens, issuing
from understudy.http.journal import Journal
from understudy.http.routing_table import RoutingTable
from understudy.loading.fixtures import FixtureSet
from understudy.operations.api_folder import Api
from understudy.options import Options
from understudy.workspaces.registry import Tenants, canonical
from understudy.workspaces.workspace import Workspace


@dataclass(frozen=True)
class Site:
    """An API, the workspaces that it is answered from, what they were asked, and what goes wrong on purpose.

    `started` is when the site was made, by `time.monotonic`, in seconds.
    """

    api: Api
    fixture_set: FixtureSet
    tenants: Tenants
    journal: Journal
    options: Options = field(default_factory=Options)
    started: float = field(default_factory=time.monotonic)

    @cached_property
    def credentials(self) -> Credentials:
        return Credentials(self.options.auth, self.options.api_key, self.options.csrf)

    @cached_property
    def tokens(self) -> Tokens | None:
        """The tokens against cross-site request forgery; None where nobody needs one."""
        return Tokens() if self.credentials.csrf else None

    @cached_property
    def served(self) -> Api:
        """The API as it is served: with tokens, where they are needed."""
        return self.api if self.tokens is None else issuing(self.api, self.tokens)

    @cached_property
    def table(self) -> RoutingTable:
        return RoutingTable(self.served.routed, self.api.contract.base_path)

    @cached_property
    def guard(self) -> Guard:
        return Guard(self.credentials, self.api.contract.base_path, self.tokens)

    @cached_property
    def faults(self) -> Faults:
        return Faults(self.api.contract.base_path, self.options.seed)

    async def base(self) -> Workspace:
        """The rows of the fixture set as its files are now, which nobody may change.

        Raises:
            Conflict: they cannot be loaded (any more). Then the rows that were last read stay in use.
        """
        try:
            return await asyncio.to_thread(self.fixture_set.current)
        except UnderstudyError as error:
            raise Conflict(f"The fixture set cannot be loaded: {error}") from None

    async def drop(self, name: str) -> str:
        """Lose a workspace, what it was asked, and what went wrong there on purpose.

        Returns:
            Its name, as the one way in which that is written.

        Raises:
            ApiError: there is none, or it cannot be dropped.
        """
        name = canonical(name)
        try:
            await self.tenants.drop(name)
        except NotFound:
            self.faults.clear(name)  # there are some even where nothing was asked yet
            raise
        self.faults.clear(name)
        self.journal.clear(name)
        return name
