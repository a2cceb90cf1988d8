"""Options of commands that are secrets: as they are typed, out of a file, or out of the environment."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from understudy.options import secret_flaw

LONGEST = 4096  # bytes of a file that holds a secret

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def secret_option(option: str, name: str, help_: str, metavar: str) -> Decorator:
    """An option for a secret, which the process list shows only where it is typed.

    Args:
        option: as it is typed, "--token".
        name: what the secret is, by its name in `Options`; also where the environment has it.
        help_: what the option is for.
        metavar: what is shown for its value.
    """
    variable = f"UNDERSTUDY_{name.upper()}"
    help_ = f"{help_} Also @FILE, or {variable} in the environment."
    return click.option(option, name, envvar=variable, metavar=metavar, callback=read_secret, help=help_)


def read_secret(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """The secret that an option has as its value; None without one.

    Raises:
        click.BadParameter: it cannot be read, or cannot be used.
    """
    source = "it"
    if value is None and isinstance(parameter.envvar, str):
        # Click takes a variable that is empty for one that is not set. But a secret that is missing
        # there must not open what it was to close.
        source, value = parameter.envvar, os.environ.get(parameter.envvar)
    if value is None:
        return None
    secret = text_of(value)
    flaw = secret_flaw(parameter.name or "", secret)
    if flaw is not None:
        raise click.BadParameter(f"{source} {flaw}")
    return secret


def text_of(value: str) -> str:
    """A secret as it was given, or out of the file that is named behind an @, without white space around it.

    Raises:
        click.BadParameter: the file cannot be read, or is too long to hold a secret.
    """
    if not value.startswith("@"):
        return value
    try:
        with Path(value[1:]).open("rb") as file:
            content = file.read(LONGEST + 1)
        text = content.decode("utf-8-sig").strip()
    except (OSError, ValueError) as error:
        raise click.BadParameter(f"the file cannot be read ({error})") from None
    if len(content) > LONGEST:
        raise click.BadParameter(f"the file has more than {LONGEST} bytes, which is no secret")
    return text
