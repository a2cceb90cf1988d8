"""Text from outside, made safe to print, log, report, or hand to another process.

What a request, a file, a server or a file name holds can carry escape sequences of terminals, line ends that
forge lines, characters that turn the direction of writing, and lone surrogates, which no encoding can write.
"""

import json
from typing import Any


def escape(text: str, keep: str = "") -> str:
    r"""Escape the characters that are not printable, as Python does in a `repr`: "\n", "\x1b", "\u202e".

    Printable is what `str.isprintable` says, so nothing that is left moves the cursor, ends a line, is invisible
    or is invalid in XML.

    Args:
        text: any text.
        keep: characters that are left as they are.
    """
    if text.isprintable():
        return text
    odd = (character for character in set(text) if not character.isprintable() and character not in keep)
    return text.translate({ord(character): character.encode("unicode_escape").decode("ascii") for character in odd})


def escape_lines(text: str) -> str:
    """Escape a text of several lines, whose line ends are kept."""
    return escape(text, keep="\n")


def one_line(text: str) -> str:
    """A text on one line: each run of whitespace as one space, and the rest escaped."""
    return escape(" ".join(text.split()))


def to_json(value: Any) -> str:
    """JSON on one line, in which each character that is not printable is written as an escape of JSON."""
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else "".join(map(escape_in_json, text))


def escape_in_json(character: str) -> str:
    if character.isprintable():
        return character
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def noun(count: int, plural: str) -> str:
    """The form of a noun that a number wants: "row" for 1, "rows" for all others."""
    if count != 1:
        return plural
    # Numbers of 1 are few, and its rules take some milliseconds to compile.
    from inflection import singularize  # noqa: PLC0415

    return str(singularize(plural))


def counted(count: int, plural: str) -> str:
    """A number and its noun: "1 row", "2 rows"."""
    return f"{count} {noun(count, plural)}"
