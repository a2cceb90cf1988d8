"""Graphs: the dependencies between the runs of a flow run, from the inputs of its task runs."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from pydantic_core import from_json

from understudy.contract.columns import Column
from understudy.errors import BadRequest, ObjectNotFound
from understudy.operations.handler_results import Answer
from understudy.values import EPOCH
from understudy.workspaces.workspace import Workspace

from .states import states_of

FLOW_RUN_ID, PARENT = Column(("flow_run_id",)), Column(("parent_task_run_id",))
MOST = 10_000  # the maximum number of nodes of a graph, and of its artifacts
PARENTS = "__parents__"  # the input with the task runs that enclose a task run
Row = dict[str, Any]
OF_TASK_RUN = ("expected_start_time", "start_time", "end_time", "total_run_time", "estimated_run_time")


class Edge(NamedTuple):
    """An input of a node: the id of the node that it comes from, if any, and whether that node encloses this one."""

    node: UUID
    source: UUID | None
    encapsulates: bool


def read_flow_run_graph_v1(workspace: Workspace, id: UUID) -> Answer:
    if workspace["flow_runs"].find(id.int) is None:
        raise ObjectNotFound(f"Flow run with id {id} not found")
    rows = workspace["task_runs"].index(FLOW_RUN_ID).rows(id.int)
    runs = [from_json(workspace.shown("task_runs", row)) for row in rows]
    return [dependencies(run) for run in sorted(runs, key=lambda run: run["id"], reverse=True)]


def dependencies(run: Row) -> Row:
    """A task run, and the task runs that it depends on, each once."""
    inputs = (each for part in run["task_inputs"].values() for each in part)
    upstream = {each["id"]: each for each in inputs if each.get("input_type") == "task_run"}
    state = run["state"]
    return {
        "id": run["id"], "name": run["name"], "upstream_dependencies": list(upstream.values()), "state": state,
        **{name: run[name] for name in OF_TASK_RUN},
        "untrackable_result": state is not None and state["state_details"]["untrackable_result"],
    }  # fmt: skip


def read_flow_run_graph_v2(workspace: Workspace, id: UUID, since: datetime | None = None) -> Answer:
    flow_run = workspace["flow_runs"].get(id)
    if flow_run is None:
        raise ObjectNotFound(f"Flow run {id} not found")
    nodes: dict[UUID, Row] = {}
    edges: list[Edge] = []
    task_runs = rows_of(workspace, "task_runs", FLOW_RUN_ID, id)
    # A real server finds them in this order, which is then that of nodes with equal times, and of a node's children.
    for task_run in sorted(task_runs, key=lambda run: (run["task_key"], run["dynamic_key"])):
        for node in nodes_of(workspace, task_run):
            nodes[node["id"]] = node
            edges += edges_of(node["id"], task_run["task_inputs"])
    connect(nodes, edges)
    shown = [node for node in nodes.values() if since is None or node["end_time"] is None or node["end_time"] >= since]
    if len(shown) > MOST:
        raise BadRequest(f"The graph of flow run {id} has more than {MOST} nodes.")
    shown.sort(key=place_of)
    artifacts = artifacts_of(workspace, id)
    for node in shown:
        node["artifacts"] = artifacts[node["id"]]
    states = states_of(workspace, "flow_run_states", "flow_runs", id)
    return {
        "start_time": flow_run["start_time"] or flow_run["expected_start_time"], "end_time": flow_run["end_time"],
        "root_node_ids": [node["id"] for node in shown if not node["parents"]],
        "nodes": [[node["id"], node] for node in shown], "artifacts": artifacts[None],
        "states": [{name: state[name] for name in ("id", "timestamp", "type", "name")} for state in states],
    }  # fmt: skip


def place_of(node: Row) -> tuple[Any, ...]:
    """What sorts nodes: their start, then their end, those without one first."""
    return node["start_time"], node["end_time"] is not None, node["end_time"] or EPOCH


def nodes_of(workspace: Workspace, task_run: Row) -> Iterator[Row]:
    """The nodes of a task run: the subflow runs that it represents, else itself; only those with a start."""
    is_over = task_run["state_type"] == "COMPLETED"
    end = task_run["end_time"] or (task_run["expected_start_time"] if is_over else None)
    start = task_run["start_time"] or task_run["expected_start_time"]
    subflow_runs = list(rows_of(workspace, "flow_runs", PARENT, task_run["id"]))
    for run in subflow_runs or [task_run]:
        began = run["start_time"] or run["expected_start_time"] or start
        if began is not None:
            kind, label = ("flow-run", label_of(workspace, run)) if subflow_runs else ("task-run", run["name"])
            yield {
                "kind": kind, "id": run["id"], "label": label or task_run["name"],
                "state_type": run["state_type"] or task_run["state_type"],
                "start_time": began, "end_time": run["end_time"] or end,
                "parents": [], "children": [], "encapsulating": [], "artifacts": [],
            }  # fmt: skip


def label_of(workspace: Workspace, flow_run: Row) -> str | None:
    """The name of a flow run after that of its flow; None without one."""
    flow = workspace["flows"].get(flow_run["flow_id"])
    return None if flow is None or flow_run["name"] is None else f"{flow['name']} / {flow_run['name']}"


def edges_of(node: UUID, task_inputs: Mapping[str, Iterable[Row]]) -> Iterator[Edge]:
    for name, inputs in task_inputs.items():
        for each in inputs or [{}]:
            source = each.get("id")
            yield Edge(node, None if source is None else UUID(str(source)), name == PARENTS)
    if not task_inputs:
        yield Edge(node, None, False)


def connect(nodes: Mapping[UUID, Row], edges: Iterable[Edge]) -> None:
    """Set the neighbours of nodes. As on a real server, a neighbour is repeated for each input that connects it."""
    edges = list(edges)
    inputs: dict[UUID, int] = defaultdict(int)
    for edge in edges:
        inputs[edge.node] += 1
    for node, source, encapsulates in edges:
        if source is None or source not in nodes:
            continue
        if encapsulates:
            nodes[node]["encapsulating"] = unique([*nodes[node]["encapsulating"], {"id": source}])
        else:
            nodes[node]["parents"] += [{"id": source}] * inputs[source]
            nodes[source]["children"] += [{"id": node}] * inputs[source]


def unique(edges: list[Row]) -> list[Row]:
    return list({edge["id"]: edge for edge in edges}.values())


def artifacts_of(workspace: Workspace, flow_run: UUID) -> Mapping[UUID | None, list[Row]]:
    """The artifacts of a flow run by their task run, the oldest first, without results."""
    latest = {row["latest_id"] for row in rows_of(workspace, "artifact_collections", FLOW_RUN_ID, flow_run)}
    found: dict[UUID | None, list[Row]] = defaultdict(list)
    artifacts = rows_of(workspace, "artifacts", FLOW_RUN_ID, flow_run)
    kept = [each for each in artifacts if each["type"] not in (None, "result")]
    for each in sorted(kept, key=lambda artifact: artifact["created"])[:MOST]:
        data = each["data"] if each["type"] == "progress" else None
        is_latest = each["key"] is None or each["id"] in latest
        shown = {name: each[name] for name in ("id", "created", "key", "type")}
        found[each["task_run_id"]].append({**shown, "is_latest": is_latest, "data": data})
    return found


def rows_of(workspace: Workspace, table: str, column: Column, owner: UUID) -> Iterator[Row]:
    """The rows of a table that refer to a row in a column."""
    return (workspace[table].values(row) for row in workspace[table].index(column).rows(owner.int))
