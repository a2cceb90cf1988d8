"""The effect of deleting a row on the rows that refer to it (`x-on-delete`)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from understudy.contract.catalog import CASCADE, SET_NULL, Reference
from understudy.sampling.random_requests import Request
from understudy.verify import rules
from understudy.verify.check_context import CheckContext
from understudy.verify.check_results import Broken
from understudy.verify.requests.created_rows import is_refined, value_for
from understudy.verify.requests.endpoint import Endpoint, example_of, schema_of
from understudy.verify.requests.endpoint_map import Lookup

CREATED, NOT_FOUND = 201, 404


class NotCreated(Exception):
    """A row cannot be created from the contract alone."""


@dataclass(frozen=True)
class Relation:
    """A field of the rows of `table` that refers to rows of another table."""

    table: str
    field: str
    reference: Reference
    reads: Lookup

    @property
    def name(self) -> str:
        return f"rows of {self.table} that refer to it by {self.field}"


def relations(context: CheckContext) -> Iterator[Relation]:
    """The relations between tables whose rows a run can create, read and delete by their ids."""
    endpoint_map = context.endpoint_map
    writable = {table for table in endpoint_map.creates if is_by_id(endpoint_map.deletes.get(table))}
    reads = {each.table: each for each in endpoint_map.reads if is_by_id(each)}
    for table in sorted(writable & reads.keys()):
        for field, reference in context.model.references(table).items():
            if reference.table in writable and field in schema_of(endpoint_map.creates[table])["properties"].value:
                yield Relation(table, field, reference, reads[table])


def is_by_id(lookup: Lookup | None) -> bool:
    return lookup is not None and lookup.field == "id"


def check(context: CheckContext, relation: Relation) -> None:
    """Create a row and another one that refers to it, delete the first, and check the second."""
    requests: list[Request] = []
    deletes = context.endpoint_map.deletes[relation.reference.table]
    with context.results.scenario():
        try:
            parent = created(context, relation.reference.table, {}, requests)
            child = created(context, relation.table, {relation.field: parent}, requests)
        except NotCreated:
            return
        context.success(deletes.endpoint, deletes.request(parent))
        broken = unlike(context, relation, parent, child, (*requests, deletes.request(parent)))
        context.results.record(rules.DELETE, deletes.endpoint.label, relation.field, broken)


def created(
    context: CheckContext,
    table: str,
    given: dict[str, Any],
    requests: list[Request],
    creates: Endpoint | None = None,
) -> str:
    """The id of a new row, with new rows for the references that it must have.

    Args:
        context: the server, and its known rows.
        table: the table of the row.
        given: fields of the row.
        requests: the requests that created rows are added to it.
        creates: the operation that creates it, if the row is below another one.

    Raises:
        NotCreated: the server refuses it.
    """
    creates, references = creates or context.endpoint_map.creates[table], context.model.references(table)
    example = example_of(creates)
    body, required = dict(given), schema_of(creates).value.get("required", ())
    for name, part in schema_of(creates).entries("properties"):
        if name in required and name not in body:
            is_reference = name in references and references[name].table in context.endpoint_map.creates
            if is_reference:
                body[name] = created(context, references[name].table, {}, requests)
            elif name in example and is_refined(part):
                body[name] = example[name]
            else:
                body[name] = value_for(part, context.own.mark())
    answer = context.ask(creates, creates.request(body))
    if answer.status != CREATED or not isinstance(answer.body, dict) or "id" not in answer.body:
        raise NotCreated
    requests.append(creates.request(body))
    return str(answer.body["id"])


def unlike(
    context: CheckContext, relation: Relation, parent: str, child: str, requests: tuple[Request, ...]
) -> Broken | None:
    """How a row that refers to a deleted row differs from what the contract says."""
    request = relation.reads.request(child)
    answer = context.ask(relation.reads.endpoint, request)
    everything = (*requests, request)
    if relation.reference.on_delete == CASCADE:
        return None if answer.status == NOT_FOUND else Broken(everything, f"{NOT_FOUND}", f"{answer.status}")
    if not answer.is_success or not isinstance(answer.body, dict):
        return Broken(everything, "the row that referred to it", f"{answer.status}")
    left = answer.body.get(relation.field)
    expected = None if relation.reference.on_delete == SET_NULL else parent
    return (
        None if left == expected else Broken(everything, f"{relation.field}: {expected}", f"{relation.field}: {left}")
    )
