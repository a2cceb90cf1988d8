"""File descriptors: raise the limit as far as connections need it, or accept fewer connections."""

import resource
from dataclasses import replace

from understudy.errors import UnderstudyError
from understudy.options import Options
from understudy.text import counted

RESERVED = 192
"""Descriptors for everything else: refused connections that are still closing, stores, Python's own files."""
LEAST = 32  # descriptors with which a server with a store starts


def fit_connections(options: Options) -> tuple[Options, str | None]:
    """Options whose connections leave descriptors for stores and files.

    The soft limit of the process (`ulimit -Sn`) is raised as far as the hard limit allows.

    Returns:
        The options, with fewer connections if the limit is too low, and a warning in that case.

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
        f"this process can open {counted(limit, 'files')}, too few for --max-connections {options.max_connections}; it "
        f"accepts {counted(connections, 'connections')}. Raise the limit (`ulimit -n {needed}`), or lower "
        "--max-connections"
    )
    return replace(options, max_connections=connections), warning


def raised_limit(needed: int) -> int:
    """Raise the soft limit as far as needed and allowed. Returns the new limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return needed
    wanted = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):  # some systems allow less than their hard limit
        return soft
    return wanted
