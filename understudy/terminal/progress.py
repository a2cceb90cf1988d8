"""The progress of a run on stderr: a bar on a terminal, lines elsewhere, such as in the log of a CI job."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from understudy.terminal.console import echo

STEPS = 1000  # of a bar
LINES = 10  # of a run without a terminal, besides the first


class Progress:
    """Shows the share of the work that is done. See `showing`."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._shown = 0.0
        self._bar = click.progressbar(length=STEPS, label=label, file=sys.stderr) if sys.stderr.isatty() else None

    def reach(self, share: float) -> None:
        """Show the share of the work that is done, from 0 to 1."""
        share = min(share, 1.0)
        unit = STEPS if self._bar is not None else LINES
        steps = int(share * unit + 1e-9) - int(self._shown * unit + 1e-9)
        if steps <= 0:
            return
        self._shown = share
        if self._bar is not None:
            self._bar.update(steps)
        else:
            echo(f"{self._label}: {int(share * LINES + 1e-9) * 100 // LINES} %", err=True)

    def begin(self) -> None:
        if self._bar is None:
            echo(f"{self._label}: 0 %", err=True)
        else:
            self._bar.render_progress()

    def end(self) -> None:
        """Leave the bar as it is: complete, or at the point of an interrupt."""
        if self._bar is not None:
            self._bar.render_finish()


@contextmanager
def showing(label: str) -> Iterator[Progress]:
    """Show the progress of the block, which is complete if nothing is raised."""
    progress = Progress(label)
    progress.begin()
    try:
        yield progress
        progress.reach(1)
    finally:
        progress.end()
