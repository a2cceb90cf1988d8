"""Artifacts, and the collection with the latest artifact of each key."""

from typing import Any
from uuid import UUID

from understudy.contract.columns import ID, Column
from understudy.errors import NotFound
from understudy.operations.actions import change
from understudy.operations.handler_results import NO_CONTENT, Answer
from understudy.operations.observers import observing
from understudy.values import later, new_id, now, time_of_key
from understudy.workspaces.workspace import Workspace

CREATED, UPDATED = Column(("created",)), Column(("updated",))
KEY, LATEST_ID = Column(("key",)), Column(("latest_id",))


def create_artifact(workspace: Workspace, body: dict[str, Any]) -> Answer:
    row, artifact = added(workspace, body)
    if artifact["key"] is not None:
        collect(workspace, artifact, artifact)
    return workspace["artifacts"].encoded(row)


def keep_artifact(workspace: Workspace, values: dict[str, Any]) -> None:
    """Add the artifact of a result. As on a real server, fields that the result does not set have the values of the
    key's latest artifact.
    """
    _, artifact = added(workspace, values)
    if artifact["key"] is not None:
        with observing(workspace, "artifact_collections"):
            collect(workspace, artifact, values)


def read_latest_artifact(workspace: Workspace, key: str) -> Answer:
    row = latest(workspace, key)
    if row is None:
        raise NotFound("Artifact not found.")
    values = workspace["artifact_collections"].values(row)
    del values["latest_id"]
    return values


def update_artifact(workspace: Workspace, id: UUID, body: dict[str, Any]) -> Answer:
    artifacts, collections = workspace["artifacts"], workspace["artifact_collections"]
    row = artifacts.find(id.int)
    latest_rows = list(collections.index(LATEST_ID).rows(id.int))
    if row is None and not latest_rows:
        raise NotFound("Artifact not found.")
    if row is not None:
        change(artifacts, row, body)
    for latest_row in latest_rows:
        change(collections, latest_row, body)
    return NO_CONTENT


def delete_artifact(workspace: Workspace, id: UUID) -> Answer:
    artifacts, row = workspace["artifacts"], found(workspace, id)
    key = artifacts.key(KEY, row)
    artifacts.delete(row)
    collection = latest(workspace, key)
    if collection is not None and workspace["artifact_collections"].key(LATEST_ID, collection) == id.int:
        fall_back(workspace, key, collection)
    return NO_CONTENT


def found(workspace: Workspace, id: UUID) -> int:
    row = workspace["artifacts"].find(id.int)
    if row is None:
        raise NotFound("Artifact not found.")
    return row


def latest(workspace: Workspace, key: str | None) -> int | None:
    """The row of a key in the collection."""
    return next(iter(workspace["artifact_collections"].index(KEY).rows(key)), None)


def added(workspace: Workspace, values: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Add an artifact. Returns its number and values."""
    artifacts, moment = workspace["artifacts"], now()
    artifact = artifacts.schema.complete({"id": new_id(), "created": moment, "updated": moment, **values})
    return artifacts.add(artifact), artifact


def collect(workspace: Workspace, artifact: dict[str, Any], changes: dict[str, Any]) -> None:
    """Make a new artifact the latest of its key: the collection keeps its own id and first `created`.

    `changes` are those of its values that replace the former ones.
    """
    collections = workspace["artifact_collections"]
    row = latest(workspace, artifact["key"])
    if row is None:
        collections.insert({**artifact, "id": new_id(), "latest_id": artifact["id"]})
    else:
        created, updated = (time_of_key(collections.key(column, row)) for column in (CREATED, UPDATED))
        own_id = UUID(int=collections.key(ID, row))
        kept = {"id": own_id, "created": created, "updated": later(artifact["updated"], created, updated)}
        collections.update(row, {**changes, **kept, "latest_id": artifact["id"]})


def fall_back(workspace: Workspace, key: str, collection: int) -> None:
    """Make the newest remaining artifact the latest of `key`, with its times; without one, delete the key."""
    artifacts, collections = workspace["artifacts"], workspace["artifact_collections"]
    left = artifacts.index(KEY).rows(key)
    if not left:
        workspace.delete("artifact_collections", [collection])
        return
    newest = artifacts.values(max(left, key=lambda row: artifacts.key(CREATED, row)))
    collections.update(collection, {**newest, "id": collections.values(collection)["id"], "latest_id": newest["id"]})
