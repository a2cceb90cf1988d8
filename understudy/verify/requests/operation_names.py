"""The names of operations, and a choice of operations by their names (`--only`)."""

from collections.abc import Callable, Collection

from understudy.errors import UnderstudyError, did_you_mean
from understudy.verify.requests.endpoint import Endpoint

Only = Callable[[Endpoint], bool]
"""Whether an operation is selected."""


def every(endpoint: Endpoint) -> bool:
    """All operations are selected."""
    return True


def named(names: Collection[str]) -> Only:
    """The operations with one of some names: a tag, an `operationId`, or a method and a path. Without names, all."""

    def is_named(endpoint: Endpoint) -> bool:
        return not names or not names_of(endpoint).isdisjoint(names)

    return is_named


def names_of(endpoint: Endpoint) -> set[str]:
    """What an operation can be named by: its method and path, its `operationId`, and its tags."""
    operation = endpoint.place.value
    return {endpoint.label, operation["operationId"], *operation.get("tags", ())}


def check_names(names: Collection[str], endpoints: Collection[Endpoint], *, allow_writes: bool) -> None:
    """Check that each name is one of an operation that may be asked.

    Raises:
        UnderstudyError: no operation has a name, or only operations that change rows do.
    """
    known = set().union(*map(names_of, endpoints))
    asked = set().union(*(names_of(each) for each in endpoints if each.is_safe or allow_writes))
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known) or "; it takes a tag of the contract, or an operation such as GET /health"
            raise UnderstudyError(f"--only: no tag or operation is named `{name}`{hint}")
        if name not in asked:
            raise UnderstudyError(f"--only: `{name}` changes rows, and is only checked with --allow-writes")


def tag_of(endpoint: Endpoint) -> str:
    """The first tag of an operation."""
    return str(next(iter(endpoint.place.value.get("tags", ())), ""))


def has_tag(tag: str, endpoint: Endpoint) -> bool:
    return tag_of(endpoint) == tag
