"""File descriptors: a server takes as many as its connections need, or accepts fewer connections."""

import resource
from dataclasses import replace

from understudy.errors import UnderstudyError
from understudy.options import Options
from understudy.text import counted

RESERVED = 192
"""Descriptors for all else: connections that are refused and still closing, flushes of stores, what Python has open."""
LEAST = 32  # descriptors with which a server with a store starts


def fitted(options: Options) -> tuple[Options, str | None]:
    """The options of a server whose connections leave descriptors for stores and files.

    The soft limit of the process (`ulimit -Sn`) is raised where the hard one lets it.

    Returns:
        The options, with fewer connections where the limit is too low; then a warning too.

    Raises:
        UnderstudyError: the limit is too low to serve anything.
    """
    needed = options.max_connections + RESERVED
    limit = raised_limit(needed)
    if limit >= needed:
        return options, None
    if limit < LEAST:
        raise UnderstudyError(
            f"this process may open {counted(limit, 'files')}, too few to serve. Raise the limit (`ulimit -n {needed}`)"
        )
    connections = max(limit - RESERVED, 1)
    warning = (
        f"this process may open {counted(limit, 'files')}, too few for --max-connections {options.max_connections}: it "
        f"accepts {counted(connections, 'connections')}. Raise the limit (`ulimit -n {needed}`), or lower "
        "--max-connections"
    )
    return replace(options, max_connections=connections), warning


def raised_limit(needed: int) -> int:
    """How many descriptors the process may have, after its soft limit was raised as far as is needed and allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return needed
    wanted = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):  # some systems allow less than their hard limit says
        return soft
    return wanted
