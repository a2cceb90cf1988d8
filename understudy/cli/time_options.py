"""Times and durations in command-line arguments."""

import re

import click

from understudy.clock import parsed_time

SECONDS = {"w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}  # by unit
PART = re.compile(r"(\d+(?:\.\d+)?)([wdhms])")
WHOLE = re.compile(rf"(?:{PART.pattern}\s*)+")


def time_in(text: str) -> str:
    """A time in ISO 8601, with an offset.

    Raises:
        click.BadParameter: it is not a time.
    """
    try:
        return parsed_time(text).isoformat()
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def seconds_in(text: str) -> float:
    """The seconds of a duration, such as 1d12h, 90s or PT3H.

    Raises:
        click.BadParameter: it is not a duration.
    """
    if WHOLE.fullmatch(text):
        return sum(float(number) * SECONDS[unit] for number, unit in PART.findall(text))
    from pydantic_core import SchemaValidator, ValidationError, core_schema  # noqa: PLC0415 - a slow import

    try:
        return float(SchemaValidator(core_schema.timedelta_schema()).validate_python(text).total_seconds())
    except ValidationError:
        raise click.BadParameter(f"`{text}` is not a duration such as 90s, 30m, 3h, 1d12h or PT3H") from None
