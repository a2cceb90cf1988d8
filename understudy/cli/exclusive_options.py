"""Options that would have no effect beside another one are refused, rather than silently ignored."""

import click
from click.core import ParameterSource


def refuse_beside(option: str, *fields: str) -> None:
    """Refuse the options of the current command that a given option would leave without effect.

    Args:
        option: the option that was given.
        fields: the parameters of the others.

    Raises:
        click.UsageError: one of them was given on the command line.
    """
    context = click.get_current_context()
    names = [
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.name in fields and context.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE
    ]
    if names:
        raise click.UsageError(f"{option} cannot be used with {', '.join(names)}, which would have no effect")
