"""A mutant for each status of each operation: another status is returned."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from tests.mutants.behaviours import replies
from tests.mutants.exchange import Answer, Request
from tests.mutants.generated.possible_statuses import possible_statuses
from tests.mutants.generated.vocabulary import mutant, operation_of
from tests.mutants.mutant import Mutant
from understudy.contract.catalog import Catalog
from understudy.verify.requests.endpoint import Endpoint
from understudy.verify.requests.endpoint_map import EndpointMap

NOT_ALLOWED = 405

OTHERS: Mapping[int, int] = {200: 201, 201: 200, 204: 200, 404: 400, 422: 400, 405: 404, 400: 422, 409: 400}


def mutants(endpoint_map: EndpointMap) -> Iterator[Mutant]:
    contract = endpoint_map.endpoints[0].place.contract
    for endpoint, status in possible_statuses(endpoint_map, Catalog.of(contract)):
        if status in OTHERS:

            def change(request: Request, answer: Answer, status: int = status) -> Answer:
                return replace(answer, status=OTHERS[status]) if answer.status == status else answer

            says = f"{endpoint.label} answers {OTHERS[status]} instead of {status}."
            yield mutant(f"{endpoint.label}:{status}", says, replies(operations_of(endpoint, status), change))


def operations_of(endpoint: Endpoint, status: int) -> str:
    """A regular expression for the requests that may get a status: those with any other method get 405."""
    operation = operation_of(endpoint)
    return f"[A-Z]+ {operation.partition(' ')[2]}" if status == NOT_ALLOWED else operation
