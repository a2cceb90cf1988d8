"""How long servers take from their start to their first answer, and what memory they then have."""

import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.answers import Answers
from bench.results import Start
from bench.running import up
from bench.servers import Server


def measured(size: str, fixtures: Path, artifact: str, answers: Answers, servers: Sequence[Server]) -> Iterator[Start]:
    for server in servers:
        seconds, memories = [], []
        for _ in range(server.starts):
            with up(server, fixtures, artifact, answers) as one:
                seconds.append(one.seconds)
                memories.append(one.memory)
        yield Start(size, server.name, statistics.median(seconds), round(statistics.median(memories)), server.starts)
