"""Generators of random requests over a fixture set, for tests that draw their own."""

import random
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

from understudy.compare.compare import fixture_rows
from understudy.contract.contract import Contract
from understudy.sampling.random_requests import Operation, Request, RequestGenerator, body_schema, safe_operations
from understudy.sampling.sample_values import Samples


def generator(
    contract: Contract, folder: Path, randomness: random.Random, operations: Iterable[Operation] | None = None
) -> RequestGenerator:
    """Draws requests to some operations, or to all that are safe."""
    samples = Samples(randomness)
    for schema, rows in fixture_rows(contract, folder):
        samples.learn(schema, rows)
    return RequestGenerator(safe_operations(contract) if operations is None else operations, samples, randomness)


def queries(
    contract: Contract, folder: Path, randomness: random.Random, tables: Container[str] | None = None
) -> Iterator[Request]:
    """Requests that filter, without end: rows of some tables, or of all."""
    bodies = [(each, body_schema(each[2])) for each in safe_operations(contract)]
    operations = [
        each
        for each, schema in bodies
        if schema is not None and (tables is None or schema.value.get("x-selects") in tables)
    ]
    source = generator(contract, folder, randomness, operations)
    while True:
        yield from source.requests(1)
