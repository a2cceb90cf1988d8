"""Automations are evaluated for each event. Triggers for the absence of events are evaluated at the end of their time.

Source: `prefect.server.events.triggers`.
"""

from collections import Counter
from datetime import datetime

from pydantic_core import from_json

from understudy.contract.columns import ID
from understudy.values import EPOCH, now
from understudy.workspaces.workspace import Workspace

from ..automation.evaluation import INBOX, evaluate_absence, next_evaluation, parts, react

MOST = 100  # the maximum number of evaluations that one event leads to through the events of automations


def due(workspace: Workspace) -> datetime | None:
    if len(workspace[INBOX]):
        return EPOCH
    waiting = (part for part in parts(workspace) if not part.is_reactive)
    return min((next_evaluation(workspace, part) or EPOCH for part in waiting), default=None)


def run(workspace: Workspace) -> None:
    react_to_all(workspace)
    moment = now()
    for part in parts(workspace):
        if not part.is_reactive and (next_evaluation(workspace, part) or EPOCH) <= moment:
            evaluate_absence(workspace, part, moment)


def react_to_all(workspace: Workspace) -> None:
    """Evaluate the automations for all unevaluated events, and for the events that this emits.

    Automations can trigger themselves or each other. This ends after `MOST` evaluations; on a real server, it does not.
    """
    events, inbox = workspace["events"], workspace[INBOX]
    origins: dict[int, int] = {}  # of an event that automations led to: the event that they first reacted to
    evaluations: Counter[int] = Counter()
    while inbox.live:
        for row in sorted(inbox.live, key=lambda row: int(inbox.values(row)["position"])):
            key = inbox.key(ID, row)
            origin, event = origins.pop(key, key), events.find(key)
            inbox.delete(row)
            if event is None or evaluations[origin] >= MOST:
                continue
            others = inbox.live.copy()
            number = react(workspace, from_json(events.encoded(event)))
            evaluations[origin] += number if key != origin else 0
            origins |= {inbox.key(ID, new): origin for new in inbox.live - others}
