"""The responses to a proposed state."""

from datetime import timedelta
from http import HTTPStatus
from typing import Any

from understudy.operations.handler_results import Answer

from .transition import Transition

MILLISECOND = timedelta(milliseconds=1)


def result_of(transition: Transition) -> dict[str, Any]:
    """The run's state after the transition, whether it is the proposed one, and the reason if it is not."""
    return {"state": transition.validated or None, "status": transition.status, "details": transition.details}


def answer_of(transition: Transition) -> Answer:
    """The response: 201 if a state was written. As on a real server, a state from the future gets 201, too.

    States at the time of a clock that stands still follow each other by microseconds: they are not from the future.
    """
    state = transition.validated
    is_new = bool(transition.proposed) or (bool(state) and state["timestamp"] > transition.time + MILLISECOND)
    return result_of(transition), HTTPStatus.CREATED if is_new else HTTPStatus.OK
