"""The differences between two JSON values, described briefly."""

from collections.abc import Iterator
from itertools import islice
from typing import Any
from unicodedata import normalize

from understudy.sampling.answers import same

MOST = 4  # the maximum number of differences to show
SIZE = 120  # the maximum length of a shown value
LEAD = 20  # characters of these before the first difference
NOTHING = object()  # stands for a missing value

Place = tuple[str, Any, Any]


def difference(expected: Any, found: Any) -> tuple[str, str]:
    """The differing parts of two values, as a text for each value."""
    places = list(islice(differing(expected, found), MOST + 1))
    texts = [windows(left, right) for _, left, right in places[:MOST]]
    more = "; …" if len(places) > MOST else ""
    paths = [path for path, _, _ in places[:MOST]]
    left, right = ("; ".join(map(labelled, paths, side)) for side in zip(*texts, strict=True)) if texts else ("", "")
    return left + more, right + more


def labelled(path: str, text: str) -> str:
    return f"{path}: {text}" if path else text


def differing(expected: Any, found: Any, path: str = "") -> Iterator[Place]:
    """The smallest parts that differ, each with the path to it."""
    if same(expected, found):
        return
    if isinstance(expected, dict) and isinstance(found, dict):
        for name in {**expected, **found}:
            inner = f"{path}.{name}" if path else str(name)
            yield from differing(expected.get(name, NOTHING), found.get(name, NOTHING), inner)
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for index, (left, right) in enumerate(zip(expected, found, strict=True)):
            yield from differing(left, right, f"{path}[{index}]")
    elif isinstance(expected, list) and isinstance(found, list):
        pairs = enumerate(zip(expected, found, strict=False))
        first = next((index for index, (left, right) in pairs if not same(left, right)), min(len(expected), len(found)))
        yield f"{path}[{first}:]", expected[first:], found[first:]
    else:
        yield path, expected, found


def windows(left: Any, right: Any) -> tuple[str, str]:
    """Two values as texts of a limited length that contain the first character in which they differ."""
    texts = ["nothing" if value is NOTHING else repr(value) for value in (left, right)]
    if len({normalize("NFC", text) for text in texts}) == 1:
        texts = list(map(ascii, (left, right)))  # they look the same
    pairs = enumerate(zip(*texts, strict=False))
    first = next((index for index, (one, other) in pairs if one != other), min(map(len, texts)))
    start = max(0, first - LEAD) if max(map(len, texts)) > SIZE else 0
    return cut(texts[0], start), cut(texts[1], start)


def cut(text: str, start: int) -> str:
    lead, rest = "…" if start else "", "…" if len(text) > start + SIZE else ""
    return f"{lead}{text[start : start + SIZE]}{rest}"
