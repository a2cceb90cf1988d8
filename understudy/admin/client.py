"""A client of the control API, for tests and for `understudy admin`."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import UUID, uuid4

import httpx

from understudy.admin import PATH
from understudy.admin.control_url import is_at, is_state, is_whole, prefixes
from understudy.admin.records import Record
from understudy.errors import ErrorList, UnderstudyError
from understudy.loading.fixtures import SUFFIX, SUFFIXES, place_in, rows_in, strays
from understudy.loading.sources import Unreadable
from understudy.network.credentials import secret_flaw
from understudy.network.network import DEFAULT_NETWORK, Network
from understudy.network.transport import Transport
from understudy.text import escape, to_json
from understudy.values import in_utc, is_id
from understudy.workspaces.registry import DEFAULT

PAGE = 1000  # requests per response, at most
SHORT = 200  # characters of a body that are shown on a line
INTERVAL = 0.5  # seconds between polls for new requests
TIMEOUT = 60  # seconds; a large fixture set takes some to load
NO_KEEPALIVE = httpx.Limits(max_keepalive_connections=0)
JSON = {"content-type": "application/json"}
NO_JSON = object()


class ControlError(UnderstudyError):
    """A call to the control API failed: it was refused, or the server has no control API."""


class Refused(ControlError):
    """The response is an error of the control API."""


class Unrecognized(Refused):
    """The response does not look like one of Understudy's."""


@dataclass(frozen=True)
class Explanation:
    """Whether a row meets a filter request, with the control API's tree of reasons in `finding`."""

    finding: dict[str, Any]

    @property
    def met(self) -> bool:
        return bool(self.finding["met"])

    def __str__(self) -> str:
        return "\n".join(lines_of(self.finding))


def lines_of(finding: Mapping[str, Any], depth: int = 0) -> Iterator[str]:
    """A tree of findings as indented lines."""
    yield f"{'  ' * depth}{'+' if finding['met'] else '-'} {escape(finding['text'])}"
    for part in finding["parts"]:
        yield from lines_of(part, depth + 1)


@dataclass(frozen=True)
class Found:
    """The requests that match, the newest first; without a match, the most similar ones and how they differ.

    It is false without a match. Its text lists the requests.
    """

    requests: list[dict[str, Any]]
    nearest: list[dict[str, Any]]

    def __len__(self) -> int:
        return len(self.requests)

    def __str__(self) -> str:
        if self.requests:
            return "\n".join(map(line_of, self.requests))
        lines = ["no such request" + ("; the nearest:" if self.nearest else ", nor a similar one")]
        for near in self.nearest:
            lines += [line_of(near["request"]), *(f"  {escape(difference)}" for difference in near["differences"])]
        return "\n".join(lines)

    __repr__ = __str__


def line_of(request: Mapping[str, Any]) -> str:
    """A request and its response on one line."""
    query = f"?{request['query']}" if request["query"] else ""
    body = "" if request["body"] is None else f" {shortened(request['body'])}"
    return escape(f"{request['method']} {request['path']}{query}{body} -> {outcome_of(request)}")


def outcome_of(request: Mapping[str, Any]) -> str:
    """The status of a response, its body if it is an error, and the faults that were applied."""
    faults = f" (fault: {'; '.join(request['faults'])})" if request["faults"] else ""
    status = request["status"]
    if status is None:
        return f"{'no response' if request['is_over'] else 'in progress'}{faults}"
    error = f": {shortened(request['answer'])}" if status >= httpx.codes.BAD_REQUEST else ""
    return f"{status} in {request['seconds'] * 1000:.1f} ms{faults}{error}"


def shortened(body: Any) -> str:
    """The JSON of a body, cut if it is long."""
    text = to_json(body)
    return text if len(text) <= SHORT else f"{text[:SHORT]}…"


def timed_line_of(request: Mapping[str, Any]) -> str:
    """A request and its response on one line, after the time of day in the local time zone."""
    moment = datetime.fromisoformat(request["time"].replace("Z", "+00:00")).astimezone()
    return f"{moment.time().isoformat('milliseconds')} {line_of(request)}"


class RemoteClock:
    """The clock of a workspace.

    It is the machine's until it is set. It can be set back; no row is changed then.

    Args:
        call: makes a control call.
        workspace: its name.
    """

    def __init__(self, call: Callable[..., Any], workspace: str) -> None:
        self._call = call
        self._params = {"workspace": workspace}

    @property
    def state(self) -> dict[str, Any]:
        """The `time`, whether the clock `is_frozen`, and whether it `is_machine`: whether it was never set."""
        return dict(self._call("GET", "/clock", params=self._params))

    def now(self) -> datetime:
        """The time that it shows, in UTC."""
        return time_of(self.state)

    def freeze(self, time: datetime | str | None = None) -> datetime:
        """Have it stand still, at a time, or at the present one. Returns the time.

        Args:
            time: a time, or a text such as "2026-03-29T00:00Z"; in UTC, if it has no offset.
        """
        return self._put(time=time, is_frozen=True)

    def set(self, time: datetime | str) -> datetime:
        """Set it to a time. It stands still or runs, as before. Returns the time."""
        return self._put(time=time)

    def advance(self, duration: timedelta | float | None = None, **units: float) -> datetime:
        """Move it forward, by at most a year. Returns the time.

        Args:
            duration: how far, as a `timedelta` or in seconds.
            units: the same by unit, as for `timedelta`: `hours=3`.

        Raises:
            TypeError: a unit does not exist, or neither a duration nor units are given, or both.
        """
        if (duration is None) == (not units):
            raise TypeError("advance() takes either a duration or units, such as hours=3")
        given = timedelta(**units) if duration is None else duration
        return self._put(advance=given.total_seconds() if isinstance(given, timedelta) else given)

    def resume(self) -> datetime:
        """Have it run again, from the time that it shows. Returns the time."""
        return self._put(is_frozen=False)

    def reset(self) -> None:
        """Use the machine's clock again."""
        self._call("DELETE", "/clock", params=self._params)

    def _put(self, **change: Any) -> datetime:
        return time_of(self._call("PUT", "/clock", change, params=self._params))


def time_of(clock: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(clock["time"].replace("Z", "+00:00"))


class RemoteFaults:
    """The fault rules of a workspace; for the API's plain URL, those for all workspaces of the server.

    Args:
        call: makes a control call.
        workspace: its name.
    """

    def __init__(self, call: Callable[..., Any], workspace: str) -> None:
        self._call = call
        self._params = {} if workspace == DEFAULT else {"workspace": workspace}

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rules)

    @property
    def rules(self) -> list[dict[str, Any]]:
        """Each `rule`, how many requests it `matched`, and how many of them it was `applied` to."""
        return list(self._call("GET", "/faults", params=self._params)["rules"])

    def add(self, **rule: Any) -> None:
        """Add a rule after the present ones. All of them restart: their counts, and the time until they expire."""
        self.replace([*(each["rule"] for each in self), rule])

    def replace(self, rules: Iterable[Mapping[str, Any]]) -> None:
        """Replace all rules by these."""
        self._call("PUT", "/faults", {"rules": list(rules)}, params=self._params)

    def clear(self) -> None:
        """Remove all rules."""
        self._call("DELETE", "/faults", params=self._params)


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
        self.url = url.rstrip("/")
        self.before_reading: Callable[[], None] = nothing  # what makes sure that all rows have arrived
        if prefix is not None:
            self._prefix = prefix
        flaw = None if token is None else secret_flaw("admin_token", token)
        if flaw is not None:
            raise ControlError(f"`token` {flaw}")
        try:
            self.name = name_of(self.url)
            # Its own transport keeps no connections, since nobody closes it.
            own = Transport(network, self.url, limits=NO_KEEPALIVE) if transport is None else None
            self._proxy = own and own.proxy
            self._http = httpx.Client(
                base_url=site_of(self.url),
                headers={} if token is None else {"authorization": f"Bearer {token}"},
                timeout=TIMEOUT,
                trust_env=False,
                transport=transport or own,
            )
        except (ValueError, httpx.InvalidURL) as error:
            raise ControlError(f"{self.url} is not a URL ({error})") from None
        except UnderstudyError as error:
            raise ControlError(str(error)) from None

    def __enter__(self) -> "RemoteWorkspace":
        return self

    def __exit__(self, *exception: object) -> None:
        self.drop()

    # --------------------------------------------------------------------- rows

    def state(self) -> dict[str, Any]:
        """The state of the server: its version, memory, fixture set, journal and all workspaces."""
        return dict(self._call("GET", "/state"))

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
        what = {"set": rows} if isinstance(rows, str) else {"rows": rows_of(rows) if isinstance(rows, Path) else rows}
        return self._rows("POST", "/fixtures", {**what, "replace": replace})

    def save(self, snapshot: str) -> None:
        """Save the rows and the clock as a snapshot."""
        self._rows("PUT", snapshot_path(snapshot))

    def restore(self, snapshot: str) -> dict[str, int]:
        """Restore the rows and the clock of a snapshot. Returns the number of rows by table."""
        return self._rows("POST", f"{snapshot_path(snapshot)}/restore")

    def delete_snapshot(self, snapshot: str) -> None:
        """Delete a snapshot."""
        self._call("DELETE", snapshot_path(snapshot), params={"workspace": self.name})

    def drop(self) -> list[str]:
        """Delete the workspace; its next use creates a new one. Returns its name, or nothing if it was never used."""
        result = self._call("DELETE", "/workspaces", params={"workspace": self.name}, missing_ok=True)
        return list(result["dropped"]) if result else []

    def drop_idle(self, seconds: float) -> list[str]:
        """Delete all workspaces of the server that were not used for so many seconds. Returns their names."""
        return list(self._call("DELETE", "/workspaces", params={"idle": seconds})["dropped"])

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
        """
        self.before_reading()
        selected = {"since": None if since is None else since.isoformat(), "is_new": only_new or None}
        given = {name: value for name, value in selected.items() if value is not None}
        params = {"workspace": self.name, **given}
        found = (Record(table, row) for row in self._call("GET", f"/rows/{table}", params=params))
        return [record for record in found if record.has(fields)]

    def __getattr__(self, table: str) -> "Callable[..., list[Record]]":
        if table.startswith("_") or "url" not in self.__dict__:  # an attribute that is not set yet
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
        return int(self._call("POST", "/requests/count", {"workspace": self.name, **search}))

    def clear(self) -> None:
        """Delete the workspace's requests from the journal."""
        self._call("DELETE", "/requests", params={"workspace": self.name})

    def explain(self, path: str, body: Mapping[str, Any] | None, id: UUID | str) -> Explanation:
        """Why the row with an id is in the result of a filter request, or not.

        Args:
            path: the request's path, below the base path of the API.
            body: the request's body.
            id: the row's id.
        """
        question = {"path": path, "body": body, "id": id}
        return Explanation(self._call("POST", "/explain", question, params={"workspace": self.name}))

    # -------------------------------------------------------------------- clock

    @property
    def clock(self) -> RemoteClock:
        """The clock, by which all times are written and everything falls due."""
        return RemoteClock(self._call, self.name)

    # ------------------------------------------------------------------- faults

    @property
    def faults(self) -> RemoteFaults:
        """The fault rules."""
        return RemoteFaults(self._call, self.name)

    # ------------------------------------------------------------------ control

    def _rows(self, method: str, path: str, body: Any = None) -> dict[str, int]:
        return dict(self._call(method, path, body, params={"workspace": self.name})["rows"])

    def _pages(self, method: str, path: str, body: Any = None, **params: Any) -> Iterator[dict[str, Any]]:
        """The pages of a list of requests, the newest requests first."""
        before: dict[str, int] = {}
        while True:
            page = self._call(method, path, body, params={**params, **before})
            yield page
            following = page["next"]
            if following is None:
                return
            if before and following >= before["before"]:
                raise Unrecognized(f"{self.url} returned pages of requests without an end; is it an Understudy server?")
            before = {"before": following}

    def _call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: Mapping[str, Any] | None = None,
        missing_ok: bool = False,
    ) -> Any:
        """The result of a call. With `missing_ok`, None if what it is about does not exist."""
        return self._request(self._prefix, method, path, body, params=params, missing_ok=missing_ok)

    @cached_property
    def _prefix(self) -> str:
        """The prefix of the server's paths in the URL."""
        path = urlsplit(self.url).path
        refusals: list[ControlError] = []
        others: list[ControlError] = []
        for prefix in prefixes(path):
            try:
                state = self._request(prefix, "GET", "/state")
            except Unrecognized as error:
                others.append(error)
                continue
            except Refused as error:
                refusals.append(error)
                continue
            if not is_state(state):
                others.append(Unrecognized(f"{self.url} is not a URL of an Understudy server"))
            elif is_at(path.removeprefix(prefix), state):
                return prefix
            else:
                there = f"{site_of(self.url)}{prefix}{state['api']}"
                others.insert(0, ControlError(f"{self.url} is not a URL of the API, which is at {there}"))
        raise [*refusals, *others][0]

    def _request(
        self,
        prefix: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: Mapping[str, Any] | None = None,
        missing_ok: bool = False,
    ) -> Any:
        content = None if body is None else json.dumps(body, default=plain)
        try:
            response = self._http.request(method, f"{prefix}{PATH}{path}", params=params, content=content, headers=JSON)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise ControlError(f"{self.url} cannot be reached ({error})") from None
        value = value_of(response)
        if response.is_success and value is not NO_JSON:
            return value
        reason = reason_in(response, value)
        if missing_ok and reason and response.status_code == httpx.codes.NOT_FOUND:
            return None
        if reason:
            raise Refused(reason)
        via = "" if self._proxy is None else f" through the proxy {self._proxy}"
        raise Unrecognized(f"{response.url} returned {response.status_code}{via}; is it an Understudy server?")


def nothing() -> None:
    """Rows arrive with the requests that make them."""


def url_at(url: str, token: str | None = None) -> str:
    """The URL of the API at a URL, which may lack the API's own path.

    Raises:
        ControlError: no Understudy server responds there, or it requires another token.
    """
    with httpx.HTTPTransport() as transport:
        state = RemoteWorkspace(url, transport, token).state()
    url = url.rstrip("/")
    return url if is_whole(urlsplit(url).path, state) else f"{url}{state['api']}"


def site_of(url: str) -> str:
    """The scheme, host and port of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


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
    if not name.strip(".") or "/" in name or not name.isprintable():
        raise ControlError(f"{name!r} is not a valid name for a snapshot: it takes printable characters without `/`")
    return f"/snapshots/{quote(name, safe='')}"


def rows_of(folder: Path) -> dict[str, list[Any]]:
    """The rows of a fixture set, by the stems of its files.

    Raises:
        ControlError: there are no rows, a file of another kind is there, or a row is not JSON.
    """
    errors, rows = ErrorList(), {}
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES)
        for path in paths:
            if path.stem in rows:
                raise ControlError(f"{folder} has two files for `{path.stem}`; keep one of them")
            rows[path.stem] = list(values_in(path, errors))
        for warning in strays(folder, rows):
            errors.add(warning)
    except OSError as error:
        raise ControlError(f"{folder} cannot be read ({error})") from None
    if errors:
        raise ControlError(str(errors))
    if not rows:
        raise ControlError(f"there are no {SUFFIX} files in {folder}")
    return rows


def values_in(path: Path, errors: ErrorList) -> Iterator[Any]:
    """The rows of a file. A row that is not JSON is added to the errors."""
    try:
        for line, row in rows_in(path):
            yield from parsed(row, place_in(path, line), errors)
    except Unreadable as error:
        errors.add(f"{place_in(path, error.position)}: {error}")


def parsed(row: bytes | str, place: str, errors: ErrorList) -> Iterator[Any]:
    try:
        yield json.loads(row)
    except (ValueError, RecursionError) as error:
        errors.add(f"{place}: not JSON ({error})")


def plain(value: Any) -> Any:
    """Convert a value that `json` cannot serialize: iterables of rows, ids, times.

    A time without an offset is in UTC.
    """
    if isinstance(value, datetime):
        return in_utc(value).isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, Iterable) else str(value)


def value_of(response: httpx.Response) -> Any:
    try:
        return response.json() if response.content else None
    except (ValueError, RecursionError):
        return NO_JSON


def reason_in(response: httpx.Response, body: Any) -> str | None:
    """Why Understudy refuses a call, on one line; None if the body states no more than the status."""
    if isinstance(body, dict) and "detail" in body and body["detail"] != response.reason_phrase:
        return str(body["detail"])
    if isinstance(body, dict) and "exception_detail" in body:
        return "; ".join(f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in body["exception_detail"])
    return None
