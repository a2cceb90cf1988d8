"""The types of path options."""

from pathlib import Path

import click

FILE = click.Path(path_type=Path)
"""A file or folder, which need not exist. The metavar of an option states which of them it is."""
