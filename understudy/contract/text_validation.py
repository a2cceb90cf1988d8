"""The schemas of texts: words, ids, times and other texts."""

from collections.abc import Callable
from datetime import datetime
from enum import Enum
from functools import partial
from operator import attrgetter
from typing import Any

from pydantic_core import PydanticCustomError, core_schema

from understudy.contract.contract import Place
from understudy.contract.reading import Reading
from understudy.contract.value_checks import explained_pattern, limited, matching_too, not_blank
from understudy.values import in_utc, with_offset

# The formats in strict mode, by RFC 4122 and RFC 3339.
UUID_PATTERN = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
RFC_3339_PATTERN = r"^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$"


def string(place: Place, reading: Reading) -> core_schema.CoreSchema:
    schema = place.value
    if "enum" in schema:
        return enumeration(place)
    if schema.get("format") == "uuid":
        return identifier(reading)
    if schema.get("format") == "date-time":
        return moment(place, reading)
    if "x-pattern-message" in schema:
        return explained_pattern(place, reading)
    if schema.get("x-bytes"):
        return core_schema.no_info_after_validator_function(bytes.decode, core_schema.bytes_schema())
    text = core_schema.str_schema(
        strict=reading.strict,
        pattern=schema.get("pattern"),
        min_length=schema.get("minLength"),
        max_length=schema.get("maxLength"),
    )
    if "x-also-pattern" in schema:
        return core_schema.no_info_after_validator_function(matching_too(schema["x-also-pattern"]), text)
    if "x-blank-message" in schema:
        return core_schema.no_info_before_validator_function(partial(not_blank, schema["x-blank-message"]), text)
    if "x-truncate" in schema:
        size = schema["x-truncate"]
        return core_schema.no_info_after_validator_function(
            lambda value: value if len(value) <= size else f"{value[:size]}...", text
        )
    return limited(place, text)


def enumeration(place: Place) -> core_schema.CoreSchema:
    words = [word for word in place.value["enum"] if word is not None]
    if place.value.get("x-literal"):
        return core_schema.literal_schema(words)
    members = Enum("Words", {word: word for word in words})  # type: ignore[misc]  # from the contract
    known = core_schema.enum_schema(members, list(members))
    return core_schema.no_info_after_validator_function(attrgetter("value"), known)


def identifier(reading: Reading) -> core_schema.CoreSchema:
    if reading is Reading.STRICT:
        return spelled(UUID_PATTERN, core_schema.uuid_schema())
    return core_schema.uuid_schema(strict=reading.strict)


def moment(place: Place, reading: Reading) -> core_schema.CoreSchema:
    """A date-time, in UTC unless it has an offset, and converted to UTC unless it keeps that (`x-keeps-offset`).

    The real server first tries pydantic's parser (which also accepts dates and Unix times), then pendulum's (ISO weeks,
    days of the year …), and reports pendulum's errors. With `x-plain` it only uses pydantic's.
    """
    converted = with_offset if place.value.get("x-keeps-offset") else in_utc
    if reading is Reading.STRICT:
        return core_schema.no_info_after_validator_function(
            converted, spelled(RFC_3339_PATTERN, core_schema.datetime_schema())
        )
    if reading is Reading.STORED:
        return core_schema.no_info_after_validator_function(converted, core_schema.datetime_schema(strict=True))
    if place.value.get("x-plain"):
        return core_schema.no_info_after_validator_function(converted, core_schema.datetime_schema())

    def read(value: Any, handler: Callable[[Any], datetime]) -> datetime:
        try:
            return converted(handler(value))
        except ValueError:
            return converted(read_by_pendulum(value))

    return core_schema.no_info_wrap_validator_function(read, core_schema.datetime_schema())


def spelled(pattern: str, then: core_schema.CoreSchema) -> core_schema.CoreSchema:
    return core_schema.chain_schema([core_schema.str_schema(strict=True, pattern=pattern), then])


def read_by_pendulum(value: Any) -> datetime:
    import pendulum  # noqa: PLC0415 - slow to import and rarely needed

    try:
        parsed = pendulum.parse(value, strict=True)
    except ValueError:
        raise
    except Exception:  # noqa: BLE001 - pendulum can raise anything for a value that is not a text
        raise PydanticCustomError("value_error", "value is not a valid datetime") from None
    if not isinstance(parsed, datetime):
        raise ValueError(f"value is not a valid datetime it is a {type(parsed)}")  # noqa: TRY004 - the server's message
    return datetime.fromisoformat(parsed.isoformat())  # a plain one: pendulum's subtract differently
