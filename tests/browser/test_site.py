"""Common actions in Prefect's UI over a stand-in, and the page of the documents about it."""

from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Tab, profile, with_ui
from tests.cli.test_docs import follow
from tests.servers import REAL, ROOT


def add_variable(opened: Tab, name: str) -> None:
    opened.page.get_by_role("button", name="Add variable").click()
    opened.page.get_by_label("Name").fill(name)
    opened.page.locator(".cm-content").fill('{"a": 1}')
    opened.page.get_by_role("button", name="Create").click()
    expect(opened.page.get_by_text(name)).to_be_visible()


def test_variable_is_created(browser: Browser, stand_in: httpx.Client) -> None:
    name = f"by_hand_{uuid4().hex}"
    with profile(browser, stand_in) as used, used.tab("/v2/variables") as opened:
        add_variable(opened, name)
        assert opened.failed == []
    assert stand_in.get(f"/variables/name/{name}").json()["value"] == {"a": 1}


def test_workspace_has_its_own_rows(browser: Browser, stand_in: httpx.Client) -> None:
    path = f"/accounts/{uuid4()}/workspaces/{uuid4()}"
    name = uuid4().hex
    stand_in.post(f"{path}/flows/", json={"name": name}).raise_for_status()
    for version, base in (("v1", ""), ("v2", "/v2")):
        with profile(browser, stand_in, version) as used:
            with used.tab(f"{path}{base}/flows") as opened:
                expect(opened.page.get_by_text(name)).to_be_visible()
                assert opened.failed == []
            with used.tab(f"{base}/flows") as opened:
                expect(opened.page.get_by_text("send-invoices")).to_be_visible()
                expect(opened.page.get_by_text(name)).to_have_count(0)


def test_ui_sends_the_password_and_tokens(browser: Browser) -> None:
    with with_ui("--auth", "user:secret", "--csrf") as api:
        api.auth = ("user", "secret")
        with profile(browser, api) as used, used.tab("/v2/variables") as opened:
            opened.page.locator("input[type=password]").fill("user:secret")
            opened.page.keyboard.press("Enter")
            add_variable(opened, "protected")
        assert api.get("/variables/name/protected").json()["value"] == {"a": 1}


def test_page_of_the_documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    follow((ROOT / "docs/guides/ui.md").read_text(encoding="utf-8"), tmp_path, 1, REAL / "bin")
