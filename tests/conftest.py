"""What tests share: servers on the golden fixture sets, and the API that they serve."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from hypothesis import HealthCheck, settings

from tests.servers import client, stand_in
from tests.testing.wheels import build_wheel
from understudy.operations.api_folder import Api, own_folder

GOLDEN = Path(__file__).parent / "golden"
SMALL = GOLDEN / "small" / "fixtures"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rounds", type=int, default=8, help="How often a store's server is killed while it writes.")
    parser.addoption("--soak-minutes", type=float, default=0.1, help="How long a server is kept busy with everything.")


def pytest_configure() -> None:
    # Processes in a shell's background ignore interrupts, and so do their children, unless they set a handler.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # The same with hang-ups after `nohup`. This process still ignores them; its children do not.
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)
    # On a busy machine, examples take long to be drawn and tried.
    settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("busy")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run a module's tests with rows in memory before those with a store, so that each server starts once.

    Otherwise the order stays random: tests are shuffled before this is called.
    """
    modules = {item.path: number for number, item in reversed([*enumerate(items)])}
    items.sort(key=lambda item: (modules[item.path], keeping_of(item)))


def keeping_of(item: pytest.Item) -> str:
    """Where a test keeps its rows; empty if the test does not depend on it."""
    call = getattr(item, "callspec", None)
    return "" if call is None else str(call.params.get("keeping", ""))


Keeping = Callable[[], tuple[str, ...]]
"""Returns the options for where a new server keeps its rows."""


@pytest.fixture(scope="session")
def api() -> Api:
    """The bundled API, loaded in this process."""
    return Api.load(own_folder())


@pytest.fixture(scope="session", params=["memory", "store"])
def keeping(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Keeping:
    """Tests with this fixture run twice: with rows in memory, and with a store."""
    if request.param == "memory":
        return lambda: ()
    return lambda: ("--store", str(tmp_path_factory.mktemp("store") / "rows.json"))


@pytest.fixture(scope="session")
def small(keeping: Keeping) -> Iterator[httpx.Client]:
    """A stand-in on the small golden set, which no test changes."""
    with stand_in(SMALL, *keeping()) as client:
        yield client


@pytest.fixture(scope="module")
def scratch(keeping: Keeping) -> Iterator[httpx.Client]:
    """A stand-in on the small golden set for one module to write to."""
    with stand_in(SMALL, *keeping()) as client:
        yield client


@pytest.fixture
def own(scratch: httpx.Client) -> Iterator[httpx.Client]:
    """A new workspace on the small golden set."""
    path = f"/accounts/{uuid4()}/workspaces/{uuid4()}"
    with client(f"{str(scratch.base_url).rstrip('/')}{path}") as api:
        yield api


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    return build_wheel(tmp_path_factory.mktemp("wheel"))
