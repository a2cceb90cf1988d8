"""Reading request bodies: as one value, as separate properties, or as criteria."""

from typing import Any

from pydantic_core import SchemaValidator, ValidationError

from understudy.contract.catalog import Catalog
from understudy.contract.contract import MEDIA_TYPE, Place
from understudy.contract.reading import Reading
from understudy.contract.validation import validator
from understudy.contract.validation_errors import DETAIL, errors_of
from understudy.contract.value_checks import PlainText
from understudy.errors import ApiError, Invalid, Unprocessable
from understudy.filters.query import Query, query_at
from understudy.operations.json_bodies import is_deeper, is_json, parse_json

LISTED = 1000  # errors of a body that a response lists, at most
DEEPEST = 200  # levels of a stored value, which is the limit of pydantic-core's parser


def parsed(raw: bytes, content_type: bytes | None, reading: Reading) -> Any:
    """The value of a body's JSON, None without a body, and `PlainText` for one that is not sent as JSON.

    Raises:
        ApiError: it is not JSON.
    """
    if not raw:
        return None
    return parse_json(raw) if is_json(content_type, reading) else PlainText(raw, "utf-8", "replace")


class WholeBody:
    """A body that is one value. It is required, unless it has a default."""

    arguments = frozenset({"body"})

    def __init__(self, place: Place, reading: Reading) -> None:
        self._place = place
        self._validator = validator(place, reading)
        self._reading = reading

    def parse(self, raw: bytes, content_type: bytes | None) -> Any:
        return parsed(raw, content_type, self._reading)

    def read(self, body: Any) -> dict[str, Any]:
        if body is None:
            if self._place.has_default:
                return {"body": self._place.default}
            raise Invalid([missing("body")], None)
        if isinstance(body, PlainText) and self._place.value.get("type") != "array":
            body = str(body)  # pydantic takes an instance of another class for an object with attributes
        try:
            read = {"body": self._validator.validate_python(body)}
        except ValidationError as error:
            raise Invalid(listed(error), body) from None
        check_depth(body)
        return read


def check_depth(body: Any) -> None:
    """Check that a body can be stored.

    Raises:
        Unprocessable: it is nested too deep.
    """
    if is_deeper(body, DEEPEST):
        raise Unprocessable(f"The body is nested deeper than the limit of {DEEPEST} levels.")


class NamesBody:
    """A body whose properties are separate arguments, and may be omitted unless they are required.

    A name that is null counts as omitted. Unknown names are ignored, and so is a body that is not sent as JSON.
    """

    def __init__(self, place: Place, reading: Reading) -> None:
        self._reading = reading
        self._parts = {name: validator(part, reading) for name, part in place["properties"].items()}
        self._defaults = {name: part.default for name, part in place["properties"].items() if part.has_default}
        self._required = [name for name in self._parts if name in place.value.get("required", ())]
        self.arguments = set(self._parts)

    def parse(self, raw: bytes, content_type: bytes | None) -> Any:
        return parsed(raw, content_type, self._reading)

    def read(self, body: Any) -> dict[str, Any]:
        return {**dict.fromkeys(self._parts), **self.values(body)}

    def values(self, body: Any) -> dict[str, Any]:
        """The validated values of a body, with defaults for those that it omits.

        Raises:
            ApiError: the body is refused.
        """
        values = dict(self._defaults)
        is_ignored = body is None or isinstance(body, PlainText)
        if is_ignored and not self._required:
            return values
        if is_ignored:
            raise Invalid([missing("body", name) for name in self._required], body)
        if not isinstance(body, dict):
            raise Invalid([missing("body", name) for name in self._parts], body)
        given: dict[str, Any] = body
        if any(given.get(name) is None for name in self._required):
            raise self._refusal(body)
        try:
            for name, value in given.items():
                if value is not None and name in self._parts:
                    values[name] = self._parts[name].validate_python(value)
        except ValidationError:
            raise self._refusal(body) from None
        check_depth([given[name] for name in self.arguments & given.keys()])  # criteria are not stored
        return values

    def _refusal(self, body: dict[str, Any]) -> ApiError:
        """The error of a body: all its errors in the order of the contract, or one that is reported alone."""
        errors = []
        for name, part in self._parts.items():
            value = body.get(name)
            if value is not None:
                errors += errors_in(part, value, name)
            elif name in self._required:
                errors.append(missing("body", name))
        alone = next((entry for entry in errors if entry["type"] == DETAIL), None)
        return Invalid(errors, body) if alone is None else Unprocessable(alone["msg"])


class QueryBody(NamesBody):
    """Such a body that also selects rows."""

    def __init__(self, place: Place, query: Query, reading: Reading) -> None:
        super().__init__(place, reading)
        self.query = query
        criteria = query.filters.keys() - query.passed
        self.arguments = {"criteria", *(name for name in self._parts if name not in criteria)}

    def read(self, body: Any) -> dict[str, Any]:
        return self.query.read(self.values(body))


def errors_in(part: SchemaValidator, value: Any, name: str) -> list[dict[str, Any]]:
    try:
        part.validate_python(value)
    except ValidationError as error:
        return listed(error, name)
    return []


def listed(error: ValidationError, *loc: str) -> list[dict[str, Any]]:
    """All errors of a body.

    Raises:
        Unprocessable: there are so many that listing them would delay other requests.
    """
    count = error.error_count()
    if count > LISTED:
        raise Unprocessable(f"The body has {count} errors; at most {LISTED} are listed.")
    return errors_of(error, "body", *loc)


def body_at(operation: Place, catalog: Catalog, reading: Reading) -> WholeBody | NamesBody | None:
    place = body_schema(operation)
    if place is None:
        return None
    if "x-selects" in place.value:
        return QueryBody(place, query_at(place, catalog), reading)
    return NamesBody(place, reading) if place.value.get("x-embedded") else WholeBody(place, reading)


def body_schema(operation: Place) -> Place | None:
    """The schema of an operation's request body; None without one."""
    request = operation.get("requestBody")
    if request is None:
        return None
    media = request["content"].get(MEDIA_TYPE)
    if media is None:
        raise request.error(f"only {MEDIA_TYPE} is served")
    return media["schema"]


def missing(*loc: str) -> dict[str, Any]:
    return {"type": "missing", "loc": list(loc), "msg": "Field required", "input": None}
