"""Connexion with its defaults: the contract's routes and validation, with handlers that return a ready value."""

import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from connexion import AsyncApp
from connexion.resolver import Resolver

from bench.stubs.ready import ANSWERS, status_of

Handler = Callable[..., Awaitable[Any]]


def handler_of(operation: str) -> Handler:
    value, status = json.loads(ANSWERS.get(operation, "null")), status_of(operation)

    async def handler(**arguments: Any) -> Any:
        return value, status

    return handler


contract = Path(os.environ["BENCH_CONTRACT"])
app = AsyncApp(__name__, specification_dir=str(contract.parent))
app.add_api(contract.name, resolver=Resolver(handler_of))
