"""The shape of responses to valid and invalid requests, tested by Schemathesis."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit
from uuid import uuid4

import requests
import schemathesis
from schemathesis.engine import Status, events, from_schema
from schemathesis.engine.recorder import CheckNode, ScenarioRecorder
from schemathesis.hooks import unregister

from understudy.contract.contract import Contract
from understudy.errors import UnderstudyError
from understudy.network.network import DEFAULT_NETWORK, Network
from understudy.reports.verdict import SEPARATOR, Rule
from understudy.sampling.answers import Answer
from understudy.sampling.random_requests import Request, names_in
from understudy.sampling.shrinking import smallest
from understudy.text import one_line
from understudy.values import is_id
from understudy.verify.check_context import CheckContext
from understudy.verify.check_results import Broken
from understudy.verify.requests.created_rows import may_be_changed, may_be_refused
from understudy.verify.requests.endpoint import Endpoint
from understudy.verify.requests.operation_names import Only, every

EXAMPLES = 15  # random requests for each operation
SECONDS = 3600  # seconds in an hour
PREFIX = "schemathesis "  # precedes the names of its checks, which are reported as rules
RULES = {
    "not_a_server_error": "No request makes the server fail.",
    "status_code_conformance": "Every status is one that the contract names.",
    "content_type_conformance": "Every body has the media type that the contract names.",
    "response_headers_conformance": "Every response has the headers that the contract names.",
    "response_schema_conformance": "Every body matches the schema that the contract names for its status.",
    "negative_data_rejection": "An invalid request is refused.",
    "positive_data_acceptance": "A valid request is accepted.",
    "missing_required_header": "A request without a required header is refused.",
    "unsupported_method": "A method that a path does not have gets 405.",
    "use_after_free": "A deleted object is not found.",
    "ensure_resource_availability": "A created object is found.",
    "ignored_auth": "Requests without credentials are refused where they are required.",
    "object_level_authorization": "Clients see only their own objects.",
}
BY_CONTRACT = "allow_header_conformance"  # the contract states the value of the header, and the rule *method* checks it
PHASES = 4  # examples, coverage, random requests, and links between operations
PROBES = 1  # requests that Schemathesis sends first, to find out what a server accepts
REPORTED = 5  # reported violations of a rule by an operation; further ones are only counted
SHRINKING = 40  # the maximum number of requests to shrink a finding
HARMLESS = "TRACE"  # the method to try where the contract has none, since any other could change something

Case = schemathesis.Case[Any]


class Fuzzing:
    """A run of Schemathesis over the operations of a contract.

    Args:
        context: the server, and the results to fill.
        contract: the contract with the operations.
        headers: the headers of every request.
        rate: the maximum number of requests per second; None for no limit.
        network: the network options.
        only: whether an operation is selected.
        allow_writes: whether rows may be created. They are marked and remembered, and no other rows are changed.
    """

    def __init__(
        self,
        context: CheckContext,
        contract: Contract,
        headers: Mapping[str, str],
        rate: float | None,
        network: Network = DEFAULT_NETWORK,
        *,
        allow_writes: bool,
        only: Only = every,
    ) -> None:
        self._context = context
        self._own = context.own
        self._endpoints = {endpoint.label: endpoint for endpoint in context.endpoint_map.endpoints}
        self._broken: Counter[tuple[str, str]] = Counter()
        self._finished = 0
        self._network = network
        self._methods = {
            each.label: (each.method, HARMLESS) for each in self._allowed(allow_writes=allow_writes) if only(each)
        }
        schema: Any = schemathesis.openapi.from_dict(
            dict(contract.document), config=self._config(headers, rate, network)
        )
        # Excluded one by one: what is included adds to what the configuration names.
        others = [each for label, each in self._endpoints.items() if label not in self._methods]
        for each in others:
            schema = schema.exclude(operation_id=each.place.value["operationId"])
        self._stream = from_schema(schema).execute()

    def _config(self, headers: Mapping[str, str], rate: float | None, network: Network) -> schemathesis.Config:
        return schemathesis.Config.from_dict(
            {
                "base-url": self._context.throttled_client.url,
                "headers": dict(headers),
                "tls-verify": str(network.ca_file) if network.ca_file else not network.insecure,
                "seed": self._context.random.getrandbits(32),
                "continue-on-failure": True,
                "cache": {"enabled": False},  # of requests of earlier runs, which the seed does not say
                "generation": {"max-examples": EXAMPLES, "no-shrink": True, "database": "none"},
                "phases": {"coverage": {"unexpected-methods": [HARMLESS.lower()]}},
                "operations": [
                    {"include-operation-id": operation_id, "phases": {"coverage": {"enabled": False}}}
                    for operation_id in self._alike()
                ],
                "checks": {BY_CONTRACT: {"enabled": False}},
                **({} if rate is None else {"rate-limit": limit_of(rate)}),
            }
        )

    def _alike(self) -> Iterator[str]:
        """All but one of the operations that select rows: they share their filters, whose edge cases are tested
        once.
        """
        selecting = [each for selection in self._context.endpoint_map.selections.values() for each in selection.all]
        tried = self._context.random.choice(selecting)
        yield from (each.place.value["operationId"] for each in selecting if each != tried)

    def _allowed(self, *, allow_writes: bool) -> Iterator[Endpoint]:
        """The operations that may be requested. One that deletes several rows may not: it would delete rows of
        others.
        """
        endpoint_map = self._context.endpoint_map
        removing = [selection.removes for selection in endpoint_map.selections.values()]
        yield from (each for each in endpoint_map.endpoints if each.is_safe or (allow_writes and each not in removing))

    def run(self, show: Callable[[float], object] = lambda share: None) -> None:
        """Send requests, record the findings in the verdict, and show the progress, from 0 to 1.

        Raises:
            KeyboardInterrupt: Schemathesis was interrupted. It finishes the current request first.
        """

        # Schemathesis knows a hook by its name, takes plain functions only, and these for all schemas of the process.
        def before_call(context: Any, case: Case, kwargs: dict[str, Any]) -> None:
            self._before_call(case)
            if tokens := self._context.throttled_client.tokens():
                kwargs["auth"] = partial(signed, tokens)

        def after_call(context: Any, case: Case, response: Any) -> None:
            self._after_call(case, response)

        self._context.throttled_client.spend(PROBES)
        for hook in (before_call, after_call):
            schemathesis.hook(hook)
        interrupted = False
        try:
            with self._network.in_environment(self._context.throttled_client.url):
                for event in self._stream:
                    # Schemathesis reports an interrupt, too, where it is stopped because the budget is spent.
                    interrupted |= isinstance(event, events.Interrupted) and not self._is_spent
                    self._take(event)
                    show(self._share)
        finally:
            self._stream.stop()
            for hook in (before_call, after_call):
                unregister(hook)

        if interrupted:
            raise KeyboardInterrupt

    @property
    def has_operations(self) -> bool:
        """Whether there is any operation to ask."""
        return bool(self._methods)

    @property
    def _is_spent(self) -> bool:
        """Whether no more requests may be sent."""
        return self._context.throttled_client.left <= 0

    @property
    def _share(self) -> float:
        """The approximate progress: each operation is tested in each of the phases, which may take several passes."""
        return min(self._finished / (PHASES * len(self._methods)), 1.0)

    # ------------------------------------------------------------------- hooks

    def _before_call(self, case: Case) -> None:
        """Keep to the budget, and to the rows of the run."""
        self._context.throttled_client.spend(1)
        if self._is_spent:
            self._stream.stop()
        if case.method.upper() not in self._methods.get(case.operation.label, ()):
            raise UnderstudyError(f"{case.method} {case.operation.label} must not be sent, and was not")
        endpoint = self._endpoints[case.operation.label]
        if not endpoint.is_safe:
            self._keep_to_own(case, endpoint)

    def _keep_to_own(self, case: Case, endpoint: Endpoint) -> None:
        endpoint_map, made = self._context.endpoint_map, self._own.made
        for lookup in (*endpoint_map.updates.values(), *endpoint_map.deletes.values()):
            value = str((case.path_parameters or {}).get(lookup.parameter))
            if lookup.endpoint == endpoint and is_id(value) and value not in made[lookup.table]:
                case.path_parameters = {**case.path_parameters, lookup.parameter: str(uuid4())}
        if (
            endpoint in endpoint_map.creates.values()
            and isinstance(case.body, dict)
            and self._may_be_taken(case, endpoint)
        ):
            marks = {name: self._own.mark() for name in self._context.names(endpoint) if name in case.body}
            case.body = {**case.body, **marks}

    def _after_call(self, case: Case, response: Any) -> None:
        answer = Answer(response.status_code, json_of(response.content))
        self._own.note(self._endpoints[case.operation.label], answer)

    # ---------------------------------------------------------------- findings

    def _take(self, event: events.EngineEvent) -> None:
        if isinstance(event, events.FatalError):
            raise event.exception
        if isinstance(event, events.ScenarioFinished):
            self._finished += 1
            self._judge(event.recorder)

    def _judge(self, recorder: ScenarioRecorder) -> None:
        for case_id, checks in recorder.checks.items():
            case = recorder.cases[case_id].value
            endpoint = self._endpoints[case.operation.label]
            for check in checks:
                is_broken = check.status is Status.FAILURE and not (
                    is_busy(recorder, case_id)
                    or is_of_no_operation(recorder, case_id, endpoint)
                    or self._is_excused(check.name, case, endpoint)
                )
                rule = Rule(f"{PREFIX}{check.name}", RULES.get(check.name, check.name))
                self._context.results.count(rule, endpoint.label)
                self._broken[rule.name, endpoint.label] += is_broken
                if is_broken and self._broken[rule.name, endpoint.label] <= REPORTED:
                    found = f"{status_of(recorder, case_id)}{finding_of(check)}"
                    self._blame(rule, endpoint, self._request(recorder, case_id, endpoint), found)

    def _blame(self, rule: Rule, endpoint: Endpoint, request: Request, found: str) -> None:
        """Record a violation, with as small a request as still gets a wrong response of the same status."""
        smaller = self._smaller(endpoint, request)
        subject = SEPARATOR.join(names_in(smaller.body))
        self._context.results.blame(rule, endpoint.label, subject, Broken((smaller,), rule.says, found))

    def _smaller(self, endpoint: Endpoint, request: Request) -> Request:
        if not endpoint.is_safe or request.method != endpoint.method or not isinstance(request.body, dict):
            return request
        status = self._context.throttled_client.ask(request).status

        def shows(body: Any) -> bool:
            return self._context.fault(endpoint, replace(request, body=body)) == status

        return replace(request, body=smallest(request.body, shows, SHRINKING))

    def _is_excused(self, check: str, case: Case, endpoint: Endpoint) -> bool:
        """Whether a failure does not count: a lenient server may accept the request, or a handler may refuse it."""
        body = endpoint.body
        if check == "negative_data_rejection":
            return (body is not None and may_be_changed(body)) or self._may_be_taken(case, endpoint)
        if check != "positive_data_acceptance":
            return False
        has_further_rules = body is not None and may_be_refused(body)
        is_optional = endpoint.success is None or endpoint.may_be_off or has_further_rules
        return is_optional or not self._may_be_taken(case, endpoint)

    def _may_be_taken(self, case: Case, endpoint: Endpoint) -> bool:
        headers = {str(name): str(value) for name, value in (case.headers or {}).items()}
        raw = b"" if isinstance(case.body, schemathesis.core.NotSet) else json.dumps(case.body).encode()
        path = {name: str(value) for name, value in (case.path_parameters or {}).items()}
        query = urlencode(case.query or {}, doseq=True)
        return None in self._context.interpreter.refusals(endpoint, raw, headers, path, query)

    def _request(self, recorder: ScenarioRecorder, case_id: str, endpoint: Endpoint) -> Request:
        """The request of a test case, as it is reported."""
        sent = recorder.interactions[case_id].request
        base = urlsplit(self._context.throttled_client.url).path
        url = urlsplit(sent.uri)
        path = url.path.removeprefix(base) + (f"?{url.query}" if url.query else "")
        headers = {name: values[0] for name, values in sent.headers.items() if name.lower() in self._named(endpoint)}
        return Request(sent.method, path, endpoint.path, json_of(sent.body or b"null"), endpoint.body, headers)

    def _named(self, endpoint: Endpoint) -> set[str]:
        """The headers that the contract names."""
        parameters = endpoint.place.each("parameters")
        return {place.value["name"].lower() for place in parameters if place.value["in"] == "header"}


def signed(headers: Mapping[str, str], request: requests.PreparedRequest) -> requests.PreparedRequest:
    """A request with headers that are not part of its test case."""
    request.headers.update(headers)
    return request


def is_busy(recorder: ScenarioRecorder, case_id: str) -> bool:
    """Whether a response only says that the server is busy."""
    response = recorder.interactions[case_id].response
    return response is not None and response.status_code == HTTPStatus.SERVICE_UNAVAILABLE


def is_of_no_operation(recorder: ScenarioRecorder, case_id: str, endpoint: Endpoint) -> bool:
    """Whether a response is a 404 because no operation has the path of the request."""
    response, values = recorder.interactions[case_id].response, recorder.cases[case_id].value.path_parameters or {}
    return response is not None and response.status_code == HTTPStatus.NOT_FOUND and not fits(endpoint, values)


def fits(endpoint: Endpoint, values: Mapping[str, Any]) -> bool:
    """Whether an operation has the path with some values: ids where it takes ids, and no line end, which ends a path
    for a real server.

    Args:
        endpoint: the operation.
        values: the values by parameter, as they are sent.
    """
    in_path = [each for each in endpoint.place.each("parameters") if each.value["in"] == "path"]
    ids = [each.value["name"] for each in in_path if each["schema"].value.get("format") == "uuid"]
    has_line_end = any("\n" in unquote(str(each)) for each in values.values())
    return not has_line_end and all(is_id(str(values.get(name))) for name in ids)


def status_of(recorder: ScenarioRecorder, case_id: str) -> str:
    """The status of a response, to begin the description of a finding; empty without a response."""
    response = recorder.interactions[case_id].response
    return "" if response is None else f"{response.status_code}, "


def finding_of(check: CheckNode) -> str:
    """The finding of a check."""
    failure = check.failure_info.failure if check.failure_info else None
    return one_line(f"{failure.title}: {failure.message}" if failure else "a failure")


def json_of(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return content.decode("utf-8", "replace")


def limit_of(rate: float) -> str:
    """A rate, in requests per second, in the format of Schemathesis."""
    return f"{int(rate)}/s" if rate >= 1 else f"{max(1, int(rate * SECONDS))}/h"
