"""The values of task runs and states in events, which a real server coerces: numbers as text, times as numbers.

Source: `prefect.server.schemas.core.TaskRun` and `prefect.server.schemas.states.State`.
"""

from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Any

from pydantic_core import CoreSchema, SchemaValidator, core_schema

from understudy.values import in_utc

from .retry_policies import checked_jitter, retry_delay

COUNTS = ("run_count", "flow_run_run_count")
TIMES = ("cache_expiration", "expected_start_time", "next_scheduled_start_time", "start_time", "end_time")
TIMES_OF_STATES = ("scheduled_time", "cache_expiration", "pause_timeout")
SWITCHES = ("untrackable_result", "pause_reschedule")
OPTIONAL_SWITCHES = ("deferred", "refresh_cache", "retriable")
Json = dict[str, Any]


def coerced_task_run(given: Mapping[str, Any]) -> Json:
    """The values of a task run of an event.

    Raises:
        ValueError: one is not valid.
    """
    values: Json = task_run_validator().validate_python(given)
    return values


def coerced_state(given: Mapping[str, Any]) -> Json:
    """The values of a state of an event.

    Raises:
        ValueError: one is not valid.
    """
    values: Json = state_validator().validate_python(given)
    return values


@cache
def task_run_validator() -> SchemaValidator:
    number = core_schema.int_schema()
    retry = retry_delay(core_schema.any_schema())
    jitter = core_schema.no_info_after_validator_function(checked_jitter, core_schema.float_schema())
    policy = {
        "max_retries": number,
        "retry_delay_seconds": core_schema.float_schema(),
        "retries": core_schema.nullable_schema(number),
        "retry_delay": core_schema.nullable_schema(retry),
        "retry_jitter_factor": core_schema.nullable_schema(jitter),
    }
    fields = {**dict.fromkeys(COUNTS, number), **dict.fromkeys(TIMES, core_schema.nullable_schema(time()))}
    return SchemaValidator(some({**fields, "total_run_time": duration(), "empirical_policy": some(policy)}))


@cache
def state_validator() -> SchemaValidator:
    switch = core_schema.bool_schema()
    details = {
        **dict.fromkeys(TIMES_OF_STATES, core_schema.nullable_schema(time())),
        **dict.fromkeys(SWITCHES, switch),
        **dict.fromkeys(OPTIONAL_SWITCHES, core_schema.nullable_schema(switch)),
    }
    return SchemaValidator(some({"timestamp": time(), "state_details": some(details)}))


def some(fields: Mapping[str, CoreSchema]) -> CoreSchema:
    """Objects whose fields of these names, if any, have these schemas. They may have other fields."""
    known = {name: core_schema.typed_dict_field(schema, required=False) for name, schema in fields.items()}
    return core_schema.typed_dict_schema(known, extra_behavior="allow")


def time() -> CoreSchema:
    return core_schema.no_info_after_validator_function(in_utc, core_schema.datetime_schema())


def duration() -> CoreSchema:
    return core_schema.no_info_after_validator_function(timedelta.total_seconds, core_schema.timedelta_schema())
