"""Command-line options for secrets: given on the command line, in a file, or in the environment."""

import os
from collections.abc import Callable
from pathlib import Path
from shlex import quote
from typing import Any

import click
from click.core import ParameterSource

from understudy import paths
from understudy.encoding import decoded, reason_of
from understudy.network.credentials import secret_flaw

IN_SHELL = "understudy.in_shell"  # the key in a command's context of the shell expressions for its secrets, by name
LONGEST = 4096  # bytes of a file with a secret

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def secret_option(option: str, name: str, help_: str, metavar: str) -> Decorator:
    """An option for a secret, which the process list shows only if it is given on the command line.

    Args:
        option: the name of the option, such as "--token".
        name: the name of the secret in `Options`, and in the environment variable.
        help_: the help text.
        metavar: the name of the value in the help.
    """
    variable = f"UNDERSTUDY_{name.upper()}"
    help_ = f"{help_} Also @FILE, or {variable} in the environment."
    return click.option(option, name, envvar=variable, metavar=metavar, callback=read_secret, help=help_)


def read_secret(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """The secret in an option's value; None without one.

    Raises:
        click.BadParameter: the secret cannot be read or used.
    """
    source = "it"
    if value is None and isinstance(parameter.envvar, str):
        # Click treats an empty variable like one that is not set. But an empty secret must not turn authentication
        # off.
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
    """A shell expression for a secret: the secret if it was typed, else its file or variable."""
    if value.startswith("@"):
        return f'"$(cat {quote(str(Path(value[1:]).absolute()))})"'
    is_typed = context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
    return quote(value) if is_typed else f'"${parameter.envvar}"'


def secret_of(name: str, value: str) -> str:
    """A secret as it was given, or the content of the file named after an @, without white space around it.

    Args:
        name: the name of the secret in `Options`.
        value: the secret, or @FILE.

    Raises:
        ValueError: the file cannot be read, or the secret cannot be used; the text continues the option's name.
    """
    secret = read(value[1:]) if value.startswith("@") else value
    flaw = secret_flaw(name, secret)
    if flaw is not None:
        raise ValueError(flaw)
    return secret


def read(path: str) -> str:
    try:
        return decoded(paths.read(Path(path), LONGEST)).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"names a file that cannot be read ({reason_of(error)})") from None
