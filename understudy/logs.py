"""What a server writes about itself, as lines for people or as JSON."""

import json
import logging
from datetime import datetime, timezone
from typing import Any

from uvicorn.config import LOGGING_CONFIG

ACCESS = ("client", "method", "path", "http_version", "status")  # what uvicorn says of a request


class JsonFormatter(logging.Formatter):
    """A record as one JSON object in one line; whatever is in it is escaped."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if record.name == "uvicorn.access" and isinstance(record.args, tuple):
            line |= dict(zip(ACCESS, record.args, strict=True))
        else:
            line["message"] = record.getMessage()
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def logging_of(level: str, form: str) -> dict[str, Any]:
    """Uvicorn's logging, with our own lines among its; `form` is "text" or "json"."""
    ours = {"understudy": {"handlers": ["default"], "level": level.upper(), "propagate": False}}
    config = {**LOGGING_CONFIG, "loggers": {**LOGGING_CONFIG["loggers"], **ours}}
    if form == "json":
        as_json = {"()": JsonFormatter}
        config["formatters"] = {"default": as_json, "access": as_json}
        handler = {"formatter": "default", "class": "logging.StreamHandler", "stream": "ext://sys.stderr"}
        config["handlers"] = {"default": handler, "access": handler}
    return config
