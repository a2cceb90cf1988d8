"""Response schemas: whether a response has a status, media type and body of the contract."""

import marshal
from typing import Any

from pydantic_core import SchemaValidator, ValidationError, core_schema

from understudy.contract.contract import Place
from understudy.contract.reading import Reading
from understudy.contract.validation import compiled
from understudy.sampling.answers import Answer, shortened
from understudy.verify.requests.endpoint import Endpoint

MOST_ROWS = 5_000  # the maximum number of valid rows to remember for a response schema
PLAIN = 2  # the version of marshal's format in which equal values of equal types are equal bytes


class ResponseSchemas:
    """Validators of responses, compiled when they are first used.

    Most rows are in many responses. A valid row is not validated again, and equal rows of a list become one object,
    which is fast to compare with itself.
    """

    def __init__(self) -> None:
        self._validators: dict[tuple[str, int], SchemaValidator | None] = {}

    def fault(self, endpoint: Endpoint, answer: Answer, media_type: str) -> str | None:
        """What is wrong with a response; None if it is valid."""
        if str(answer.status) not in endpoint.place.value["responses"]:
            return f"the status {answer.status} with {shortened(answer.body)}"
        content = endpoint.place["responses"][str(answer.status)].value.get("content", {})
        if not content:
            return f"{answer.status} with a body: {shortened(answer.body)}" if answer.body != "" else None
        if media_type.partition(";")[0].strip() not in content:
            return f"{answer.status} as {media_type or 'no media type'}"
        expected = self._validator(endpoint, answer.status)
        if expected is None:
            return None
        try:
            rows = expected.validate_python(answer.body)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "the body"
            return f"{answer.status} with {where}: {first['msg']}"
        if isinstance(answer.body, list):
            answer.body[:] = rows
        return None

    def _validator(self, endpoint: Endpoint, status: int) -> SchemaValidator | None:
        key = endpoint.label, status
        if key not in self._validators:
            schema = endpoint.place["responses"][str(status)].json_schema
            self._validators[key] = None if schema is None else SchemaValidator(validated_once(schema))
        return self._validators[key]


def validated_once(schema: Place) -> core_schema.CoreSchema:
    """A compiled response schema that validates each row in its lists only once."""
    lists = [schema, *(part for _, part in schema.entries("properties"))]
    rows = [compiled(place["items"], Reading.STRICT) for place in lists if place.value.get("type") == "array"]
    made: core_schema.CoreSchema = replaced(compiled(schema, Reading.STRICT), {id(row): once(row) for row in rows})
    return made


def replaced(schema: Any, others: dict[int, Any]) -> Any:
    """A compiled schema with some parts replaced, given by their identity."""
    if id(schema) in others:
        return others[id(schema)]
    if isinstance(schema, dict):
        return {name: replaced(part, others) for name, part in schema.items()}
    return [replaced(part, others) for part in schema] if isinstance(schema, list) else schema


def once(schema: core_schema.CoreSchema) -> core_schema.CoreSchema:
    """A compiled schema that does not validate a valid value again, and replaces it by the first equal one."""
    valid: dict[bytes, Any] = {}

    def validate(value: Any, handler: core_schema.ValidatorFunctionWrapHandler) -> Any:
        try:
            key = marshal.dumps(value, PLAIN)
        except ValueError:  # nested too deeply
            handler(value)
            return value
        if key not in valid:
            handler(value)
            if len(valid) >= MOST_ROWS:
                valid.clear()
            valid[key] = value
        return valid[key]

    return core_schema.no_info_wrap_validator_function(validate, schema)
