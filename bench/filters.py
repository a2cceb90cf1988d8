"""Filters of many kinds over a large set, as clients and people use them."""

from dataclasses import dataclass
from typing import Any

from bench.client import Request
from bench.jobs import COMPLETED, related
from bench.sets import flow_name

SELECTIVE = "selective"
RELATED = "related"


@dataclass(frozen=True)
class Filter:
    name: str
    criteria: dict[str, Any]
    page: dict[str, Any]  # limit, offset, sort

    @property
    def listed(self) -> Request:
        return Request("POST", "/artifacts/filter", {**self.criteria, **self.page})

    @property
    def counted(self) -> Request:
        return Request("POST", "/artifacts/count", self.criteria)


def filters(key: str, artifacts: int) -> list[Filter]:
    """The filters for a set with so many artifacts, one of which has the key."""
    half_a_year = {"after_": "2025-03-01T00:00:00Z", "before_": "2025-08-31T00:00:00Z"}
    an_hour = {"after_": "2025-06-01T00:00:00Z", "before_": "2025-06-01T01:00:00Z"}
    either = {"operator": "or_", "key": {"like_": "chart"}, "type": {"any_": ["link", "image"]}}
    return [
        Filter(SELECTIVE, {"artifacts": {"key": {"any_": [key]}}, "flow_runs": COMPLETED}, {"limit": 10}),
        Filter(RELATED, related(["table"]), {"limit": 10}),
        Filter("key like_", {"artifacts": {"key": {"like_": "row-counts"}}}, {"limit": 50, "sort": "KEY_ASC"}),
        Filter("key like_ with wildcards", {"artifacts": {"key": {"like_": "ord%-0_1"}}}, {"limit": 50}),
        Filter(
            "type not_any_",
            {"artifacts": {"type": {"not_any_": ["result", "progress"]}}},
            {"limit": 20, "sort": "CREATED_DESC"},
        ),
        Filter("no key", {"artifacts": {"key": {"exists_": False}}}, {"limit": 20, "sort": "UPDATED_DESC"}),
        Filter("runs of half a year", {"flow_runs": {"start_time": half_a_year}}, {"limit": 50}),
        Filter("runs of an hour", {"flow_runs": {"start_time": an_hour}}, {"limit": 50, "sort": "UPDATED_DESC"}),
        Filter("tags all_", {"flow_runs": {"tags": {"all_": ["prod", "etl"]}}}, {"limit": 20}),
        Filter(
            "state names",
            {"flow_runs": {"state": {"name": {"any_": ["Late", "Crashed"]}}}},
            {"limit": 20, "sort": "CREATED_DESC"},
        ),
        Filter("flow names", {"flows": {"name": {"any_": [flow_name(7), flow_name(150)]}}}, {"limit": 100}),
        Filter(
            "flows like_, failed tasks",
            {"flows": {"name": {"like_": "training"}}, "task_runs": {"state": {"type": {"any_": ["FAILED"]}}}},
            {"limit": 20, "sort": "KEY_DESC"},
        ),
        Filter("deployments", {"deployments": {"paused": {"eq_": True}, "name": {"any_": ["staging"]}}}, {"limit": 20}),
        Filter("or_", {"artifacts": either, "flow_runs": COMPLETED}, {"limit": 20, "sort": "KEY_ASC"}),
        Filter("a deep page", related(["table"]), {"limit": 200, "offset": artifacts // 4}),
        Filter("everything, deep", {}, {"limit": 200, "offset": artifacts // 2, "sort": "CREATED_DESC"}),
    ]
