"""Where the control API is that belongs to an API's URL.

It is beside the API on the same server. A proxy may show both below a prefix, which it strips: the API at
http://H/prefix/api, the control API at http://H/prefix/__admin. Where the prefix ends, only the server knows.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from understudy.values import is_id


def prefixes(path: str) -> Iterator[str]:
    """The prefixes that a path may have, the shortest first, which is none."""
    parts = [part for part in path.split("/") if part]
    for length in range(len(parts) + 1):
        yield "".join(f"/{part}" for part in parts[:length])


def is_state(answer: Any) -> bool:
    """Whether an answer is what a control API says of its server; other servers may answer anything."""
    texts = ("version", "api", "workspace_path")
    return isinstance(answer, dict) and all(isinstance(answer.get(name), str) for name in texts)


def is_at(path: str, state: Mapping[str, Any]) -> bool:
    """Whether a path on a server leads to its API, or to a workspace of it.

    Args:
        path: without a prefix; the empty one stands for the API too.
        state: what the server's control API says of itself.
    """
    return any(is_like(path, template) for template in ("", state["api"], state["workspace_path"]))


def is_whole(path: str, state: Mapping[str, Any]) -> bool:
    """Whether a path, below whatever prefix, has all of the API's own path."""
    templates = state["api"], state["workspace_path"]
    return any(is_like(path.removeprefix(prefix), each) for prefix in prefixes(path) for each in templates)


def is_like(path: str, template: str) -> bool:
    """Whether a path has a template's parts, with a UUID for each of those in braces."""
    parts, wanted = path.strip("/").split("/"), template.strip("/").split("/")
    return len(parts) == len(wanted) and all(
        is_id(part) if want.startswith("{") else part == want for part, want in zip(parts, wanted, strict=True)
    )
