"""Escaping of untrusted text, so that it is safe to print, log, report, or pass to another process.

Requests, files, responses and file names can contain terminal escape sequences, line ends that forge lines, characters
that change the direction of writing, and lone surrogates, which no encoding can write.
"""

import json
from typing import Any


def escape(text: str, keep: str = "") -> str:
    r"""Escape the characters that are not printable, as Python does in a `repr`: "\n", "\x1b", "\u202e".

    `str.isprintable` decides, so no remaining character moves the cursor, ends a line, is invisible or is invalid in
    XML.

    Args:
        text: any text.
        keep: characters that are not escaped.
    """
    if text.isprintable():
        return text
    unsafe = (character for character in set(text) if not character.isprintable() and character not in keep)
    return text.translate({ord(character): character.encode("unicode_escape").decode("ascii") for character in unsafe})


def escape_lines(text: str) -> str:
    """Escape a text, except its line ends."""
    return escape(text, keep="\n")


def one_line(text: str) -> str:
    """A text on one line: whitespace is collapsed, and the rest escaped."""
    return escape(" ".join(text.split()))


def to_json(value: Any) -> str:
    """JSON on one line, with JSON escapes for characters that are not printable."""
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else "".join(map(escape_in_json, text))


def escape_in_json(character: str) -> str:
    if character.isprintable():
        return character
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def noun(count: int, plural: str) -> str:
    """The form of a noun for a number: "row" for 1, "rows" otherwise."""
    if count != 1:
        return plural
    # A lazy import: its rules take some milliseconds to compile, and a count of 1 is rare.
    from inflection import singularize  # noqa: PLC0415

    return str(singularize(plural))


def counted(count: int, plural: str) -> str:
    """A number and its noun: "1 row", "2 rows"."""
    return f"{count} {noun(count, plural)}"
