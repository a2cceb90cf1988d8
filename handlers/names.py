"""Names for rows that are created without one."""

import random
from typing import Any

FIRST = (
    "amber", "ancient", "brave", "bright", "calm", "clever", "copper", "curious", "dapper", "eager", "fancy", "gentle",
    "golden", "happy", "humble", "icy", "jolly", "keen", "lucky", "mellow", "nimble", "olive", "proud", "quick",
    "quiet", "rapid", "rosy", "silver", "smooth", "sunny", "tidy", "violet", "warm", "wise", "young", "zesty",
)  # fmt: skip
SECOND = (
    "badger", "beaver", "bison", "condor", "coyote", "crane", "dolphin", "falcon", "ferret", "finch", "gazelle",
    "gecko", "heron", "ibex", "jackal", "kestrel", "lemur", "lynx", "magpie", "marten", "newt", "otter", "owl",
    "panda", "pelican", "puffin", "quail", "raven", "robin", "salmon", "seal", "stork", "tapir", "vole", "walrus",
)  # fmt: skip

NAMELESS: tuple[object, ...] = (0, [], {})


def new_name() -> str:
    """Two words, such as "keen-otter"."""
    return f"{random.choice(FIRST)}-{random.choice(SECOND)}"  # noqa: S311 - a name is not secret


def with_no_empty_name(body: Any) -> Any:
    """A new run, in which an empty name, of whatever type, is replaced by a new one."""
    return {**body, "name": None} if isinstance(body, dict) and body.get("name") in NAMELESS else body


def with_name(body: Any) -> Any:
    """A change of a run, in which an empty name is replaced by a new one."""
    if isinstance(body, dict) and "name" in body and not body["name"]:
        return {**body, "name": new_name()}
    return body
