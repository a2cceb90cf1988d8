"""The origin of a request, from its headers."""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from pydantic_core import SchemaValidator, core_schema

AUTOMATION_ID, AUTOMATION_NAME = "prefect-automation-id", "prefect-automation-name"
UI = "x-prefect-ui"
IDS, FLAGS = SchemaValidator(core_schema.uuid_schema()), SchemaValidator(core_schema.bool_schema())


def creator_of(headers: Mapping[bytes, bytes]) -> dict[str, Any] | None:
    """The automation that a request names in its headers as the creator of a row; None without one.

    The name is in Base64. Source: `get_created_by` in `prefect.server.api.dependencies`.

    Args:
        headers: the valid headers of the request (`x-headers`), by their names in lower case.
    """
    automation: UUID | None = value_of(headers, AUTOMATION_ID, IDS)
    if automation is None:
        return None
    try:
        name = b64decode(headers.get(AUTOMATION_NAME.encode(), b"")).decode()
    except (NotBase64, UnicodeDecodeError):
        return None
    return {"id": automation, "type": "AUTOMATION", "display_value": name} if name else None


def headers_of(automation: UUID, name: str) -> dict[bytes, bytes]:
    """The headers by which an automation identifies itself."""
    return {AUTOMATION_ID.encode(): str(automation).encode(), AUTOMATION_NAME.encode(): b64encode(name.encode())}


def is_from_ui(headers: Mapping[bytes, bytes]) -> bool:
    """Whether the web UI sent a request."""
    return bool(value_of(headers, UI, FLAGS))


def value_of(headers: Mapping[bytes, bytes], name: str, validator: SchemaValidator) -> Any:
    """The value of a valid header; None if the request does not have it."""
    given = headers.get(name.encode())
    return None if given is None else validator.validate_python(given.decode("latin-1"))
