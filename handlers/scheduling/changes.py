"""The effect of a deployment's change on its schedules."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from understudy.errors import Unprocessable
from understudy.workspaces.workspace import Workspace

from ..schedules import DEPLOYMENT_ID, add_schedules, change_schedule, delete_schedules

MILLISECOND = timedelta(milliseconds=1)
Body = dict[str, Any]


class Planned:
    """The effect of a change on a deployment's schedules: replace all of them, or change some and add others."""

    def __init__(self, *, replaces_all: bool = False) -> None:
        self.replaces_all = replaces_all
        self.changed: list[tuple[int, Body]] = []
        self.added: list[Body] = []


def planned_schedules(workspace: Workspace, id: UUID, body: Body) -> Planned | None:
    """The planned effect of a change. Schedules are identified by their slugs, if all of them have one."""
    table = workspace["deployment_schedules"]
    rows = table.index(DEPLOYMENT_ID).rows(id.int)
    known = {table.values(row)["slug"]: row for row in rows}
    given: list[Body] = body.get("schedules", [])
    all_given, all_known = all(each.get("slug") is not None for each in given), bool(known) and None not in known
    if not all_known:
        return replacing(given) if "schedules" in body else None
    if not all_given:
        raise Unprocessable(
            "Please provide a slug for each schedule in your request to ensure schedules are updated correctly."
        )
    check_replacements(given, known)
    planned = Planned()
    for each in given:
        target = each.get("replaces") or each["slug"]
        if target in known:
            planned.changed.append((known[target], each))
        elif each.get("schedule"):
            planned.added.append(each)
        else:
            raise Unprocessable("Unable to create new deployment schedules without a schedule configuration.")
    return planned


def replacing(given: list[Body]) -> Planned:
    planned = Planned(replaces_all=True)
    planned.added = [each for each in given if each.get("schedule") is not None]
    return planned


def check_replacements(given: list[Body], known: Mapping[str, int]) -> None:
    """Check that no schedule is replaced twice, and that none gets the slug of one that remains."""
    replaced = [each["replaces"] for each in given if each.get("replaces")]
    twice = next((slug for position, slug in enumerate(replaced) if slug in replaced[:position]), None)
    if twice is not None:
        raise Unprocessable(f"Multiple schedules have 'replaces' targeting the same slug: {twice}")
    for each in given:
        slug, former = each["slug"], each.get("replaces")
        if slug and former and slug in known and slug not in replaced:
            raise Unprocessable(
                f"Cannot rename schedule from '{former}' to '{slug}': a schedule with slug '{slug}' already exists."
            )


def carry_out(workspace: Workspace, id: UUID, planned: Planned | None) -> None:
    if planned is None:
        return
    if planned.replaces_all:
        delete_schedules(workspace, id)
    schedules = workspace["deployment_schedules"]
    for row, each in planned.changed:
        if each.get("replaces"):  # slugs may change places
            schedules.update(row, {"slug": None})
    last = None
    for row, each in planned.changed:
        change_schedule(workspace, row, each)
        updated = schedules.values(row)["updated"]
        if last is not None and updated <= last:  # the one that changed last is listed first
            updated = last + MILLISECOND
            schedules.update(row, {"updated": updated})
        last = updated
    add_schedules(workspace, id, [new_schedule(each) for each in planned.added])


def new_schedule(given: Body) -> Body:
    """A schedule to add. A real server does not store `max_scheduled_runs` of schedules that are created with their
    deployment.
    """
    active = given.get("active")
    kept = {name: value for name, value in given.items() if name != "max_scheduled_runs"}
    return {**kept, "active": True if active is None else active}
