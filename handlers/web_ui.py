"""Prefect's own UI, in both versions, from the installed Prefect."""

from typing import Any

from understudy.errors import UnderstudyError
from understudy.operations.web_ui import Bundle, WebUI

from .installed_prefect import folders

FOLDERS = {"v2": ("/v2", "server/ui-v2"), "v1": ("", "server/ui")}
"""The path of each version, and its folder in an installed Prefect; the default version comes first."""


def installed_ui() -> WebUI:
    """The UI of the installed Prefect, read without importing Prefect.

    Raises:
        UnderstudyError: it is not installed, or has no UI.
    """
    roots = folders()
    if not roots:
        raise UnderstudyError("the UI is part of Prefect, which is not installed here: pip install prefect")
    bundles = [
        Bundle(version, path, root / folder)
        for version, (path, folder) in FOLDERS.items()
        for root in roots
        if (root / folder / "index.html").is_file()
    ]
    if not bundles:
        raise UnderstudyError(f"the Prefect in {roots[0]} has no UI: install one from PyPI, and not `prefect-client`")
    return WebUI(bundles, settings, "/PREFECT_UI_SERVE_BASE_REPLACE_PLACEHOLDER", "prefect_ui_version")


def settings(ui: WebUI, site: str, api_url: str, *, csrf: bool, basic: bool) -> dict[str, Any]:
    """The settings that the UI requests first. Its paths are below `site`, the path of the workspace."""
    paths = {bundle.name: f"{site}{bundle.path}" or "/" for bundle in ui.bundles}
    return {
        "api_url": api_url,
        "csrf_enabled": csrf,
        "auth": "BASIC" if basic else None,
        "flags": [],
        "default_ui": ui.bundles[0].name,
        "available_uis": sorted(paths),
        "v1_base_url": paths.get("v1"),
        "v2_base_url": paths.get("v2"),
    }
