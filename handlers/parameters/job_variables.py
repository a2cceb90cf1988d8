"""Job variables: values of the variables of a work pool's template, checked by its schema."""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from jsonschema.exceptions import ValidationError

from understudy.errors import NotFound, Unprocessable
from understudy.values import is_id
from understudy.workspaces.workspace import Workspace

from ..work_queues import pool_of
from .parameter_schemas import Schema, as_meant, check, check_schema, errors_of, object_at, without_required


def check_run_variables(workspace: Workspace, deployment: Mapping[str, Any], own: dict[str, Any] | None) -> None:
    """Check the job variables of a deployment's run against the template of its pool, if it has one.

    Raises:
        Mismatch: they are not valid.
    """
    pool = pool_of(workspace, deployment)
    if pool is not None:
        check_job_variables(workspace, pool, deployment["job_variables"], own, requires=True)


def job_variable_errors(variables: dict[str, Any], schema: Schema) -> list[ValidationError]:
    """All errors of job variables by the schema of a pool's template. No property is required."""
    return errors_of(variables, without_required(as_meant(schema)))


def check_job_variables(
    workspace: Workspace, pool: dict[str, Any], *overrides: dict[str, Any] | None, requires: bool = False
) -> None:
    """Check job variables. Later ones override earlier ones and the defaults of a pool's template.

    Raises:
        Mismatch: they are not valid by the schema of the template.
        Unprocessable: the schema is not valid.
        NotFound: a default refers to a block that does not exist.
    """
    schema = pool["base_job_template"].get("variables")
    if not schema:
        return
    check_schema(schema)
    defaults, all_valid = defaults_of(workspace, schema)
    for each in overrides:
        defaults |= each or {}
    check(defaults, schema, requires=requires and all_valid, defaults_may_be_null=True)


def check_defaults_of(workspace: Workspace, schema: Schema | None) -> None:
    """Check the defaults of the schema of a template's variables, if it has one.

    Raises:
        Mismatch: they are not valid by the schema.
        Unprocessable: the schema is not valid.
        NotFound: a default refers to a block that does not exist.
    """
    if schema:
        check_schema(schema)
        check(dict(all_defaults_of(workspace, schema)), schema, requires=False, defaults_may_be_null=True)


def defaults_of(workspace: Workspace, schema: Schema) -> tuple[dict[str, Any], bool]:
    """The valid defaults of a schema, and whether all are."""
    defaults, all_valid = {}, True
    for name, default in all_defaults_of(workspace, schema):
        if errors_of({name: default}, without_required(schema)):
            all_valid = False
        else:
            defaults[name] = default
    return defaults, all_valid


def all_defaults_of(workspace: Workspace, schema: Schema) -> Iterator[tuple[str, Any]]:
    """The defaults of the properties of a schema, with the data of blocks that they refer to."""
    for name, part in object_at(schema, "properties").items():
        if not isinstance(part, dict) or "default" not in part:  # a schema can be true or false
            continue
        default = part["default"]
        if isinstance(default, dict) and "$ref" in default:
            default = block_data(workspace, default["$ref"])
            if default is None:
                continue
        yield name, default


def block_data(workspace: Workspace, reference: Any) -> Any:
    """The data of the block that a default refers to; None if it names none.

    Raises:
        Unprocessable: the reference is not an object.
        NotFound: there is no such block.
    """
    if not isinstance(reference, dict):
        raise Unprocessable('The "$ref" of a default must be an object with a block_document_id.')
    block = reference.get("block_document_id")
    if block is None:
        return None
    documents = workspace["block_documents"]
    row = documents.find(UUID(str(block)).int) if is_id(str(block)) else None
    if row is None:
        raise NotFound("Block not found.")
    return documents.values(row)["data"]
