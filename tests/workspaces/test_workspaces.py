"""Workspaces by URL: created on the first request, separate from each other, and otherwise like the plain URL."""

import os
import random
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.conftest import SMALL
from tests.servers import stand_in
from tests.workspaces.urls import admin, at, keys, new_name
from understudy.contract.contract import Contract
from understudy.errors import StoreError
from understudy.operations.api_folder import own_folder
from understudy.store.lock import Lock
from understudy.store.write_log import log_file
from understudy.workspaces.workspace_names import DEFAULT

PLAIN = {"accept-encoding": "identity"}  # neither CORS nor gzip handle it
FOREIGN = {"origin": "http://example.com"}
PREFLIGHT = {**FOREIGN, "access-control-request-method": "POST", "access-control-request-headers": "content-type"}
FLOW = "a92c0e6f-17ec-4406-b9bc-2ccdf572df00"
NOBODY = "00000000-0000-4000-8000-000000000000"

# Each with the status that it has at the plain URL.
SAMPLES: dict[str, tuple[int, str, str, dict[str, Any]]] = {
    "health": (200, "GET", "/health", {"headers": PLAIN}),
    "a version": (200, "GET", "/version", {}),
    "rows": (200, "POST", "/flows/filter", {"json": {"limit": 5}, "headers": PLAIN}),
    "rows for who can unpack": (200, "POST", "/flows/filter", {"json": {}, "headers": {"accept-encoding": "gzip"}}),
    "a page of another site": (200, "POST", "/flows/filter", {"json": {}, "headers": {**PLAIN, **FOREIGN}}),
    "a preflight": (200, "OPTIONS", "/flows/filter", {"headers": PREFLIGHT}),
    "a count": (200, "POST", "/artifacts/count", {"json": {"flows": {}}, "headers": PLAIN}),
    "a row": (200, "GET", f"/flows/{FLOW}", {"headers": PLAIN}),
    "a row by another spelling": (200, "GET", f"/flows/{FLOW.replace('-', '').upper()}", {}),
    "a key that is quoted": (404, "GET", "/artifacts/n%C3%AFx%20y%2Fz/latest", {}),
    "a row that is not there": (404, "GET", f"/flows/{NOBODY}", {"headers": PLAIN}),
    "a path that is not there": (404, "GET", "/nothing", {"headers": PLAIN}),
    "the path of the API alone": (404, "GET", "/", {}),
    "another method": (405, "PUT", "/flows/filter", {"headers": PLAIN}),
    "a wrong body": (422, "POST", "/flows/filter", {"json": {"limit": "x"}, "headers": PLAIN}),
    "no JSON": (422, "POST", "/flows/", {"content": "{bad", "headers": {"content-type": "application/json"}}),
    "an old client": (400, "POST", "/flows/count", {"headers": {"x-prefect-api-version": "0.1.0"}}),
}


def shape(answer: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    return answer.status_code, answer.content, {**answer.headers, "date": ""}


@pytest.mark.parametrize("name", SAMPLES)
def test_responses_are_those_of_the_plain_url(small: httpx.Client, name: str) -> None:
    status, method, path, options = SAMPLES[name]
    expected = small.request(method, path, **options)
    assert expected.status_code == status
    assert shape(small.request(method, at(new_name()) + path, **options)) == shape(expected)


@pytest.mark.parametrize("accepting", ["identity", "gzip"])
def test_redirect_stays_in_the_workspace(scratch: httpx.Client, accepting: str) -> None:
    name = new_name()
    answer = scratch.post(f"{at(name)}/flows?x=1", json={"name": "led"}, headers={"accept-encoding": accepting})
    assert answer.status_code == 307
    assert httpx.URL(answer.headers["location"]) == scratch.base_url.join(f"/api{at(name)}/flows/?x=1")
    assert scratch.post(answer.headers["location"], json={"name": "led"}).status_code == 201
    body = {"flows": {"name": {"any_": ["led"]}}}
    assert scratch.post(f"{at(name)}/flows/count", json=body).json() == 1
    assert scratch.post("/flows/count", json=body).json() == 0


def test_row_is_created_changed_and_deleted(scratch: httpx.Client) -> None:
    start = f"{at(new_name())}/artifacts"
    row = scratch.post(f"{start}/", json={"key": "own", "data": 1}).raise_for_status().json()
    assert scratch.patch(f"{start}/{row['id']}", json={"data": 2}).status_code == 204
    assert scratch.get(f"{start}/own/latest").json()["data"] == 2
    assert scratch.get(f"/artifacts/{row['id']}").status_code == 404
    assert scratch.delete(f"/artifacts/{row['id']}").status_code == 404
    assert scratch.delete(f"{start}/{row['id']}").status_code == 204
    assert scratch.get(f"{start}/{row['id']}").status_code == 404


def test_writes_are_not_visible_in_other_workspaces(scratch: httpx.Client) -> None:
    first, second = new_name(), new_name()
    before = keys(scratch)
    assert keys(scratch, first) == before
    for name, key in ((first, "in-first"), (second, "in-second"), (DEFAULT, "in-default")):
        scratch.post(f"{at(name)}/artifacts/", json={"key": key}).raise_for_status()
    third = new_name()
    assert {name: sorted({*keys(scratch, name)} - {*before}) for name in (first, second, DEFAULT, third)} == {
        first: ["in-first"],
        second: ["in-second"],
        DEFAULT: ["in-default"],
        third: [],
    }


def test_concurrent_writes_do_not_mix(scratch: httpx.Client) -> None:
    names = [new_name() for _ in range(40)]
    before = keys(scratch)
    writes = [(name, f"{number}-{round}") for number, name in enumerate(names) for round in range(3)]
    random.Random(1).shuffle(writes)

    def write(name: str, key: str) -> int:
        return scratch.post(f"{at(name)}/artifacts/", json={"key": key}, headers=PLAIN).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(write, *zip(*writes, strict=True))) == {201}
    for number, name in enumerate(names):
        assert {*keys(scratch, name)} - {*before} == {f"{number}-{round}" for round in range(3)}
    assert keys(scratch) == before


def test_ids_in_any_spelling_name_the_same_workspace(scratch: httpx.Client) -> None:
    name = new_name()
    scratch.post(f"{at(name)}/artifacts/", json={"key": "spelled"}).raise_for_status()
    for spelling in (name.upper(), name.replace("-", ""), name.replace("-", "").upper()):
        assert "spelled" in keys(scratch, spelling)
    names = [each["workspace"] for each in admin(scratch, "GET", "/state").json()["workspaces"]]
    assert [each for each in names if each.lower().replace("-", "") == name.replace("-", "")] == [name]


@pytest.mark.parametrize("accepting", ["identity", "gzip"])
@pytest.mark.parametrize(("account", "workspace"), [("x", NOBODY), (NOBODY, "x"), (DEFAULT, DEFAULT), (NOBODY, "%00")])
def test_invalid_id_is_rejected_with_a_hint(
    scratch: httpx.Client, account: str, workspace: str, accepting: str
) -> None:
    url = httpx.URL(scratch.base_url, raw_path=f"/api/accounts/{account}/workspaces/{workspace}/flows/filter".encode())
    answer = scratch.post(url, json={}, headers={"accept-encoding": accepting})
    assert answer.status_code == 422
    assert "is not the name of a workspace" in answer.json()["detail"]
    assert "each a UUID such as 7c0f3ed5-4b8a-4c5e-9d57-0c1f8a6b2d11" in answer.json()["detail"]


def test_number_of_workspaces_is_limited() -> None:
    with stand_in(SMALL, "--max-workspaces", "2") as api:
        first, second, third = (new_name() for _ in range(3))
        for name in (first, second, first):
            assert api.get(f"{at(name)}/flows/{FLOW}").status_code == 200
        answer = api.get(f"{at(third)}/flows/{FLOW}")
        assert answer.status_code == 403
        assert answer.json()["detail"] == (
            "The limit of 2 workspaces is reached. Drop some (DELETE /__admin/workspaces, `understudy admin "
            "drop`), or start the server with a higher --max-workspaces."
        )
        assert api.get(f"/flows/{FLOW}").status_code == 200
        assert api.get(f"{at(first)}/flows/{FLOW}").status_code == 200
        assert admin(api, "DELETE", "/workspaces", params={"workspace": first}).status_code == 200
        assert api.get(f"{at(third)}/flows/{FLOW}").status_code == 200


def test_messages_about_limits_have_a_singular() -> None:
    with stand_in(SMALL, "--max-workspaces", "1", "--max-snapshots", "1", "--max-items", "1") as api:
        refusals: list[httpx.Response] = []
        for _ in range(2):
            refusals.append(api.get(f"{at(new_name())}/flows/{FLOW}"))
            refusals.append(admin(api, "PUT", f"/snapshots/{new_name()[:8]}"))
        refusals.append(api.post("/flows/", json={"name": "x", "tags": ["a", "b"]}))
    details = [answer.json()["detail"] for answer in refusals if answer.is_error]
    assert [detail.partition(".")[0] for detail in details] == [
        "The limit of 1 workspace is reached",
        "The limit of 1 snapshot is reached",
        "A list or object of the body has more than 1 item",
    ]


def test_api_without_workspaces(tmp_path: Path) -> None:
    """Its contract names no such URL."""
    shutil.copytree(own_folder() / "handlers", tmp_path / "handlers")
    contract = {**Contract.read(own_folder() / "openapi.yaml").document}
    contract["servers"] = contract["servers"][:1]
    (tmp_path / "openapi.yaml").write_text(yaml.safe_dump(contract, sort_keys=False), encoding="utf-8")
    with stand_in(SMALL, "--api", str(tmp_path)) as api:
        assert api.get(f"/flows/{FLOW}").status_code == 200
        assert api.get(f"{at(new_name())}/flows/{FLOW}").status_code == 404
        state = admin(api, "GET", "/state").json()
        assert state["workspace_path"] == ""
        assert [each["workspace"] for each in state["workspaces"]] == [DEFAULT]


# ---------------------------------------------------------------------- with a store


def file_of(store: Path, name: str) -> Path:
    return store.with_name(f"{store.stem}.{name.replace('/', '.')}{store.suffix}")


def written(store: Path) -> bytes:
    """The files of a store: the file itself, and its log if there is one."""
    return b"".join(path.read_bytes() for path in (store, log_file(store)) if path.exists())


def files(store: Path) -> set[Path]:
    return set(store.parent.glob("*.json"))


def test_workspaces_survive_a_restart(tmp_path: Path) -> None:
    store, fixtures = tmp_path / "rows.json", tmp_path / "fixtures"
    shutil.copytree(SMALL, fixtures)
    kept, dropped, later = (new_name() for _ in range(3))
    with stand_in(fixtures, "--store", str(store)) as api:
        for name in (kept, dropped, later):
            api.post(f"{at(name)}/artifacts/", json={"key": f"of-{name[:8]}"}).raise_for_status()
        assert files(store) == {store, *(file_of(store, name) for name in (kept, dropped, later))}
        assert admin(api, "DELETE", "/workspaces", params={"workspace": dropped}).json() == {"dropped": [dropped]}
        assert files(store) == {store, file_of(store, kept), file_of(store, later)}
        before = {name: keys(api, name) for name in (kept, DEFAULT)}
        assert f"of-{kept[:8]}" in before[kept]
    shutil.rmtree(fixtures)
    with stand_in(fixtures, "--store", str(store)) as api:
        assert {name: keys(api, name) for name in (kept, DEFAULT)} == before
        # This one was not used since the start, but it exists and can be dropped.
        answer = admin(api, "DELETE", "/workspaces", params={"workspace": later.upper()})
        assert answer.json() == {"dropped": [later]}
        assert files(store) == {store, file_of(store, kept)}
        assert admin(api, "DELETE", "/workspaces", params={"workspace": later}).status_code == 404
        # The fixture set of new workspaces was deleted, which is reported.
        new, reset = api.get(f"{at(new_name())}/flows/{FLOW}"), admin(api, "POST", "/reset")
        assert (new.status_code, reset.status_code) == (409, 409)
        assert f"{fixtures}: no such fixture folder" in new.json()["detail"]
        assert f"{fixtures}: no such fixture folder" in reset.json()["detail"]
        assert keys(api, DEFAULT) == before[DEFAULT]


def test_limit_holds_after_a_restart_and_for_concurrent_requests(tmp_path: Path) -> None:
    """Stored ones count, whether they were used since the start or not."""
    store, first, second = tmp_path / "rows.json", new_name(), new_name()
    shutil.copy(SMALL / "flows.jsonl", tmp_path / "rows.not.a.workspace.json")  # not a store of Understudy
    options = ["--store", str(store), "--max-workspaces", "2"]
    with stand_in(SMALL, *options) as api:
        assert api.get(f"{at(first)}/flows/{FLOW}").status_code == 200
    with stand_in(SMALL, *options) as api:
        with ThreadPoolExecutor(8) as pool:
            names = [new_name() for _ in range(8)]
            answers = list(pool.map(lambda name: api.get(f"{at(name)}/flows/{FLOW}").status_code, names))
        assert sorted(answers) == [200, *[403] * 7]
        assert api.get(f"{at(second)}/flows/{FLOW}").status_code == 403
        assert api.get(f"{at(first)}/flows/{FLOW}").status_code == 200
        assert admin(api, "DELETE", "/workspaces", params={"workspace": first}).status_code == 200
        assert api.get(f"{at(second)}/flows/{FLOW}").status_code == 200
        assert len(files(store)) == 4


def test_limit_of_snapshots_holds_for_concurrent_requests(tmp_path: Path) -> None:
    with stand_in(SMALL, "--store", str(tmp_path / "rows.json"), "--max-snapshots", "3") as api:

        def save(number: int) -> int:
            if number % 2:
                return api.post("/flows/", json={"name": f"{number}"}).status_code
            return admin(api, "PUT", f"/snapshots/{number}").status_code

        with ThreadPoolExecutor(20) as pool:
            statuses = list(pool.map(save, range(40)))
        (workspace,) = admin(api, "GET", "/state").json()["workspaces"]
        assert len(workspace["snapshots"]) == 3
        assert sorted(statuses[::2]) == [200] * 3 + [403] * 17
        assert admin(api, "PUT", f"/snapshots/{workspace['snapshots'][0]}").status_code == 200


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, Path]]:
    """A server with a store, and its file."""
    store = tmp_path_factory.mktemp("stored") / "rows.json"
    with stand_in(SMALL, "--store", str(store)) as api:
        yield api, store


def refused(api: httpx.Client, name: str) -> str:
    """Why a workspace is not opened, while others work."""
    answers = [api.get(f"{at(name)}/flows/{FLOW}", headers=headers) for headers in (PLAIN, {})]
    answers.append(admin(api, "POST", "/reset", params={"workspace": name}))
    assert [answer.status_code for answer in answers] == [409] * 3
    (detail,) = {answer.json()["detail"] for answer in answers}
    for other in (DEFAULT, new_name()):
        assert api.get(f"{at(other)}/flows/{FLOW}").status_code == 200
    return str(detail)


def test_server_locks_the_files_of_all_workspaces(stored: tuple[httpx.Client, Path]) -> None:
    """Used or not: otherwise a file could be taken when it is first used."""
    api, store = stored
    used, unused = new_name(), new_name()
    assert api.get(f"{at(used)}/flows/{FLOW}").status_code == 200
    for name in (used, unused):
        with pytest.raises(StoreError, match="is in use by the process"), Lock(file_of(store, name)).held():
            pass
    assert api.get(f"{at(unused)}/flows/{FLOW}").status_code == 200


def test_workspaces_keep_no_files_open_and_leave_only_their_rows(stored: tuple[httpx.Client, Path]) -> None:
    api, store = stored
    before = sorted(store.parent.iterdir())
    names = [new_name() for _ in range(20)]
    process = int(store.with_name(f".{store.name}.lock").read_text(encoding="ascii"))
    open_files = len(os.listdir(f"/proc/{process}/fd"))  # noqa: PTH208 - only how many there are is asked
    for name in names:
        assert api.post(f"{at(name)}/flows/", json={"name": "new"}).status_code == 201
    assert len(os.listdir(f"/proc/{process}/fd")) < open_files + 10  # noqa: PTH208 - as above
    for name in names:
        assert admin(api, "DELETE", "/workspaces", params={"workspace": name}).json() == {"dropped": [name]}
    assert sorted(store.parent.iterdir()) == before


def test_undeletable_workspace_is_not_dropped(stored: tuple[httpx.Client, Path]) -> None:
    """Its file is in a folder that cannot be written any more: here, a deleted one."""
    api, store = stored
    name = new_name()
    api.post(f"{at(name)}/artifacts/", json={"key": "stays"}).raise_for_status()
    rule = {"path": "/nothing", "delay": 1}
    admin(api, "PUT", "/faults", params={"workspace": name}, json={"rules": [rule]}).raise_for_status()
    elsewhere = store.parent.with_name("elsewhere")
    store.parent.rename(elsewhere)
    answer = admin(api, "DELETE", "/workspaces", params={"workspace": name})
    assert answer.status_code == 507
    assert f"The workspace {name} cannot be dropped" in answer.json()["detail"]
    assert "stays" in keys(api, name)
    rules = admin(api, "GET", "/faults", params={"workspace": name}).json()["rules"]
    assert [rule["rule"]["path"] for rule in rules] == ["/nothing"]
    elsewhere.rename(store.parent)
    assert "stays" in keys(api, name)
    assert admin(api, "DELETE", "/workspaces", params={"workspace": name}).json() == {"dropped": [name]}


def test_damaged_workspace_is_rejected_with_a_hint(stored: tuple[httpx.Client, Path]) -> None:
    api, store = stored
    name = new_name()
    path = file_of(store, name)
    path.write_text('{\n"flows": {\n"1": {bad', encoding="utf-8")
    detail = refused(api, name)
    assert f"{path}, line 3: not JSON" in detail
    assert f"`understudy store repair {path}`" in detail
    assert admin(api, "DELETE", "/workspaces", params={"workspace": name}).status_code == 409
    assert path.read_text(encoding="utf-8").endswith("{bad")
    path.unlink()
    assert api.get(f"{at(name)}/flows/{FLOW}").status_code == 200


def test_file_that_cannot_be_created_is_reported(stored: tuple[httpx.Client, Path]) -> None:
    api, store = stored
    name = new_name()
    file_of(store, name).mkdir()
    assert "Is a directory" in refused(api, name)


def test_rows_are_stored_in_the_file_of_their_workspace(stored: tuple[httpx.Client, Path]) -> None:
    api, store = stored
    name = new_name()
    before = written(store)
    api.post(f"{at(name)}/artifacts/", json={"key": "in-its-file"}).raise_for_status()
    assert b"in-its-file" in written(file_of(store, name))
    assert written(store) == before
