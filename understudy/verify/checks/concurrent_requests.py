"""Concurrent requests: changes of one row, and creates of rows with one name."""

from collections.abc import Callable
from itertools import combinations
from typing import Any

from understudy.sampling.answers import named, same
from understudy.verify import rules
from understudy.verify.check_results import Broken, unlike
from understudy.verify.checks.row_lifecycle import CREATED, RowLifecycle
from understudy.verify.requests.created_rows import value_for
from understudy.verify.requests.endpoint import schema_of
from understudy.verify.requests.endpoint_map import Lookup

ROUNDS = 3  # how often the check is repeated
CLIENTS = 4  # concurrent clients

Body = dict[str, Any]


def check(lifecycle: RowLifecycle, full: Callable[[RowLifecycle], Body]) -> None:
    """Check that concurrent requests get the responses that they would get one after the other."""
    for _ in range(ROUNDS):
        if lifecycle.is_unique:
            create_at_once(lifecycle, full(lifecycle))
        row_id = lifecycle.create(full(lifecycle))
        if row_id is not None and lifecycle.updates is not None:
            update_at_once(lifecycle, lifecycle.updates, row_id)
        lifecycle.delete_all(list(lifecycle.own.made[lifecycle.table])[-1:])


def create_at_once(lifecycle: RowLifecycle, body: Body) -> None:
    """Check that one row is created for a name, and that the other requests return it unchanged."""
    request, before = lifecycle.creates.request(body), lifecycle.rows()
    selected = lifecycle.context.ask_at_once(lifecycle.creates, [request] * CLIENTS)
    fresh = [answer for answer in selected if answer.status == CREATED]
    ids = {str(answer.body.get("id")) for answer in selected if isinstance(answer.body, dict)}
    right = len(fresh) == len(ids) == 1 and all(answer.is_success for answer in selected)
    statuses = ", ".join(str(answer.status) for answer in selected)
    found = f"{statuses}, with the rows {named(sorted(ids))}"
    broken = None if right else Broken((request,) * CLIENTS, "one 201, and one row for all", found)
    lifecycle.record(rules.UNIQUE, lifecycle.creates, "at the same time", broken)
    rows = {str(answer.body["id"]): answer.body for answer in fresh if isinstance(answer.body, dict)}
    lifecycle.check_remaining(rules.UNIQUE, lifecycle.creates, request, {**before, **rows})


def update_at_once(lifecycle: RowLifecycle, updates: Lookup, row_id: str) -> None:
    """Check that concurrent changes of different fields of one row all take effect."""
    parts = dict(schema_of(updates.endpoint).entries("properties"))
    for pair in combinations(parts, 2):
        bodies = [{name: value_for(parts[name], lifecycle.own.mark())} for name in pair]
        requests = [updates.request(row_id, body) for body in bodies]
        lifecycle.context.ask_at_once(updates.endpoint, requests)
        row, expected = lifecycle.look_again(is_deleted=False).get(row_id, {}), {**bodies[0], **bodies[1]}
        written = lifecycle.context.model.written(lifecycle.table, {**row, **expected}) if row else expected
        lost = [name for name in pair if not same(row.get(name), written.get(name))]
        wanted, found = ({name: each.get(name) for name in lost} for each in (written, row))
        broken = unlike(tuple(requests), wanted, found) if lost else None
        lifecycle.record(rules.UPDATE, updates.endpoint, "at the same time", broken)
