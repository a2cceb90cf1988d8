"""Settings of Prefect's SDK for the duration of a test, whether it is already imported or not."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

VARIABLE = "PREFECT_API_URL"


@contextmanager
def pointed_at(url: str) -> Iterator[None]:
    """Point Prefect's SDK at an API, in this process and its child processes."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(VARIABLE, url)
        if "prefect" in sys.modules:
            with settings(url, patched):
                yield
            return
        yield
    if "prefect.context" in sys.modules:
        # It was imported meanwhile, and has stored the URL for the whole process.
        from prefect import context  # noqa: PLC0415

        context.GLOBAL_SETTINGS_CONTEXT = context.root_settings_context()


@contextmanager
def settings(url: str, patched: pytest.MonkeyPatch) -> Iterator[None]:
    """Set the SDK's URL in this context, and in threads and tasks that do not inherit it."""
    from prefect import context  # noqa: PLC0415
    from prefect.settings import PREFECT_API_URL, temporary_settings  # noqa: PLC0415

    with temporary_settings({PREFECT_API_URL: url}):
        patched.setattr(context, "GLOBAL_SETTINGS_CONTEXT", context.get_settings_context())
        yield
