"""A site: all that one server serves."""

import time
from dataclasses import dataclass, field

from understudy.fixtures import FixtureSet
from understudy.folder import Api
from understudy.journal import Journal
from understudy.tenants import Tenants


@dataclass(frozen=True)
class Site:
    """An API, the workspaces that it is answered from, and what they were asked.

    `started` is when the site was made, in seconds since 1970.
    """

    api: Api
    fixture_set: FixtureSet
    tenants: Tenants
    journal: Journal
    started: float = field(default_factory=time.time)
