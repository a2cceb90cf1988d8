"""Criteria that are ignored: in lists, in counts, in pages, or everywhere."""

from typing import Any

from tests.mutants.behaviours import reads_with
from tests.mutants.known.vocabulary import (
    ABOUT_ARTIFACTS,
    ABOUT_FLOWS,
    ABOUT_LATEST,
    ARTIFACT,
    COUNT_ARTIFACTS,
    COUNT_FLOWS,
    COUNTS,
    LIST_ARTIFACTS,
    LIST_LATEST,
    NOBODY,
    PAGE_FLOWS,
    QUERIES,
    RUN,
    any_of,
    in_state,
    is_null,
    like,
    none_of,
)
from tests.mutants.mutant import Mutant, Step, post
from tests.mutants.paths import drop, found

LATE = {"after_": "2030-01-01T00:00:00Z"}


def without_like_beside_any(body: Any) -> Any:
    return drop("artifacts.key.like_")(body) if any(found(body, "artifacts.key.any_")) else body


def ignores(operations: str, place: str, where: str, seen_by: Step) -> Mutant:
    name = f"{place.replace('.', '-').replace('_', '-').strip('-')}-ignored-{where.replace(' ', '-')}"
    return Mutant(name, f"`{place}` counts for nothing {where}.", reads_with(operations, drop(place)), [seen_by])


MUTANTS = [
    ignores(
        LIST_ARTIFACTS,
        "artifacts.key.any_",
        "in the list",
        post("/artifacts/filter", artifacts={"key": any_of("row-counts")}, limit=5),
    ),
    ignores(
        COUNT_ARTIFACTS,
        "artifacts.type.not_any_",
        "in the count",
        post("/artifacts/count", artifacts={"type": none_of("table")}),
    ),
    ignores(ABOUT_ARTIFACTS, "artifacts.id", "anywhere", post("/artifacts/count", artifacts={"id": any_of(ARTIFACT)})),
    ignores(
        LIST_ARTIFACTS,
        "flow_runs",
        "in the list of artifacts",
        post("/artifacts/filter", flow_runs={"id": any_of(RUN)}, limit=5),
    ),
    ignores(QUERIES, "flow_runs.state.type", "anywhere", post("/flows/count", flow_runs=in_state("PAUSED"))),
    ignores(QUERIES, "flow_runs.start_time", "anywhere", post("/flows/count", flow_runs={"start_time": LATE})),
    ignores(
        ABOUT_ARTIFACTS,
        "flow_runs.id.not_any_",
        "for artifacts",
        post("/artifacts/count", flow_runs={"id": none_of(RUN)}),
    ),
    ignores(
        PAGE_FLOWS,
        "flow_runs.tags",
        "in pages",
        post("/flows/paginate", flow_runs={"tags": {"all_": ["dev"]}}, limit=3),
    ),
    ignores(
        QUERIES,
        "flow_runs.deployment_id.is_null_",
        "anywhere",
        post("/artifacts/count", flow_runs={"deployment_id": is_null(True)}),
    ),
    ignores(
        COUNTS,
        "flow_runs.parent_task_run_id.is_null_",
        "in counts",
        post("/artifacts/count", flow_runs={"parent_task_run_id": is_null(False)}),
    ),
    ignores(
        QUERIES,
        "flow_runs.created_by",
        "anywhere",
        post("/artifacts/count", flow_runs={"created_by": {"type_": ["DEPLOYMENT"]}}),
    ),
    ignores(
        LIST_LATEST,
        "flow_runs.name.like_",
        "in the list of the latest",
        post("/artifacts/latest/filter", flow_runs={"name": like("marmot")}),
    ),
    ignores(COUNT_FLOWS, "task_runs", "in the count of flows", post("/flows/count", task_runs={"id": any_of(NOBODY)})),
    ignores(
        QUERIES,
        "task_runs.subflow_runs",
        "anywhere",
        post("/artifacts/count", task_runs={"subflow_runs": {"exists_": True}}),
    ),
    ignores(
        QUERIES,
        "task_runs.flow_run_id",
        "anywhere",
        post("/artifacts/count", task_runs={"flow_run_id": any_of(RUN)}),
    ),
    ignores(QUERIES, "deployments.paused", "anywhere", post("/flows/count", deployments={"paused": {"eq_": True}})),
    ignores(
        QUERIES,
        "deployments.flow_or_deployment_name",
        "anywhere",
        post("/artifacts/count", deployments={"flow_or_deployment_name": like("report")}),
    ),
    ignores(
        PAGE_FLOWS, "work_pools", "in pages", post("/flows/paginate", work_pools={"type": any_of("docker")}, limit=3)
    ),
    ignores(ABOUT_FLOWS, "flows.deployment", "anywhere", post("/flows/count", flows={"deployment": is_null(True)})),
    ignores(
        ABOUT_LATEST,
        "artifacts.latest_id",
        "anywhere",
        post("/artifacts/latest/count", artifacts={"latest_id": any_of(ARTIFACT)}),
    ),
    Mutant(
        "artifacts-key-like-ignored-beside-any",
        "`artifacts.key.like_` counts for nothing beside `any_`.",
        reads_with(ABOUT_ARTIFACTS, without_like_beside_any),
        [post("/artifacts/count", artifacts={"key": {**any_of("row-counts"), **like("nothing")}})],
    ),
]
