"""Understudy: a stand-in for a REST API, played from its OpenAPI contract and a set of fixtures."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from understudy.standin import StandIn

__all__ = ["StandIn", "__version__"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # Only who asks for it pays for it: the command imports this package too.
    if name == "StandIn":
        from understudy.standin import StandIn  # noqa: PLC0415

        return StandIn
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
