"""Understudy: a stand-in server for a REST API, driven by its OpenAPI contract and a set of fixtures."""

from understudy.version import __version__

TYPE_CHECKING = False  # `typing` is not imported, so that the command can see to interrupts before anything is imported
if TYPE_CHECKING:
    from understudy.admin.client import RemoteWorkspace
    from understudy.admin.control_errors import ControlError
    from understudy.testing.standin import StandIn

__all__ = ["ControlError", "RemoteWorkspace", "StandIn", "__version__"]

PLACES = {
    "ControlError": "understudy.admin.control_errors",
    "RemoteWorkspace": "understudy.admin.client",
    "StandIn": "understudy.testing.standin",
}


def __getattr__(name: str) -> object:
    # A lazy import: the command imports this package too.
    if name in PLACES:
        from importlib import import_module  # noqa: PLC0415

        return getattr(import_module(PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
