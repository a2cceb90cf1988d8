"""Limits of the time and memory that rendering a template takes, whatever the template contains."""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from math import prod
from typing import Any

from jinja2 import nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.visitor import NodeTransformer

MOST = 10_000_000  # units of one rendering: characters and items that are made, and those that are read to make them
ITEM = 10  # units of an item that is not text
STEP = 100  # units of a call, or of a pass of a loop
MOST_SECONDS = 1.0  # the maximum time of one rendering
LONGEST_TEMPLATE = 100_000  # the maximum length of a template, which takes a second to compile
# Filters and methods whose result grows with the product of what they are given, those that are slow even for the
# characters of a text, and those whose numbers are lengths.
MULTIPLYING = {"expandtabs", "format", "format_map", "indent", "join", "lipsum", "replace", "tojson", "translate"}
PER_ITEM = {"dictsort", "groupby", "max", "min", "pprint", "sort", "sum", "unique"}
PADDING = {"batch", "center", "ljust", "rjust", "round", "slice", "zfill"}
WIDTH = re.compile(r"%[^a-zA-Z%]*?([0-9]{5,}|\*)")
COLUMNS = re.compile(r":[^}]*?([0-9]{5,}|\{)")  # of `format`, the latter where they are in another argument
PASSES, JOINED = "_passes", "_joined"


class Budget:
    """The remaining units and seconds of a rendering."""

    def __init__(self) -> None:
        self._left = MOST
        self._end = time.monotonic() + MOST_SECONDS

    def spend(self, units: int) -> None:
        """Spend some units.

        Raises:
            SecurityError: not enough units or seconds are left.
        """
        self._left -= units
        if self._left < 0 or time.monotonic() > self._end:
            raise SecurityError("the template takes too much time or memory")


CURRENT: ContextVar[Budget | None] = ContextVar("budget", default=None)


@contextmanager
def limits_of(template: str) -> Iterator[None]:
    """A context manager for rendering a template within the limits.

    Raises:
        SecurityError: the template is too long.
    """
    if len(template) > LONGEST_TEMPLATE:
        raise SecurityError(f"a template has at most {LONGEST_TEMPLATE:,} characters")
    token = CURRENT.set(Budget())
    try:
        yield
    finally:
        CURRENT.reset(token)


def spend(units: int) -> None:
    """Spend some units of the present rendering, if there is one."""
    budget = CURRENT.get()
    if budget is not None:
        budget.spend(units)


def size_of(value: Any) -> int:
    """The units of a value. Parts that occur several times count each time; approximate beyond `MOST`."""
    total, waiting = 0, [value]
    while waiting and total <= MOST:
        each = waiting.pop()
        total += len(each) if isinstance(each, (str, bytes)) else ITEM
        if isinstance(each, Mapping):
            waiting += [*each.keys(), *each.values()]
        elif isinstance(each, (list, tuple, set, frozenset)):
            waiting += each
    return total


def spend_on(name: str, value: Any, arguments: Iterable[Any]) -> None:
    """Spend the units of a filter or method on a value, before it is called.

    Raises:
        SecurityError: it takes too many.
    """
    has_lengths = name in PADDING or name in MULTIPLYING
    sizes = [max(each, 1) if has_lengths and isinstance(each, int) else size_of(each) for each in arguments]
    if name in ("format", "format_map") and isinstance(value, str) and (WIDTH.search(value) or COLUMNS.search(value)):
        raise SecurityError(f"the result of {name} is too large")
    size = size_of(value)
    if name in MULTIPLYING:
        spend(STEP + size * prod(sizes))
    else:
        spend(STEP + size * (ITEM if name in PER_ITEM else 1) + sum(sizes))


def limited(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that first spends its units."""
    skipped = int(hasattr(function, "jinja_pass_arg"))  # the context or environment, before the value

    @wraps(function)
    def apply(*arguments: Any, **options: Any) -> Any:
        value, *others = arguments[skipped:]
        spend_on(name, value, [*others, *options.values()])
        result = function(*arguments, **options)
        spend(size_of(result))
        return result

    return apply


def spend_output(value: Any) -> Any:
    """Spend the units of written text."""
    spend(size_of(value))
    return value


@pass_context
def passes(_context: Context, values: Iterable[Any]) -> Iterator[Any]:
    """The values of a loop. Each pass spends a step."""
    for value in values:
        spend(STEP)
        yield value


@pass_context
def joined(_context: Context, values: list[Any]) -> str:
    """The operator `~`."""
    spend(size_of(values))
    return "".join(map(str, values))


FILTERS: dict[str, Callable[..., Any]] = {PASSES: passes, JOINED: joined}


class Counting(NodeTransformer):
    """Inserts counting filters where Jinja has no hooks: into loops, and in place of `~`."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - the name of the class of nodes
        self.generic_visit(node)
        node.iter = nodes.Filter(node.iter, PASSES, [], [], None, None, lineno=node.lineno)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 - the name of the class of nodes
        self.generic_visit(node)
        parts = nodes.List(node.nodes, lineno=node.lineno)
        return nodes.Filter(parts, JOINED, [], [], None, None, lineno=node.lineno)
