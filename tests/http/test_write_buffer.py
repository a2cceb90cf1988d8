"""A response is sent in one piece, and before its connection is closed."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from understudy.http.write_buffer import WriteBuffer


class Recorder(asyncio.Transport):
    """A transport that records its calls."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1)})
        self.record: list[Any] = []
        self.closing = False

    def write(self, data: Any) -> None:
        self.record.append(data)

    def write_eof(self) -> None:
        self.record.append("eof")

    def close(self) -> None:
        self.record.append("closed")
        self.closing = True

    def abort(self) -> None:
        self.record.append("aborted")
        self.closing = True

    def is_closing(self) -> bool:
        return self.closing

    def get_write_buffer_size(self) -> int:
        return 0


def record_of(*steps: Callable[[WriteBuffer], None]) -> list[Any]:
    """The calls of a transport by some steps, between which the event loop runs."""

    async def taken() -> list[Any]:
        transport = Recorder()
        buffer = WriteBuffer(transport, asyncio.get_running_loop(), 60)
        for step in steps:
            step(buffer)
            await asyncio.sleep(0)
        return transport.record

    return asyncio.run(taken())


def answer(buffer: WriteBuffer) -> None:
    buffer.write(b"head, ")
    buffer.write(b"body")


def test_consecutive_writes_are_sent_in_one_piece() -> None:
    assert record_of(answer, answer, lambda buffer: None) == [b"head, body", b"head, body"]


@pytest.mark.parametrize(("end", "call"), [("write_eof", "eof"), ("close", "closed"), ("abort", "aborted")])
def test_data_is_sent_before_the_end(end: str, call: str) -> None:
    def ended(buffer: WriteBuffer) -> None:
        answer(buffer)
        getattr(buffer, end)()

    assert record_of(ended) == [b"head, body", call]


def test_nothing_is_sent_after_a_disconnect() -> None:
    def left(buffer: WriteBuffer) -> None:
        answer(buffer)
        buffer._transport.close()

    assert record_of(left, lambda buffer: None) == ["closed"]


def test_other_attributes_are_those_of_the_transport() -> None:
    buffer = WriteBuffer(Recorder(), asyncio.new_event_loop(), 60)
    assert buffer.get_extra_info("peername") == ("127.0.0.1", 1)
    buffer._loop.close()
