"""What Understudy answers with the same rows as the server."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Protocol

from understudy.sampling.answers import Answer, Row
from understudy.sampling.random_requests import Request
from understudy.verify.expectations.model import Model


class MirrorServer(Protocol):
    """A server of our own with some rows."""

    def trace(self, request: Request) -> tuple[Answer, Collection[str]]:
        """The response to a request, and the tables that it depends on."""

    def close(self) -> None:
        """Free what it holds."""


class Mirror:
    """A server of our own with the known rows of another one.

    Args:
        start: starts a server with some rows by table.
    """

    def __init__(self, start: Callable[[Mapping[str, Iterable[Row]]], MirrorServer]) -> None:
        self._start = start
        self._server: MirrorServer | None = None
        self._version: int | None = None

    def expected(self, model: Model, version: int, request: Request) -> Answer | None:
        """The response to a request; None if it depends on rows that are not known.

        Args:
            model: the known rows.
            version: differs if they differ.
            request: is sent to the server of our own.
        """
        server = self._server
        if server is None or version != self._version:
            self.close()
            known = [name for name in sorted(model.tables - model.partial) if model.known[name]]
            server = self._server = self._start({name: complete(model, name) for name in known})
            self._version = version
        answer, used = server.trace(request)
        return answer if is_known(model, used) else None

    def close(self) -> None:
        """Stop the server, if it runs."""
        if self._server is not None:
            self._server.close()
        self._server = None


def is_known(model: Model, tables: Collection[str]) -> bool:
    """Whether all rows of some tables are known."""
    return model.tables.issuperset(tables) and model.partial.isdisjoint(tables)


def complete(model: Model, table: str) -> list[dict[str, Any]]:
    """The known rows of a table, with the values of fields that responses do not show."""
    names = model.hidden_in(table)
    return [{**copied(names, row), **row} for row in model.known[table].values()]


def copied(names: Iterable[str], row: Row) -> dict[str, Any]:
    """The values of fields that are those within a shown object: `state_name` is the `name` of the field `state`."""
    return {
        name: part[name.removeprefix(f"{field}_")]
        for name in names
        for field, part in row.items()
        if isinstance(part, dict) and name.startswith(f"{field}_") and name.removeprefix(f"{field}_") in part
    }
