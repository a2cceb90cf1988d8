"""The server's logs, as text or JSON."""

import json
import logging
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, TextIO

from uvicorn.config import LOGGING_CONFIG

from understudy.http import request_log
from understudy.http.request_log import RequestLog
from understudy.terminal.console import is_coloured
from understudy.text import escape, escape_lines, one_line

TRACEBACK = "Traceback (most recent call last)"
REQUESTS = ("info", "debug")  # the levels at which requests are logged


class JsonFormatter(logging.Formatter):
    """Formats a record as a JSON object on one line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = record.exc_text or self.formatException(record.exc_info)
        return json.dumps(line)


class SafeFilter(logging.Filter):
    """Makes each record safe to write: its text is escaped, and an exception is one line.

    Args:
        tracebacks: whether to include tracebacks, on their own lines.
    """

    def __init__(self, *, tracebacks: bool) -> None:
        super().__init__()
        self._tracebacks = tracebacks

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage().strip()
        if record.exc_info:
            if self._tracebacks:
                record.exc_text = escape_lines(logging.Formatter().formatException(record.exc_info))
            else:
                text = f"{text} ({one_line(repr(record.exc_info[1]))})"
                record.exc_info = record.exc_text = None
        elif not self._tracebacks and TRACEBACK in text:  # uvicorn logs some as texts
            text = text.splitlines()[-1]
        record.msg, record.args = escape(text, keep="\n" if self._tracebacks else ""), None
        record.__dict__.pop("color_message", None)  # uvicorn's, of the same text
        return True


def without_query(record: logging.LogRecord) -> bool:
    """A log filter that removes query strings from the URLs of a record, since they can contain secrets."""
    if isinstance(record.args, tuple):
        record.args = tuple(each.partition("?")[0] if isinstance(each, str) else each for each in record.args)
    return True


def websocket_logger() -> logging.Logger:
    """The logger of WebSocket handshakes."""
    logger = logging.getLogger("understudy.websockets")
    logger.addFilter(without_query)
    logger.setLevel(logging.WARNING)  # each connection has a line in the request log
    return logger


@dataclass(frozen=True)
class Logging:
    """How a server logs.

    Args:
        level: one of uvicorn's, such as "info".
        form: "text" or "json".
        is_quiet: whether to omit the lines for requests at any level.
    """

    level: str
    form: str
    is_quiet: bool = False

    def request_log(self, stream: TextIO) -> RequestLog | None:
        """The log of requests, where the level has one."""
        if self.is_quiet or self.level not in REQUESTS:
            return None
        text = request_log.as_coloured_text if is_coloured(stream) else request_log.as_text
        return RequestLog(stream, request_log.as_json if self.form == "json" else text)

    def configuration(self, stream: TextIO) -> dict[str, Any]:
        """The configuration for `logging` of the lines of uvicorn and Understudy."""
        ours = {"understudy": {"handlers": ["default"], "level": self.level.upper(), "propagate": False}}
        safe = {"()": SafeFilter, "tracebacks": self.level == "debug"}
        handler = {
            "formatter": "default",
            "filters": ["safe"],
            "class": "logging.StreamHandler",
            "stream": stream,
        }
        formatter = {**LOGGING_CONFIG["formatters"]["default"], "use_colors": is_coloured(stream)}
        return {
            **LOGGING_CONFIG,
            "formatters": {"default": {"()": JsonFormatter} if self.form == "json" else formatter},
            "filters": {"safe": safe},
            "handlers": {"default": handler},
            "root": {"handlers": ["default"], "level": "WARNING"},
            "loggers": {"uvicorn": {"handlers": ["default"], "propagate": False}, **ours},
        }

    def uvicorn_level(self) -> str:
        """The level of uvicorn's own lines, which report each start and stop at "info"."""
        return "warning" if self.level == "info" else self.level
