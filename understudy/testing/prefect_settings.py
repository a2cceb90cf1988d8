"""Prefect's SDK, told where its API is: for the length of a test, imported before or not."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

VARIABLE = "PREFECT_API_URL"


@contextmanager
def pointed_at(url: str) -> Iterator[None]:
    """Has code that uses Prefect's SDK talk to an API, in this process and in those that it starts."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(VARIABLE, url)
        if "prefect" in sys.modules:
            with settings(url, patched):
                yield
            return
        yield
    if "prefect.context" in sys.modules:
        # It was imported meanwhile, and took the URL for that of the whole process.
        from prefect import context  # noqa: PLC0415

        context.GLOBAL_SETTINGS_CONTEXT = context.root_settings_context()


@contextmanager
def settings(url: str, patched: pytest.MonkeyPatch) -> Iterator[None]:
    """The SDK's settings with a URL: here, and in threads and tasks that know nothing of this context."""
    from prefect import context  # noqa: PLC0415
    from prefect.settings import PREFECT_API_URL, temporary_settings  # noqa: PLC0415

    with temporary_settings({PREFECT_API_URL: url}):
        patched.setattr(context, "GLOBAL_SETTINGS_CONTEXT", context.get_settings_context())
        yield
