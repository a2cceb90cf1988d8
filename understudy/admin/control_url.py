"""The URL of the control API, derived from that of an API.

It is on the same server. A proxy may serve both below a prefix that it strips: the API at http://H/prefix/api, the
control API at http://H/prefix/__admin. Only the server knows where the prefix ends.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from understudy.values import is_id


def prefixes(path: str) -> Iterator[str]:
    """The prefixes that a path may have, the shortest (the empty one) first."""
    parts = [part for part in path.split("/") if part]
    for length in range(len(parts) + 1):
        yield "".join(f"/{part}" for part in parts[:length])


def is_state(answer: Any) -> bool:
    """Whether a response is the state of a server's control API. Other servers may respond with anything."""
    texts = ("version", "api", "workspace_path")
    return isinstance(answer, dict) and all(isinstance(answer.get(name), str) for name in texts)


def is_at(path: str, state: Mapping[str, Any]) -> bool:
    """Whether a path on a server is that of its API or of one of its workspaces.

    Args:
        path: a path without prefix; the empty one also means the API.
        state: the state that the server's control API reports.
    """
    return any(is_like(path, template) for template in ("", state["api"], state["workspace_path"]))


def is_whole(path: str, state: Mapping[str, Any]) -> bool:
    """Whether a path, below any prefix, contains the API's whole path."""
    templates = state["api"], state["workspace_path"]
    return any(is_like(path.removeprefix(prefix), each) for prefix in prefixes(path) for each in templates)


def is_like(path: str, template: str) -> bool:
    """Whether a path matches a template, with a UUID for each part in braces."""
    parts, wanted = path.strip("/").split("/"), template.strip("/").split("/")
    return len(parts) == len(wanted) and all(
        is_id(part) if want.startswith("{") else part == want for part, want in zip(parts, wanted, strict=True)
    )
