"""The web UI: its files, pages and settings. `tests/browser` opens the real one."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.conftest import SMALL
from understudy import StandIn
from understudy.errors import UnderstudyError
from understudy.operations.api_folder import own_folder

PLACEHOLDER = "/PREFECT_UI_SERVE_BASE_REPLACE_PLACEHOLDER"
BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
SCRIPT = f"import('{PLACEHOLDER}/assets/more.js')"
PICTURE = b"\x89PNG " + PLACEHOLDER.encode()


def install(site: Path) -> Path:
    """Make a small Prefect whose UI has a few files in both versions, and return its folder."""
    package = site / "prefect"
    for folder in ("ui", "ui-v2"):
        assets = package / "server" / folder / "assets"
        assets.mkdir(parents=True)
        (assets.parent / "index.html").write_text(f"{folder}: {PLACEHOLDER}/x.js", encoding="utf-8")
        (assets / "index.js").write_text(SCRIPT, encoding="utf-8")
        (assets / "large.css").write_text("a {}\n" * 1000, encoding="utf-8")
        (assets / "picture.png").write_bytes(PICTURE)
    (package / "__init__.py").touch()
    return package


@contextmanager
def serving(**options: Any) -> Iterator[httpx.Client]:
    """A client of the root of a site."""
    with StandIn(**options) as server, httpx.Client(base_url=server.url.removesuffix("api")) as site:
        yield site


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = install(tmp_path)
    monkeypatch.syspath_prepend(package.parent)
    return package


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A site with a UI."""
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(install(tmp_path_factory.mktemp("site")).parent)
        with serving(ui=True) as site:
            yield site


@pytest.mark.parametrize(("path", "base"), [("/assets/index.js", ""), ("/v2/assets/index.js", "/v2")])
def test_script_contains_the_path_at_which_it_is_served(site: httpx.Client, path: str, base: str) -> None:
    found = site.get(path)
    assert (found.status_code, found.text) == (200, SCRIPT.replace(PLACEHOLDER, base))
    assert found.headers["content-type"] == "text/javascript; charset=utf-8"


def test_picture_is_served_unchanged(site: httpx.Client) -> None:
    found = site.get("/v2/assets/picture.png")
    assert (found.content, found.headers["content-type"]) == (PICTURE, "image/png")


def test_large_files_are_compressed(site: httpx.Client) -> None:
    found = site.get("/v2/assets/large.css", headers={"accept-encoding": "gzip"})
    assert (found.headers["content-encoding"], found.text) == ("gzip", "a {}\n" * 1000)


def test_files_are_cached_by_browsers(site: httpx.Client) -> None:
    found = site.get("/v2/assets/index.js")
    again = site.get("/v2/assets/index.js", headers={"if-none-match": found.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_root_shows_the_second_version_by_default(site: httpx.Client) -> None:
    found = site.get("/?tags=a", headers=BROWSER)
    assert (found.status_code, found.headers["location"]) == (307, "/v2/?tags=a")
    assert site.get("/v2/").text == "ui-v2: /v2/x.js"


def test_root_shows_the_version_that_the_browser_prefers(site: httpx.Client) -> None:
    found = site.get("/", headers={**BROWSER, "cookie": "prefect_ui_version=v1"})
    assert (found.status_code, found.text) == (200, "ui: /x.js")
    other = site.get("/", headers={**BROWSER, "cookie": "prefect_ui_version=v3"})
    assert other.headers["location"] == "/v2/"


def test_root_returns_the_api_version_to_other_programs(site: httpx.Client) -> None:
    assert site.get("/").text == "ui: /x.js"


@pytest.mark.parametrize(("path", "text"), [("/runs", "ui: /x.js"), ("/v2/runs/flow-run/x.js", "ui-v2: /v2/x.js")])
@pytest.mark.parametrize("headers", [BROWSER, {"sec-fetch-mode": "navigate"}, {"sec-fetch-dest": "iframe"}])
def test_browser_can_open_any_page(site: httpx.Client, path: str, text: str, headers: dict[str, str]) -> None:
    assert site.get(path, headers=headers).text == text


@pytest.mark.parametrize("path", ["/runs", "/v2/runs", "/v2/assets/none.js", "/v2/assets", "/v2/../../__init__.py"])
def test_pages_are_not_found_by_other_programs(site: httpx.Client, path: str) -> None:
    found = site.get(path)
    assert (found.status_code, found.json()) == (404, {"detail": "Not Found"})


@pytest.mark.parametrize("path", ["/runs", "/v2/", "/v2/assets/index.js"])
def test_pages_are_read_only(site: httpx.Client, path: str) -> None:
    assert site.post(path, headers=BROWSER).status_code == 404
    read = site.head(path, headers=BROWSER)
    assert (read.status_code, read.content) == (200, b"")


def test_bundle_is_below_its_slash(site: httpx.Client) -> None:
    assert site.get("/v2?a=1", headers=BROWSER).headers["location"] == "/v2/?a=1"


def test_settings_name_the_api(site: httpx.Client) -> None:
    assert site.get("/ui-settings").json() == {
        "api_url": f"{site.base_url}api",
        "csrf_enabled": False,
        "auth": None,
        "flags": [],
        "default_ui": "v2",
        "available_uis": ["v1", "v2"],
        "v1_base_url": "/",
        "v2_base_url": "/v2",
    }


@pytest.mark.usefixtures("installed")
def test_settings_include_what_the_api_requires() -> None:
    with serving(ui=True, auth="user:secret", csrf=True) as site:
        settings = site.get("/ui-settings").json()
        assert (settings["auth"], settings["csrf_enabled"]) == ("BASIC", True)
        assert site.get("/v2/").status_code == 200, "the files are no secret"
        assert site.get("/api/admin/settings").status_code == 401


def test_each_workspace_has_its_own_ui(site: httpx.Client) -> None:
    path = f"/accounts/{uuid4()}/workspaces/{uuid4()}"
    assert site.get(path, headers=BROWSER).headers["location"] == f"{path}/"
    assert site.get(f"{path}/", headers=BROWSER).headers["location"] == f"{path}/v2/"
    assert site.get(f"{path}/").text == f"ui: {path}/x.js"
    assert site.get(f"{path}/v2/flows", headers=BROWSER).text == f"ui-v2: {path}/v2/x.js"
    settings = site.get(f"{path}/ui-settings").json()
    assert (settings["v1_base_url"], settings["v2_base_url"]) == (path, f"{path}/v2")
    assert settings["api_url"] == f"{site.base_url}api{path}"


def test_invalid_ids_do_not_appear_in_pages(site: httpx.Client) -> None:
    path = "/accounts/%22%3E%3Cscript%3E/workspaces/x/v2/"
    assert site.get(path, headers=BROWSER).text == "ui: /x.js"


def test_api_and_its_documents_have_precedence(site: httpx.Client) -> None:
    assert site.get("/docs", headers=BROWSER).text.startswith("<!doctype html>")
    assert "x-understudy-hint" in site.get("/api/none", headers=BROWSER).headers
    assert "workspace_path" in site.get("/__admin/state", headers=BROWSER).json()


def test_one_version_of_the_ui_is_sufficient(installed: Path) -> None:
    (installed / "server" / "ui" / "index.html").unlink()
    with serving(ui=True) as site:
        settings = site.get("/ui-settings").json()
        assert (settings["available_uis"], settings["v1_base_url"]) == (["v2"], None)
        assert site.get("/").headers["location"] == "/v2/"


@pytest.mark.usefixtures("installed")
def test_ui_is_disabled_by_default() -> None:
    with serving() as site:
        assert site.get("/", headers=BROWSER).headers["location"] == "docs"
        assert site.get("/ui-settings").status_code == 404


def test_prefect_must_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prefect", None)
    with pytest.raises(UnderstudyError, match=r"not installed here: pip install prefect"), StandIn(ui=True):
        pass


def test_prefect_must_have_its_ui(installed: Path) -> None:
    for folder in ("ui", "ui-v2"):
        (installed / "server" / folder / "index.html").unlink()
    with pytest.raises(UnderstudyError, match=r"has no UI"), StandIn(ui=True):
        pass


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", r"the API has no web UI \(`x-web-ui`\)"),
        ("x-web-ui: [pages]", r"`\['pages'\]` is not of the form `web_ui.installed_ui`"),
        ("x-web-ui: web_ui.none", r"`operationId: web_ui.none` has no handler"),
    ],
)
def test_api_must_name_its_ui(tmp_path: Path, line: str, reason: str) -> None:
    for name in ("openapi", "handlers"):
        shutil.copytree(own_folder() / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    contract = (own_folder() / "openapi.yaml").read_text(encoding="utf-8")
    (tmp_path / "openapi.yaml").write_text(contract.replace("x-web-ui: web_ui.installed_ui", line), encoding="utf-8")
    with pytest.raises(UnderstudyError, match=reason), StandIn(SMALL, api=tmp_path, ui=True):
        pass
