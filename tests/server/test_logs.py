"""Logs: lines without control sequences, and tracebacks at debug level only."""

import io
import json
import logging
from collections.abc import Iterator
from logging.config import dictConfig

import pytest

from understudy.server.logs import Logging, websocket_logger

LOGGERS = ("", "understudy", "uvicorn", "uvicorn.error", "asyncio")
HOSTILE = "a\n\x1b[2J\u202e\ud800"


@pytest.fixture(autouse=True)
def _restored_logging() -> Iterator[None]:
    """Restores the logging of the process that runs the tests."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [(each.handlers[:], each.level, each.propagate, each.disabled) for each in loggers]
    yield
    for logger, (handlers, level, propagate, disabled) in zip(loggers, before, strict=True):
        logger.handlers[:], logger.propagate, logger.disabled = handlers, propagate, disabled
        logger.setLevel(level)


def logged(level: str, form: str, name: str) -> str:
    stream = io.StringIO()
    dictConfig({**Logging(level, form).configuration(stream), "disable_existing_loggers": False})
    logger = logging.getLogger(name)
    logger.warning("of a request: %s", HOSTILE)
    try:
        int(HOSTILE)
    except ValueError:
        logger.exception("failed at %d", 7)
    return stream.getvalue()


@pytest.mark.parametrize("name", ["understudy", "uvicorn.error", "asyncio"])
@pytest.mark.parametrize("form", ["text", "json"])
def test_record_is_one_printable_line(form: str, name: str) -> None:
    lines = logged("warning", form, name).splitlines()
    assert len(lines) == 2
    assert all(line.isprintable() for line in lines)
    assert "ValueError" in lines[1]
    assert "Traceback" not in lines[1]


@pytest.mark.parametrize("form", ["text", "json"])
def test_tracebacks_at_debug_level_are_printable(form: str) -> None:
    output = logged("debug", form, "understudy")
    assert "Traceback" in output
    assert output.replace("\n", "").isprintable()
    if form == "json":
        assert "Traceback" in json.loads(output.splitlines()[1])["exception"]


def test_handshakes_are_logged_without_the_query_of_their_urls(caplog: pytest.LogCaptureFixture) -> None:
    logger = websocket_logger()
    logger.warning("%s refused %d", "/events/in?token=secret", 403)
    assert [record.getMessage() for record in caplog.records] == ["/events/in refused 403"]
