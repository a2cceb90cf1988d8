"""How values are validated."""

from enum import Enum


class Reading(Enum):
    """How values are validated."""

    COERCED = "with pydantic's default coercions, as the real server: '5' is 5"
    STRICT = "strict mode: exactly by the contract, including formats"
    STORED = "of the stored type, but with ids and times in any spelling"

    @property
    def strict(self) -> bool:
        return self is not Reading.COERCED
