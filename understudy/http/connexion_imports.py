"""Connexion, as far as a server needs it.

Importing it brings clients, templates and another server along, of which a server uses next to nothing: a
fifth of the time that it takes to start, and a tenth of its memory.
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
    """Stands for a module: whatever is called in it is called in the module itself, imported by then."""

    def __init__(self, spec: ModuleSpec) -> None:
        super().__init__(spec.name)
        if spec.submodule_search_locations is not None:
            self.__path__ = spec.submodule_search_locations  # submodules are found, and may be of use

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)

        def later(*args: Any, **kwargs: Any) -> Any:
            return getattr(import_module(self.__name__), name)(*args, **kwargs)

        return later


@contextmanager
def put_off(*names: str) -> Iterator[None]:
    """Within, whoever imports one of these modules gets a `Later` for it, unless it is there already.

    Nothing of that stays in `sys.modules`, nor do submodules that were imported without the module that
    they are in.
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
    """Whether nobody else imports anything just now.

    Another thread could, and keep what it got for good. So would Flask, which Connexion imports where it is
    installed, and which makes classes of Jinja's and Werkzeug's.
    """
    return threading.active_count() == 1 and find_spec("flask") is None


with put_off(*(UNUSED if is_alone() else ())), warnings.catch_warnings():
    # Starlette's test client, where it is not put off, speaks of a package that only tests want.
    warnings.simplefilter("ignore")
    from connexion import AsyncApp
    from connexion.middleware.abstract import ROUTING_CONTEXT
    from connexion.middleware.routing import RoutingAPI, RoutingMiddleware, RoutingOperation
    from connexion.operations import AbstractOperation
    from connexion.resolver import Resolver
    from connexion.spec import Specification

__all__ = [
    "ROUTING_CONTEXT",
    "AbstractOperation",
    "AsyncApp",
    "Resolver",
    "RoutingAPI",
    "RoutingMiddleware",
    "RoutingOperation",
    "Specification",
]
