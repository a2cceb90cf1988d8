"""A list of middleware as one application."""

from collections.abc import Callable, Sequence

from starlette.types import ASGIApp

Middleware = Callable[[ASGIApp], ASGIApp]
"""Wraps an application in another one."""


def stacked(middlewares: Sequence[Middleware], app: ASGIApp) -> ASGIApp:
    """An application with middleware around it: requests pass the first one first."""
    for middleware in reversed(middlewares):
        app = middleware(app)
    return app
