"""Output, errors and exit status of commands, always without a traceback."""

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
TRACEBACK = "UNDERSTUDY_TRACEBACK"  # the environment variable that turns tracebacks on
MOMENT = 0.01  # seconds, in which a function that is about to return does so
REFUSED, FAILED, INTERRUPTED = 2, 70, 130  # exit statuses; 70 is EX_SOFTWARE of sysexits.h, 130 that of shells


def echo(text: str, *, err: bool = False, part: str | None = None, **style: Any) -> None:
    """Print a line. All output of commands goes through this function.

    Args:
        text: the text to print. Characters that are not printable, or not in the terminal's encoding, are escaped,
            except line ends.
        err: whether to print to stderr.
        part: the part of the text to style; by default all of it.
        style: arguments of `click.style`.
    """
    stream = sys.stderr if err else sys.stdout
    encoding = getattr(stream, "encoding", None) or "utf-8"
    safe = escape_lines(text).encode(encoding, ESCAPE).decode(encoding)
    part = part or safe
    click.echo(safe.replace(part, click.style(part, **style), 1) if style else safe, err=err, color=is_coloured(stream))


def is_coloured(stream: TextIO | None) -> bool:
    """Whether to colour a stream: it is a terminal, and NO_COLOR (https://no-color.org) is not set."""
    return stream is not None and stream.isatty() and not os.environ.get("NO_COLOR")


def warn(text: str) -> None:
    """Print a warning to stderr, on one line."""
    echo(f"warning: {escape(text)}", fg="yellow", err=True)


def escape_unencodable(error: UnicodeError) -> tuple[str, int]:
    """Replace characters that an encoding does not have by escapes that are valid in JSON too."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


register_error(ESCAPE, escape_unencodable)


# ------------------------------------------------------------------------ exit status


def run_command(command: Callable[[], object]) -> int:
    """Run the command of a process, and return its exit status.

    An error of the user is reported on one line (status 2). So is an unexpected error (70), whose traceback is shown if
    the environment variable UNDERSTUDY_TRACEBACK is set.
    """
    prepare_process()
    try:
        status = status_of(command)
    except Exception as error:
        if os.environ.get(TRACEBACK):
            raise
        status = FAILED
        text = one_line(f"{type(error).__name__}: {error}")
        print_error(f"unexpected error ({text}); set {TRACEBACK}=1 and try again to see the traceback")
    return flush(status)


def status_of(command: Callable[[], object]) -> int:
    try:
        show_help_or_run(command)
    except click.ClickException as error:
        context = error.ctx if isinstance(error, click.UsageError) else None
        print_error(error.format_message() + (f" (see `{context.command_path} --help`)" if context else ""))
        return REFUSED
    except UnderstudyError as error:
        print_error(str(error))
        return REFUSED
    except OSError as error:
        place = error.filename if isinstance(error.filename, str) else "a file or the output"
        print_error(f"{place}: cannot be read or written ({error.strerror or error})")
        return REFUSED
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0


def show_help_or_run(command: Callable[[], object]) -> None:
    try:
        command()
    except NoArgsIsHelpError as shown:  # a command group without a command: showing help is not an error
        click.echo(shown.format_message())


def print_error(text: str) -> None:
    with suppress(OSError):  # if stderr cannot be written either, there is only the exit status
        echo(f"error: {UnderstudyError(text)}", fg="red", err=True)


def flush(status: int) -> int:
    """Flush the output. Returns the exit status, an error if that fails, which Python then does not report again."""
    for stream in (sys.stdout, sys.stderr):
        if is_broken(stream):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            status = status or REFUSED
    return status


def is_broken(stream: TextIO) -> bool:
    """Whether a stream cannot be flushed."""
    try:
        stream.flush()
    except OSError:
        return True
    return False


def prepare_process() -> None:
    """Make printing never fail for its characters, and let no thread or destructor print a traceback."""
    open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=ESCAPE)
    if not os.environ.get(TRACEBACK):
        sys.unraisablehook = pass_on_interrupt
        threading.excepthook = lambda args: print_error(f"a thread failed ({one_line(repr(args.exc_value))})")


def open_closed_streams() -> None:
    """Replace each standard stream that was closed before the start by one that has, and keeps, nothing.

    Its descriptor would otherwise be that of the next file to be opened, such as a store, and what C libraries print
    would be written there.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123 - until the end


def pass_on_interrupt(unraisable: "UnraisableHookArgs") -> None:
    """Raise a Ctrl-C again that was lost in a destructor, or in a callback during an import.

    It is raised a moment later, since here it would be lost again, with a traceback.
    """
    if unraisable.exc_type is KeyboardInterrupt:
        again = threading.Timer(MOMENT, interrupt)
        again.daemon = True
        with suppress(RuntimeError):  # the process is ending, and cannot start threads any more
            again.start()


def interrupt() -> None:
    """Interrupt the main thread as Ctrl-C does, even while it waits."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(cast(int, threading.main_thread().ident), signal.SIGINT)
    else:
        _thread.interrupt_main()
