"""Ids that sort by time."""

from uuid import RFC_4122

from understudy.values import new_ordered_id


def test_ids_of_one_moment_sort_as_they_are_made() -> None:
    ids = [new_ordered_id() for _ in range(10_000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)
    assert {(each.version, each.variant) for each in ids} == {(7, RFC_4122)}
