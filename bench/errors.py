"""What ends a benchmark."""

import click


class BenchError(click.ClickException):
    """A mistake or a missing tool, told in one line; the process ends with status 2."""
