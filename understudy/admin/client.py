"""A client of the control API, for tests and for `understudy admin`."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import UUID, uuid4

import httpx

from understudy.admin.control_calls import ControlCalls
from understudy.admin.control_errors import ControlError, Unrecognized
from understudy.admin.control_url import is_whole
from understudy.admin.explanation import Explanation
from understudy.admin.found_requests import Found
from understudy.admin.records import Record
from understudy.admin.remote_clock import RemoteClock
from understudy.admin.remote_faults import RemoteFaults
from understudy.errors import did_you_mean
from understudy.network.direct_transport import DirectTransport
from understudy.network.network import DEFAULT_NETWORK, Network
from understudy.network.proxies import without_password
from understudy.values import is_id
from understudy.workspaces.workspace_names import DEFAULT

PAGE = 1000  # requests per response, at most
INTERVAL = 0.5  # seconds between polls for new requests


class RemoteWorkspace:
    """A workspace of a running server, given by its URL.

    Every method raises `ControlError` if the server cannot be reached or refuses the call, which then changes nothing.
    Used as a context manager, the workspace is dropped at the end.

    Args:
        url: the URL that clients use, such as "http://127.0.0.1:4200/api", or one with the ids of a workspace. It may
            have the prefix below which a proxy serves the API.
        transport: how the server is reached; by default a new one.
        token: the server's `admin_token`, if it has one.
        prefix: the prefix before the server's own paths. By default it is found by trying.
        network: the proxy and the certificates for a new transport; by default those of the environment.

    Raises:
        ControlError: the URL, the token, the proxy or the certificates cannot be used.
    """

    def __init__(
        self,
        url: str,
        transport: httpx.BaseTransport | None = None,
        token: str | None = None,
        *,
        prefix: str | None = None,
        network: Network = DEFAULT_NETWORK,
    ) -> None:
        if not isinstance(url, str):
            raise ControlError(f"a URL is a text, such as http://127.0.0.1:4200/api, not {url!r}")
        self.url = url.rstrip("/")
        self.before_reading: Callable[[], None] = nothing  # what makes sure that all rows have arrived
        self._calls = ControlCalls(self.url, transport, token, prefix, network)
        self.name = name_of(self.url)

    def __enter__(self) -> "RemoteWorkspace":
        return self

    def __exit__(self, *exception: object) -> None:
        self.drop()

    # --------------------------------------------------------------------- rows

    def state(self) -> dict[str, Any]:
        """The state of the server: its version, memory, fixture set, journal and all workspaces."""
        return dict(self._calls.call("GET", "/state"))

    def reset(self) -> dict[str, int]:
        """Reset to the rows of the fixture set, and the clock. Returns the number of rows by table."""
        return self._rows("POST", "/reset")

    def load(
        self, rows: Mapping[str, Iterable[Mapping[str, Any]]] | str | Path, *, replace: bool = False
    ) -> dict[str, int]:
        """Load rows: by table, from a folder of JSON Lines, or from a fixture set of the server by its name.

        Args:
            rows: the rows by table, the `Path` of a folder, or the name of a fixture set.
            replace: whether to delete the present rows first.

        Returns:
            The number of rows by table.
        """
        what = {"set": rows} if isinstance(rows, str) else {"rows": rows_in(rows) if isinstance(rows, Path) else rows}
        return self._rows("POST", "/fixtures", {**what, "replace": replace})

    def save(self, snapshot: str) -> None:
        """Save the rows and the clock as a snapshot."""
        self._rows("PUT", snapshot_path(snapshot))

    def restore(self, snapshot: str) -> dict[str, int]:
        """Restore the rows and the clock of a snapshot. Returns the number of rows by table."""
        return self._rows("POST", f"{snapshot_path(snapshot)}/restore")

    def delete_snapshot(self, snapshot: str) -> None:
        """Delete a snapshot."""
        self._calls.call("DELETE", snapshot_path(snapshot), params={"workspace": self.name})

    def drop(self) -> list[str]:
        """Delete the workspace; its next use creates a new one. Returns its name, or nothing if it was never used."""
        result = self._calls.call("DELETE", "/workspaces", params={"workspace": self.name}, missing_ok=True)
        return list(result["dropped"]) if result else []

    def drop_idle(self, seconds: float) -> list[str]:
        """Delete all workspaces of the server that were not used for so many seconds. Returns their names."""
        return list(self._calls.call("DELETE", "/workspaces", params={"idle": seconds})["dropped"])

    def rows(
        self, table: str, since: datetime | None = None, *, only_new: bool = False, **fields: Any
    ) -> "list[Record]":
        """The rows of a table as responses show them, the earliest first.

        The tables are attributes, too: `workspace.pets(name="Rex")` is `workspace.rows("pets", name="Rex")`.

        Args:
            table: the name of the table.
            since: only rows that were created at this time or later.
            only_new: only rows that the fixture set does not have.
            fields: only rows with these values.

        Raises:
            ControlError: there is no such table, or none of its rows has a field of that name.
        """
        self.before_reading()
        selected = {"since": since.isoformat() if isinstance(since, datetime) else since, "is_new": only_new or None}
        given = {name: value for name, value in selected.items() if value is not None}
        params = {"workspace": self.name, **given}
        path = f"/rows/{quote(str(table), safe='')}"
        found = [Record(table, row) for row in self._calls.call("GET", path, params=params)]
        check_fields(found, fields)
        return [record for record in found if record.has(fields)]

    def __getattr__(self, table: str) -> "Callable[..., list[Record]]":
        if table.startswith("__"):
            raise AttributeError(table)
        if "url" not in self.__dict__:
            raise AttributeError(f"there is no `{table}` yet: the server has not been started, by `with` or `start()`")
        if table.startswith("_"):
            raise AttributeError(table)
        return partial(self.rows, table)

    # ----------------------------------------------------------------- requests

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The requests to the workspace and their responses, the oldest first."""
        return self.recent()

    def recent(self, number: int | None = None, after: int = 0) -> list[dict[str, Any]]:
        """The last requests to the workspace and their responses, the oldest first.

        Args:
            number: how many; all by default.
            after: only requests with a larger `number`. The numbers count the requests to the server.
        """
        if number is not None and not (isinstance(number, int) and number >= 0):
            raise ControlError(f"the number of requests is a whole number from 0, or None for all, not {number!r}")
        limit = PAGE if number is None else min(number, PAGE)
        pages = self._pages("GET", "/requests", workspace=self.name, after=after, limit=limit) if limit else ()
        found = islice((request for page in pages for request in page["requests"]), number)
        return list(found)[::-1]

    def follow(self, number: int = 0, interval: float = INTERVAL) -> Iterator[dict[str, Any]]:
        """The last requests and then, without end, each new one once it is complete.

        Args:
            number: how many earlier requests.
            interval: seconds between polls for new ones.
        """
        known = self.recent(max(number, 1))
        last = known[0]["number"] - 1 if number and known else known[-1]["number"] if known else 0
        early: set[int] = set()  # numbers beyond `last` of complete requests, while earlier ones are in progress
        while True:
            requests = self.recent(after=last)
            for request in requests:
                if request["is_over"] and request["number"] not in early:
                    yield request
                    early.add(request["number"])
            in_progress = [request["number"] for request in requests if request["number"] not in early]
            last = min([*in_progress, 1 + max((request["number"] for request in requests), default=last)]) - 1
            early = {number for number in early if number > last}
            time.sleep(interval)

    def find(self, **search: Any) -> Found:
        """The requests with this `operation`, `method`, `path`, `status` and `body` (or part of it)."""
        pages = list(self._pages("POST", "/requests/find", {"workspace": self.name, **search}, limit=PAGE))
        return Found([request for page in pages for request in page["requests"]], pages[0]["nearest"])

    def count(self, **search: Any) -> int:
        """How many requests match; see `find`."""
        return int(self._calls.call("POST", "/requests/count", {"workspace": self.name, **search}))

    def clear(self) -> None:
        """Delete the workspace's requests from the journal."""
        self._calls.call("DELETE", "/requests", params={"workspace": self.name})

    def explain(self, path: str, body: Mapping[str, Any] | None, id: UUID | str) -> Explanation:
        """Why the row with an id is in the result of a filter request, or not.

        Args:
            path: the request's path, below the base path of the API.
            body: the request's body.
            id: the row's id.
        """
        question = {"path": path, "body": body, "id": id}
        return Explanation(self._calls.call("POST", "/explain", question, params={"workspace": self.name}))

    # -------------------------------------------------------------------- clock

    @property
    def clock(self) -> RemoteClock:
        """The clock, which determines all times that are written and everything that is due."""
        return RemoteClock(self._calls.call, self.name)

    # ------------------------------------------------------------------- faults

    @property
    def faults(self) -> RemoteFaults:
        """The fault rules."""
        return RemoteFaults(self._calls.call, self.name)

    # ------------------------------------------------------------------ control

    def _rows(self, method: str, path: str, body: Any = None) -> dict[str, int]:
        return dict(self._calls.call(method, path, body, params={"workspace": self.name})["rows"])

    def _pages(self, method: str, path: str, body: Any = None, **params: Any) -> Iterator[dict[str, Any]]:
        """The pages of a list of requests, the newest requests first."""
        before: dict[str, int] = {}
        while True:
            page = self._calls.call(method, path, body, params={**params, **before})
            yield page
            following = page["next"]
            if following is None:
                return
            if before and following >= before["before"]:
                shown = without_password(self.url)
                raise Unrecognized(f"{shown} returned pages of requests without an end; is it an Understudy server?")
            before = {"before": following}


def rows_in(folder: Path) -> dict[str, list[Any]]:
    # A lazy import: most tests load no folder, and reading rows needs much of the engine.
    from understudy.admin.row_files import rows_of  # noqa: PLC0415

    return rows_of(folder)


def check_fields(found: Sequence[Record], fields: Iterable[str]) -> None:
    """Check that rows can have some fields. A misspelt field would find no row, and a test that expects none pass.

    Raises:
        ControlError: no row has a field of this name.
    """
    known = {name for record in found for name in record.values}
    for field in fields:
        if known and field not in known:
            raise ControlError(f"no row of {found[0].table} has a field `{field}`{did_you_mean(field, known)}")


def nothing() -> None:
    """Does nothing: rows arrive with the requests that create them."""


def url_at(url: str, token: str | None = None) -> str:
    """The URL of the API at a URL, which may lack the API's own path.

    Raises:
        ControlError: no Understudy server responds there, or it requires another token.
    """
    with DirectTransport(DEFAULT_NETWORK) as transport:
        state = RemoteWorkspace(url, transport, token).state()
    url = url.rstrip("/")
    return url if is_whole(urlsplit(url).path, state) else f"{url}{state['api']}"


def name_of(url: str) -> str:
    """The workspace of a URL: the ids in its path."""
    return "/".join(part for part in urlsplit(url).path.split("/") if is_id(part)) or DEFAULT


def new_path(workspace_path: str) -> str:
    """The path of a new workspace."""
    return "/".join(str(uuid4()) if part.startswith("{") else part for part in workspace_path.split("/"))


def snapshot_path(name: str) -> str:
    """The path of a snapshot in the control API.

    Raises:
        ControlError: the name is not valid.
    """
    if not isinstance(name, str) or not name.strip(".") or "/" in name or not name.isprintable():
        raise ControlError(f"{name!r} is not a valid name for a snapshot: it takes printable characters without `/`")
    return f"/snapshots/{quote(name, safe='')}"
