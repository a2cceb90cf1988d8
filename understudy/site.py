"""A site: everything that one server serves."""

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
from understudy.operations.web_ui import WebUI
from understudy.options import Options
from understudy.workspaces.registry import WorkspaceRegistry
from understudy.workspaces.workspace import Workspace
from understudy.workspaces.workspace_names import canonical


@dataclass(frozen=True)
class Site:
    """An API with its workspaces, journal and fault rules.

    `started` is when the site was created, by `time.monotonic`, in seconds. `web_ui` is None if none is served.
    """

    api: Api
    fixture_set: FixtureSet
    registry: WorkspaceRegistry
    journal: Journal
    options: Options = field(default_factory=Options)
    started: float = field(default_factory=time.monotonic)
    web_ui: WebUI | None = None

    @cached_property
    def credentials(self) -> Credentials:
        return Credentials(self.options.auth, self.options.api_key, self.options.csrf)

    @cached_property
    def tokens(self) -> Tokens | None:
        """The tokens against cross-site request forgery; None if they are not required."""
        return Tokens() if self.credentials.csrf else None

    @cached_property
    def served(self) -> Api:
        """The API as it is served: with CSRF tokens, if they are required."""
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
        """The rows of the fixture set as its files are now. They must not be changed.

        Raises:
            Conflict: they cannot be loaded. The rows that were last read stay in use.
        """
        try:
            return await asyncio.to_thread(self.fixture_set.current)
        except UnderstudyError as error:
            raise Conflict(f"The fixture set cannot be loaded: {error}") from None

    async def drop(self, name: str) -> str:
        """Delete a workspace, its requests in the journal, and its fault rules.

        Returns:
            Its name in canonical form.

        Raises:
            ApiError: it does not exist, or cannot be dropped.
        """
        name = canonical(name)
        try:
            await self.registry.drop(name)
        except NotFound:
            self.faults.clear(name)  # rules can exist before the workspace does
            raise
        self.faults.clear(name)
        self.journal.clear(name)
        return name
