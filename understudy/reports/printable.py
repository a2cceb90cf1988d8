"""Shortening and escaping of untrusted texts in reports."""

from understudy.text import escape_lines

MOST = 2000  # the maximum length of a shown text


def shown(text: object) -> str:
    """A text cut to `MOST` characters and escaped, except its line ends.

    The result is safe in a terminal, in XML and, after escaping markup, in HTML.
    """
    whole = str(text)
    safe = escape_lines(whole[:MOST])
    return safe if len(whole) <= MOST else f"{safe}… ({len(whole) - MOST:,} more characters)"


def counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
