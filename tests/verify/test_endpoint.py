"""The bodies of operations that the contract states."""

from tests.verify.contexts import ContextFactory


def test_list_begins_at_the_earliest_time_or_after_a_row(all_operations: ContextFactory) -> None:
    events = all_operations.endpoint("POST /events/filter")
    time, until = "2026-03-01T00:00:00Z", "2100-01-01T00:00:00Z"
    later = events.lists_after({"occurred": time, "id": "1"})
    assert later == {"filter": {"occurred": {"since": time, "until": until}, "order": "ASC"}}
    assert events.lists_all["filter"]["occurred"]["since"] < "1971"
