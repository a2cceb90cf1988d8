"""The shape of answers: whether status, media type and body are what the contract names."""

from pydantic_core import SchemaValidator, ValidationError

from understudy.contract.contract import MEDIA_TYPE
from understudy.contract.validation import Reading, validator
from understudy.sampling.answers import Answer, shortened
from understudy.verify.requests.endpoints import Endpoint


class ResponseSchemas:
    """Validators of answers, compiled as they are needed."""

    def __init__(self) -> None:
        self._validators: dict[tuple[str, int], SchemaValidator | None] = {}

    def fault(self, endpoint: Endpoint, answer: Answer, media_type: str) -> str | None:
        """What is wrong with an answer; None where nothing is."""
        if str(answer.status) not in endpoint.place.value["responses"]:
            return f"the status {answer.status} with {shortened(answer.body)}"
        expected = self._validator(endpoint, answer.status)
        if expected is None:
            return f"{answer.status} with a body: {shortened(answer.body)}" if answer.body != "" else None
        if media_type.partition(";")[0].strip() != MEDIA_TYPE:
            return f"{answer.status} as {media_type or 'no media type'}"
        try:
            expected.validate_python(answer.body)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "the body"
            return f"{answer.status} with {where}: {first['msg']}"
        return None

    def _validator(self, endpoint: Endpoint, status: int) -> SchemaValidator | None:
        key = endpoint.label, status
        if key not in self._validators:
            content = endpoint.place["responses"][str(status)].get("content")
            self._validators[key] = validator(content[MEDIA_TYPE]["schema"], Reading.STRICT) if content else None
        return self._validators[key]
