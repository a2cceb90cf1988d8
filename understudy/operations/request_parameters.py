"""The parameters of an operation in paths, queries and headers."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from pydantic_core import SchemaValidator, ValidationError, core_schema, from_json

from understudy.contract.contract import Place
from understudy.contract.reading import Reading
from understudy.contract.validation import compiled
from understudy.contract.validation_errors import errors_of
from understudy.errors import BadRequest, Invalid

LITERALS = ("boolean", "integer", "number")  # types whose values are written in a query as in JSON


def is_id_in_path(place: Place) -> bool:
    return bool(place.value["in"] == "path" and place["schema"].value.get("format") == "uuid")


def version_gate(place: Place) -> Callable[[Mapping[bytes, bytes]], None]:
    """A check of a header with a version of three numbers, if it is present."""
    name = place.value["name"].encode("ascii")
    rule = place.value["x-minimum-version"]
    minimum = tuple(int(part) for part in rule["version"].split("."))

    def check(headers: Mapping[bytes, bytes]) -> None:
        if not headers.get(name):
            return
        version = headers[name].decode("latin-1")
        try:
            major, minor, patch = (int(part) for part in version.split("."))
        except ValueError:
            raise BadRequest(rule["malformed"].format(version=version)) from None
        if (major, minor, patch) < minimum:
            raise BadRequest(rule["outdated"].format(version=version, minimum=rule["version"]))

    return check


def argument(name: str) -> str:
    """The name of a handler's argument for a parameter."""
    return name.replace("-", "_")


class HeaderValues:
    """The headers that are validated if a request has them (`x-headers`). A handler may read them."""

    def __init__(self, places: list[Place]) -> None:
        self.names = [place.value["name"] for place in places]
        self._validators = [SchemaValidator(compiled(place["schema"], Reading.COERCED)) for place in places]

    def errors(self, headers: Mapping[bytes, bytes]) -> list[dict[str, Any]]:
        """The errors of a request's headers."""
        found = []
        for name, validator in zip(self.names, self._validators, strict=True):
            given = headers.get(name.encode("ascii"))
            try:
                if given is not None:
                    validator.validate_python(given.decode("latin-1"))
            except ValidationError as error:
                found += errors_of(error, "header", name)
        return found


class PathValues:
    """The path parameters of an operation that can be invalid: enum values, and ids with `x-checked`."""

    def __init__(self, places: list[Place]) -> None:
        fields = {}
        for place in places:
            if place.value.get("x-checked"):
                fields[place.value["name"]] = core_schema.typed_dict_field(core_schema.uuid_schema())
            elif "enum" in place["schema"].value:
                core = compiled(place["schema"], Reading.STRICT)
                fields[place.value["name"]] = core_schema.typed_dict_field(core)
        self._validator = SchemaValidator(core_schema.typed_dict_schema(fields)) if fields else None

    def errors(self, arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The errors of the values in a path."""
        if self._validator is None:
            return []
        try:
            self._validator.validate_python(arguments)
        except ValidationError as error:
            return errors_of(error, "path")
        return []


class QueryString:
    """The query parameters of an operation. In strict mode, a number or boolean is written as in JSON."""

    def __init__(self, places: list[Place], reading: Reading) -> None:
        self.names = [place.value["name"] for place in places]
        self._literals = {
            place.value["name"] for place in places if reading.strict and place["schema"].value.get("type") in LITERALS
        }
        self._defaults = {
            place.value["name"]: place["schema"].default for place in places if place["schema"].has_default
        }
        self._validator = SchemaValidator(
            core_schema.typed_dict_schema(
                {
                    place.value["name"]: core_schema.typed_dict_field(
                        compiled(place["schema"], reading), required=bool(place.value.get("required"))
                    )
                    for place in places
                }
            )
        )

    def read(self, query: str, body: Any) -> dict[str, Any]:
        given = {
            name: json_value(text) if name in self._literals else text
            for name, text in parse_qsl(query, keep_blank_values=True)
        }
        try:
            values: dict[str, Any] = self._validator.validate_python(given)
        except ValidationError as error:
            errors = [
                {**entry, "input": None} if entry["type"] == "missing" else entry for entry in errors_of(error, "query")
            ]
            raise Invalid(errors, body) from None
        return {argument(name): value for name, value in {**self._defaults, **values}.items()}


def json_value(text: str) -> Any:
    """The value of a JSON text; the text itself if it is not JSON."""
    try:
        return from_json(text)
    except ValueError:
        return text
