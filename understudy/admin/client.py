"""A workspace of a running server, through the control API: for tests, and for `understudy admin`."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import UUID, uuid4

import httpx

from understudy.admin import PATH
from understudy.admin.control_url import is_at, is_state, is_whole, prefixes
from understudy.errors import Mistakes, UnderstudyError
from understudy.loading.fixtures import SUFFIX, SUFFIXES, place_in, rows_in, strays
from understudy.loading.sources import Unreadable
from understudy.network.credentials import secret_flaw
from understudy.network.network import USUAL, Network
from understudy.network.transport import Transport
from understudy.text import escape, to_json
from understudy.values import in_utc, is_id
from understudy.workspaces.registry import DEFAULT

PAGE = 1000  # requests of one answer, at most
SHORT = 200  # characters of a body that are shown in a line
INTERVAL = 0.5  # seconds between looks for new requests
TIMEOUT = 60  # seconds; a set may take some to load
UNKEPT = httpx.Limits(max_keepalive_connections=0)
JSON = {"content-type": "application/json"}
NO_JSON = object()


class ControlError(UnderstudyError):
    """The server refuses a control call, or is none that has one."""


class Refused(ControlError):
    """There was an answer, which was no success."""


class Unknown(Refused):
    """It was not Understudy that answered, as far as the answer tells."""


@dataclass(frozen=True)
class Explanation:
    """Whether a row meets a filter request, and in `finding`, as the control API answers it, what of it it meets."""

    finding: dict[str, Any]

    @property
    def met(self) -> bool:
        return bool(self.finding["met"])

    def __str__(self) -> str:
        return "\n".join(lines_of(self.finding))


def lines_of(finding: Mapping[str, Any], depth: int = 0) -> Iterator[str]:
    """A tree of findings, a line each, those within further to the right."""
    yield f"{'  ' * depth}{'+' if finding['met'] else '-'} {escape(finding['says'])}"
    for part in finding["parts"]:
        yield from lines_of(part, depth + 1)


@dataclass(frozen=True)
class Found:
    """The requests that were found, the newest first; where none was, those that are least unlike, and in what.

    It is true where some were found, and says what was near where it is printed.
    """

    requests: list[dict[str, Any]]
    nearest: list[dict[str, Any]]

    def __len__(self) -> int:
        return len(self.requests)

    def __str__(self) -> str:
        if self.requests:
            return "\n".join(map(line_of, self.requests))
        lines = ["no such request" + ("; the nearest:" if self.nearest else ", and none that is near")]
        for near in self.nearest:
            lines += [line_of(near["request"]), *(f"  {escape(difference)}" for difference in near["differences"])]
        return "\n".join(lines)

    __repr__ = __str__


def line_of(request: Mapping[str, Any]) -> str:
    """A request and its answer in a line."""
    query = f"?{request['query']}" if request["query"] else ""
    body = "" if request["body"] is None else f" {in_short(request['body'])}"
    return escape(f"{request['method']} {request['path']}{query}{body} -> {outcome_of(request)}")


def outcome_of(request: Mapping[str, Any]) -> str:
    """The status that a request came to, what was said where that is an error, and the faults that were applied."""
    faults = f" (fault: {'; '.join(request['faults'])})" if request["faults"] else ""
    status = request["status"]
    if status is None:
        return f"{'no answer' if request['is_over'] else 'in progress'}{faults}"
    said = f": {in_short(request['answer'])}" if status >= httpx.codes.BAD_REQUEST else ""
    return f"{status} in {request['seconds'] * 1000:.1f} ms{faults}{said}"


def in_short(body: Any) -> str:
    """The JSON of a body, cut where it is long."""
    text = to_json(body)
    return text if len(text) <= SHORT else f"{text[:SHORT]}…"


def timed_line_of(request: Mapping[str, Any]) -> str:
    """A request and its answer in a line that begins with the time of day, in the local time zone."""
    moment = datetime.fromisoformat(request["time"].replace("Z", "+00:00")).astimezone()
    return f"{moment.time().isoformat('milliseconds')} {line_of(request)}"


class RemoteFaults:
    """What goes wrong on purpose in a workspace; by the API's plain URL, in all workspaces of the server.

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
        """Each `rule`, how many requests it was about (`matched`), and how many it did something to (`applied`)."""
        return list(self._call("GET", "/faults", params=self._params)["rules"])

    def add(self, **rule: Any) -> None:
        """Add a rule behind those that are there; they begin anew, with what they count and when they expire."""
        self.replace([*(each["rule"] for each in self), rule])

    def replace(self, rules: Iterable[Mapping[str, Any]]) -> None:
        """Have these rules and no others."""
        self._call("PUT", "/faults", {"rules": list(rules)}, params=self._params)

    def clear(self) -> None:
        """Have no rules."""
        self._call("DELETE", "/faults", params=self._params)


class RemoteWorkspace:
    """A workspace of a running server, named by its API's URL.

    Every method raises ControlError where the server cannot be reached, or refuses; then it has
    changed nothing. As a context manager it is dropped at the end.

    Args:
        url: what clients use, "http://127.0.0.1:4200/api" or one with the ids of a workspace. A proxy may show the
            server below a prefix that it strips.
        transport: how the server is reached; by default a new one.
        token: what the control API needs, where the server was started with an `admin_token`.
        prefix: what stands before the server's own paths; by default it is found by asking.
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
        network: Network = USUAL,
    ) -> None:
        self.url = url.rstrip("/")
        if prefix is not None:
            self._prefix = prefix
        flaw = None if token is None else secret_flaw("admin_token", token)
        if flaw is not None:
            raise ControlError(f"`token` {flaw}")
        try:
            self.name = name_of(self.url)
            # Its own transport keeps no connections, since nobody closes it.
            own = Transport(network, self.url, limits=UNKEPT) if transport is None else None
            self._proxy = own and own.proxy
            self._http = httpx.Client(
                base_url=site_of(self.url),
                headers={} if token is None else {"authorization": f"Bearer {token}"},
                timeout=TIMEOUT,
                trust_env=False,
                transport=transport or own,
            )
        except (ValueError, httpx.InvalidURL) as error:
            raise ControlError(f"{self.url} is no URL ({error})") from None
        except UnderstudyError as error:
            raise ControlError(str(error)) from None

    def __enter__(self) -> "RemoteWorkspace":
        return self

    def __exit__(self, *exception: object) -> None:
        self.drop()

    # --------------------------------------------------------------------- rows

    def state(self) -> dict[str, Any]:
        """What the server is and holds, all workspaces of it."""
        return dict(self._call("GET", "/state"))

    def reset(self) -> dict[str, int]:
        """Back to the fixture set. Returns how many rows there are by table."""
        return self._rows("POST", "/reset")

    def load(
        self, rows: Mapping[str, Iterable[Mapping[str, Any]]] | str | Path, *, replace: bool = False
    ) -> dict[str, int]:
        """Load rows by table, a folder of JSON Lines, or a fixture set of the server by its name.

        Args:
            rows: the rows; a `str` is a name, a `Path` a folder.
            replace: whether the rows that are there go first.

        Returns:
            How many rows there are by table.
        """
        what = {"set": rows} if isinstance(rows, str) else {"rows": rows_of(rows) if isinstance(rows, Path) else rows}
        return self._rows("POST", "/fixtures", {**what, "replace": replace})

    def save(self, snapshot: str) -> None:
        """Put the rows aside under a name."""
        self._rows("PUT", snapshot_path(snapshot))

    def restore(self, snapshot: str) -> dict[str, int]:
        """Take back the rows that were put aside. Returns how many there are by table."""
        return self._rows("POST", f"{snapshot_path(snapshot)}/restore")

    def forget(self, snapshot: str) -> None:
        """Lose rows that were put aside."""
        self._call("DELETE", snapshot_path(snapshot), params={"workspace": self.name})

    def drop(self) -> list[str]:
        """Lose the workspace; at its next use it is a new one. Returns its name, or nothing where it was not used."""
        gone = self._call("DELETE", "/workspaces", params={"workspace": self.name}, absent=True)
        return list(gone["dropped"]) if gone else []

    def drop_idle(self, seconds: float) -> list[str]:
        """Lose all workspaces of the server that were not used for so long. Returns their names."""
        return list(self._call("DELETE", "/workspaces", params={"idle": seconds})["dropped"])

    # ----------------------------------------------------------------- requests

    @property
    def requests(self) -> list[dict[str, Any]]:
        """What was asked of the workspace, and the answers, the oldest first."""
        return self.recent()

    def recent(self, number: int | None = None, after: int = 0) -> list[dict[str, Any]]:
        """The last requests to the workspace, and the answers, the oldest first.

        Args:
            number: how many; all by default.
            after: only requests with a larger `number`, which counts the requests to the server.
        """
        limit = PAGE if number is None else min(number, PAGE)
        pages = self._pages("GET", "/requests", workspace=self.name, after=after, limit=limit) if limit else ()
        found = islice((request for page in pages for request in page["requests"]), number)
        return list(found)[::-1]

    def follow(self, number: int = 0, interval: float = INTERVAL) -> Iterator[dict[str, Any]]:
        """The last requests, and then, without end, each other one once it is over.

        Args:
            number: how many of those that were made before.
            interval: seconds between looks for new ones.
        """
        known = self.recent(max(number, 1))
        last = known[0]["number"] - 1 if number and known else known[-1]["number"] if known else 0
        early: set[int] = set()  # numbers beyond `last` whose requests are over; others before them are not
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
        """The requests that are like something: `operation`, `method`, `path`, `status`, `body` (or part of it)."""
        pages = list(self._pages("POST", "/requests/find", {"workspace": self.name, **search}, limit=PAGE))
        return Found([request for page in pages for request in page["requests"]], pages[0]["nearest"])

    def count(self, **search: Any) -> int:
        """How many requests are like something."""
        return int(self._call("POST", "/requests/count", {"workspace": self.name, **search}))

    def clear(self) -> None:
        """Forget what was asked of the workspace."""
        self._call("DELETE", "/requests", params={"workspace": self.name})

    def explain(self, path: str, body: Mapping[str, Any] | None, id: UUID | str) -> Explanation:
        """Why the row of an id is in the answer to a filter request, or is not.

        Args:
            path: the request's, below the base path of the API.
            body: the request's.
            id: the row's.
        """
        asked = {"path": path, "body": body, "id": id}
        return Explanation(self._call("POST", "/explain", asked, params={"workspace": self.name}))

    # ------------------------------------------------------------------- faults

    @property
    def faults(self) -> RemoteFaults:
        """The rules about what goes wrong on purpose."""
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
            if page["next"] is None:
                return
            before = {"before": page["next"]}

    def _call(
        self, method: str, path: str, body: Any = None, *, params: Mapping[str, Any] | None = None, absent: bool = False
    ) -> Any:
        """What a control call answers; `absent` says that it may be about what is not there."""
        return self._answer(self._prefix, method, path, body, params=params, absent=absent)

    @cached_property
    def _prefix(self) -> str:
        """The prefix with which the server's API is where the URL says."""
        path = urlsplit(self.url).path
        refusals: list[ControlError] = []
        others: list[ControlError] = []
        for prefix in prefixes(path):
            try:
                state = self._answer(prefix, "GET", "/state")
            except Unknown as error:
                others.append(error)
                continue
            except Refused as error:
                refusals.append(error)
                continue
            if not is_state(state):
                others.append(Unknown(f"{self.url} is no URL of a server of Understudy's"))
            elif is_at(path.removeprefix(prefix), state):
                return prefix
            else:
                there = f"{site_of(self.url)}{prefix}{state['api']}"
                others.insert(0, ControlError(f"{self.url} is no URL of the API, which is at {there}"))
        raise [*refusals, *others][0]

    def _answer(
        self,
        prefix: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: Mapping[str, Any] | None = None,
        absent: bool = False,
    ) -> Any:
        content = None if body is None else json.dumps(body, default=plain)
        try:
            answer = self._http.request(method, f"{prefix}{PATH}{path}", params=params, content=content, headers=JSON)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise ControlError(f"{self.url} cannot be reached ({error})") from None
        said = value_of(answer)
        if answer.is_success and said is not NO_JSON:
            return said
        reason = reason_in(answer, said)
        if absent and reason and answer.status_code == httpx.codes.NOT_FOUND:
            return None
        if reason:
            raise Refused(reason)
        way = "" if self._proxy is None else f" through the proxy {self._proxy}"
        raise Unknown(f"{answer.url} answers {answer.status_code}{way}; is it a server of Understudy's?")


def url_at(url: str, token: str | None = None) -> str:
    """The URL of the API at a URL, of which the part before the API's own path is enough.

    Raises:
        ControlError: no server of Understudy's is there, or it needs another token.
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
    """The workspace that a URL leads to: the ids in its path."""
    return "/".join(part for part in urlsplit(url).path.split("/") if is_id(part)) or DEFAULT


def new_path(workspace_path: str) -> str:
    """The path of a workspace that nobody uses yet."""
    return "/".join(str(uuid4()) if part.startswith("{") else part for part in workspace_path.split("/"))


def snapshot_path(name: str) -> str:
    """Where a snapshot is.

    Raises:
        ControlError: it cannot be called that.
    """
    if not name.strip(".") or "/" in name or not name.isprintable():
        raise ControlError(f"a snapshot cannot be called {name!r}: it takes a name without a slash")
    return f"/snapshots/{quote(name, safe='')}"


def rows_of(folder: Path) -> dict[str, list[Any]]:
    """The rows of a fixture set, by the names of its files.

    Raises:
        ControlError: there are none, a file of another kind is there, or they are no JSON.
    """
    mistakes, rows = Mistakes(), {}
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES)
        for path in paths:
            if path.stem in rows:
                raise ControlError(f"{folder} has two files for `{path.stem}`; keep one of them")
            rows[path.stem] = list(values_in(path, mistakes))
        for warning in strays(folder, rows):
            mistakes.add(warning)
    except OSError as error:
        raise ControlError(f"{folder} cannot be read ({error})") from None
    if mistakes:
        raise ControlError(str(mistakes))
    if not rows:
        raise ControlError(f"there are no {SUFFIX} files in {folder}")
    return rows


def values_in(path: Path, mistakes: Mistakes) -> Iterator[Any]:
    """The rows of a file; what is no JSON is added to the mistakes."""
    try:
        for line, row in rows_in(path):
            yield from parsed(row, place_in(path, line), mistakes)
    except Unreadable as error:
        mistakes.add(f"{place_in(path, error.position)}: {error}")


def parsed(row: bytes | str, place: str, mistakes: Mistakes) -> Iterator[Any]:
    try:
        yield json.loads(row)
    except (ValueError, RecursionError) as error:
        mistakes.add(f"{place}: is no JSON ({error})")


def plain(value: Any) -> Any:
    """What `json` cannot write by itself, as something that it can: rows in any order, ids, times.

    A time without an offset is in UTC.
    """
    if isinstance(value, datetime):
        return in_utc(value).isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, Iterable) else str(value)


def value_of(answer: httpx.Response) -> Any:
    try:
        return answer.json() if answer.content else None
    except (ValueError, RecursionError):
        return NO_JSON


def reason_in(answer: httpx.Response, said: Any) -> str | None:
    """Why Understudy refuses a call, in a line; None where nothing is said but what the status says already."""
    if isinstance(said, dict) and "detail" in said and said["detail"] != answer.reason_phrase:
        return str(said["detail"])
    if isinstance(said, dict) and "exception_detail" in said:
        return "; ".join(f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in said["exception_detail"])
    return None
