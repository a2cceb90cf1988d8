"""Operands as a faulty server may read them: in part, without an offset, or with other wildcards."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from understudy.values import MICROSECOND, moment
from understudy.verify.requests.field_operators import FieldOperator
from understudy.verify.requests.operands import spelled

LONG = 100  # values, after which a server may ignore the rest of a list
OFFSET = re.compile(r"[+-]\d\d:\d\d$")

Misreading = Callable[[Any], Any]
"""From an operand to the one that the server acts on; the same operand if it is read correctly."""


def misreadings_of(field_operator: FieldOperator) -> Sequence[Misreading]:
    """The misreadings of the operands of an operator."""
    schema = field_operator.place.value
    if schema["type"] == "array":
        return (ignored, first_only, last_only, beginning)
    if schema.get("format") == "date-time":
        return (ignored, earlier if field_operator.operator == "before_" else later, without_offset)
    if schema["type"] == "string":
        return (ignored, without_wildcards, stripped)
    return ()


def ignored(_: Any) -> None:
    """Null is the same as no criterion."""


def first_only(values: Sequence[Any]) -> Sequence[Any]:
    return values[:1]


def last_only(values: Sequence[Any]) -> Sequence[Any]:
    return values[-1:]


def beginning(values: Sequence[Any]) -> Sequence[Any]:
    return values[:LONG]


def earlier(time: str) -> str:
    return spelled(moment(time) - MICROSECOND)


def later(time: str) -> str:
    return spelled(moment(time) + MICROSECOND)


def without_offset(time: str) -> str:
    return OFFSET.sub("Z", time)


def without_wildcards(pattern: str) -> str:
    return pattern.replace("%", "")


def stripped(pattern: str) -> str:
    return pattern.strip(" -")
