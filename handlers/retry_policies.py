"""How often a task is tried again, and when.

Source: `prefect.server.schemas.core.TaskRunPolicy`.
"""

from typing import Any

from pydantic_core import core_schema

MOST_DELAYS = 50


def retry_delay(core: core_schema.CoreSchema) -> core_schema.CoreSchema:
    """The schema of retry delays. A real server coerces them to numbers."""
    kinds = (core_schema.int_schema(), core_schema.float_schema(allow_inf_nan=False))
    delays = core_schema.union_schema([*kinds, *map(core_schema.list_schema, kinds)])
    return core_schema.no_info_after_validator_function(checked_delays, delays)


def checked_delays(delays: Any) -> Any:
    if isinstance(delays, list) and len(delays) > MOST_DELAYS:
        raise ValueError(f"Can not configure more than {MOST_DELAYS} retry delays per task.")
    return delays


def checked_jitter(factor: float) -> float:
    if factor < 0:
        raise ValueError("`retry_jitter_factor` must be >= 0.")
    return factor
