"""Concurrent requests: changes of one row, and creates of rows with one name."""

from collections.abc import Callable
from itertools import combinations
from typing import Any

from understudy.sampling.answers import named, same
from understudy.verify import rules
from understudy.verify.check_results import Broken, unlike
from understudy.verify.checks.row_lifecycle import CREATED, RowLifecycle, difference_of_rows
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
        elif lifecycle.names:
            create_each_at_once(lifecycle, full)
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


def create_each_at_once(lifecycle: RowLifecycle, full: Callable[[RowLifecycle], Body]) -> None:
    """Check that a row is created for each request, though they have one name, and delete the rows.

    Which of the rows is the latest is not checked: on a real server, it need not be the newest one.
    """
    shared, before = {name: full(lifecycle)[name] for name in lifecycle.names}, lifecycle.rows()
    requests = [lifecycle.creates.request({**full(lifecycle), **shared}) for _ in range(CLIENTS)]
    answers = lifecycle.context.ask_at_once(lifecycle.creates, requests)
    rows: dict[str, Any] = {}
    for request, answer in zip(requests, answers, strict=True):
        broken, row = lifecycle.miscreated(request, answer, request.body)
        broken = None if broken is None else Broken(tuple(requests), broken.expected, broken.found)
        lifecycle.record(rules.CREATE, lifecycle.creates, "at the same time", broken)
        rows.update({} if row is None else {str(row["id"]): row})
    difference = difference_of_rows(tuple(requests), {**before, **rows}, lifecycle.look_again(is_deleted=False))
    lifecycle.record(rules.CREATE, lifecycle.creates, "rows", difference)
    lifecycle.delete_all(list(rows))


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
