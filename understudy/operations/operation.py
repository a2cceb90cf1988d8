"""One operation of an API, as it is served."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from understudy.contract.contract import Place
from understudy.operations.request_reader import RequestReader


class Prepared(NamedTuple):
    """A compiled operation.

    `takes_subject` is true if the handler takes the subject of the API, such as a workspace, before the arguments from
    the request, and `of_request` has the names of `OF_REQUEST` that it takes.
    """

    handler: Callable[..., Any]
    takes_subject: bool
    reader: RequestReader
    of_request: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Operation:
    """One operation: its place in the contract, its route, its handler and the status of its response.

    `path` is the path in the contract, with names in braces; `path_parameters` has for each of these names whether it
    takes ids. `prepare` compiles the operation, on first use.
    """

    id: str
    method: str
    path: str
    place: Place
    path_parameters: Mapping[str, bool]
    status: int
    prepare: Callable[[], Prepared]

    @cached_property
    def prepared(self) -> Prepared:
        with self.place.blamed():
            return self.prepare()

    @property
    def handler(self) -> Callable[..., Any]:
        return self.prepared.handler

    @property
    def takes_subject(self) -> bool:
        return self.prepared.takes_subject

    @property
    def of_request(self) -> frozenset[str]:
        return self.prepared.of_request

    @property
    def reader(self) -> RequestReader:
        return self.prepared.reader

    def with_handler(self, handler: Callable[..., Any]) -> "Operation":
        """The same operation with another handler."""
        return replace(self, prepare=lambda: self.prepared._replace(handler=handler))

    @property
    def is_safe(self) -> bool:
        """Whether it does not change anything."""
        return self.method == "GET" or bool(self.place.value.get("x-safe"))

    @property
    def is_open(self) -> bool:
        """Whether it requires no authentication."""
        return bool(self.place.value.get("x-open"))

    @property
    def issues_tokens(self) -> bool:
        """Whether it issues tokens against cross-site request forgery."""
        return bool(self.place.value.get("x-issues-tokens"))
