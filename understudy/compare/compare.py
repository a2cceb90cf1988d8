"""A whole comparison: plan, requests, report."""

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from understudy.compare import cases
from understudy.compare.findings import Finding, compare
from understudy.compare.findings_report import report
from understudy.compare.id_mapping import SAME
from understudy.compare.row_matching import Listing, mapping_of
from understudy.contract.catalog import Catalog
from understudy.contract.contract import Contract, Place
from understudy.errors import UnderstudyError
from understudy.loading.fixtures import FixtureSet
from understudy.network.network import DEFAULT_NETWORK, Network
from understudy.operations.api_folder import own_folder
from understudy.reports import output_files
from understudy.reports.printable import counted
from understudy.sampling.answers import rows_of
from understudy.sampling.client_authentication import refusal_of
from understudy.sampling.http_client import client, header_of, shown_url
from understudy.sampling.moving_fields import Moving
from understudy.sampling.random_requests import Request, RequestGenerator, body_schema, safe_operations
from understudy.sampling.sample_values import Row, Samples
from understudy.sampling.sending import ask
from understudy.terminal.console import echo, warn
from understudy.terminal.interrupts import Interrupts, delayed
from understudy.terminal.progress import showing


@dataclass(frozen=True)
class Plan:
    """The options of a comparison, from the command line."""

    urls: tuple[str, str]
    requests: int
    seed: int | None
    fixtures: Path | None
    headers: tuple[str, ...]
    save: Path | None
    replay: Path | None
    map_ids: bool = False
    network: Network = DEFAULT_NETWORK


def run(plan: Plan) -> int:
    """Compare two servers, and print and save the findings, also after Ctrl-C or SIGTERM.

    Returns:
        The exit status: 0 if nothing differs, 1 if something does, and after a signal that of `Interrupts`.

    Raises:
        UnderstudyError: a server cannot be reached, or a file or header is not valid.
    """
    output_files.check(plan.save)
    status = 0
    with Interrupts() as interrupts:
        status = int(bool(compared(plan)))
    return interrupts.status or status


def compared(plan: Plan) -> list[Finding]:
    """The findings up to an interrupt, printed and saved."""
    contract = Contract.load(own_folder() / "openapi.yaml")
    seed = random.SystemRandom().randrange(2**32) if plan.seed is None else plan.seed
    headers = dict(header_of(text) for text in plan.headers)
    saved = None if plan.replay is None else list(cases.load(plan.replay, contract))
    with ExitStack() as stack:
        first, second = (stack.enter_context(client(url, headers, contract, plan.network)) for url in plan.urls)
        for server in (first, second):
            preflight(contract, server)
        requests = list(drawn(plan, contract, first, seed)) if saved is None else saved
        mapping = mapping_of(list(listings(contract, first, second))) if plan.map_ids else SAME
        found: list[Finding | None] = []
        with suppress(KeyboardInterrupt), showing("comparing") as progress:
            for number, finding in enumerate(compare(first, second, requests, mapping, Moving.of(contract)), start=1):
                found.append(finding)
                progress.reach(number / len(requests))
    findings = [finding for finding in found if finding]
    with delayed():
        if len(found) < len(requests):
            echo(f"Interrupted after {len(found):,} of {counted(len(requests), 'request')}.")
        echo(report(findings, len(found), (shown_url(first), shown_url(second)), mapping.alone))
        if findings and plan.replay is None:
            echo(f"\nRepeat with --seed {seed}")
        if plan.save is not None:
            cases.save(plan.save, findings)
    return findings


def drawn(plan: Plan, contract: Contract, first: httpx.Client, seed: int) -> Iterator[Request]:
    randomness = random.Random(seed)  # noqa: S311 - no secrets
    samples = Samples(randomness)
    seen = shown(contract, first) if plan.fixtures is None else fixture_rows(contract, plan.fixtures)
    for schema, rows in seen:
        samples.learn(schema, rows)
    return RequestGenerator(safe_operations(contract), samples, randomness).requests(plan.requests)


Rows = Iterable[tuple[Place, Sequence[Row]]]


def shown(contract: Contract, server: httpx.Client) -> Rows:
    """The rows that a server lists: the first page of each list in each order."""
    for method, path, operation in safe_operations(contract):
        schema, body = row_schema(operation), body_schema(operation)
        if schema is not None and body is not None:
            for name, part in body["properties"].items():
                for word in part.value.get("x-sorts", ()):
                    yield schema, rows_of(ask(server, Request(method, path, path, {name: word})).body) or []


def listings(contract: Contract, first: httpx.Client, second: httpx.Client) -> Iterator[Listing]:
    """All rows of all lists."""
    for method, path, operation in safe_operations(contract):
        schema = row_schema(operation)
        if schema is not None:
            request = Request(method, path, path)
            yield Listing.of(schema, every_row(first, request), every_row(second, request))


def every_row(server: httpx.Client, request: Request) -> list[Row]:
    """All rows of a list, read page by page until a page has no new row."""
    rows: dict[str, Row] = {}
    while True:
        before = len(rows)
        page = rows_of(ask(server, replace(request, body={"offset": before})).body) or []
        rows.update({str(row["id"]): row for row in page})
        if len(rows) == before:
            return list(rows.values())


def row_schema(operation: Place) -> Place | None:
    """The schema of the rows that an operation lists; None if it does not list rows."""
    success = operation["responses"].get("200")
    schema = success and success.json_schema
    items = schema and schema.get("items")
    return items if items and "x-table" in items.value else None


def fixture_rows(contract: Contract, folder: Path) -> Rows:
    """The rows of a fixture set."""
    fixture_set = FixtureSet(folder, Catalog.of(contract))
    for table in fixture_set.rows.values():
        yield table.schema.place, [json.loads(table.encoded(row)) for row in table.live]
    for warning in fixture_set.warnings():
        warn(warning)


def preflight(contract: Contract, server: httpx.Client) -> None:
    """Request one list, since two servers that refuse the client, or have no API at their URLs, agree on all responses.

    Raises:
        UnderstudyError: the client is not authenticated, or the URL is not that of an API.
    """
    method, path, _ = next(each for each in safe_operations(contract) if row_schema(each[2]) is not None)
    answer = ask(server, Request(method, path, path, {}))
    reason = refusal_of(answer, server)
    if reason is not None:
        raise UnderstudyError(f"{shown_url(server)}{path}: {reason} ({answer.status})")
