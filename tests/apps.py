"""Stand-ins within the process of a test."""

from pathlib import Path

from starlette.types import ASGIApp

from understudy.http.journal import Journal
from understudy.loading.fixtures import FixtureSet
from understudy.operations.api_folder import Api
from understudy.server.app import create_app
from understudy.site import Site
from understudy.store.memory import Memory
from understudy.workspaces.registry import WorkspaceRegistry


def app_on(folder: Path, api: Api) -> ASGIApp:
    """A stand-in on a fixture set, without a journal."""
    fixture_set = FixtureSet(folder, api.catalog)
    return create_app(Site(api, fixture_set, WorkspaceRegistry(Memory(fixture_set)), Journal(0)))
