"""The contract of a server that coerces values: "5" or 5.0 for 5, 1 for true, 0 for a date-time.

OpenAPI cannot describe coercion, but can list the accepted types. Tools that send what a document forbids, and expect
an error, then agree with what the real server accepts. Client generators should use the contract itself.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from understudy.contract.contract import METHODS, Contract

Schema = dict[str, Any]

SHARED = ("default", "description", "deprecated")  # keywords that apply to values of any type
TRUE_OR_FALSE = r"^([01tTfFyYnN]|[oO][nN]|[oO][fF][fF]|[yY][eE][sS]|[nN][oO]|[tT][rR][uU][eE]|[fF][aA][lL][sS][eE])$"
# The first and the last moment that a Python datetime has, in milliseconds since 1970. Smaller numbers are seconds.
EARLIEST, LATEST = -62_135_596_800_000, 253_402_300_799_999
LONGEST = 18  # digits that always fit into a 64-bit integer


def coerced(contract: Contract) -> Mapping[str, Any]:
    """The document of a contract, in which schemas of request bodies list what `Reading.COERCED` accepts.

    It omits what no client sends: a text with white space or underscores around a number's digits, a date in the form
    of a week.
    """
    document = deepcopy(contract.published)
    widening = Widening(Contract(contract.name, document))
    for path in document.get("paths", {}).values():
        for method in METHODS:
            widening.body(path.get(method, {}).get("requestBody", {}))
    return document


class Widening:
    """Widens schemas, each once, and the schemas that they reference."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._seen: set[int] = set()

    def body(self, body: Any) -> None:
        for media in self._target(body).get("content", {}).values():
            self.schema(media.get("schema", {}))

    def schema(self, schema: Any) -> None:
        schema = self._target(schema)
        if not isinstance(schema, dict) or id(schema) in self._seen:
            return
        self._seen.add(id(schema))
        # The members of `anyOf` are not coerced: a value keeps its type.
        for part in (*schema.get("properties", {}).values(), *schema.get("allOf", ())):
            self.schema(part)
        for name in ("items", "additionalProperties"):
            self.schema(schema.get(name))
        others = OTHERS.get(kind_of(schema))
        if others is not None and "enum" not in schema:
            shared = {name: schema.pop(name) for name in SHARED if name in schema}
            own = {**schema}
            schema.clear()
            schema |= {"anyOf": [own, *others(own)], **shared}

    def _target(self, part: Any) -> Any:
        while isinstance(part, dict) and "$ref" in part:
            part = self._contract.referred(part["$ref"])
        return part


def kind_of(schema: Schema) -> str:
    """A schema's format if that decides on coercion, else its type."""
    return "date-time" if schema.get("format") == "date-time" else str(schema.get("type"))


def as_boolean(schema: Schema) -> list[Schema]:
    return [
        {"type": "number", "minimum": 0, "maximum": 1, "multipleOf": 1},
        {"type": "string", "pattern": TRUE_OR_FALSE},
    ]


def as_integer(schema: Schema) -> list[Schema]:
    low, high = schema.get("minimum", -(10**LONGEST)), schema.get("maximum", 10**LONGEST)
    low += bool(schema.get("exclusiveMinimum"))
    words = [word for number, word in ((0, False), (1, True)) if low <= number <= high]
    booleans = [{"type": "boolean", **({} if len(words) > 1 else {"enum": words})}] if words else []
    bounds: Schema = {name: schema[name] for name in ("minimum", "maximum", "exclusiveMinimum") if name in schema}
    return [{"type": "number", "multipleOf": 1, **bounds}, *booleans, *digits(low, high)]


def digits(low: int, high: int) -> list[Schema]:
    """Texts of integers within bounds: those with so few digits that none exceeds them."""
    longest = len(str(high + 1)) - 1
    if low > 1 or longest < 1:
        return []
    sign = "-?" if low <= -(10**longest) else ""
    zero = "0|" if low <= 0 else ""
    return [{"type": "string", "pattern": f"^({zero}{sign}[1-9][0-9]{{0,{longest - 1}}})$"}]


def as_moment(schema: Schema) -> list[Schema]:
    """Unix times, in seconds or in milliseconds."""
    return [
        {"type": "number", "minimum": EARLIEST, "maximum": LATEST},
        {"type": "string", "pattern": r"^-?[0-9]{1,13}(\.[0-9]{1,6})?$"},
    ]


OTHERS: Mapping[str, Callable[[Schema], list[Schema]]] = {
    "boolean": as_boolean,
    "integer": as_integer,
    "number": as_integer,  # no request has one; this accepts a little less than the server
    "date-time": as_moment,
}
