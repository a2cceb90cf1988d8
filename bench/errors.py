"""Errors that end a benchmark."""

import click


class BenchError(click.ClickException):
    """An error or a missing tool, reported in one line; the exit status is 2."""
