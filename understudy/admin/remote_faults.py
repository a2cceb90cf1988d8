"""The fault rules of a running server."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from understudy.workspaces.workspace_names import DEFAULT


class RemoteFaults:
    """The fault rules of a workspace; for the API's plain URL, those for all workspaces of the server.

    Args:
        call: makes a control call.
        workspace: its name.
    """

    def __init__(self, call: Callable[..., Any], workspace: str) -> None:
        self._call = call
        self._params = {} if workspace == DEFAULT else {"workspace": workspace}

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rules)

    @property
    def rules(self) -> list[dict[str, Any]]:
        """Each `rule`, how many requests it `matched`, and how many of them it was `applied` to."""
        return list(self._call("GET", "/faults", params=self._params)["rules"])

    def add(self, **rule: Any) -> None:
        """Add a rule after the present ones. All of them restart: their counts, and the time until they expire."""
        self.replace([*(each["rule"] for each in self), rule])

    def replace(self, rules: Iterable[Mapping[str, Any]]) -> None:
        """Replace all rules by these."""
        self._call("PUT", "/faults", {"rules": list(rules)}, params=self._params)

    def clear(self) -> None:
        """Remove all rules."""
        self._call("DELETE", "/faults", params=self._params)
