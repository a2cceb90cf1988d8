"""The measurements, as they are stored in JSON."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

DEMO_SIZE = "demo"


@dataclass(frozen=True)
class Start:
    """A server's start on a set: seconds to its first response, and bytes just after; medians of several starts."""

    size: str
    server: str
    seconds: float
    memory: int
    starts: int


@dataclass(frozen=True)
class Memory:
    """The bytes of a server after it did some jobs, which are named with commas between."""

    size: str
    server: str
    memory: int
    after: str


@dataclass(frozen=True)
class Cell:
    """A job under load, medians of the rounds: latencies and processor time a request in milliseconds.

    `rows` is the number of rows in a response that is a list; `failed` is the sum of all rounds.
    """

    size: str
    job: str
    server: str
    per_second: float
    p50: float
    p99: float
    cpu: float
    rows: int | None
    failed: int


@dataclass(frozen=True)
class Timed:
    """A request by one client, in milliseconds: the first on a fresh server, and the median of those after."""

    first: float
    warm: float


@dataclass(frozen=True)
class FilterTimed:
    size: str
    server: str
    filter: str
    rows: int
    count: int
    listing: Timed
    counting: Timed


@dataclass(frozen=True)
class WriteTimed:
    """Medians in milliseconds: a write, and the next filter, which has to find the row."""

    size: str
    server: str
    write: float
    find: float


@dataclass
class Results:
    machine: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    command: str = ""
    date: str = ""
    rounds: int = 0
    seconds: int = 0
    starts: list[Start] = field(default_factory=list)
    memories: list[Memory] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    filters: list[FilterTimed] = field(default_factory=list)
    writes: list[WriteTimed] = field(default_factory=list)

    def start(self, size: str, server: str) -> Start | None:
        return next((one for one in self.starts if (one.size, one.server) == (size, server)), None)

    def memory(self, size: str, server: str) -> int | None:
        """The bytes after the first jobs under load, which only read; or after those of a large set."""
        return next((one.memory for one in self.memories if (one.size, one.server) == (size, server)), None)

    def cell(self, size: str, job: str, server: str) -> Cell | None:
        return next((one for one in self.cells if (one.size, one.job, one.server) == (size, job, server)), None)

    def has_cells(self, size: str) -> bool:
        return any(cell.size == size for cell in self.cells)

    def filters_of(self, size: str, server: str) -> dict[str, FilterTimed]:
        return {one.filter: one for one in self.filters if (one.size, one.server) == (size, server)}

    def write(self, size: str, server: str) -> WriteTimed | None:
        return next((one for one in self.writes if (one.size, one.server) == (size, server)), None)

    def sizes(self) -> list[str]:
        """The sizes that something was measured at, the demo set first, then by their artifacts."""
        found = {
            *(start.size for start in self.starts),
            *(cell.size for cell in self.cells),
            *(timed.size for timed in self.filters),
        }
        return sorted(found, key=lambda size: 0 if size == DEMO_SIZE else int(size))

    def save(self, path: Path) -> None:
        path.write_text(f"{json.dumps(asdict(self), indent=1, ensure_ascii=False)}\n", encoding="utf-8")
