"""Messages of operations: composed only if they are sent, and taken once."""

import pytest

from understudy.workspaces.outbox import Message, Outbox


def composed() -> Message:
    return list


def not_composed() -> Message:
    pytest.fail("it was composed")


def test_message_is_taken_once() -> None:
    outbox = Outbox(sends=True)
    outbox.add(composed)
    assert outbox.take() == [list]
    assert outbox.take() == []


def test_unsent_message_is_not_composed() -> None:
    outbox = Outbox()
    outbox.add(not_composed)
    assert outbox.take() == []
