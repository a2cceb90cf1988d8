"""A browser, and Prefect's UI in it: over a real server and over a stand-in with the same rows."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, Request, Response, sync_playwright

from tests.servers import REAL, ROOT, client, greeting, real_server, running

DEMO = ROOT / "fixtures" / "demo"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# The browser of a test needs no network, no sandbox in a container, and no display.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
MOVING = re.compile(r"\d{1,2}:\d\d(:\d\d)? [AP]M|\d+ hours, \d+ minutes, \d+ seconds")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert path, f"these tests need one of {', '.join(BROWSERS)}; on Debian: apt-get install chromium"
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=path, args=FLAGS) as launched:
        yield launched


@contextmanager
def with_ui(*options: str, fixtures: Path = DEMO) -> Iterator[httpx.Client]:
    """A stand-in with the UI of the real server's Prefect; a client of its API."""
    command = [str(REAL / "bin/python"), "-m", "understudy", "serve", "--ui", "--port", "0", "--quiet"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with running([*command, "--fixtures", str(fixtures), *options], environment) as process:
        assert process.stdout is not None
        url = next(line for line in greeting(process.stdout) if "PREFECT_API_URL" in line).partition("=")[2].strip()
        with client(url) as api:
            yield api


@pytest.fixture(scope="module")
def stand_in() -> Iterator[httpx.Client]:
    with with_ui() as api:
        yield api


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with real_server(DEMO, tmp_path_factory.mktemp("real")) as api:
        yield api


@dataclass
class Tab:
    """A page of the UI, with failed and pending requests to the API, and its scripts' errors."""

    page: Page
    failed: list[str]
    waiting: set[Request]

    def on_request(self, request: Request) -> None:
        self.waiting.add(request)

    def on_end(self, request: Request) -> None:
        self.waiting.discard(request)

    def on_response(self, response: Response) -> None:
        if response.status >= HTTPStatus.BAD_REQUEST and "/api/" in response.url:
            self.failed.append(f"{response.status} {response.url}")

    def on_error(self, error: Error) -> None:
        self.failed.append(str(error))

    def is_idle(self) -> bool:
        """Whether all requests have their response."""
        return not self.waiting

    def lines(self) -> list[str]:
        """The sorted lines of the visible text, without moving times. Rows with the same time are in any order."""
        return sorted(MOVING.sub("TIME", self.page.inner_text("body")).splitlines())


@dataclass(frozen=True)
class Profile:
    """A browser profile for a server's UI. Requests to other sites fail."""

    context: BrowserContext
    site: str

    @contextmanager
    def tab(self, path: str) -> Iterator[Tab]:
        """A page of the UI in a new tab."""
        with self.context.new_page() as page:
            opened = Tab(page, [], set())
            page.on("request", opened.on_request)
            page.on("requestfinished", opened.on_end)
            page.on("requestfailed", opened.on_end)
            page.on("response", opened.on_response)
            page.on("pageerror", opened.on_error)
            page.goto(f"{self.site}{path}")
            yield opened


@contextmanager
def profile(browser: Browser, api: httpx.Client, version: str = "v2") -> Iterator[Profile]:
    """A new profile that prefers a version of the UI."""
    site = str(api.base_url).removesuffix("/").removesuffix("/api")
    with browser.new_context(viewport={"width": 1400, "height": 2000}, timezone_id="UTC", locale="en-US") as context:
        context.add_cookies([{"name": "prefect_ui_version", "value": version, "url": site}])
        context.route(lambda url: not url.startswith(f"{site}/"), lambda route: route.abort())
        yield Profile(context, site)
