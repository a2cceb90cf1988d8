"""The entry point of `understudy` and `python -m understudy`.

This module only imports modules that Python has already loaded, so that it can handle interrupts first.
"""

import _signal  # type: ignore[import-not-found] # the core of `signal`, without its imports
import gc
import sys


def run() -> None:
    """Run the command. A Ctrl-C meanwhile ends it without a traceback."""
    is_usual = _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler
    if is_usual:  # if Ctrl-C is ignored, as in the background of a shell, it stays ignored
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    gc.disable()  # what is imported stays alive, so the collector need not search it, now or later
    from understudy.cli import commands  # noqa: PLC0415

    gc.freeze()
    gc.enable()
    if is_usual:
        _signal.signal(_signal.SIGINT, _signal.default_int_handler)
    commands.run()


if __name__ == "__main__":
    if not getattr(sys.flags, "safe_path", False):
        del sys.path[0]  # the current folder, whose modules may have names of those that are imported below
    run()
