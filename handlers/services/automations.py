"""Automations are evaluated for each event, and those that wait for nothing to happen at the end of their time.

Source: `prefect.server.events.triggers`.
"""

from datetime import datetime

from pydantic_core import from_json

from understudy.contract.columns import ID
from understudy.values import EPOCH, now
from understudy.workspaces.workspace import Workspace

from ..automation.evaluation import INBOX, evaluate_absence, next_evaluation, parts, react


def due(workspace: Workspace) -> datetime | None:
    if len(workspace[INBOX]):
        return EPOCH
    waiting = (part for part in parts(workspace) if not part.is_reactive)
    return min((next_evaluation(workspace, part) or EPOCH for part in waiting), default=None)


def run(workspace: Workspace) -> None:
    events, inbox = workspace["events"], workspace[INBOX]
    for row in sorted(inbox.live, key=lambda row: int(inbox.values(row)["position"])):
        event = events.find(inbox.key(ID, row))
        inbox.delete(row)
        if event is not None:
            react(workspace, from_json(events.encoded(event)))
    moment = now()
    for part in parts(workspace):
        if not part.is_reactive and (next_evaluation(workspace, part) or EPOCH) <= moment:
            evaluate_absence(workspace, part, moment)
