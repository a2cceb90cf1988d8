"""Options of commands that are secrets: as they are typed, out of a file, or out of the environment."""

import os
from collections.abc import Callable
from pathlib import Path
from shlex import quote
from typing import Any

import click
from click.core import ParameterSource

from understudy import paths
from understudy.encoding import decoded
from understudy.network.credentials import secret_flaw

IN_SHELL = "understudy.in_shell"  # where the context of a command has how a shell says its secrets, by their names
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
    try:
        secret = secret_of(parameter.name or "", value)
    except ValueError as error:
        raise click.BadParameter(f"{source} {error}") from None
    context.meta.setdefault(IN_SHELL, {})[parameter.name] = in_shell(context, parameter, value)
    return secret


def in_shell(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """What stands for a secret in a shell: the secret if it was typed, else its file or variable."""
    if value.startswith("@"):
        return f'"$(cat {quote(str(Path(value[1:]).absolute()))})"'
    is_typed = context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
    return quote(value) if is_typed else f'"${parameter.envvar}"'


def secret_of(name: str, value: str) -> str:
    """A secret as it was given, or out of the file that is named behind an @, without white space around it.

    Args:
        name: what the secret is, by its name in `Options`.
        value: the secret, or @FILE.

    Raises:
        ValueError: the file cannot be read, or the secret cannot be used; the text says why, behind its name.
    """
    secret = read(value[1:]) if value.startswith("@") else value
    flaw = secret_flaw(name, secret)
    if flaw is not None:
        raise ValueError(flaw)
    return secret


def read(path: str) -> str:
    try:
        return decoded(paths.read(Path(path), LONGEST)).strip()
    except (OSError, ValueError) as error:
        raise ValueError(f"names a file that cannot be read ({error})") from None
