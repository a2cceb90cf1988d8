"""Servers and workspaces for tests."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from understudy.testing.harness import prefect_test_harness

__all__ = ["prefect_test_harness"]


def __getattr__(name: str) -> object:
    # A lazy import: every run of pytest imports this package.
    if name in __all__:
        from understudy.testing.harness import prefect_test_harness  # noqa: PLC0415

        return prefect_test_harness
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
