"""The context of all checks: the server, the rows that are known, and the results."""

import json
import math
import random
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from functools import cached_property, reduce
from operator import xor
from threading import Barrier
from typing import Any

import httpx
from pydantic_core import ValidationError

from understudy.errors import ApiError
from understudy.reports.verdict import SEPARATOR, Rule, Verdict, Write
from understudy.sampling.answers import Answer, joined, named, rows_of, same
from understudy.sampling.moving_fields import moving_in, without
from understudy.sampling.random_requests import Request, names_in
from understudy.sampling.sample_values import Samples
from understudy.sampling.sending import answer_of
from understudy.sampling.varied_rows import varied
from understudy.terminal.interrupts import delayed
from understudy.verify import rules
from understudy.verify.check_results import Broken, CheckResults, Refused, unlike
from understudy.verify.expectations.mirror import Mirror
from understudy.verify.expectations.model import Model, Row
from understudy.verify.expectations.other_rows import OtherRows, OtherTable
from understudy.verify.expectations.reference_answers import ReferencePair
from understudy.verify.expectations.referred_rows import with_referrers
from understudy.verify.expectations.request_interpreter import RequestInterpreter
from understudy.verify.expectations.response_schemas import ResponseSchemas
from understudy.verify.requests.created_rows import CreatedRows, may_be_refused
from understudy.verify.requests.endpoint import LIMIT, OFFSET, Endpoint, schema_of
from understudy.verify.requests.endpoint_map import EndpointMap, Selection
from understudy.verify.requests.random_reads import RandomReads
from understudy.verify.requests.session_operations import SessionOperations
from understudy.verify.requests.throttled_client import ThrottledClient

REPORTED = 10  # the maximum number of reported invalid responses for each operation
REMEMBERED = 200  # the number of last responses to remember
PATIENCE = 8  # seconds to wait for data that a server shows after its response (`x-eventual`)
WAITING = 0.15  # the maximum share of a run to spend on that
VARIED = 30  # varied rows of a table, which requests name more often than others
MOST_PAGES = 10  # pages to read of a table; the other rows of a larger table stay unknown


class CheckContext:
    """Sends requests to a server, and knows the rows that it has returned.

    `version` is a hash of these rows. If it has changed, earlier responses are out of date.
    """

    def __init__(
        self,
        endpoint_map: EndpointMap,
        interpreter: RequestInterpreter,
        model: Model,
        throttled_client: ThrottledClient,
        randomness: random.Random,
        verdict: Verdict,
        references: ReferencePair | None = None,
        mirror: Mirror | None = None,
    ) -> None:
        self.endpoint_map = endpoint_map
        self.interpreter = interpreter
        self.model = model
        self.throttled_client = throttled_client
        self.random = randomness
        self.references = references
        self.mirror = mirror
        self.samples = Samples(randomness)
        self.results = CheckResults(verdict, self.learn, lambda: self.version)
        self.own = CreatedRows(endpoint_map, f"{randomness.getrandbits(32):08x}", model.catalog)
        self.version = 0
        self.patience = PATIENCE
        self.longest_wait = math.inf  # the maximum seconds to wait for a response that may be late (`within`)
        self.waited = 0.0  # seconds spent waiting for what a server shows only some time after its response
        self._started = time.monotonic()
        self.is_lenient = False  # whether the server is known to convert values of another type, as Prefect does
        self.absent: set[str] = set()  # optional services that the server lacks
        self.others: dict[str, OtherTable] = {}
        self._other_rows = OtherRows(endpoint_map, throttled_client.ask, randomness)
        self._response_schemas = ResponseSchemas()
        self._reads: RandomReads | None = None
        self._reads_sizes: dict[str, int] = {}
        self._asked: set[tuple[int, str, str, str]] = set()
        self._misshapen: Counter[str] = Counter()
        self._answers: dict[str, Answer] = {}

    def random_reads(self) -> RandomReads:
        """Draws requests about the known rows.

        It is made again only if the number of rows has changed, since that takes long: a write may have been undone.
        """
        sizes = {table: len(rows) for table, rows in self.model.known.items()}
        if self._reads is None or self._reads_sizes != sizes:
            some = (self._samples_of(self._varied_rows()), self._samples_of(self._parents()))
            fields, known = self.session_operations.fields, self.model.known
            self._reads = RandomReads(self.model.catalog, fields, known, self.samples, some, self.random)
            self._reads_sizes = sizes
        return self._reads

    def _samples_of(self, rows: Iterable[tuple[str, Row]]) -> Samples:
        """Sample values from some rows by table."""
        samples = Samples(self.random)
        for table, row in rows:
            for name in self.model.fields(table):
                samples.note(table, [name], row.get(name))
        return samples

    def _varied_rows(self) -> Iterator[tuple[str, Row]]:
        """Some rows of each table whose rows paths can name."""
        for table in dict.fromkeys(lookup.table for lookup in self.endpoint_map.reads):
            yield from ((table, row) for row in self.varied_rows(table, VARIED))

    def varied_rows(self, table: str, most: int) -> list[Row]:
        """Up to a number of the known rows of a table, of as many kinds as possible."""
        known = with_referrers(self.model.catalog, self.model.known, table)
        return [known[row_id] for row_id in varied(known, self.random, most)]

    def _parents(self) -> Iterator[tuple[str, Row]]:
        """Only those rows below which other rows are known, if these are not known for all rows."""
        for other in self.others.values():
            if other.below is not None and not other.is_whole:
                parents = {each.parent for each in other.lists}
                table, named_by = other.below.table, other.below.field
                yield from ((table, row) for row in self.model.known[table].values() if str(row[named_by]) in parents)

    def known_rows(self, table: str) -> Iterable[Row]:
        """The rows of a table that any list of the server has shown."""
        other = self.others.get(table)
        shown = () if other is None else (row for each in other.lists for row in each.rows)
        return self.model.known[table].values() or shown

    @cached_property
    def session_operations(self) -> SessionOperations:
        """The operations that sessions send requests to."""
        return SessionOperations.of(self.endpoint_map, self.model.catalog)

    def names(self, creates: Endpoint) -> list[str]:
        """The fields of a body by which the created row, and rows derived from it, can be looked up."""
        fields = {lookup.field for lookup in self.endpoint_map.reads}
        return [name for name in schema_of(creates).value["properties"] if name in fields]

    # ---------------------------------------------------------------- requests

    def ask(
        self,
        endpoint: Endpoint,
        request: Request,
        content: bytes | None = None,
        meanwhile: Callable[[], object] | None = None,
    ) -> Answer:
        """The response to a request, validated against the contract. See `ThrottledClient.send`."""
        if request.clients > 1:
            return self._ask_by_several(endpoint, request)
        if endpoint.is_stream:
            self.results.count(rules.RESPONSE, endpoint.label)
            return self.throttled_client.converse(request, self.wait_for(request))
        with nullcontext() if endpoint.is_safe else delayed():
            response = self.throttled_client.send(request, content, meanwhile)
            answer = answer_of(response)
            self.note(endpoint, request, answer)
        self._validate(endpoint, request, response, answer)
        return answer

    def ask_at_once(self, endpoint: Endpoint, requests: Sequence[Request]) -> list[Answer]:
        """The responses to concurrent requests, in the order of the requests. See `ask`."""
        answers = self._answers_at_once(endpoint, requests)
        for request, answer in zip(requests, answers, strict=True):
            self._remember(endpoint, request, answer)
        return answers

    def _ask_by_several(self, endpoint: Endpoint, request: Request) -> Answer:
        """The responses to a request that several clients send at the same time, as one."""
        answer = joined(self._answers_at_once(endpoint, [replace(request, clients=1)] * request.clients))
        self._remember(endpoint, request, answer)
        return answer

    def _answers_at_once(self, endpoint: Endpoint, requests: Sequence[Request]) -> list[Answer]:
        """The responses. If a request cannot be sent, the rows that the others have created are noted first."""
        barrier = Barrier(len(requests))

        def send(request: Request) -> httpx.Response:
            barrier.wait()
            return self.throttled_client.send(request)

        with delayed():
            with ThreadPoolExecutor(len(requests)) as pool:
                sent = [pool.submit(send, request) for request in requests]
            for each in sent:
                if each.exception() is None:
                    self.own.note(endpoint, answer_of(each.result()))
        responses = [each.result() for each in sent]
        answers = list(map(answer_of, responses))
        for request, response, answer in zip(requests, responses, answers, strict=True):
            self._validate(endpoint, request, response, answer)
        return answers

    def _validate(self, endpoint: Endpoint, request: Request, response: httpx.Response, answer: Answer) -> None:
        """Record whether a response is as the contract says."""
        self.results.count(rules.RESPONSE, endpoint.label)
        fault = self._response_schemas.fault(endpoint, answer, response.headers.get("content-type", ""))
        if fault is not None:
            self._misshapen[endpoint.label] += 1
            if self._misshapen[endpoint.label] <= REPORTED:
                about = SEPARATOR.join(names_in(request.body))
                self._blame_once(rules.RESPONSE, endpoint, about, Broken((request,), rules.RESPONSE.says, fault))

    def expected(self, endpoint: Endpoint, refusals: list[ApiError | None]) -> list[ApiError | None]:
        """Those refusals of the interpreter that the server may respond with, as far as its leniency is known.

        A handler may refuse what a lenient server accepts, if it has rules that the schema does not express.
        """
        is_certain = endpoint.body is None or not may_be_refused(endpoint.body)
        return refusals[-1:] if self.is_lenient and is_certain else refusals

    def is_new(self, request: Request) -> bool:
        """Whether this is the first such request since rows have changed."""
        key = self.version, request.method, request.path, json.dumps(request.body)
        is_known = key in self._asked
        self._asked.add(key)
        return not is_known

    def wait_for(self, request: Request) -> float:
        """How many seconds to wait for a late response. After one was wrong, others are given less time."""
        return min(request.within, self.longest_wait)

    @property
    def may_wait(self) -> bool:
        """Whether there is time to wait for late responses, which may only take a part of the run."""
        return self.waited <= WAITING * (time.monotonic() - self._started)

    def note(self, endpoint: Endpoint, request: Request, answer: Answer) -> None:
        """Remember the response to a write, and what it may have changed."""
        self.own.note(endpoint, answer)
        self._remember(endpoint, request, answer)

    def _remember(self, endpoint: Endpoint, request: Request, answer: Answer) -> None:
        if endpoint.is_safe:
            return
        if len(self._answers) > REMEMBERED:
            self._answers.clear()
        self._answers[repr(request)] = answer
        if answer.is_success:
            self.results.writes.append(self._written(endpoint, request, answer))

    def answer_to(self, request: Request) -> Answer:
        """The last response to a write."""
        return self._answers[repr(request)]

    def _written(self, endpoint: Endpoint, request: Request, answer: Answer) -> Write:
        table = next((table for table, each in self.endpoint_map.creates.items() if each.label == endpoint.label), "")
        row = answer.body[0]["body"] if request.clients > 1 else answer.body
        made = str(row["id"]) if table and isinstance(row, dict) and "id" in row else ""
        deletes = self.endpoint_map.deletes.get(table)
        return Write(request, made, deletes.request(made) if deletes is not None and made else None)

    def witness(self, broken: Broken) -> tuple[Answer, ...]:
        """The responses to the requests of a violation: the last ones of operations that write, or else new ones."""
        writes = {each.label for each in self.endpoint_map.endpoints if not each.is_safe}
        return tuple(self._witnessed(request, writes) for request in broken.requests)

    def _witnessed(self, request: Request, writes: set[str]) -> Answer:
        if f"{request.method} {request.operation}" not in writes:
            return self.throttled_client.ask(request)
        return self._answers.get(repr(request), Answer(0, None))

    def fault(self, endpoint: Endpoint, request: Request) -> int | None:
        """The status of a response that does not match the contract; None if it does."""
        response = self.throttled_client.send(request)
        answer = answer_of(response)
        is_faulty = self._response_schemas.fault(endpoint, answer, response.headers.get("content-type", "")) is not None
        return answer.status if is_faulty else None

    def _blame_once(self, rule: Rule, endpoint: Endpoint, subject: str, broken: Broken) -> None:
        if not self.results.is_blamed(rule, endpoint.label, subject):
            self.results.blame(rule, endpoint.label, subject, broken)

    def success(self, endpoint: Endpoint, request: Request) -> Any:
        """The body of a response that must be a success.

        Raises:
            Refused: the response is an error.
        """
        answer = self.ask(endpoint, request)
        if not answer.is_success:
            raise Refused(request, answer)
        return answer.body

    def rows(self, selection: Selection, endpoint: Endpoint, body: Any) -> list[Row]:
        """The rows of a list or of a page, each compared with the known row.

        Raises:
            Refused: the response has no rows.
        """
        rows = self.shown(endpoint, body)
        request = endpoint.request(body)
        self.results.hold(rules.DUPLICATES, endpoint.label, "", lambda: twice(request, rows))
        self.results.hold(rules.ROW_FORMAT, endpoint.label, "", lambda: self._unlike(selection.table, request, rows))
        return rows

    def shown(self, endpoint: Endpoint, body: Any) -> list[Row]:
        """The rows of a list or of a page, without comparing them with known rows.

        Raises:
            Refused: the response has no rows.
        """
        request = endpoint.request(body)
        shown = self.success(endpoint, request)
        rows = rows_of(shown)
        if rows is None:
            raise Refused(request, Answer(200, shown), "rows")
        return rows

    def _unlike(self, table: str, request: Request, rows: list[Row]) -> Broken | None:
        for row in rows:
            known = self.model.known[table].get(str(row["id"]), row)
            if self._differ(table, known, row):
                return unlike((request,), known, row)
        return None

    def difference(
        self, endpoint: Endpoint, requests: tuple[Request, ...], answers: tuple[Answer, Answer]
    ) -> Broken | None:
        """How the bodies of two responses of an operation differ that should be the same."""
        if answers[0].body == answers[1].body:
            return None
        bodies = [self.still(endpoint, answer.body) for answer in answers]
        return None if bodies[0] == bodies[1] else unlike(requests, *bodies)

    def still(self, endpoint: Endpoint, body: Any) -> Any:
        """The body of a response without the fields that differ from one response to the next."""
        return None if endpoint.is_moving else without(self.moving(endpoint), body)

    def moving(self, endpoint: Endpoint) -> frozenset[str]:
        """The names of the fields that differ between responses of an operation."""
        schema = endpoint.success
        if schema is None:
            return frozenset()
        named = next((each.value.get("x-names", "").partition(".")[0] for each in endpoint.parameters), "")
        return self.model.moving(schema.value.get("x-table", "") or endpoint.selects or named).union(moving_in(schema))

    def _differ(self, table: str, known: Row | None, row: Row) -> bool:
        """Whether a row differs from the known one. Types are compared only for the few rows that the run has
        created.
        """
        if known is row:
            return False
        if known is None:
            return True
        is_own = str(row["id"]) in self.own.made.get(table, ())
        if known == row:
            return is_own and not same(known, row)
        moving = self.model.moving(table)
        if without(moving, unequal(known, row)) != without(moving, unequal(row, known)):
            return True
        return is_own and not same(without(moving, known), without(moving, row))

    # ------------------------------------------------------------------- learn

    def learn(self, tables: Collection[str] | None = None) -> None:
        """Read the rows of all tables, or of some, from the server."""
        for name, selection in self.endpoint_map.selections.items():
            if tables is None or name in tables:
                self._learn(selection)
        if tables is None and self.mirror is not None:
            self._learn_others()

    def _learn(self, selection: Selection) -> None:
        rows = self.table(selection)
        known = () if selection.table in self.model.partial else tuple(self.model.known[selection.table])
        self.take(selection, known, rows)

    def _learn_others(self) -> None:
        """Read the rows that no list shows completely."""
        before, self.others = self.others, self._other_rows.read(self.model, is_settled=not self.results.writes)
        self.version ^= hash(repr(before)) ^ hash(repr(self.others))

    def take(self, selection: Selection, ids: Iterable[str], rows: Iterable[Row]) -> None:
        """Store rows as returned, and remove the known rows with the other ids."""
        known = self.model.known[selection.table]
        shown = {str(row["id"]): row for row in rows}
        fresh = [row for row_id, row in shown.items() if self._differ(selection.table, known.get(row_id), row)]
        gone = [row_id for row_id in ids if row_id not in shown]
        changed = [*gone, *(str(row["id"]) for row in fresh)]
        before = hash_of(known, changed)
        for row in fresh:
            self._learn_row(selection, row)
        self.model.remove(selection.table, gone)
        self.version ^= before ^ hash_of(known, changed)

    def _learn_row(self, selection: Selection, row: Row) -> None:
        lists, request = selection.lists, selection.lists.request({})
        self.results.count(rules.ROW_FORMAT, lists.label)
        if not selection.shows_rows:
            self.model.remember(selection.table, row)
            return
        try:
            written = self.model.learn(selection.table, row)
        except ValidationError as error:
            reason = str(error.errors(include_url=False)[0])
            self._blame_once(rules.ROW_FORMAT, lists, "", Broken((request,), "a row of the contract", reason))
            return
        # A response schema names the fields that must be there.
        written = {name: value for name, value in written.items() if name in row}
        if written != row and not self.model.is_worked_out(selection.table):
            self._blame_once(rules.ROW_FORMAT, lists, "", unlike((request,), written, row))

    def table(self, selection: Selection) -> list[Row]:
        """The rows of a table; of a large one, as many as are read."""
        rows: list[Row] = []
        size = selection.page_size
        for page in range(MOST_PAGES):
            rows += self.shown(selection.lists, {LIMIT: size, OFFSET: page * size})
            if len(rows) < (page + 1) * size:
                return rows
        self.model.partial.add(selection.table)
        return rows


def hash_of(rows: Mapping[str, Row], ids: Iterable[str]) -> int:
    """A hash of the rows with some ids, independent of their order. Ids without a row are ignored."""
    hashes = (hash(json.dumps(rows[row_id], sort_keys=True)) for row_id in ids if row_id in rows)
    return reduce(xor, hashes, 0)


def unequal(row: Row, other: Row) -> Row:
    """The fields of a row that another does not have, or has with another value."""
    return {name: value for name, value in row.items() if name not in other or other[name] != value}


def twice(request: Request, rows: list[Row]) -> Broken | None:
    counts = Counter(str(row["id"]) for row in rows)
    again = sorted(row_id for row_id, count in counts.items() if count > 1) if len(counts) < len(rows) else []
    return Broken((request,), "each row once", f"more than once: {named(again)}") if again else None
