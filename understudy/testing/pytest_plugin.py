"""The pytest plugin: one server for a whole run, and a workspace for each test.

Imports are lazy until a test uses a fixture, since every run of pytest loads this module if Understudy is installed.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx

    from understudy.admin.client import RemoteWorkspace
    from understudy.testing.activation import Activation
    from understudy.testing.standin import RemoteServer

WORKSPACE: pytest.StashKey["RemoteWorkspace"] = pytest.StashKey()
ACTIVATION: pytest.StashKey["Activation"] = pytest.StashKey()
SITE, ERROR = "understudy_site", "understudy_error"  # the keys of values for xdist's workers
VARIABLE = "UNDERSTUDY_ADMIN_TOKEN"
REPORTED = 100  # requests in the report of a failed test, at most
JOURNAL = 10_000  # requests of all tests that run at the same time
SETTINGS = {
    "fixtures": "The fixture set that every test starts from, a folder of JSON Lines.  [default: the demo set]",
    "port": "The port to serve on.  [default: a free one]",
    "url": "Use a running Understudy server, such as http://127.0.0.1:4200/api.",
    "token": "The --admin-token of that server. Also @FILE, or UNDERSTUDY_ADMIN_TOKEN in the environment.",
}


# ------------------------------------------------------------------------ fixtures


@pytest.fixture(scope="session")
def understudy_server(request: pytest.FixtureRequest) -> "Iterator[RemoteServer]":
    """The server for all tests and all xdist workers. It is also its default workspace, which tests share."""
    from understudy.testing.standin import RemoteServer  # noqa: PLC0415

    with ExitStack() as stack:
        server = RemoteServer(url_of_server(request.config, stack), token_of(request.config))
        stack.callback(server.disconnect)
        yield server


@pytest.fixture
def understudy(understudy_server: "RemoteServer", request: pytest.FixtureRequest) -> "Iterator[RemoteWorkspace]":
    """A workspace for the test, with the rows of the fixture set."""
    with understudy_server.workspace() as workspace:
        request.node.stash[WORKSPACE] = workspace
        yield workspace


@pytest.fixture
def understudy_client(understudy: "RemoteWorkspace", understudy_server: "RemoteServer") -> "Iterator[httpx.Client]":
    """An httpx client with the test's workspace as its base URL."""
    import httpx  # noqa: PLC0415

    with httpx.Client(base_url=understudy.url, transport=understudy_server.transport, trust_env=False) as client:
        yield client


@pytest.fixture
def prefect_api(understudy: "RemoteWorkspace") -> Iterator[str]:
    """The URL of the test's workspace, which Prefect's SDK uses during the test."""
    from understudy.testing.prefect_settings import drain, pointed_at  # noqa: PLC0415

    understudy.before_reading = drain
    with pointed_at(understudy.url):
        yield understudy.url


@pytest.fixture(scope="module")
def prefect_api_module(understudy_server: "RemoteServer") -> Iterator[str]:
    """The URL of a workspace that the tests of a module share, which Prefect's SDK uses while they run."""
    from understudy.testing.prefect_settings import pointed_at  # noqa: PLC0415

    with understudy_server.workspace() as workspace, pointed_at(workspace.url):
        yield workspace.url


# ------------------------------------------------------------------------- options


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("understudy", "a stand-in server for an API")
    for name, help_ in SETTINGS.items():
        group.addoption(f"--understudy-{name}", metavar=name.upper(), help=help_)
        parser.addini(f"understudy_{name}", f"The same as --understudy-{name}.")


def setting(config: pytest.Config, name: str) -> str | None:
    """A setting of the command line, else of the configuration file."""
    given: str | None = config.getoption(f"understudy_{name}")
    return given or str(config.getini(f"understudy_{name}")) or None


def options_of(config: pytest.Config) -> dict[str, Any]:
    """The options of the server. A path in the configuration file is relative to its folder."""
    fixtures, is_given = setting(config, "fixtures"), config.getoption("understudy_fixtures")
    start = config.invocation_params.dir if is_given or config.inipath is None else config.inipath.parent
    return {"fixtures": fixtures and str(start / fixtures), "journal": JOURNAL}


def check_options(config: pytest.Config) -> None:
    """Check that no option is without effect.

    Raises:
        pytest.UsageError: the command line has options of a server to start beside the URL of one.
    """
    for name in ("fixtures", "port"):
        if config.getoption("understudy_url") and config.getoption(f"understudy_{name}"):
            raise pytest.UsageError(
                f"--understudy-{name} has no effect with --understudy-url: the server at that URL runs already"
            )


def port_of(config: pytest.Config) -> int:
    port = setting(config, "port")
    if port is None:
        return 0
    from understudy.options import HIGHEST_PORT  # noqa: PLC0415

    if not (port.isdecimal() and len(port) <= len(str(HIGHEST_PORT)) and int(port) <= HIGHEST_PORT):
        raise pytest.UsageError(f"--understudy-port takes a number up to {HIGHEST_PORT}, not `{port}`")
    return int(port)


def token_of(config: pytest.Config) -> str | None:
    """The token of the running server; None without one, or if the run starts its own server."""
    if setting(config, "url") is None:
        return None
    given = config.getoption("understudy_token") or config.getini("understudy_token")
    value = given or os.environ.get(VARIABLE)
    if value is None:
        return None
    from understudy.terminal.secret_options import secret_of  # noqa: PLC0415

    try:
        return secret_of("admin_token", str(value))
    except ValueError as error:
        raise pytest.UsageError(f"{'--understudy-token' if given else VARIABLE} {error}") from None


def pytest_configure(config: pytest.Config) -> None:
    """Report wrong settings before anything runs."""
    check_options(config)
    port_of(config)
    token_of(config)


# -------------------------------------------------------------------------- server


def url_of_server(config: pytest.Config, stack: ExitStack) -> str:
    """The URL of the server to use. If one is started, it stops with the stack."""
    from understudy.admin.client import url_at  # noqa: PLC0415
    from understudy.errors import UnderstudyError  # noqa: PLC0415
    from understudy.testing.standin import StandIn  # noqa: PLC0415

    external, worker = setting(config, "url"), getattr(config, "workerinput", {})
    try:
        if external is not None or SITE in worker:
            return url_at(external or worker[SITE], token_of(config))
        return stack.enter_context(StandIn(**options_of(config), port=port_of(config), process=True)).url
    except UnderstudyError as error:
        reason = Path(worker[ERROR]) if ERROR in worker else None
        text = reason.read_text(encoding="utf-8") if reason is not None and reason.exists() else str(error)
        raise pytest.fail.Exception(f"Understudy cannot be used: {text}", pytrace=False) from None


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Pass the server's URL to an xdist worker. The server starts when the first worker uses it."""
    config = node.config
    if setting(config, "url") is not None:
        return
    if ACTIVATION not in config.stash:
        config.stash[ACTIVATION] = activation_of(config)
    node.workerinput[SITE] = config.stash[ACTIVATION].site
    node.workerinput[ERROR] = config.stash[ACTIVATION].error


def activation_of(config: pytest.Config) -> "Activation":
    from understudy.testing.activation import Activation  # noqa: PLC0415

    try:
        return Activation(port_of(config), options_of(config))
    except OSError as error:
        raise pytest.UsageError(f"Understudy cannot listen on port {port_of(config)} ({error.strerror})") from None


def pytest_unconfigure(config: pytest.Config) -> None:
    if ACTIVATION in config.stash:
        config.stash[ACTIVATION].stop()


# ------------------------------------------------------------------------- reports


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Add the requests to the report of a failed test. After its teardown, they are deleted."""
    report: pytest.TestReport = yield  # type: ignore[assignment]
    if report.failed and report.when != "teardown" and WORKSPACE in item.stash:
        workspace = item.stash[WORKSPACE]
        ran = rows_of(workspace)
        if ran:
            report.sections.append(("Rows of the test", ran))
        report.sections.append(("Requests to Understudy", requests_of(workspace)))
    return report  # type: ignore[return-value]


def rows_of(workspace: "RemoteWorkspace") -> str:
    """The rows that a test has created in tables that the contract has in reports (`x-reported`), one per line."""
    from understudy.errors import UnderstudyError  # noqa: PLC0415

    try:
        lines = [
            f"{table}: {', '.join(filter(None, (part_of(record.values, field) for field in fields)))}"
            for table, fields in workspace.state().get("reported", {}).items()
            for record in workspace.rows(table, only_new=True)[-REPORTED:]
        ]
    except UnderstudyError as error:
        return str(error)
    return "\n".join(lines)


def part_of(row: Any, path: str) -> str:
    """The first line of a field, or of one in an object ("state.message")."""
    for name in path.split("."):
        row = row.get(name) if isinstance(row, dict) else None
    return "" if row is None else str(row).partition("\n")[0]


def requests_of(workspace: "RemoteWorkspace") -> str:
    """The last requests of a test, one per line."""
    from understudy.admin.found_requests import line_of  # noqa: PLC0415
    from understudy.errors import UnderstudyError  # noqa: PLC0415

    try:
        return "\n".join(map(line_of, workspace.recent(REPORTED))) or "none"
    except UnderstudyError as error:
        return str(error)
