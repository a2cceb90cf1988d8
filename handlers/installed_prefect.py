"""The Prefect that is installed beside Understudy, if any. Nothing here imports it, since that takes seconds."""

from importlib.util import find_spec
from pathlib import Path


def folders() -> list[Path]:
    """The folders of its package; empty if it is not installed."""
    package = find_spec("prefect")
    return [Path(folder) for folder in (package and package.submodule_search_locations) or ()]
