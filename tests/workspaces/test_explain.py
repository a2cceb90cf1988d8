"""Why a row is in a response or not, compared with the responses, and in words."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from tests import jsonl
from tests.conftest import GOLDEN, SMALL
from understudy.errors import Invalid
from understudy.loading import fixtures
from understudy.operations.api_folder import Api
from understudy.operations.request_bodies import QueryBody
from understudy.workspaces.explain import Finding, explain
from understudy.workspaces.workspace import Workspace

CASES = [case for case in jsonl.read(GOLDEN / "small" / "cases.jsonl") if case["method"] == "POST"][:600]
ROWS = 4  # of each case, and the common one of all cases
ROW = 3

FLOW, QUIET_FLOW = UUID(int=1), UUID(int=2)
RUN, OTHER_RUN, BARE_RUN = UUID(int=11), UUID(int=12), UUID(int=13)
TASK, PARENT_TASK = UUID(int=21), UUID(int=22)
DEPLOYMENT = UUID(int=31)
OF_RUN, LONELY, OF_BARE_RUN = UUID(int=41), UUID(int=42), UUID(int=43)


@dataclass
class Asked:
    """Explains rows of one workspace."""

    api: Api
    workspace: Workspace

    def bodies(self) -> dict[str, QueryBody]:
        """The parser of the body of each request for rows, by path."""
        readers = {operation.path: operation.reader.body for operation in self.api.operations.values()}
        return {path: body for path, body in readers.items() if isinstance(body, QueryBody)}

    def explain(self, path: str, row: int, body: Any) -> Finding:
        reader = self.bodies()[path]
        return explain(reader.query, self.workspace, reader.query.table, row, reader.values(body))

    def about(self, row_id: UUID, body: Any, path: str = "/artifacts/filter") -> Finding:
        row = self.workspace[self.bodies()[path].query.table].find(row_id.int)
        assert row is not None
        return self.explain(path, row, body)


@pytest.fixture(scope="module")
def golden(api: Api) -> Asked:
    workspace = Workspace.empty(api.catalog)
    fixtures.load(SMALL, workspace)
    return Asked(api, workspace)


@pytest.fixture(scope="module")
def few(api: Api) -> Asked:
    """A few rows, each for some cases."""
    workspace = Workspace.empty(api.catalog)
    rows: list[tuple[str, dict[str, Any]]] = [
        ("flows", {"id": FLOW, "name": "etl", "tags": []}),
        ("flows", {"id": QUIET_FLOW, "name": "quiet", "tags": ["dev"]}),
        ("deployments", {"id": DEPLOYMENT, "name": "nightly", "flow_id": FLOW}),
        ("task_runs", {"id": PARENT_TASK, "name": "parent", "flow_run_id": OTHER_RUN}),
        (
            "flow_runs",
            {
                "id": RUN,
                "name": "run",
                "flow_id": FLOW,
                "tags": ["dev", "a"],
                "deployment_id": DEPLOYMENT,
                "parent_task_run_id": PARENT_TASK,
                "state_type": "FAILED",
                "state_name": "Failed",
                "expected_start_time": "2026-01-01T12:00:00Z",
                "created_by": {"id": UUID(int=99), "type": "DEPLOYMENT", "display_value": "x"},
            },
        ),
        ("flow_runs", {"id": OTHER_RUN, "name": "other", "flow_id": FLOW, "state_type": "RUNNING"}),
        ("flow_runs", {"id": BARE_RUN, "name": "bare", "flow_id": FLOW, "state_type": "RUNNING"}),
        ("task_runs", {"id": TASK, "name": "task", "flow_run_id": RUN}),
        ("artifacts", {"id": OF_RUN, "key": "report", "flow_run_id": RUN, "task_run_id": TASK, "type": "table"}),
        ("artifacts", {"id": LONELY}),
        ("artifacts", {"id": OF_BARE_RUN, "flow_run_id": BARE_RUN, "task_run_id": PARENT_TASK}),
    ]
    for table, row in rows:
        workspace[table].add(workspace[table].schema.parse(json.dumps(filled(row), default=str)))
    return Asked(api, workspace)


def filled(row: dict[str, Any]) -> dict[str, Any]:
    return {"created": "2026-01-01T00:00:00Z", "updated": "2026-01-01T00:00:00Z", **row}


def flat(finding: Finding) -> Iterator[Finding]:
    yield finding
    for part in finding.parts:
        yield from flat(part)


def at(finding: Finding, path: str) -> Finding:
    (found,) = (part for part in flat(finding) if part.path == path)
    return found


# --------------------------------------------------------- compared with responses


def test_explanation_of_a_row_matches_the_responses(golden: Asked) -> None:
    randomness = random.Random(0)
    explained = {True: 0, False: 0}
    for case in CASES:
        reader = golden.bodies().get(case["path"])
        if reader is None or case["status"] != 200:
            continue
        query, values = reader.query, reader.values(case["body"])
        selected = golden.workspace.select(query.table, query.criteria(values))
        rows = list(golden.workspace[query.table].live)
        some = randomness.sample(rows, ROWS) + randomness.sample(list(selected), min(2, len(selected)))
        for row in some:
            finding = explain(query, golden.workspace, query.table, row, values)
            assert finding.met == (row in selected), (case["id"], row)
            assert json.loads(json.dumps(finding.as_json(), allow_nan=False))["met"] == finding.met
            explained[finding.met] += 1
    assert min(explained.values()) > 300, explained


def trees(golden: Asked) -> Iterator[tuple[QueryBody, Finding]]:
    """The explanations of a row for each of the cases."""
    for case in CASES:
        if case["path"] in golden.bodies() and case["status"] == 200:
            yield golden.bodies()[case["path"]], golden.explain(case["path"], ROW, case["body"])


def test_each_group_matches_according_to_its_parts_and_text(golden: Asked) -> None:
    seen = set()
    for _, tree in trees(golden):
        for group in flat(tree):
            counted = [part.met for part in group.parts if counts(part)]
            if not counted or not counts(group):
                continue
            if "`or_`" in group.text:
                kind, expected = "or_", any(counted)
            elif "no one row" in group.text:
                kind, expected = "apart", False
                assert all(counted)
            else:
                kind, expected = "and_", all(counted)
            assert group.met == expected, group
            seen.add((kind, group.met))
    assert seen == {("or_", True), ("or_", False), ("and_", True), ("and_", False), ("apart", False)}


def counts(part: Finding) -> bool:
    return "`: no criteria" not in part.text and "`: ignored" not in part.text


def test_each_leaf_matches_like_a_request_of_its_own(golden: Asked) -> None:
    seen = set()
    for body, tree in trees(golden):
        for leaf in flat(tree):
            if leaf.found is not None:
                alone = body.values(nested(leaf.path, leaf.operand))
                selected = golden.workspace.select(body.query.table, body.query.criteria(alone))
                asks_nothing = leaf.text.endswith("`: no criteria")
                assert leaf.met == (asks_nothing or ROW in selected), leaf
                assert len(leaf.found) <= 5
                seen.add((leaf.path.rpartition(".")[2], leaf.met))
    assert seen >= {(name, met) for name in ("any_", "all_", "like_", "is_null_", "after_") for met in (True, False)}


def nested(path: str, value: Any) -> Any:
    for name in reversed(path.split(".")):
        value = {name: value}
    return value


# ------------------------------------------------------------------ leaves in words


def text_of(few: Asked, row: UUID, path: str, operand: Any, request: str = "/artifacts/filter") -> str:
    """The text of the leaf at a path."""
    return at(few.about(row, nested(path, operand), request), path).text


@pytest.mark.parametrize(
    ("row", "path", "operand", "words"),
    [
        (OF_RUN, "artifacts.key.any_", ["x", "report"], '["x", "report"]`: met, key is "report"'),
        (OF_RUN, "artifacts.key.like_", "REP%t", '"REP%t"`: met, key is "report"'),
        (OF_RUN, "artifacts.key.like_", "z", '"z"`: not met, key is "report"'),
        (OF_RUN, "artifacts.key.like_", "", '""`: no criteria'),
        (LONELY, "artifacts.key.exists_", True, "true`: not met, key is null"),
        (LONELY, "artifacts.type.not_any_", ["table"], '["table"]`: not met, type is null'),
        (OF_RUN, "artifacts.flow_run_id.any_", [str(RUN)], f'["{RUN}"]`: met, flow_run_id is "{RUN}"'),
        (OF_RUN, "flow_runs.tags.all_", ["prod"], '["prod"]`: not met, tags are ["dev", "a"]'),
        (OF_BARE_RUN, "flow_runs.tags.is_null_", True, "true`: met, tags are []"),
        (LONELY, "flow_runs.tags.all_", ["prod"], '["prod"]`: not met, there is no related row of flow_runs'),
        (OF_BARE_RUN, "flows.name.any_", ["etl"], '["etl"]`: met, name is "etl"'),
        (OF_BARE_RUN, "deployments.name.any_", ["x"], '["x"]`: not met, there is no related row of deployments'),
        (LONELY, "deployments.name.any_", ["x"], '["x"]`: not met, there is no related row of flow_runs'),
        (OF_RUN, "flow_runs.state.type.any_", ["RUNNING"], '["RUNNING"]`: not met, state_type is "FAILED"'),
        (
            OF_RUN,
            "flow_runs.start_time.before_",
            "2026-01-01T12:00:00Z",
            '"2026-01-01T12:00:00Z"`: met, start_time or expected_start_time is "2026-01-01T12:00:00Z"',
        ),
        (
            OF_RUN,
            "flow_runs.start_time.after_",
            "2026-01-01T14:00:00+01:00",
            '"2026-01-01T13:00:00Z"`: not met, start_time or expected_start_time is "2026-01-01T12:00:00Z"',
        ),
        (OF_RUN, "flow_runs.start_time.is_null_", True, "true`: met, start_time is null"),
        (OF_RUN, "flow_runs.created_by.type_", ["X"], '["X"]`: not met, created_by.type is "DEPLOYMENT"'),
        (OF_BARE_RUN, "flow_runs.created_by.type_", ["X"], '["X"]`: not met, created_by.type is null'),
        (
            OF_RUN,
            "flow_runs.parent_flow_run_id.any_",
            [str(OTHER_RUN)],
            f'["{OTHER_RUN}"]`: met, flow_run_id of task_runs is "{OTHER_RUN}"',
        ),
        (OF_BARE_RUN, "flow_runs.parent_flow_run_id.any_", [], "[]`: not met, there is no related row of task_runs"),
        (
            OF_RUN,
            "deployments.flow_or_deployment_name.like_",
            "etl",
            '"etl"`: met, name is "nightly"; name of flows is "etl"',
        ),
        (
            LONELY,
            "deployments.flow_or_deployment_name.like_",
            "etl",
            '"etl"`: not met, there is no related row of flow_runs',
        ),
        (OF_RUN, "task_runs.subflow_runs.exists_", True, "true`: not met, there is no related row of flow_runs"),
        (OF_BARE_RUN, "task_runs.subflow_runs.exists_", True, "true`: met, there is 1 related row of flow_runs"),
        (OF_BARE_RUN, "task_runs.subflow_runs.exists_", False, "false`: not met, there is 1 related row of flow_runs"),
        (LONELY, "task_runs.subflow_runs.exists_", False, "false`: not met, there is no related row of task_runs"),
    ],
)
def test_leaf_shows_the_criterion_and_the_value(few: Asked, row: UUID, path: str, operand: Any, words: str) -> None:
    assert text_of(few, row, path, operand) == f"`{path} {words}"


@pytest.mark.parametrize(
    ("row", "path", "operand", "words"),
    [
        # Matching values come first.
        (
            FLOW,
            "flow_runs.name.any_",
            ["bare"],
            '["bare"]`: met, name of 3 rows of flow_runs are "bare", "run", "other"',
        ),
        (
            FLOW,
            "flow_runs.state.type.any_",
            ["PAUSED"],
            '["PAUSED"]`: not met, state_type of 3 rows of flow_runs are "FAILED", "RUNNING"',
        ),
        (
            FLOW,
            "task_runs.subflow_runs.exists_",
            False,
            "false`: met, a related row of flow_runs is there for 1 of 2 rows of task_runs",
        ),
        (FLOW, "flows.deployment.is_null_", True, "true`: not met, there is 1 related row of deployments"),
        (QUIET_FLOW, "flows.deployment.is_null_", True, "true`: met, there is no related row of deployments"),
    ],
)
def test_leaf_describes_all_related_rows(few: Asked, row: UUID, path: str, operand: Any, words: str) -> None:
    assert text_of(few, row, path, operand, "/flows/filter") == f"`{path} {words}"


def test_leaf_contains_the_values(few: Asked) -> None:
    body = {"flow_runs": {"tags": {"all_": ["prod"]}, "id": {"any_": [str(RUN)]}}}
    finding = few.about(OF_RUN, body)
    tags, ids = at(finding, "flow_runs.tags.all_"), at(finding, "flow_runs.id.any_")
    assert (tags.operand, tags.found, tags.met) == (["prod"], [["dev", "a"]], False)
    assert (ids.operand, ids.found, ids.met) == ([str(RUN)], [str(RUN)], True)
    assert at(few.about(LONELY, body), "flow_runs.tags.all_").found == []
    assert at(finding, "flow_runs.tags").found is None


def test_five_of_many_values_are_shown(golden: Asked) -> None:
    most = max(golden.workspace["flows"].live, key=lambda row: len(names_of_runs(golden, row)))
    assert len(names_of_runs(golden, most)) > 5
    leaf = at(
        golden.explain("/flows/filter", most, {"flow_runs": {"name": {"any_": ["nobody"]}}}), "flow_runs.name.any_"
    )
    assert leaf.found is not None
    assert len(leaf.found) == 5
    assert set(leaf.found) < names_of_runs(golden, most)
    assert leaf.text.endswith(", …")


def names_of_runs(golden: Asked, row: int) -> set[str]:
    flow_id = golden.workspace["flows"].values(row)["id"]
    runs = map(golden.workspace["flow_runs"].values, golden.workspace["flow_runs"].live)
    return {run["name"] for run in runs if run["flow_id"] == flow_id}


def test_long_operand_is_truncated_in_the_text_only(few: Asked) -> None:
    leaf = at(few.about(OF_RUN, {"artifacts": {"key": {"any_": ["x" * 500]}}}), "artifacts.key.any_")
    assert leaf.operand == ["x" * 500]
    assert len(leaf.text) < 250


# ------------------------------------------------------------------ groups in words


def test_tree_has_the_structure_of_the_request(few: Asked) -> None:
    finding = few.about(LONELY, {"artifacts": {"key": {"exists_": True}, "type": {"any_": ["table"]}}, "limit": 3})
    assert [part.path for part in flat(finding)] == [
        "", "artifacts", "artifacts.key", "artifacts.key.exists_", "artifacts.type", "artifacts.type.any_",
    ]  # fmt: skip
    assert finding.text == "The request: not met, since `artifacts` is not"
    assert at(finding, "artifacts").text == "`artifacts`: not met, none of 2 parts is"


@pytest.mark.parametrize(
    ("key", "operator", "words"),
    [
        ("report", "and_", "met, 2 of 2 parts are"),
        ("nothing", "and_", "not met, 1 of 2 parts is"),
        ("nothing", "or_", "met, 1 of 2 parts is, and `or_` requires one"),
    ],
)
def test_group_counts_its_parts(few: Asked, key: str, operator: str, words: str) -> None:
    body = {"artifacts": {"operator": operator, "key": {"any_": [key]}, "type": {"any_": ["table"]}}}
    assert at(few.about(OF_RUN, body), "artifacts").text == f"`artifacts`: {words}"


def test_related_rows_can_match_each_part_but_none_all(few: Asked) -> None:
    body = {"flow_runs": {"name": {"any_": ["bare"]}, "state": {"type": {"any_": ["FAILED"]}}}}
    group = at(few.about(FLOW, body, "/flows/filter"), "flow_runs")
    assert [part.met for part in group.parts] == [True, True]
    assert (group.met, group.text) == (
        False,
        "`flow_runs`: not met, each part is, but no one row of flow_runs meets all of them",
    )
    body["flow_runs"]["name"] = {"any_": ["bare", "run"]}
    assert at(few.about(FLOW, body, "/flows/filter"), "flow_runs").met


def test_filters_can_match_separately_but_not_together(few: Asked) -> None:
    body = {
        "flows": {"name": {"any_": ["etl"]}},
        "deployments": {"name": {"any_": ["nightly"]}},
        "flow_runs": {"name": {"any_": ["bare"]}},
        "task_runs": {"name": {"any_": ["task"]}},
    }
    finding = few.about(FLOW, body, "/flows/filter")
    assert [part.met for part in finding.parts] == [True] * 4
    assert finding.text == "The request: not met, each part is, but no one row of flow_runs meets them together"
    assert not finding.met


def test_ignored_parts_are_marked(few: Asked) -> None:
    finding = few.about(OF_RUN, {"task_runs": {"flow_run_id": {"any_": [str(BARE_RUN)], "is_null_": True}}})
    ignored = at(finding, "task_runs.flow_run_id.any_")
    assert (ignored.met, ignored.text) == (
        True,
        "`task_runs.flow_run_id.any_`: ignored, since `is_null_` is given",
    )
    assert at(finding, "task_runs.flow_run_id").text.endswith("not met, since `task_runs.flow_run_id.is_null_` is not")

    finding = few.about(OF_RUN, {"deployments": {"concurrency_limit": {"ge_": 9}, "name": {"any_": ["nightly"]}}})
    assert at(finding, "deployments.concurrency_limit").text.endswith("`: ignored, whatever its value")
    assert at(finding, "deployments").text.endswith("`: met, since `deployments.name` is")


def test_filter_without_criteria_is_ignored(few: Asked) -> None:
    body = {"flow_runs": {"state": {"type": {"not_any_": []}}, "name": {"any_": ["run"]}}}
    finding = few.about(OF_RUN, body)
    empty = at(finding, "flow_runs.state.type")
    assert (empty.met, empty.text) == (True, "`flow_runs.state.type`: no criteria")
    assert finding.met


@pytest.mark.parametrize("body", [None, {}, {"artifacts": None}, {"limit": 1, "unknown": 5}])
def test_request_without_criteria(few: Asked, body: Any) -> None:
    finding = few.about(LONELY, body)
    assert (finding.met, finding.parts) == (True, ())
    assert finding.text == "The request: met, it has no criteria"


def test_null_values_are_ignored(few: Asked) -> None:
    query = few.bodies()["/artifacts/filter"].query
    finding = explain(query, few.workspace, "artifacts", 0, {"artifacts": None, "flow_runs": None})
    assert (finding.met, finding.parts) == (True, ())
    finding = few.about(LONELY, {"artifacts": {"key": None, "type": {"any_": None}}})
    assert [part.path for part in flat(finding)] == ["", "artifacts", "artifacts.type"]
    assert at(finding, "artifacts.type").text == "`artifacts.type`: met, it has no criteria"


def test_empty_filter_requires_a_related_row(few: Asked) -> None:
    assert at(few.about(LONELY, {"artifacts": {}}), "artifacts").text == "`artifacts`: met, it has no criteria"
    met, unmet = few.about(OF_RUN, {"flow_runs": {}}), few.about(LONELY, {"flow_runs": {}})
    assert met.parts[0].text == "`flow_runs`: met, it only requires a related row of flow_runs"
    assert unmet.parts[0].text == "`flow_runs`: not met, there is no related row of flow_runs"
    assert (met.met, unmet.met) == (True, False)


# ------------------------------------------------------------- reading of requests


def test_body_is_read_without_its_criteria(few: Asked) -> None:
    body = few.bodies()["/artifacts/filter"]
    defaults = body.values(None)
    assert body.values({}) == defaults == body.values({"limit": None})
    assert body.values({"artifacts": {"key": {"any_": ["a"]}}})["artifacts"]["key"] == {"any_": ["a"]}
    assert "criteria" not in defaults
    defaults["limit"] = -1
    assert body.values(None) != defaults


@pytest.mark.parametrize("wrong", [[], {"artifacts": 5}])
def test_rejected_body_is_not_read(few: Asked, wrong: Any) -> None:
    with pytest.raises(Invalid):
        few.bodies()["/artifacts/filter"].values(wrong)
