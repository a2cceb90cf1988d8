"""A verification from beginning to end: the requests, the checks and the reports."""

import json
import os
import random
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import httpx

from understudy.contract.catalog import Catalog
from understudy.contract.contract import Contract
from understudy.drift.drift import drift
from understudy.drift.drift import report as drift_report
from understudy.errors import UnderstudyError
from understudy.loading.fixtures import FixtureSet
from understudy.network.credentials import secret_flaw
from understudy.network.network import DEFAULT_NETWORK, Network, Proxy
from understudy.operations.api_folder import own_folder
from understudy.reports import output_files
from understudy.reports.causes import causes
from understudy.reports.html_report import matrix
from understudy.reports.json_report import document
from understudy.reports.junit_report import junit
from understudy.reports.printable import counted
from understudy.reports.reproduction import write_scripts
from understudy.reports.text_report import summary
from understudy.reports.verdict import Verdict
from understudy.sampling.client_authentication import refusal_of
from understudy.sampling.http_client import client, header_of
from understudy.sampling.moving_fields import moving_fields
from understudy.sampling.websocket_client import conversations
from understudy.terminal.console import echo, warn
from understudy.terminal.interrupts import Interrupts, delayed
from understudy.terminal.progress import Progress, showing
from understudy.verify import deviations, rules, suite, write_parts
from understudy.verify.check_context import CheckContext
from understudy.verify.cleanup import clean_up
from understudy.verify.expectations.mirror import Mirror
from understudy.verify.expectations.model import Model
from understudy.verify.expectations.reference_answers import ReferencePair
from understudy.verify.expectations.request_interpreter import RequestInterpreter
from understudy.verify.parts import scheduled
from understudy.verify.requests.endpoint import LIMIT
from understudy.verify.requests.endpoint_map import EndpointMap
from understudy.verify.requests.operation_names import check_names, named
from understudy.verify.requests.throttled_client import BudgetSpent, ThrottledClient
from understudy.workspaces.workspace import Workspace

SECONDS = 55  # seconds that a run without other limits takes, without the time to delete its rows
MOST = 1_000_000  # the maximum number of requests of any run
ERROR = 2  # the exit status if a check itself failed
FUZZING = "Every operation: random requests (Schemathesis)"
HALF = 0.5  # Schemathesis's approximate share of the work

PROXYING = (407, 500, 502, 503, 504)  # statuses with which proxies respond if they do not reach a server


@dataclass(frozen=True)
class Plan:
    """The options of a verification, from the command line."""

    url: str
    max_requests: int | None
    rate: float | None
    seed: int | None
    strict: bool
    allow_writes: bool
    fixtures: Path | None
    headers: tuple[str, ...]
    auth: str | None
    known: Path | None
    junit: Path | None
    json: Path | None
    html: Path | None
    repro: Path | None = None
    thorough: bool = False
    only: tuple[str, ...] = ()
    network: Network = DEFAULT_NETWORK


def run(plan: Plan) -> int:
    """Verify a server, and print and report the findings, also after Ctrl-C or SIGTERM.

    Returns:
        The exit status: 0 without new violations, 1 with some, 2 after an error of the run itself, and after a signal
            that of `Interrupts`.

    Raises:
        UnderstudyError: the server cannot be reached, or a file or header is wrong.
    """
    output_files.check(plan.junit, plan.json, plan.html)
    if plan.repro is not None:
        output_files.make_folder(plan.repro)
    status, verdict = 0, None
    with Interrupts() as interrupts:
        verdict = judged(plan)
        with delayed():
            echo(summary(verdict))
            write_reports(plan, verdict)
        status = ERROR if verdict.errors else int(not verdict.passed)
    if interrupts.status is not None and verdict is None:
        echo("Interrupted before any request was sent.", err=True)
    return interrupts.status or status


def own_contract() -> Contract:
    """The contract of Understudy's own API."""
    return Contract.load(own_folder() / "openapi.yaml")


def judged(plan: Plan) -> Verdict:
    """The verdict on a server, with known deviations separated."""
    contract = own_contract()
    known = deviations.load(plan.known) if plan.known else []
    seed = random.SystemRandom().randrange(2**32) if plan.seed is None else plan.seed
    with (
        client(plan.url, headers_of(plan, contract), contract, plan.network) as server,
        own_servers(plan, contract) as own,
    ):
        verdict = verified(plan, contract, server, own, seed)
    verdict.known = [each for each in verdict.violations if any(deviation.covers(each) for deviation in known)]
    verdict.violations = [each for each in verdict.violations if each not in verdict.known]
    return verdict


@contextmanager
def own_servers(plan: Plan, contract: Contract) -> Iterator[tuple[ReferencePair | None, Mirror]]:
    """Reference servers: one pair without rows, if the run writes, and one with the rows of the server."""
    # A lazy import: other commands need nothing of a server.
    from understudy.reference.reference_server import ReferenceServer  # noqa: PLC0415

    with ExitStack() as stack:
        mirror = stack.enter_context(closing(Mirror(ReferenceServer)))
        references = None
        if plan.allow_writes:
            one, other = (stack.enter_context(closing(ReferenceServer())) for _ in range(2))
            references = ReferencePair((one, other), moving_fields(contract))
        yield references, mirror


def verified(
    plan: Plan, contract: Contract, server: httpx.Client, own: tuple[ReferencePair | None, Mirror], seed: int
) -> Verdict:
    started = time.monotonic()
    context = prepared(plan, contract, server, own, seed)
    context.results.witness = context.witness if plan.repro is not None else None
    verdict = context.results.verdict
    try:
        preflight(context, server, plan.network.proxy_for(plan.url))
        with showing("verifying") as progress:
            examine(plan, contract, context, progress)
    except BudgetSpent:
        verdict.notes.append(end_of(plan))
    except KeyboardInterrupt:
        verdict.is_interrupted = True
        verdict.notes.append("Interrupted; not everything was checked.")
    finally:
        left = clean_up(context)
    verdict.notes += [f"These rows were made and could not be deleted: {', '.join(left)}."] if left else []
    verdict.notes += remarks(context)
    verdict.requests, verdict.seconds = context.throttled_client.asked, time.monotonic() - started
    return verdict


def examine(plan: Plan, contract: Contract, context: CheckContext, progress: Progress) -> None:
    """Run all parts in their order, then Schemathesis.

    Raises:
        BudgetSpent: no more requests may be sent.
    """
    is_limited = plan.max_requests is None and not plan.thorough

    def show(share: float) -> None:
        progress.reach(max(share, context.throttled_client.asked / (plan.max_requests or MOST)))

    if is_limited:
        context.throttled_client.end_in(SECONDS)
    only = named(plan.only)
    subjects = suite.subjects_of(context, only)
    for task in write_parts.varied_rows_of(context, subjects) if plan.allow_writes else ():
        context.results.run(task)
    context.results.run(partial(learn, context, contract))
    verdict, stages = context.results.verdict, suite.stages(context, subjects, only, allow_writes=plan.allow_writes)
    fuzzing = partial(fuzz, plan, contract, context, lambda share: show(HALF + HALF * share))
    verdict.unreached = [*(part.name for kinds in stages for kind in kinds for part in kind), FUZZING]
    verdict.parts = len(verdict.unreached)
    for done, part in enumerate(scheduled(stages, lambda: context.throttled_client.asked), start=1):
        context.results.run(part.task)
        verdict.unreached.remove(part.name)
        show(HALF * done / verdict.parts)
    context.results.run(fuzzing)
    verdict.unreached.remove(FUZZING)


def end_of(plan: Plan) -> str:
    """Why a run ended before everything was checked."""
    if plan.max_requests is not None:
        return f"Ended after {counted(plan.max_requests, 'request')}, the limit of --max-requests."
    return f"Ended after {SECONDS} seconds. --thorough checks everything, --only NAME a part of it."


def prepared(
    plan: Plan, contract: Contract, server: httpx.Client, own: tuple[ReferencePair | None, Mirror], seed: int
) -> CheckContext:
    catalog, endpoint_map = Catalog.of(contract), EndpointMap.of(contract)
    check_names(plan.only, endpoint_map.endpoints, allow_writes=plan.allow_writes)
    interpreter = RequestInterpreter(endpoint_map, catalog, strict=plan.strict)
    streams = conversations(server, plan.network) if plan.allow_writes else None
    throttled_client = ThrottledClient(server, plan.max_requests or MOST, plan.rate, streams)
    randomness = random.Random(seed)  # noqa: S311 - to draw requests, not to keep a secret
    model, verdict = Model(endpoint_map.listed_tables, catalog), Verdict(throttled_client.shown, seed)
    verdict.rules = rules.READING + (rules.WRITING if plan.allow_writes else ())
    if plan.fixtures is not None:
        model.add_hidden(workspace_of(contract, plan.fixtures))
    return CheckContext(endpoint_map, interpreter, model, throttled_client, randomness, verdict, *own)


def preflight(context: CheckContext, server: httpx.Client, proxy: Proxy | None) -> None:
    """Request one list, so that a wrong URL or missing credentials are reported as such.

    Raises:
        UnderstudyError: the response is an error; the text states what may be wrong.
        BudgetSpent: no more requests may be sent.
    """
    selection = next(iter(context.endpoint_map.selections.values()))
    answer = context.throttled_client.ask(selection.lists.request({LIMIT: 1}))
    reason = refusal_of(answer, server)
    if proxy is not None and answer.status in PROXYING:
        reason = f"cannot be reached through the proxy {proxy}"
    if reason is not None:
        url = context.results.verdict.url
        raise UnderstudyError(f"{url}{selection.lists.path}: {reason} ({answer.status})")


def fuzz(plan: Plan, contract: Contract, context: CheckContext, show: Callable[[float], None]) -> None:
    """Send the requests of Schemathesis, if it is installed.

    Raises:
        BudgetSpent: no more requests may be sent.
    """
    if find_spec("schemathesis") is None:
        note = "Schemathesis is not installed, and checked no shapes: pip install 'understudy[verify]'."
        context.results.verdict.notes.append(note)
        return
    from understudy.verify.fuzzing import PROBES, Fuzzing  # noqa: PLC0415

    if context.throttled_client.left <= PROBES:
        raise BudgetSpent
    headers = headers_of(plan, contract)
    writes, only = plan.allow_writes, named(plan.only)
    fuzzing = Fuzzing(context, contract, headers, plan.rate, plan.network, allow_writes=writes, only=only)
    if fuzzing.has_operations:
        fuzzing.run(show)
    if context.throttled_client.left <= 0:
        raise BudgetSpent


def learn(context: CheckContext, contract: Contract) -> None:
    """Read the rows that the server lists, and take sample values from them and from the fixture set."""
    context.learn()
    for schema in contract.schemas():
        if "x-table" in schema.value:
            context.samples.expect(schema)
            context.samples.learn(schema, context.known_rows(schema.value["x-table"]))


def workspace_of(contract: Contract, folder: Path) -> Workspace:
    fixture_set = FixtureSet(folder, Catalog.of(contract))
    for warning in fixture_set.warnings():
        warn(warning)
    return fixture_set.rows


def remarks(context: CheckContext) -> Iterator[str]:
    for table in sorted(context.model.partial):
        known = len(context.model.known[table])
        yield f"`{table}` has more rows than are read; the checks use {known:,} of them."
    if context.results.unsettled:
        checks = counted(context.results.unsettled, "check")
        yield f"Rows changed during the run; passed only when repeated: {checks}."


def run_spec(plan: Plan) -> bool:
    """Compare the document that a server publishes with the contract. Returns whether they agree.

    Raises:
        UnderstudyError: the server publishes no document.
    """
    contract = own_contract()
    with client(plan.url, headers_of(plan, contract), network=plan.network) as server:
        drifts = drift(contract, server)
    echo(drift_report(drifts))
    return not drifts


def headers_of(plan: Plan, contract: Contract) -> dict[str, str]:
    """The headers of every request: those of `--header`, and credentials.

    Raises:
        UnderstudyError: a header is not `NAME: VALUE`, `--auth` is not `USER:PASSWORD`, or the key cannot be sent.
    """
    key = os.environ.get(contract.key_variable or "")
    headers = dict(header_of(text) for text in plan.headers)
    given = {name.lower() for name in headers}
    if plan.auth is not None:
        if ":" not in plan.auth:
            raise UnderstudyError("--auth takes 'USER:PASSWORD'")
        headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
        headers["authorization"] = f"Basic {b64encode(plan.auth.encode()).decode()}"
    elif key and "authorization" not in given:
        flaw = secret_flaw("api_key", key)
        if flaw is not None:
            raise UnderstudyError(f"{contract.key_variable} {flaw}")
        headers["authorization"] = f"Bearer {key}"
    return headers


def write_reports(plan: Plan, verdict: Verdict) -> None:
    """Write all reports that can be written.

    Raises:
        UnderstudyError: a report cannot be written; the text names the first one.
    """
    reports = (
        (plan.junit, junit),
        (plan.json, lambda verdict: json.dumps(document(verdict), indent=1)),
        (plan.html, matrix),
    )
    errors: list[UnderstudyError] = []
    if plan.repro is not None:
        write_scripts(plan.repro, verdict.url, causes(verdict))
    for path, report in reports:
        if path is not None:
            try:
                output_files.write(path, report(verdict))
            except UnderstudyError as error:
                errors.append(error)
    if errors:
        raise errors[0]
