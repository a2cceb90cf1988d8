"""The web UI of an API (`x-web-ui`): files that a browser runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol


class Bundle(NamedTuple):
    """The files of one version of a UI. Its path is relative to the site; '' is the site's root."""

    name: str
    path: str
    folder: Path


class Settings(Protocol):
    """The settings that a UI requests first, as JSON."""

    def __call__(self, ui: "WebUI", site: str, api_url: str, *, csrf: bool, basic: bool) -> Any: ...


@dataclass(frozen=True)
class WebUI:
    """A web UI.

    Args:
        bundles: its versions. The first one is shown unless the browser prefers another.
        settings: what it asks for first, at `/ui-settings`.
        placeholder: the text that stands in its files for the path at which they are served.
        cookie: the cookie that has the name of the preferred bundle.
    """

    bundles: Sequence[Bundle]
    settings: Settings
    placeholder: str
    cookie: str
