"""Derived tables: the latest row of each key."""

from collections.abc import Sequence
from datetime import timedelta

from understudy.contract.catalog import Derived
from understudy.sampling.answers import named, shortened
from understudy.values import moment
from understudy.verify import rules
from understudy.verify.check_context import CheckContext
from understudy.verify.check_results import Broken
from understudy.verify.cleanup import is_side_effect
from understudy.verify.expectations.model import Row
from understudy.verify.requests.endpoint_map import Selection

AT_ONCE = timedelta(seconds=1)  # of rows that clients create at once, a real server shows any as the latest
OWN = ("id", "created", "updated")  # fields that a derived row does not copy from its source


def check(context: CheckContext, selection: Selection) -> None:
    """Check the rule about a derived table, if all rows of it and of its source are known."""
    rule = context.model.derived(selection.table)
    if rule is None or context.model.partial & {selection.table, rule.source}:
        return
    context.results.hold(rules.DERIVED, selection.lists.label, rule.per, lambda: first_wrong(context, selection, rule))


def first_wrong(context: CheckContext, selection: Selection, rule: Derived) -> Broken | None:
    shown = {str(row[rule.per]): row for row in context.model.known[selection.table].values()}
    newest = newest_of(context, rule)
    source = context.endpoint_map.selections[rule.source].lists
    requests = source.request({}), selection.lists.request({})
    if shown.keys() != newest.keys():
        apart = sorted(shown.keys() ^ newest.keys())
        return Broken(requests, f"one row for each {rule.per}", f"others for {named(apart)}")
    for key, rows in newest.items():
        if is_side_effect(context, rows[0]):
            continue  # the latest row of a result keeps what the result does not say
        if (reason := unlike(shown[key], rows, rule)) is not None:
            return Broken(
                requests, f"{shortened(rows[0])} as the latest of {key}", f"{reason}: {shortened(shown[key])}"
            )
    return None


def newest_of(context: CheckContext, rule: Derived) -> dict[str, list[Row]]:
    """The newest row of each key; several if they are equally new, or may have been created at once."""
    newest: dict[str, list[Row]] = {}
    known = context.model.known[rule.source].values()
    for row in sorted(known, key=lambda row: moment(row[rule.newest]), reverse=True):
        rows = newest.setdefault(row[rule.per], [])
        # The run creates its own rows one after the other.
        leeway = timedelta() if str(row["id"]) in context.own.ever else AT_ONCE
        if not rows or moment(rows[0][rule.newest]) - moment(row[rule.newest]) <= leeway:
            rows.append(row)
    newest.pop(None, None)  # type: ignore[call-overload]  # rows without a key are the latest of nothing
    return newest


def unlike(shown: Row, newest: Sequence[Row], rule: Derived) -> str | None:
    """The first field in which a derived row differs from its source."""
    source = next((row for row in newest if row["id"] == shown[rule.reference]), None)
    if source is None:
        return rule.reference
    return next((name for name in source if name not in OWN and shown.get(name) != source[name]), None)
