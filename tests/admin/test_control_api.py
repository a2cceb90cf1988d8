"""The control API: what each operation does to a workspace, and that its responses match its contract."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from openapi_schema_validator import OAS30Validator

from tests.conftest import SMALL, Keeping
from tests.jsonl import read
from tests.servers import stand_in
from tests.workspaces.urls import admin, at, new_name
from understudy import __version__
from understudy.admin import FOLDER, PATH
from understudy.contract.contract import Contract
from understudy.http.routing_table import RoutingTable
from understudy.operations.api_folder import Api
from understudy.workspaces.workspace_names import DEFAULT

CONTROL = Api.load(FOLDER, subject="site")
ROUTES = RoutingTable(CONTROL.operations.values(), PATH)
PLACES = dict(CONTROL.contract.operations())

TIMES = {"created": "2026-01-01T00:00:00Z", "updated": "2026-01-01T00:00:00Z"}
FLOW = {"id": "00000000-0000-4000-8000-000000000001", **TIMES, "name": "loaded"}
ANOTHER = {"id": "00000000-0000-4000-8000-000000000002", **TIMES, "name": "loaded too"}
THERE = read(SMALL / "flows.jsonl")[0]
KNOWN = next(row for row in read(SMALL / "artifact_collections.jsonl") if row["type"] == "link")


def artifact(number: int, created: str, **fields: Any) -> dict[str, Any]:
    return {"id": f"00000000-0000-4000-8000-{number:012}", "created": created, "updated": created, **fields}


SETS: dict[str, dict[str, list[Any]]] = {
    "more": {"flows": [FLOW, ANOTHER]},
    "newer": {
        "artifacts": [
            artifact(1, "2030-01-01T00:00:00Z", key=KNOWN["key"], data="newer"),
            artifact(2, "2030-01-01T00:00:00Z", key="new-key", data="new"),
        ]
    },
    "broken": {"flows": [FLOW, {"id": "x"}]},
    "clashing": {"flows": [FLOW, THERE]},
}


@pytest.fixture(scope="module")
def api(keeping: Keeping, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A server whose fixture set has others next to it, and one elsewhere."""
    folder = tmp_path_factory.mktemp("sets")
    shutil.copytree(SMALL, folder / "sets" / "loaded")
    places = {**{folder / "sets" / name: tables for name, tables in SETS.items()}, folder / "outside": SETS["more"]}
    for place, tables in places.items():
        place.mkdir()
        for table, rows in tables.items():
            lines = "\n".join(map(json.dumps, rows))
            (place / f"{table}.jsonl").write_text(lines, encoding="utf-8")
    (folder / "sets" / "empty").mkdir()
    with stand_in(folder / "sets" / "loaded", *keeping()) as client:
        yield client


@pytest.fixture
def name() -> str:
    """A workspace for one test."""
    return new_name()


def ask(api: httpx.Client, method: str, path: str, workspace: str | None = None, **options: Any) -> httpx.Response:
    """The response to a request, validated against the contract."""
    params = {**options.pop("params", {}), **({} if workspace is None else {"workspace": workspace})}
    answer = admin(api, method, path, params=params, **options)
    found = ROUTES.find(method, PATH + path)
    assert found is not None, f"{method} {path} is not an operation"
    responses = PLACES[found.operation.id]["responses"]
    status = str(answer.status_code)
    assert status in responses.value or answer.is_client_error, answer.text
    response = responses[status if status in responses.value else "default"]
    if "content" not in response.value:
        assert answer.content == b""
        return answer
    assert answer.headers["content-type"] == "application/json"
    schema = response["content"]["application/json"].value["schema"]
    whole = {"allOf": [schema], "components": CONTROL.contract.document["components"]}
    assert [error.message for error in OAS30Validator(whole).iter_errors(answer.json())] == [], answer.text
    return answer


def rows(api: httpx.Client, name: str) -> dict[str, Any]:
    """The rows that a workspace shows, read without the control API."""
    paths = ("flows/filter", "artifacts/filter", "artifacts/latest/filter")
    return {path: api.post(f"{at(name)}/{path}", json={"limit": 200}).json() for path in paths}


def add(api: httpx.Client, name: str, flow: str) -> None:
    api.post(f"{at(name)}/flows/", json={"name": flow}).raise_for_status()


def flows(api: httpx.Client, name: str, *names: str) -> list[str]:
    """Those of some flows that exist."""
    body = {"flows": {"name": {"any_": names}}, "sort": "NAME_ASC"}
    return [row["name"] for row in api.post(f"{at(name)}/flows/filter", json=body).json()]


def latest(api: httpx.Client, name: str, key: str) -> dict[str, Any]:
    body = {"artifacts": {"key": {"any_": [key]}}}
    (row,) = api.post(f"{at(name)}/artifacts/latest/filter", json=body).json()
    return dict(row)


# ------------------------------------------------------------------------- contract


def test_contract_is_valid() -> None:
    Contract.load(FOLDER / "openapi.yaml").check()
    assert CONTROL.contract.base_path == PATH


def test_every_operation_has_its_own_handler() -> None:
    written = yaml.safe_load((FOLDER / "openapi.yaml").read_text(encoding="utf-8"))["paths"]
    names = [part["operationId"] for path in written.values() for part in path.values() if "operationId" in part]
    assert sorted(names) == sorted(CONTROL.operations)
    handlers = [operation.handler for operation in CONTROL.operations.values()]
    assert len({(handler.__module__, handler.__name__) for handler in handlers}) == len(names)
    assert all(operation.takes_subject for operation in CONTROL.operations.values())


# Each operation once, on a workspace with the snapshot "kept"; with its status.
OPERATIONS: dict[str, tuple[int, str, str, dict[str, Any]]] = {
    "server.read_state": (200, "GET", "/state", {}),
    "workspaces.reset_workspace": (200, "POST", "/reset", {}),
    "workspaces.drop_workspaces": (200, "DELETE", "/workspaces", {}),
    "workspaces.read_rows": (200, "GET", "/rows/flows", {}),
    "workspaces.load_rows": (200, "POST", "/fixtures", {"json": {"rows": {"flows": [FLOW]}}}),
    "snapshots.save_snapshot": (200, "PUT", "/snapshots/another", {}),
    "snapshots.read_snapshot": (200, "GET", "/snapshots/kept", {}),
    "snapshots.delete_snapshot": (204, "DELETE", "/snapshots/kept", {}),
    "snapshots.restore_snapshot": (200, "POST", "/snapshots/kept/restore", {}),
    "clock.read_clock": (200, "GET", "/clock", {}),
    "clock.set_clock": (200, "PUT", "/clock", {"json": {"is_frozen": True}}),
    "clock.reset_clock": (204, "DELETE", "/clock", {}),
    "requests.read_requests": (200, "GET", "/requests", {}),
    "requests.clear_requests": (204, "DELETE", "/requests", {}),
    "requests.count_requests": (200, "POST", "/requests/count", {"json": {}}),
    "requests.find_requests": (200, "POST", "/requests/find", {"json": {"status": 299}}),
    "faults.replace_faults": (200, "PUT", "/faults", {"json": {"rules": [{"path": "/nothing", "answer": 503}]}}),
    "faults.read_faults": (200, "GET", "/faults", {}),
    "faults.clear_faults": (204, "DELETE", "/faults", {}),
    "explain.explain_row": (
        200,
        "POST",
        "/explain",
        {"json": {"path": "/flows/filter", "id": THERE["id"], "body": {"flows": {"name": {"any_": ["x"]}}}}},
    ),
}


@pytest.mark.parametrize("operation", CONTROL.operations)
def test_response_matches_the_contract(api: httpx.Client, name: str, operation: str) -> None:
    ask(api, "PUT", "/snapshots/kept", name)
    rows(api, name)
    status, method, path, options = OPERATIONS[operation]
    found = ROUTES.find(method, PATH + path)
    assert found is not None
    assert found.operation.id == operation
    assert ask(api, method, path, name, **options).status_code == status


@pytest.mark.parametrize("path", ["/nothing", "/state/nothing", "/snapshots", "/snapshots/a/b", "/docs/nothing"])
def test_unknown_path_is_not_found(api: httpx.Client, path: str) -> None:
    answer = admin(api, "GET", path)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})


@pytest.mark.parametrize(("method", "path"), [("PUT", "/state"), ("GET", "/reset"), ("POST", "/snapshots/a")])
def test_other_method_is_not_allowed(api: httpx.Client, method: str, path: str) -> None:
    answer = admin(api, method, path)
    assert (answer.status_code, answer.json()) == (405, {"detail": "Method Not Allowed"})


def test_documents_are_served(api: httpx.Client) -> None:
    written = (FOLDER / "openapi.yaml").read_text(encoding="utf-8")
    assert admin(api, "GET", "/openapi.yaml").text == written
    assert admin(api, "GET", "/openapi.json").json() == yaml.safe_load(written)
    for path in ("", "/", "/docs"):
        page = admin(api, "GET", path, follow_redirects=True)
        assert page.url.path == f"{PATH}/docs"
        assert "Understudy's control API" in page.text
    for name in ("swagger-ui.css", "swagger-ui-bundle.js"):
        assert f"docs/files/{name}" in page.text
        assert admin(api, "GET", f"/docs/files/{name}").status_code == 200


# ---------------------------------------------------------------------------- state


def test_state_describes_the_workspace(api: httpx.Client, name: str) -> None:
    ask(api, "DELETE", "/requests")
    add(api, name, "one more")
    for snapshot in ("b", "a"):
        ask(api, "PUT", f"/snapshots/{snapshot}", name)
    state = ask(api, "GET", "/state").json()
    assert (state["version"], state["api"], state["max_workspaces"]) == (__version__, "/api", 1000)
    assert state["workspace_path"] == "/api/accounts/{account_id}/workspaces/{workspace_id}"
    assert Path(state["fixture_set"]).name == "loaded"
    assert state["uptime"] > 0
    assert 10 * 2**20 < state["memory"] < 10 * 2**30
    assert state["journal"] == {"size": 1000, "requests": 1, "dropped": 0}
    workspaces = {each.pop("workspace"): each for each in state["workspaces"]}
    counts = {path.stem: len(read(path)) for path in SMALL.glob("*.jsonl")}
    there = {table: count for table, count in workspaces[name]["rows"].items() if count}
    assert there == {**counts, "flows": counts["flows"] + 1, "events": 1}  # a new flow is an event
    assert workspaces[name]["snapshots"] == ["a", "b"]
    assert 0 <= workspaces[name]["idle"] < 60
    assert DEFAULT in workspaces


def test_reset_restores_the_rows_of_the_fixture_set(api: httpx.Client, name: str) -> None:
    fresh = rows(api, name)
    add(api, name, "gone soon")
    api.delete(f"{at(name)}/flows/{THERE['id']}").raise_for_status()
    other = new_name()
    add(api, other, "stays")
    assert rows(api, name) != fresh
    answer = ask(api, "POST", "/reset", name.upper()).json()
    assert answer == {"workspace": name, "rows": {**answer["rows"], "flows": 12}}
    assert rows(api, name) == fresh
    assert flows(api, other, "stays") == ["stays"]


def test_default_workspace_is_used_without_a_name(api: httpx.Client) -> None:
    add(api, DEFAULT, "by default")
    assert ask(api, "POST", "/reset").json()["workspace"] == DEFAULT
    assert flows(api, DEFAULT, "by default") == []


# ------------------------------------------------------------------------ snapshots


def test_snapshot_is_not_changed_by_later_writes(api: httpx.Client, name: str) -> None:
    add(api, name, "first")
    saved, before = ask(api, "PUT", "/snapshots/s", name).json(), rows(api, name)
    assert saved == {"workspace": name, "rows": {**saved["rows"], "flows": 13}}
    add(api, name, "second")
    api.delete(f"{at(name)}/flows/{THERE['id']}").raise_for_status()
    ask(api, "POST", "/fixtures", name, json={"rows": {"flows": [FLOW]}, "replace": True})
    assert ask(api, "GET", "/snapshots/s", name).json() == saved
    for _ in range(2):
        assert ask(api, "POST", "/snapshots/s/restore", name).json() == saved
        assert rows(api, name) == before
        add(api, name, "third")
    ask(api, "POST", "/reset", name)
    assert ask(api, "GET", "/snapshots/s", name).json() == saved


def test_snapshot_with_the_same_name_is_overwritten(api: httpx.Client, name: str) -> None:
    ask(api, "PUT", "/snapshots/s", name)
    add(api, name, "later")
    ask(api, "PUT", "/snapshots/s", name)
    ask(api, "POST", "/reset", name)
    ask(api, "POST", "/snapshots/s/restore", name)
    assert flows(api, name, "later") == ["later"]


def test_each_workspace_has_its_own_snapshots(api: httpx.Client, name: str) -> None:
    other = new_name()
    for workspace, flow in ((name, "mine"), (other, "yours")):
        add(api, workspace, flow)
        ask(api, "PUT", "/snapshots/same", workspace)
        ask(api, "POST", "/reset", workspace)
    ask(api, "POST", "/snapshots/same/restore", name)
    assert flows(api, name, "mine", "yours") == ["mine"]
    assert flows(api, other, "mine", "yours") == []
    ask(api, "DELETE", "/snapshots/same", name)
    assert ask(api, "GET", "/snapshots/same", other).status_code == 200
    assert ask(api, "GET", "/snapshots/same", name).status_code == 404


@pytest.mark.parametrize("snapshot", ["a b", "ü", "1", "restore", "a%25b", "x" * 300])
def test_snapshot_can_have_any_name(api: httpx.Client, name: str, snapshot: str) -> None:
    path = f"/snapshots/{snapshot}"
    assert ask(api, "PUT", path, name).status_code == 200
    assert ask(api, "POST", f"{path}/restore", name).status_code == 200
    assert ask(api, "DELETE", path, name).status_code == 204


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("DELETE", ""), ("POST", "/restore")])
def test_unknown_snapshot_is_rejected_with_a_list_of_the_others(
    api: httpx.Client, name: str, method: str, path: str
) -> None:
    for snapshots, there in (((), "none"), (("b", "a"), "a, b")):
        for snapshot in snapshots:
            ask(api, "PUT", f"/snapshots/{snapshot}", name)
        answer = ask(api, method, f"/snapshots/c{path}", name)
        assert answer.status_code == 404
        assert answer.json() == {"detail": f"The workspace {name} has no snapshot `c`; it has {there}."}


# ----------------------------------------------------------------------------- rows


@pytest.mark.parametrize("how", [{"set": "more"}, {"rows": SETS["more"], "set": None}])
@pytest.mark.parametrize("replace", [False, True])
def test_rows_are_loaded_and_found(api: httpx.Client, name: str, how: dict[str, Any], *, replace: bool) -> None:
    other = rows(api, DEFAULT)
    answer = ask(api, "POST", "/fixtures", name.upper(), json={**how, "replace": replace}).json()
    assert (answer["workspace"], answer["rows"]["flows"]) == (name, 2 if replace else 14)
    assert answer["rows"]["artifacts"] == (0 if replace else 120)
    assert flows(api, name, "loaded", "loaded too", THERE["name"]) == [
        *([] if replace else [THERE["name"]]),
        "loaded",
        "loaded too",
    ]
    assert api.get(f"{at(name)}/flows/{FLOW['id']}").json() == {**FLOW, "tags": [], "labels": {}}
    assert (answer["warnings"] == []) == replace
    assert rows(api, DEFAULT) == other


def test_loaded_set_can_be_loaded_again(api: httpx.Client, name: str) -> None:
    fresh = rows(api, name)
    add(api, name, "gone soon")
    assert ask(api, "POST", "/fixtures", name, json={"set": "loaded", "replace": True}).status_code == 200
    assert rows(api, name) == fresh


def test_dangling_reference_is_a_warning(api: httpx.Client, name: str) -> None:
    body = {"rows": {"artifacts": [artifact(1, "2026-01-01T00:00:00Z", flow_run_id=FLOW["id"])]}, "replace": True}
    assert ask(api, "POST", "/fixtures", name, json=body).json()["warnings"] == [
        "artifacts: 1 row refers by `flow_run_id` to flow_runs that do not exist"
    ]


@pytest.mark.parametrize("how", [{"set": "newer"}, {"rows": SETS["newer"]}])
def test_derived_rows_are_updated(api: httpx.Client, name: str, how: dict[str, Any]) -> None:
    before = latest(api, name, KNOWN["key"])
    answer = ask(api, "POST", "/fixtures", name, json=how).json()
    assert answer["rows"]["artifact_collections"] == 21
    known, new = (latest(api, name, key) for key in (KNOWN["key"], "new-key"))
    assert (known["id"], known["latest_id"], known["data"]) == (before["id"], artifact(1, "")["id"], "newer")
    assert (new["latest_id"], new["data"]) == (artifact(2, "")["id"], "new")
    # Again, with older ones and a newer one.
    body = {
        "artifacts": [
            artifact(3, "2000-01-01T00:00:00Z", key=KNOWN["key"], data="older"),
            artifact(5, "2031-01-01T00:00:00Z", key="new-key", data="newest"),
            artifact(4, "2030-06-01T00:00:00Z", key="new-key", data="between"),
        ]
    }
    ask(api, "POST", "/fixtures", name, json={"rows": body})
    assert latest(api, name, KNOWN["key"]) == known
    assert latest(api, name, "new-key") == {
        **new,
        **body["artifacts"][1],
        "id": new["id"],
        "latest_id": body["artifacts"][1]["id"],
    }
    assert api.post(f"{at(name)}/artifacts/count", json={"artifacts": {"key": {"any_": ["new-key"]}}}).json() == 3


def test_derived_rows_can_be_given(api: httpx.Client, name: str) -> None:
    collection = {**KNOWN, "id": FLOW["id"], "key": "given", "data": "given"}
    body = {"artifacts": SETS["newer"]["artifacts"], "artifact_collections": [collection]}
    answer = ask(api, "POST", "/fixtures", name, json={"rows": body, "replace": True}).json()
    assert answer["rows"]["artifact_collections"] == 1
    assert latest(api, name, "given") == collection


# What is rejected: the body, its status, and a part of the message.
REFUSED: dict[str, tuple[Any, int, str]] = {
    "a bad row among good ones": ({"rows": {"flows": [FLOW, {**ANOTHER, "nam": 1}]}}, 422, "flows[1]: nam: Extra"),
    "a missing field": ({"rows": {"flows": [FLOW, TIMES]}}, 422, "flows[1]: name: Field required. Nothing was loaded."),
    "a wrong type": ({"rows": {"flows": [{**FLOW, "name": 5}]}}, 422, "flows[0]: name: Input should be a valid string"),
    "a bad row of another table": ({"rows": {"flows": [FLOW], "artifacts": [{"key": 5}]}}, 422, "artifacts[0]: key:"),
    "a name twice": ({"rows": {"flows": [FLOW, {"name": FLOW["name"]}]}}, 422, "flows[1]: a row with the name `"),
    "a name that is there": ({"rows": {"flows": [{"name": THERE["name"]}]}}, 422, "flows[0]: a row with the name `"),
    "a name in a path": ({"rows": {"flows": [{"name": "a/b"}]}}, 422, "flows[0]: name: String should match pattern"),
    "a reference to nobody": ({"rows": {"deployments": [{"name": "a", "flow": "b"}]}}, 422, "has the name `b`"),
    "several errors": ({"rows": {"flows": [{}, {}]}}, 422, "2 errors:\\n  flows[0]: name: Field"),
    "an id twice": ({"rows": {"flows": [FLOW, FLOW]}}, 422, f"flows[1]: the id {FLOW['id']} already exists"),
    "an id that is there": ({"rows": {"flows": [FLOW, THERE]}}, 422, f"flows[1]: the id {THERE['id']} already exists"),
    "an unknown table": ({"rows": {"flows": [FLOW], "flow": [FLOW]}}, 422, "no table is named `flow`; the tables are"),
    "a row that is none": ({"rows": {"flows": [FLOW, 1]}}, 422, "Input should be a valid dictionary"),
    "one row for a list": ({"rows": {"flows": FLOW}}, 422, "Input should be a valid list"),
    "a set and rows": ({"set": "more", "rows": {}}, 422, "Give either a `set` or `rows`."),
    "neither": ({"replace": True}, 422, "Give either a `set` or `rows`."),
    "two nulls": ({"set": None, "rows": None}, 422, "Give either a `set` or `rows`."),
    "an unknown field": ({"rows": {"flows": [FLOW]}, "replase": True}, 422, "replase"),
    "a list": ([FLOW], 422, "Input should be a valid dictionary"),
    "nothing": (None, 422, "Field required"),
    "no JSON": ("{bad", 422, "JSON decode error"),
    "a set that is not there": ({"set": "lost"}, 404, "No fixture set beside the loaded one is named `lost`."),
    "a folder without a table": ({"set": "empty"}, 404, "broken, clashing, loaded, more, newer."),
    "a broken set": ({"set": "broken"}, 422, "flows.jsonl, line 2: id: Input should be a valid UUID"),
    "a set with an id that is there": ({"set": "clashing"}, 422, f"line 2: the id {THERE['id']} already exists"),
    "a set outside": ({"set": "../outside"}, 404, "is named `../outside`"),
    "a set by way of another": ({"set": "more/../more"}, 404, "No fixture set"),
    "a way out": ({"set": "a/../../etc"}, 404, "No fixture set"),
    "the folder itself": ({"set": "."}, 404, "No fixture set"),
    "the folder above": ({"set": ".."}, 404, "No fixture set"),
    "no name": ({"set": ""}, 404, "No fixture set"),
    "an absolute path": ({"set": str(SMALL)}, 404, "No fixture set"),
    "a set of another type": ({"set": 5}, 422, "Input should be a valid string"),
}  # fmt: skip


@pytest.fixture
def untouched(api: httpx.Client) -> tuple[str, dict[str, Any]]:
    """A workspace with an additional row, and all of its rows."""
    name = new_name()
    add(api, name, "its own")
    return name, rows(api, name)


REPLACING = [case for case, (body, _, _) in REFUSED.items() if isinstance(body, dict) and "that is there" not in case]


@pytest.mark.parametrize(
    ("case", "replace"), [*((case, False) for case in REFUSED), *((case, True) for case in REPLACING)]
)
def test_all_rows_are_loaded_or_none(
    api: httpx.Client, untouched: tuple[str, dict[str, Any]], case: str, *, replace: bool
) -> None:
    name, before = untouched
    body, status, words = REFUSED[case]
    content = body if isinstance(body, str) else json.dumps({**body, "replace": True} if replace else body)
    headers = {"content-type": "application/json"}
    answer = ask(api, "POST", "/fixtures", name, content=b"" if body is None else content, headers=headers)
    assert answer.status_code == status
    assert words in json.dumps(answer.json(), ensure_ascii=False)
    assert rows(api, name) == before


# --------------------------------------------------------------------------- dropped


def test_dropped_workspace_is_created_again(api: httpx.Client, name: str) -> None:
    fresh = rows(api, name)
    add(api, name, "gone soon")
    ask(api, "PUT", "/snapshots/s", name)
    assert ask(api, "DELETE", "/workspaces", name.upper()).json() == {"dropped": [name]}
    assert name not in [each["workspace"] for each in ask(api, "GET", "/state").json()["workspaces"]]
    assert ask(api, "DELETE", "/workspaces", name).status_code == 404
    assert rows(api, name) == fresh
    assert ask(api, "GET", "/snapshots/s", name).status_code == 404


def test_idle_workspaces_are_dropped(api: httpx.Client, name: str) -> None:
    """The workspaces of other tests are among them, so this test runs after those."""
    add(api, name, "gone soon")
    before = rows(api, DEFAULT)
    assert ask(api, "DELETE", "/workspaces", params={"idle": 3600}).json() == {"dropped": []}
    assert name in ask(api, "DELETE", "/workspaces", params={"idle": 0}).json()["dropped"]
    assert [each["workspace"] for each in ask(api, "GET", "/state").json()["workspaces"]] == [DEFAULT]
    assert rows(api, DEFAULT) == before


@pytest.mark.parametrize(
    ("params", "status", "words"),
    [
        ({}, 422, "Give either a `workspace`, or the `idle` seconds of those to drop."),
        ({"workspace": DEFAULT}, 422, "The default workspace cannot be deleted. Reset it instead."),
        ({"workspace": "x"}, 422, "`x` is not the name of a workspace"),
        ({"workspace": ""}, 422, "`` is not the name of a workspace"),
        ({"workspace": f"{FLOW['id']}/{FLOW['id']}"}, 404, f"The workspace {FLOW['id']}/{FLOW['id']} does not exist."),
        ({"idle": -1}, 422, "greater than or equal to 0"),
        ({"idle": "long"}, 422, "valid number"),
    ],
)
def test_invalid_drop_is_rejected(api: httpx.Client, params: dict[str, Any], status: int, words: str) -> None:
    answer = ask(api, "DELETE", "/workspaces", params=params)
    assert answer.status_code == status
    assert words in answer.text


# ------------------------------------------------------------------- wrong requests

WRONG: dict[str, tuple[str, str, dict[str, Any], int, str]] = {
    "no JSON": ("POST", "/requests/find", {"content": "{bad"}, 422, "JSON decode error"),
    "no body": ("POST", "/requests/count", {}, 422, "Field required"),
    "a list": ("POST", "/requests/count", {"json": []}, 422, "valid dictionary"),
    "an unknown field": ("POST", "/requests/find", {"json": {"methode": "GET"}}, 422, "methode"),
    "a wrong status": ("POST", "/requests/count", {"json": {"status": "ok"}}, 422, "valid integer"),
    "no workspace in a body": ("POST", "/requests/find", {"json": {"workspace": "x"}}, 422, "`x` is not the name"),
    "no workspace in a query": ("GET", "/requests?workspace=x", {}, 422, "`x` is not the name of a workspace"),
    "no workspace to clear": ("DELETE", "/requests?workspace=x", {}, 422, "`x` is not the name of a workspace"),
    "no workspace to reset": ("POST", "/reset?workspace=x/y", {}, 422, "`x/y` is not the name of a workspace"),
    "half a workspace": ("POST", f"/reset?workspace={FLOW['id']}", {}, 422, "is not the name of a workspace"),
    "no workspace to load into": ("POST", "/fixtures?workspace=x", {"json": {"rows": {}}}, 422, "is not the name"),
    "no workspace to save": ("PUT", "/snapshots/s?workspace=x", {}, 422, "`x` is not the name of a workspace"),
    "a limit of none": ("GET", "/requests?limit=0", {}, 422, "greater than or equal to 1"),
    "a status in a query": ("GET", "/requests?status=ok", {}, 422, "valid integer"),
    "no path": ("POST", "/explain", {"json": {"id": FLOW["id"]}}, 422, "Field required"),
    "a path without filters": ("POST", "/explain", {"json": {"id": FLOW["id"], "path": "/flows/"}}, 422, "no filters"),
    "no id": ("POST", "/explain", {"json": {"id": "x", "path": "/flows/filter"}}, 422, "valid UUID"),
    "no row": ("POST", "/explain", {"json": {"id": FLOW["id"], "path": "/flows/filter"}}, 404, "No row of flows"),
    "a wrong filter": (
        "POST", "/explain", {"json": {"id": THERE["id"], "path": "/flows/count", "body": {"flows": {"name": 1}}}}, 422,
        "valid dictionary",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_invalid_request_is_rejected_and_changes_nothing(api: httpx.Client, case: str) -> None:
    method, path, options, status, words = WRONG[case]

    def summary() -> dict[str, Any]:
        state = dict(ask(api, "GET", "/state").json())
        return {
            "journal": state["journal"],
            "workspaces": [{**each, "idle": None} for each in state["workspaces"]],
        }

    before = summary()
    answer = admin(api, method, path, **options)
    assert answer.status_code == status
    assert words in answer.text
    assert summary() == before


def test_row_of_a_workspace_is_explained(api: httpx.Client, name: str) -> None:
    ask(api, "POST", "/fixtures", name, json={"rows": {"flows": [FLOW]}})
    body = {"path": "/api/flows/filter", "id": FLOW["id"].upper(), "body": {"flows": {"name": {"any_": ["other"]}}}}
    part = ask(api, "POST", "/explain", name, json=body).json()
    while part["parts"]:
        assert part["met"] is False
        (part,) = part["parts"]
    assert (part["path"], part["operand"], part["found"]) == ("flows.name.any_", ["other"], ["loaded"])
    assert ask(api, "POST", "/explain", json=body).status_code == 404


def test_rows_are_completed_and_refer_by_name(api: httpx.Client, name: str) -> None:
    body = {"flows": [{"name": "minimal"}], "deployments": [{"name": "nightly", "flow": "minimal"}]}
    ask(api, "POST", "/fixtures", name, json={"rows": body}).raise_for_status()
    flow = api.get(f"{at(name)}/flows/name/minimal").json()
    query = {"flows": {"name": {"any_": ["minimal"]}}, "deployments": {"name": {"any_": ["nightly"]}}}
    assert api.post(f"{at(name)}/flows/count", json=query).json() == 1
    # In another workspace, and in addition to rows that are there.
    other = new_name()
    ask(api, "POST", "/fixtures", other, json={"rows": {"flows": body["flows"]}}).raise_for_status()
    ask(api, "POST", "/fixtures", other, json={"rows": {"deployments": body["deployments"]}}).raise_for_status()
    assert api.post(f"{at(other)}/flows/count", json=query).json() == 1
    assert api.get(f"{at(other)}/flows/name/minimal").json()["id"] == flow["id"]


def test_rows_without_unique_fields_can_be_loaded_repeatedly(api: httpx.Client, name: str) -> None:
    for count in (1, 3):
        body = {"rows": {"artifacts": [{"type": "table"}] * count}}
        ask(api, "POST", "/fixtures", name, json=body).raise_for_status()
    assert api.post(f"{at(name)}/artifacts/count", json={"artifacts": {"type": {"any_": ["table"]}}}).json() >= 4


def test_ignored_file_of_a_set_is_a_warning(keeping: Keeping, tmp_path: Path) -> None:
    shutil.copytree(SMALL, tmp_path / "loaded")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "flows.json").write_text('[{"name": "by json"}]', encoding="utf-8")
    (tmp_path / "more" / "flow.jsonl").write_text('{"name": "lost"}', encoding="utf-8")
    with stand_in(tmp_path / "loaded", *keeping()) as api:
        answer = admin(api, "POST", "/fixtures", json={"set": "more"}).json()
        assert answer["warnings"][0].endswith("did you mean `flows.jsonl`?")
        assert api.get("/flows/name/by json").status_code == 200


def test_reset_reads_changed_files(keeping: Keeping, tmp_path: Path) -> None:
    flows = tmp_path / "flows.jsonl"
    flows.write_text('{"name": "first"}', encoding="utf-8")
    with stand_in(tmp_path, *keeping()) as api:

        def names_after_reset() -> list[str]:
            admin(api, "POST", "/reset").raise_for_status()
            return [flow["name"] for flow in api.post("/flows/filter", json={}).json()]

        created = api.get("/flows/name/first").json()["created"]
        assert names_after_reset() == ["first"]
        assert api.get("/flows/name/first").json()["created"] == created, (
            "files that have not changed are not read again"
        )
        flows.write_text('{"name": "second"}\n{"name": "third"}', encoding="utf-8")
        assert names_after_reset() == ["second", "third"]
        flows.write_text('{"name": "fourth"}\n{"name": 5}', encoding="utf-8")
        refused = admin(api, "POST", "/reset")
        assert refused.status_code == 409
        assert "flows.jsonl, line 2: name: Input should be a valid string" in refused.json()["detail"]
        assert [flow["name"] for flow in api.post("/flows/filter", json={}).json()] == ["second", "third"]
        assert api.post(f"{at(new_name())}/flows/count", json={}).json() == 2, "new workspaces have the last good rows"
        flows.unlink()
        (tmp_path / "flows.json").write_text('[{"name": "fifth"}]', encoding="utf-8")
        assert names_after_reset() == ["fifth"]
