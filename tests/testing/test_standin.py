"""StandIn: a server for a block of code, in a thread or a process; and what remains afterwards."""

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.conftest import SMALL
from tests.servers import free_port
from tests.testing.requests import FLOWS, add_flow, flows, post
from understudy import StandIn
from understudy.admin.client import RemoteWorkspace
from understudy.admin.control_errors import ControlError
from understudy.text import escape
from understudy.workspaces.workspace_names import DEFAULT

FLOW = "a92c0e6f-17ec-4406-b9bc-2ccdf572df00"
MOMENT = datetime(2025, 1, 2, 3, 4, 5, 678_000, timezone.utc)
IST = timezone(timedelta(hours=5, minutes=30))

in_both = pytest.mark.parametrize("process", [False, True], ids=["thread", "process"])

# ----------------------------------------------------------------------------- help


@pytest.fixture(scope="module", params=[False, True], ids=["thread", "process"])
def standin(request: pytest.FixtureRequest) -> Iterator[StandIn]:
    with StandIn(SMALL, process=request.param) as standin:
        yield standin


@pytest.fixture
def workspace(standin: StandIn) -> Iterator[RemoteWorkspace]:
    with standin.workspace() as workspace:
        yield workspace


@pytest.fixture
def api(workspace: RemoteWorkspace) -> Iterator[httpx.Client]:
    """A client whose paths begin at the workspace."""
    with httpx.Client(base_url=workspace.url, verify=False) as client:
        yield client


def flow(name: str = "new", **fields: Any) -> dict[str, Any]:
    return {"id": uuid4(), "created": MOMENT, "updated": MOMENT, "name": name, "tags": [], "labels": {}, **fields}


def names(standin: StandIn) -> set[str]:
    """The existing workspaces."""
    return {each["workspace"] for each in standin.state()["workspaces"]}


# ------------------------------------------------------------------------------ rows


def test_each_workspace_is_new_and_deleted_after_its_block(standin: StandIn) -> None:
    standin.reset()
    with standin.workspace() as one, standin.workspace() as other:
        for workspace, number in ((one, 1), (other, 2), (standin, 3)):
            for _ in range(number):
                add_flow(workspace, str(uuid4()))
        assert [flows(each) - FLOWS for each in (one, other, standin)] == [1, 2, 3]
        with standin.workspace() as third:
            assert flows(third) == FLOWS
        assert one.reset()["flows"] == FLOWS
        assert [flows(each) - FLOWS for each in (one, other, standin)] == [0, 2, 3]
        assert names(standin) >= {DEFAULT, one.name, other.name}
    assert not names(standin) & {one.name, other.name, third.name}
    assert standin.reset()["flows"] == flows(standin) == FLOWS


def test_unused_workspace_is_dropped_without_a_warning(standin: StandIn) -> None:
    with standin.workspace() as workspace:
        pass
    assert workspace.drop() == []


LISTS: dict[str, Callable[[Iterable[Any]], Iterable[Any]]] = {
    "a list": list,
    "a tuple": tuple,
    "a generator": lambda rows: (row for row in rows),
}


@pytest.mark.parametrize("kind", LISTS)
def test_rows_are_loaded_from_each_source(workspace: RemoteWorkspace, kind: str) -> None:
    assert workspace.load({"flows": LISTS[kind]([flow("a"), flow("b")])})["flows"] == FLOWS + 2


def test_rows_can_be_any_mappings_with_any_collections(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    row = flow(tags={"only"}, labels=MappingProxyType({"a": 1}))
    workspace.load(MappingProxyType({"flows": [MappingProxyType(row)]}))
    found = api.get(f"/flows/{row['id']}").json()
    assert (found["id"], found["tags"], found["labels"]) == (str(row["id"]), ["only"], {"a": 1})


TIMES = {
    "in UTC": (MOMENT, "2025-01-02T03:04:05.678000"),
    "elsewhere": (MOMENT.astimezone(IST), "2025-01-02T03:04:05.678000"),
    "without an offset": (MOMENT.replace(tzinfo=None), "2025-01-02T03:04:05.678000"),
    "on the second": (MOMENT.replace(microsecond=0), "2025-01-02T03:04:05"),
}


@pytest.mark.parametrize("name", TIMES)
def test_times_are_sent_as_iso_8601(workspace: RemoteWorkspace, api: httpx.Client, name: str) -> None:
    """In free data as sent; in a field for times, as the API writes them."""
    moment, text = TIMES[name]
    row = {"id": uuid4(), "created": moment, "updated": moment, "key": "times", "data": {"at": [moment]}}
    workspace.load({"artifacts": [row]})
    found = api.get(f"/artifacts/{row['id']}").json()
    assert (found["created"], found["data"]) == (f"{text}Z", {"at": [f"{text}+00:00"]})


WRONG_ROWS: dict[str, tuple[Mapping[str, Any] | str | Path, str]] = {
    "another table": (
        {"flowz": []},
        "no table is named `flowz`; the tables are artifact_collections, .*Nothing was loaded",
    ),
    "a wrong field": ({"flows": [flow("a"), flow(id=1)]}, r"flows\[1\]: id: UUID input should be a string"),
    "an id that is there": ({"flows": [flow(id=FLOW), flow(id=FLOW)]}, f"the id {FLOW} already exists"),
    "no list": ({"flows": 5}, "body.rows.flows: Input should be a valid list"),
    "another set": ("nope", "No fixture set beside the loaded one is named `nope`. There are: fixtures"),
    "no folder": (Path("nowhere"), "nowhere cannot be read"),
}


@pytest.mark.parametrize("name", WRONG_ROWS)
def test_invalid_rows_are_rejected_and_nothing_is_loaded(workspace: RemoteWorkspace, name: str) -> None:
    rows, words = WRONG_ROWS[name]
    with pytest.raises(ControlError, match=words):
        workspace.load(rows, replace=True)
    assert flows(workspace) == FLOWS


def test_folder_without_valid_json_is_rejected(workspace: RemoteWorkspace, tmp_path: Path) -> None:
    (tmp_path / "flows.jsonl").write_text("{bad\n", encoding="utf-8")
    with pytest.raises(ControlError, match=f"{tmp_path}/flows.jsonl, line 1: not JSON"):
        workspace.load(tmp_path)


def write_flows(folder: Path, *rows: Mapping[str, Any]) -> Path:
    folder.mkdir()
    lines = "\n\n".join(json.dumps(row, default=str) for row in rows)
    (folder / "flows.jsonl").write_text(lines, encoding="utf-8")
    return folder


def test_rows_are_loaded_from_a_local_folder_and_a_set_of_the_server(tmp_path: Path) -> None:
    base = write_flows(tmp_path / "base", flow("a"))
    write_flows(tmp_path / "more", flow("b"), flow("c"))
    here = write_flows(tmp_path / "here", flow("d"))
    with StandIn(base) as standin:
        assert standin.load("more")["flows"] == flows(standin) == 3
        assert standin.load(here)["flows"] == flows(standin) == 4
        assert standin.load(here, replace=True)["flows"] == flows(standin) == 1
        assert standin.load("more", replace=True)["flows"] == flows(standin) == 2
        assert standin.load({"flows": [flow("e")]}, replace=True)["flows"] == flows(standin) == 1
        assert standin.reset()["flows"] == flows(standin) == 1
        assert post(standin, "/flows/filter", {}).json()[0]["name"] == "a"


@pytest.mark.parametrize("name", ["plain", "two words", "ü?#", "a%2Fb", "a;b&workspace=default", ".hidden"])
def test_rows_are_saved_and_restored_by_any_name(workspace: RemoteWorkspace, standin: StandIn, name: str) -> None:
    add_flow(workspace, "before")
    workspace.save(name)
    (state,) = (each for each in standin.state()["workspaces"] if each["workspace"] == workspace.name)
    assert state["snapshots"] == [name]
    add_flow(workspace, "after")
    assert workspace.restore(name)["flows"] == flows(workspace) == FLOWS + 1
    workspace.delete_snapshot(name)
    with pytest.raises(ControlError, match="has no snapshot"):
        workspace.restore(name)
    assert flows(workspace) == FLOWS + 1


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\nb", 5, None])
def test_invalid_name_is_rejected(workspace: RemoteWorkspace, name: Any) -> None:
    for action in (workspace.save, workspace.restore, workspace.delete_snapshot):
        with pytest.raises(ControlError, match=r".* is not a valid name for a snapshot") as error:
            action(name)
        assert "\n" not in str(error.value)


def test_values_that_json_cannot_have_are_rejected(workspace: RemoteWorkspace) -> None:
    circular: list[Any] = []
    circular.append(circular)
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    for value in (circular, deep, {(1, 2): 3}):
        with pytest.raises(ControlError, match=r"^this cannot be sent as JSON \("):
            workspace.load({"flows": [{"name": "x", "tags": value}]})


@pytest.mark.parametrize("number", [-1, "x", 1.5])
def test_number_of_requests_must_be_a_whole_number(workspace: RemoteWorkspace, number: Any) -> None:
    with pytest.raises(ControlError, match=r"^the number of requests is a whole number from 0"):
        workspace.recent(number)


@pytest.mark.parametrize("url", [None, 5, b"http://127.0.0.1:4200/api", httpx.URL("http://127.0.0.1:4200/api")])
def test_url_must_be_a_text(url: Any) -> None:
    with pytest.raises(ControlError, match=r"^a URL is a text, such as http://127\.0\.0\.1:4200/api, not "):
        RemoteWorkspace(url)


# -------------------------------------------------------------------------- requests


def test_requests_are_listed_in_order_until_they_are_deleted(
    workspace: RemoteWorkspace, api: httpx.Client, standin: StandIn
) -> None:
    api.post("/flows/filter", json={"limit": 1})
    api.get(f"/flows/{FLOW}", params={"a": "b"})
    api.get("/nothing")
    recorded = [(each["method"], each["path"], each["query"], each["status"]) for each in workspace.requests]
    assert recorded == [
        ("POST", "/api/flows/filter", "", 200),
        ("GET", f"/api/flows/{FLOW}", "a=(hidden)", 200),
        ("GET", "/api/nothing", "", 404),
    ]
    assert workspace.count() == 3
    assert workspace.count(method="get") == 2
    assert workspace.count(method="GET", status=404) == workspace.count(path="/nothing") == 1
    workspace.clear()
    assert workspace.requests == []
    assert workspace.count() == 0
    add_flow(workspace)
    standin.clear()
    assert [each["path"] for each in workspace.requests] == ["/api/flows/"]


def test_found_requests_are_true_and_have_a_text(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    id = uuid4()
    for limit in (1, 2):
        api.post("/flows/filter", json={"limit": limit, "flows": {"id": {"any_": [str(id)]}}})
    api.post("/flows/filter", json={"limit": "x"})
    found = workspace.find(operation="flows.read_flows", body={"flows": {"id": {"any_": [id]}}})
    assert found
    assert [each["body"]["limit"] for each in found.requests] == [2, 1]
    newest, oldest = str(found).splitlines()
    assert newest.startswith(
        f'POST /api/flows/filter {{"limit": 2, "flows": {{"id": {{"any_": ["{id}"]}}}}}} -> 200 in '
    )
    assert '"limit": 1' in oldest
    (refused,) = str(workspace.find(status=422)).splitlines()
    assert "-> 422 in " in refused
    assert '"exception_message": "Invalid request received."' in refused


def test_failed_search_is_false_and_shows_the_nearest_requests(workspace: RemoteWorkspace, api: httpx.Client) -> None:
    nothing = workspace.find(path="/flows/filter")
    assert (bool(nothing), str(nothing)) == (False, "no such request, nor a similar one")
    api.post("/artifacts/filter", json={})
    api.post("/flows/filter", json={"limit": 2, "offset": 1})
    nearest = workspace.find(path="/flows/filter", body={"limit": 3})
    assert not nearest
    lines = str(nearest).splitlines()
    assert lines[0] == "no such request; the nearest:"
    assert lines[1].startswith('POST /api/flows/filter {"limit": 2, "offset": 1} -> 200 in ')
    assert lines[2] == "  body.limit: wanted 3, found 2"
    assert lines[3].startswith("POST /api/artifacts/filter {} -> 200 in ")
    assert repr(nearest) == str(nearest)


def test_search_for_unknown_fields_is_rejected(workspace: RemoteWorkspace) -> None:
    for search in (workspace.find, workspace.count):
        with pytest.raises(ControlError, match=r"body\.colour: Extra inputs are not permitted"):
            search(colour="blue")


def test_explanation_is_a_tree(workspace: RemoteWorkspace) -> None:
    body = {"flows": {"id": {"any_": [UUID(FLOW)]}, "name": {"like_": "no such"}}}
    for id in (FLOW, UUID(FLOW)):
        explanation = workspace.explain("/flows/filter", body, id)
        assert explanation.met is False
        lines = str(explanation).splitlines()
        assert [(len(line) - len(line.lstrip()), line.lstrip()[0]) for line in lines] == [
            (0, "-"), (2, "-"), (4, "+"), (6, "+"), (4, "-"), (6, "-"),
        ]  # fmt: skip
        assert f'`flows.id.any_ ["{FLOW}"]`' in lines[3]
        assert '`flows.name.like_ "no such"`' in lines[5]
    assert workspace.explain("/flows/filter", None, FLOW).met is True


@pytest.mark.parametrize(
    ("path", "body", "id", "words"),
    [
        ("/flows/", {}, FLOW, "`/flows/` takes no filters; these do: "),
        ("/flows/filter", {}, UUID(int=1), f"No row of flows has the id {UUID(int=1)} in the workspace "),
        ("/flows/filter", {"limit": "x"}, FLOW, "body.limit: "),
        ("/flows/filter", {}, "x", "body.id: "),
    ],
)
def test_unexplainable_request_is_rejected(
    workspace: RemoteWorkspace, path: str, body: dict[str, Any], id: UUID | str, words: str
) -> None:
    with pytest.raises(ControlError, match=f"^{words}"):
        workspace.explain(path, body, id)


# --------------------------------------------------------------------- other servers

CALLS: dict[str, Callable[[RemoteWorkspace], object]] = {
    "state": lambda workspace: workspace.state(),
    "reset": lambda workspace: workspace.reset(),
    "load": lambda workspace: workspace.load({}),
    "save": lambda workspace: workspace.save("x"),
    "delete_snapshot": lambda workspace: workspace.delete_snapshot("x"),
    "drop": lambda workspace: workspace.drop(),
    "requests": lambda workspace: workspace.requests,
    "find": lambda workspace: workspace.find(),
    "count": lambda workspace: workspace.count(),
    "explain": lambda workspace: workspace.explain("/flows/filter", {}, FLOW),
}


class Page(BaseHTTPRequestHandler):
    """Returns the same page for everything, like a web application."""

    answer = (200, "<html>")

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        status, text = self.answer
        self.send_response(status)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: Any) -> None:
        """Do not log."""


class NotFound(Page):
    """Returns the same errors as a Prefect server."""

    answer = (404, '{"detail":"Not Found"}')


class Files(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Do not log."""


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/api"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("handler", [Page, NotFound, Files])
def test_other_servers_are_recognized(handler: type[BaseHTTPRequestHandler]) -> None:
    with serving(handler) as url:
        for name, call in CALLS.items():
            with pytest.raises(ControlError, match=r"returned \d+; is it an Understudy server\?$") as error:
                call(RemoteWorkspace(url))
            assert str(error.value).startswith(url.removesuffix("/api")), name


@pytest.mark.parametrize(
    "url",
    ["", "nonsense", "localhost:4200", "ftp://localhost/", "http://", "http://[::1", "http://localhost:port/", "http://\x00/",
     f"http://{'a' * 70}.invalid/", "http://127.0.0.1:1/api", "http://127.0.0.1:70000/api", "http:///api",
     "http://127.0.0.1:0/api", "http://127.0.0.1:42 00/api", "http://a..b/", "http://127.0.0.1/api?x=1", "http:/h/api"],
)  # fmt: skip
def test_unreachable_url_is_reported(url: str) -> None:
    with pytest.raises(ControlError, match=r"cannot be reached \(") as error:
        RemoteWorkspace(url).state()
    assert str(error.value).startswith(escape(url.rstrip("/")))


@pytest.mark.parametrize("name", CALLS)
def test_refused_connection_is_reported(name: str) -> None:
    with closing(httpx.HTTPTransport()) as transport, pytest.raises(ControlError, match=r"cannot be reached \("):
        CALLS[name](RemoteWorkspace(f"http://127.0.0.1:{free_port()}/api", transport))
