"""Parts of generated mutants."""

import re

from tests.mutants.mutant import Behaviour, Mutant
from understudy.verify.requests.endpoint import Endpoint
from understudy.verify.requests.endpoint_map import Selection


def mutant(name: str, says: str, behaviour: Behaviour) -> Mutant:
    return Mutant(name, says if says.endswith(".") else f"{says}.", behaviour, ())


def operation_of(endpoint: Endpoint) -> str:
    """A regular expression for the requests to an operation."""
    parts = ("[^/]+" if part.startswith("{") else re.escape(part) for part in endpoint.path.split("/"))
    return f"{endpoint.method} {'/'.join(parts)}"


def paths_of(selection: Selection) -> str:
    """The same for the operations that select rows of one table and change none."""
    return "|".join(map(operation_of, selection.all))
