"""What a command prints, and how it ends: in every case without a traceback."""

import _thread
import io
import json
import os
import signal
import sys
import threading
from codecs import register_error
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO, cast

import click
from click.exceptions import NoArgsIsHelpError

from understudy.errors import UnderstudyError
from understudy.text import escape, escape_lines, one_line

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

ESCAPE = "understudy.escape"  # the name of `escape_unencodable` as an error handler of codecs
TRACEBACK = "UNDERSTUDY_TRACEBACK"  # the environment variable that asks for tracebacks
MOMENT = 0.01  # seconds, in which a function that has nothing left to do returns
REFUSED, FAILED, INTERRUPTED = 2, 70, 130  # exit statuses; 70 is EX_SOFTWARE of sysexits.h, 130 that of shells


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
    click.echo(safe.replace(part, click.style(part, **style), 1) if style else safe, err=err, color=is_coloured(stream))


def is_coloured(stream: TextIO | None) -> bool:
    """Whether colours are wanted on a stream: it is a terminal, and NO_COLOR (https://no-color.org) is not set."""
    return stream is not None and stream.isatty() and not os.environ.get("NO_COLOR")


def warn(text: str) -> None:
    """Print a warning to stderr, in one line."""
    echo(f"warning: {escape(text)}", fg="yellow", err=True)


def escape_unencodable(error: UnicodeError) -> tuple[str, int]:
    """The characters that an encoding does not have, as escapes that are valid in JSON too."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


register_error(ESCAPE, escape_unencodable)


# ------------------------------------------------------------------------ how it ends


def run_command(command: Callable[[], object]) -> int:
    """Run the command of a process, and return its exit status.

    A mistake of the user is reported in one line (2), and so is an error that nobody expected (70), whose traceback
    is shown where the environment variable UNDERSTUDY_TRACEBACK is set.
    """
    prepare_process()
    try:
        status = status_of(command)
    except Exception as error:
        if os.environ.get(TRACEBACK):
            raise
        status = FAILED
        text = one_line(f"{type(error).__name__}: {error}")
        complain(f"an error of Understudy's own ({text}); to see where, set {TRACEBACK}=1 and try again")
    return finished(status)


def status_of(command: Callable[[], object]) -> int:
    try:
        show_help_or_run(command)
    except click.ClickException as error:
        context = error.ctx if isinstance(error, click.UsageError) else None
        complain(error.format_message() + (f" (see `{context.command_path} --help`)" if context else ""))
        return REFUSED
    except UnderstudyError as error:
        complain(str(error))
        return REFUSED
    except OSError as error:
        place = error.filename if isinstance(error.filename, str) else "a file, or what is printed"
        complain(f"{place}: cannot be read or written ({error.strerror or error})")
        return REFUSED
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0


def show_help_or_run(command: Callable[[], object]) -> None:
    try:
        command()
    except NoArgsIsHelpError as shown:  # a group of commands without a command: help is no error
        click.echo(shown.format_message())


def complain(text: str) -> None:
    with suppress(OSError):  # where stderr cannot be written either, the status has to do
        echo(f"error: {UnderstudyError(text)}", fg="red", err=True)


def finished(status: int) -> int:
    """The exit status once all is written: another one where that fails, which Python does not complain of again."""
    for stream in (sys.stdout, sys.stderr):
        if is_broken(stream):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            status = status or REFUSED
    return status


def is_broken(stream: TextIO | None) -> bool:
    """Whether what was printed to a stream cannot be written; None is one that was closed before the start."""
    try:
        if stream is not None:
            stream.flush()
    except OSError:
        return True
    return False


def prepare_process() -> None:
    """Have nothing that is printed fail for its characters, and no traceback come from where none can be caught."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=ESCAPE)
    if not os.environ.get(TRACEBACK):
        sys.unraisablehook = pass_on_interrupt
        threading.excepthook = lambda args: complain(f"a thread failed ({one_line(repr(args.exc_value))})")


def pass_on_interrupt(unraisable: "UnraisableHookArgs") -> None:
    """Raise a Ctrl-C again that arrived where it was lost: in a destructor, or in a callback while importing.

    A moment later, since it would be lost once more, and with a traceback, if it were raised in here.
    """
    if unraisable.exc_type is KeyboardInterrupt:
        again = threading.Timer(MOMENT, interrupt)
        again.daemon = True
        with suppress(RuntimeError):  # the process is ending: no thread can be started any more
            again.start()


def interrupt() -> None:
    """Interrupt the main thread, as Ctrl-C does, also while it waits for something."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(cast(int, threading.main_thread().ident), signal.SIGINT)
    else:
        _thread.interrupt_main()
