"""Comparison of two responses with fields that change with time."""

from understudy.contract.contract import Contract
from understudy.operations.api_folder import own_folder
from understudy.sampling.moving_fields import moving_fields, without


def test_fields_that_change_with_time_are_ignored() -> None:
    rows = [{"id": "a", "lateness": 3.5, "state": {"lateness": None, "name": "Late"}}]
    assert without({"lateness"}, rows) == [{"id": "a", "state": {"name": "Late"}}]


def test_unordered_lists_are_sorted() -> None:
    rows = [{"expect": ["b", "a"]}, {"expect": ["a", "b"]}, {"expect": [{"y": 2, "x": 1}, {"x": 0}]}]
    again = [{"expect": ["a", "b"]}, {"expect": ["a", "b"]}, {"expect": [{"x": 0}, {"x": 1, "y": 2}]}]
    assert without({"expect"}, rows) == without({"expect"}, again)
    assert without({"expect"}, {"expect": ["a", "b"]}) != without({"expect"}, {"expect": ["a", "a"]})


def test_names_of_triggers_are_unordered() -> None:
    """They are sets in Prefect, so each process of a real server shows them in another order."""
    trigger = {"type": "compound", "triggers": [{"expect": ["b", "a"], "for_each": []}]}
    moving = moving_fields(Contract.load(own_folder() / "openapi.yaml"))
    assert without(moving, trigger) == {"type": "compound", "triggers": [{"expect": ["a", "b"], "for_each": []}]}
