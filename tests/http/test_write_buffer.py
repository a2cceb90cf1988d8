"""What an answer consists of goes out in one piece, and before its connection closes."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from understudy.http.write_buffer import WriteBuffer


class Recorder(asyncio.Transport):
    """A transport that keeps a record of what is asked of it."""

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
    """What a transport was asked for by some steps, between which the loop goes on."""

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


def test_what_is_written_at_one_go_is_sent_in_one_piece() -> None:
    assert record_of(answer, answer, lambda buffer: None) == [b"head, body", b"head, body"]


@pytest.mark.parametrize(("end", "said"), [("write_eof", "eof"), ("close", "closed"), ("abort", "aborted")])
def test_it_is_sent_before_the_end(end: str, said: str) -> None:
    def ended(buffer: WriteBuffer) -> None:
        answer(buffer)
        getattr(buffer, end)()

    assert record_of(ended) == [b"head, body", said]


def test_nothing_is_sent_to_who_has_gone() -> None:
    def left(buffer: WriteBuffer) -> None:
        answer(buffer)
        buffer._transport.close()

    assert record_of(left, lambda buffer: None) == ["closed"]


def test_all_else_is_the_transports_own() -> None:
    buffer = WriteBuffer(Recorder(), asyncio.new_event_loop(), 60)
    assert buffer.get_extra_info("peername") == ("127.0.0.1", 1)
    buffer._loop.close()
