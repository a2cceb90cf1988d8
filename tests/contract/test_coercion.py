"""The document of what a server accepts: what it lists is accepted, and everything else is rejected."""

from typing import Any

import pytest
from openapi_schema_validator import OAS30Validator
from openapi_spec_validator import OpenAPIV30SpecValidator

from understudy.contract.coercion import coerced
from understudy.contract.contract import Contract
from understudy.contract.reading import Reading
from understudy.contract.validation import validator
from understudy.operations.api_folder import own_folder

CONTRACT = Contract.load(own_folder() / "openapi.yaml")
DOCUMENT = coerced(CONTRACT)
SCHEMAS = (
    "Flag",
    "Limit",
    "Offset",
    "Instant",
    "Ids",
    "Texts",
    "Pattern",
    "Operator",
    "FlowSort",
    "Labels",
    "Metadata",
)
NUMBERS = [0, 1, 2, 200, 201, -1, 0.0, 1.0, 0.5, 1.5, 1e300, 253402300799999, 253402300800000, -62135596800001]
WORDS = ["0", "1", "5", "99", "-5", "00", "1.5", "5x", "", "on", "oN", "Yes", "t", "maybe", "TRUE", "null", "and_"]
VALUES: list[Any] = [
    None,
    True,
    False,
    *NUMBERS,
    *WORDS,
    "99999999999999999999",
    "2026-01-20T00:00:00Z",
    [],
    [1],
    ["a"],
    {},
    {"a": 1},
    {"a": "b"},
]
# Not listed in any document: clients do not send them, and a pattern for them would not help a reader.
UNLISTED = {"Limit": ["00"], "Offset": ["00"]}


def test_document_is_valid() -> None:
    assert list(OpenAPIV30SpecValidator(DOCUMENT).iter_errors()) == []


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_document_lists_what_is_accepted(name: str, value: Any) -> None:
    schema = {**DOCUMENT["components"]["schemas"][name], "components": DOCUMENT["components"]}
    accepts = validator(CONTRACT.root["components"]["schemas"][name], Reading.COERCED)
    assert is_valid(schema, value) == (is_accepted(accepts, value) and value not in UNLISTED.get(name, []))


def is_valid(schema: dict[str, Any], value: Any) -> bool:
    return bool(OAS30Validator(schema, format_checker=OAS30Validator.FORMAT_CHECKER).is_valid(value))


def is_accepted(accepts: Any, value: Any) -> bool:
    return bool(accepts.isinstance_python(value))


def test_contract_itself_is_unchanged() -> None:
    assert CONTRACT.document["components"]["schemas"]["Flag"] == {"type": "boolean", "nullable": True}


def test_responses_and_uncoerced_values_are_unchanged() -> None:
    schemas = CONTRACT.document["components"]["schemas"]
    for name in ("Artifact", "Flow", "ValidationErrors", "Labels", "Metadata", "StateType", "FlowSort"):
        assert DOCUMENT["components"]["schemas"][name] == schemas[name]
