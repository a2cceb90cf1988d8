"""The servers, each with how it is installed, set up and started: one process, or one worker."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench import installed, statics
from bench.answers import Answers
from bench.places import CONTRACT, DEMO, NODE, PYTHON, REAL, ROOT, UNDERSTUDY

BIN = NODE / "node_modules/.bin"


@dataclass(frozen=True)
class Stage:
    """What a server is started with: rows, ready responses for those without rows, a folder to write in."""

    fixtures: Path
    answers: Answers
    folder: Path
    port: int


@dataclass(frozen=True)
class Launch:
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Server:
    """A server to measure.

    `tools` must be on the PATH; `largest` is the largest set that it is measured on, 0 for the demo set only;
    `plain` means that it has rows only, not Prefect's operations.
    """

    name: str
    title: str
    launch: Callable[[Stage], Launch]
    version: Callable[[], str]
    install: Callable[[], None]
    tools: tuple[str, ...] = ()
    prefix: str = "/api"
    largest: int = 0
    starts: int = 3
    plain: bool = False


def understudy(stage: Stage) -> Launch:
    # The demo set is in the package, which has its rows ready after the first start; other sets are read at each.
    rows = [] if stage.fixtures == DEMO else ["--fixtures", str(stage.fixtures)]
    return Launch([str(UNDERSTUDY / "bin/understudy"), "serve", "--port", str(stage.port), *rows, "--quiet"])


def real(stage: Stage) -> Launch:
    database = statics.database(stage.fixtures, stage.folder)
    where = ["--host", "127.0.0.1", "--port", str(stage.port)]
    return Launch(
        [str(REAL / "bin/prefect"), "server", "start", *where, "--no-services"],
        {
            "PREFECT_HOME": str(stage.folder),
            "PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{database}",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
            "DO_NOT_TRACK": "1",
        },
    )


def stub(module: str) -> Callable[[Stage], Launch]:
    def launch(stage: Stage) -> Launch:
        answers = statics.written(stage.folder / "answers.json", stage.answers)
        speed = ["--loop", "uvloop", "--http", "httptools", "--workers", "1", "--log-level", "warning"]
        where = ["--app-dir", str(ROOT), "--host", "127.0.0.1", "--port", str(stage.port)]
        return Launch(
            [str(PYTHON / "bin/uvicorn"), f"bench.stubs.{module}:app", *where, *speed],
            {"BENCH_ANSWERS": str(answers), "BENCH_CONTRACT": str(CONTRACT)},
        )

    return launch


def prism(stage: Stage) -> Launch:
    where = ["--host", "127.0.0.1", "--port", str(stage.port)]
    return Launch([str(BIN / "prism"), "mock", *where, "--verboseLevel", "error", str(CONTRACT)])


def mockoon(stage: Stage) -> Launch:
    data = statics.mockoon_environment(stage.folder / "mockoon.json", stage.port, stage.answers)
    quiet = ["--repair", "--disable-log-to-file", "--disable-admin-api", "--max-transaction-logs", "1"]
    return Launch([str(BIN / "mockoon-cli"), "start", "--data", str(data), *quiet])


def json_server(stage: Stage) -> Launch:
    rows = statics.json_server_rows(stage.folder / "db.json", stage.fixtures)
    where = ["--host", "127.0.0.1", "--port", str(stage.port)]
    return Launch([str(BIN / "json-server"), "--quiet", *where, str(rows)])


def wiremock(stage: Stage) -> Launch:
    statics.wiremock_stubs(stage.folder, stage.answers)
    jar = next((NODE / "node_modules/wiremock/build").glob("wiremock-standalone-*.jar"))
    where = ["--bind-address", "127.0.0.1", "--port", str(stage.port), "--root-dir", str(stage.folder)]
    return Launch(["java", "-jar", str(jar), *where, "--no-request-journal", "--disable-banner"])


def of_python(environment: Path, package: str) -> Callable[[], str]:
    return lambda: installed.python_version(environment, package)


def of_node(package: str) -> Callable[[], str]:
    return lambda: installed.node_version(package)


ALL = (
    Server(
        "understudy",
        "Understudy",
        understudy,
        of_python(UNDERSTUDY, "understudy"),
        installed.understudy,
        largest=10**9,
        starts=5,
    ),
    Server("real", "Prefect", real, of_python(REAL, "prefect"), installed.real_server, largest=100_000),
    Server("limit", "Starlette, the limit", stub("limit"), of_python(PYTHON, "starlette"), installed.python_packages),
    Server(
        "limit-gzip",
        "Starlette with GZipMiddleware",
        stub("limit_gzip"),
        of_python(PYTHON, "starlette"),
        installed.python_packages,
    ),
    Server("connexion", "Connexion", stub("stock"), of_python(PYTHON, "connexion"), installed.python_packages),
    Server(
        "prism",
        "Prism",
        prism,
        of_node("@stoplight/prism-cli"),
        installed.node_packages,
        tools=("node", "npm"),
        prefix="",
    ),
    Server("mockoon", "Mockoon", mockoon, of_node("@mockoon/cli"), installed.node_packages, tools=("node", "npm")),
    Server(
        "json-server",
        "json-server",
        json_server,
        of_node("json-server"),
        installed.node_packages,
        tools=("node", "npm"),
        prefix="",
        plain=True,
    ),
    Server(
        "wiremock",
        "WireMock",
        wiremock,
        of_node("wiremock"),
        installed.node_packages,
        tools=("node", "npm", "java"),
    ),
)
BY_NAME = {server.name: server for server in ALL}
