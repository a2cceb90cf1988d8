"""What a command prints."""

import json
import sys
from codecs import register_error
from typing import Any

import click

from understudy.text import escape_lines

ESCAPE = "understudy.escape"  # the name of `escape_unencodable` as an error handler of codecs


def echo(text: str, *, err: bool = False, part: str | None = None, **style: Any) -> None:
    """Print a text and a line end. Whatever a command prints, it prints by this.

    Args:
        text: what to print. All but its line ends is escaped where it is not printable, or where the terminal's
            encoding does not have it.
        err: whether it goes to stderr rather than stdout.
        part: the part of the text that is styled, rather than all of it.
        style: as `click.style` takes it.
    """
    stream = sys.stderr if err else sys.stdout
    encoding = getattr(stream, "encoding", None) or "utf-8"
    safe = escape_lines(text).encode(encoding, ESCAPE).decode(encoding)
    part = part or safe
    click.echo(safe.replace(part, click.style(part, **style), 1) if style else safe, err=err)


def escape_unencodable(error: UnicodeError) -> tuple[str, int]:
    """The characters that an encoding does not have, as escapes that are valid in JSON too."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


register_error(ESCAPE, escape_unencodable)
