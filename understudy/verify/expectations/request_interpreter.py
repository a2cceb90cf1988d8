"""How the contract reads requests: what they select, and whether they must be refused."""

import json
from collections.abc import Mapping
from typing import Any

from understudy.contract.catalog import Catalog
from understudy.contract.reading import Reading
from understudy.errors import ApiError
from understudy.filters.criteria import Criteria
from understudy.operations.request_reader import RequestReader
from understudy.verify.requests.endpoint import Endpoint
from understudy.verify.requests.endpoint_map import EndpointMap


class RequestInterpreter:
    """Reads requests strictly and, unless `strict`, also as lenient servers do, which convert "5" to 5."""

    def __init__(self, endpoint_map: EndpointMap, catalog: Catalog, *, strict: bool) -> None:
        kinds = [Reading.STRICT] if strict else [Reading.STRICT, Reading.COERCED]
        self._readers = {
            endpoint.label: [RequestReader(endpoint.place, catalog, kind) for kind in kinds]
            for endpoint in endpoint_map.endpoints
        }

    def criteria(self, endpoint: Endpoint, body: Any) -> Criteria:
        """The criteria of a body.

        Raises:
            ApiError: the body is not valid in the contract.
        """
        criteria: Criteria = self._read(endpoint, body)["criteria"]
        return criteria

    def body(self, endpoint: Endpoint, body: Any) -> Mapping[str, Any]:
        """The values of a body, with defaults for omitted ones.

        Raises:
            ApiError: the body is not valid in the contract.
        """
        values: Mapping[str, Any] = self._read(endpoint, body)["body"]
        return values

    def _read(self, endpoint: Endpoint, body: Any) -> dict[str, Any]:
        by_letter = self._readers[endpoint.label][0]
        return by_letter.read({"headers": [], "query_string": b""}, json.dumps(body).encode())

    def refusals(
        self,
        endpoint: Endpoint,
        raw: bytes,
        headers: Mapping[str, str],
        path: Mapping[str, str] | None = None,
        query: str = "",
    ) -> list[ApiError | None]:
        """The error with which each reading refuses a request; None for a reading that accepts it.

        Args:
            endpoint: the operation.
            raw: the body.
            headers: the headers.
            path: the values of the parameters in the path; None for an operation that has none.
            query: the query string.
        """
        scope = {
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "query_string": query.encode(),
            "path_params": {} if path is None else dict(path),
        }
        return [refusal(reader, raw, scope) for reader in self._readers[endpoint.label]]


def refusal(reader: RequestReader, raw: bytes, scope: dict[str, Any]) -> ApiError | None:
    try:
        reader.read(scope, raw)
    except ApiError as error:
        return error
    return None
