"""Fault rules."""

from typing import Any

from understudy.errors import Unprocessable
from understudy.operations.handler_results import NO_CONTENT, Answer
from understudy.site import Site
from understudy.workspaces.workspace_names import canonical


def replace_faults(site: Site, body: dict[str, Any], workspace: str | None = None) -> Answer:
    try:
        site.faults.put(named(workspace), body["rules"])
    except ValueError as error:
        raise Unprocessable(f"{error}. No rule was changed.") from None
    return read_faults(site, workspace)


def read_faults(site: Site, workspace: str | None = None) -> Answer:
    rules = site.faults.of(named(workspace))
    return {"rules": [{"rule": rule.definition, "matched": rule.matched, "applied": rule.applied} for rule in rules]}


def clear_faults(site: Site, workspace: str | None = None) -> Answer:
    site.faults.clear(named(workspace))
    return NO_CONTENT


def named(workspace: str | None) -> str | None:
    return None if workspace is None else canonical(workspace)
