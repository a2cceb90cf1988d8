"""Decoding of text files from any editor or shell."""

import codecs
from pathlib import Path

from understudy.paths import read

# The longer marks come first: the one of UTF-32 begins with that of UTF-16.
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def encoding_of(start: bytes) -> str:
    """The encoding of a text by the byte order mark in its first four bytes; without one it is UTF-8.

    Windows PowerShell 5 writes UTF-16 with a mark by `>`, and Notepad puts a mark in front of UTF-8.
    """
    return next((encoding for mark, encoding in MARKS.items() if start.startswith(mark)), "utf-8-sig")


def decoded(content: bytes) -> str:
    """The text of a file's content, without its byte order mark.

    Raises:
        UnicodeDecodeError: it is not valid in that encoding.
    """
    return content.decode(encoding_of(content[:4]))


def read_text(path: Path, largest: int | None = None) -> str:
    """The text of a file, without its byte order mark and with line feeds as line ends.

    Args:
        path: the file.
        largest: the maximum size in bytes.

    Raises:
        OSError: the file cannot be read.
        UnicodeDecodeError: it is not valid in that encoding.
    """
    return decoded(read(path, largest)).replace("\r\n", "\n").replace("\r", "\n")


def reason_of(error: OSError | UnicodeDecodeError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"it is not {error.encoding.removesuffix('-sig').upper()}"
    return error.strerror or str(error)
