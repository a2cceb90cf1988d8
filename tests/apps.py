"""Stand-ins within the process of a test."""

from pathlib import Path

from starlette.types import ASGIApp

from understudy.app import create_app
from understudy.folder import Api
from understudy.http.journal import Journal
from understudy.site import Site
from understudy.workspaces.fixtures import FixtureSet
from understudy.workspaces.tenants import Memory, Tenants


def app_on(folder: Path, api: Api) -> ASGIApp:
    """A stand-in on a fixture set, without a journal."""
    fixture_set = FixtureSet(folder, api.catalog)
    return create_app(Site(api, fixture_set, Tenants(Memory(fixture_set)), Journal(0)))
