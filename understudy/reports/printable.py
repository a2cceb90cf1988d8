"""Texts from anywhere, made fit to be shown."""

from understudy.text import escape_lines

MOST = 2000  # characters of one text that are shown


def shown(text: object) -> str:
    """A text cut to a length for people, all that is not printable escaped as Python does, line ends kept.

    What is left can stand in a terminal, in XML and in HTML (there behind the escapes for markup).
    """
    whole = str(text)
    kept = escape_lines(whole[:MOST])
    return kept if len(whole) <= MOST else f"{kept}… ({len(whole) - MOST:,} more characters)"


def counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
