"""The parts of Connexion that a server needs.

Importing it also imports clients, templates and another server, which a server hardly uses. They would take twice as
long as the rest, and 13 MiB.
"""

import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

UNUSED = (
    "httpx",
    "jinja2",
    "requests",
    "rfc3339_validator",
    "starlette.templating",
    "starlette.testclient",
    "werkzeug",
)


class Later(ModuleType):
    """A lazy import: calling a function of this module imports the real one."""

    def __init__(self, spec: ModuleSpec) -> None:
        super().__init__(spec.name)
        if spec.submodule_search_locations is not None:
            self.__path__ = spec.submodule_search_locations  # so that submodules are found

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)

        def later(*args: Any, **kwargs: Any) -> Any:
            return getattr(import_module(self.__name__), name)(*args, **kwargs)

        return later


@contextmanager
def lazily_imported(*names: str) -> Iterator[None]:
    """Within the block, importing one of these modules results in a `Later`, unless it is already imported.

    Afterwards, these and their submodules are removed from `sys.modules`.
    """
    specs = [spec for name in names if name not in sys.modules and (spec := find_spec(name)) is not None]
    sys.modules.update({spec.name: Later(spec) for spec in specs})
    try:
        yield
    finally:
        for name in tuple(sys.modules):
            if any(f"{name}.".startswith(f"{spec.name}.") for spec in specs):
                del sys.modules[name]


def is_alone() -> bool:
    """Whether no other code can import anything at present.

    Another thread could, and would keep a `Later`. So would Flask, which Connexion imports if it is installed, and
    which subclasses Jinja's and Werkzeug's classes.
    """
    return threading.active_count() == 1 and find_spec("flask") is None


with lazily_imported(*(UNUSED if is_alone() else ())), warnings.catch_warnings():
    # If Starlette's test client is really imported, it warns about a package for tests.
    warnings.simplefilter("ignore")
    from connexion.middleware.abstract import ROUTING_CONTEXT
    from connexion.middleware.routing import RoutingAPI, RoutingMiddleware, RoutingOperation
    from connexion.operations import AbstractOperation
    from connexion.resolver import Resolver
    from connexion.spec import Specification

__all__ = [
    "ROUTING_CONTEXT",
    "AbstractOperation",
    "Resolver",
    "RoutingAPI",
    "RoutingMiddleware",
    "RoutingOperation",
    "Specification",
]
