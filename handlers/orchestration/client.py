"""The client of a request, as far as rules depend on it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

AGENT = re.compile(r"prefect/((\d+)\.(\d+)\.(\d+)([a-z.+0-9]+)?) \(API \S+\)\Z")
PREVIEW = re.compile(r"\.?(a|b|c|rc|pre|dev)")  # what follows the numbers in a version from before their release
PAUSES = (0, 8, 4)  # the first API version with pauses
RESULT_STORAGE = (3, 3, 7, 0)  # the last version of the client from before work pools had a block for results
TASK_RETRIES = (0, 8, 3)  # the first version whose clients retry the tasks of a flow themselves


@dataclass(frozen=True)
class Client:
    """A client.

    Args:
        api_version: the API version that it uses; None if it does not state one.
        release: its own version; "" if it is not Prefect's client.
        numbers: the three numbers of its version, and -1 before their release, 1 for later builds, else 0.
    """

    api_version: tuple[int, ...] | None = None
    release: str = ""
    numbers: tuple[int, ...] = (0, 0, 0, 0)

    @classmethod
    def of(cls, headers: Mapping[bytes, bytes]) -> "Client":
        """The client that sent the headers of a request. Source: `prefect.server.api.dependencies`."""
        spoken = headers.get(b"x-prefect-api-version", b"").decode("latin-1")
        version = tuple(map(int, spoken.split("."))) if spoken else None
        agent = AGENT.match(headers.get(b"user-agent", b"").decode("latin-1"))
        if agent is None:
            return cls(version)
        release, *numbers, build = agent.groups()
        return cls(version, release, (*map(int, numbers), step_of(build)))

    @property
    def has_pauses(self) -> bool:
        return self.api_version is None or self.api_version >= PAUSES

    @property
    def knows_result_storage(self) -> bool:
        """Whether the client can read all fields of work pools."""
        return not self.release or self.numbers > RESULT_STORAGE

    @property
    def retries_tasks(self) -> bool:
        return self.api_version is None or self.api_version >= TASK_RETRIES


def step_of(build: str | None) -> int:
    if not build:
        return 0
    return -1 if PREVIEW.match(build) else 1


UNKNOWN = Client()
