"""Shrinking: the smallest body that still shows a finding."""

from collections.abc import Callable, Iterator
from typing import Any


def smallest(body: Any, shows: Callable[[Any], bool], tries: int) -> Any:
    """Remove parts of a body, one at a time, while it still shows the finding.

    Args:
        body: a JSON value that shows the finding.
        shows: whether another body does.
        tries: the maximum number of bodies to try.
    """
    smaller = True
    while smaller:
        smaller = False
        for candidate in shorter(body):
            if tries == 0:
                return body
            tries -= 1
            if shows(candidate):
                body, smaller = candidate, True
                break
    return body


def halves(value: list[Any]) -> Iterator[list[Any]]:
    """The two halves of a list, and the list without each quarter, if it is long enough for these to differ."""
    middle, quarter = len(value) // 2, len(value) // 4
    if quarter:
        yield value[middle:]
        yield value[:middle]
        yield from (value[:start] + value[start + quarter :] for start in range(0, quarter * 4, quarter))


def shorter(value: Any) -> Iterator[Any]:
    """`value` without one part: first without whole entries, then without parts of them."""
    if isinstance(value, dict):
        for name in value:
            yield {key: part for key, part in value.items() if key != name}
        for name, part in value.items():
            yield from ({**value, name: less} for less in shorter(part))
    if isinstance(value, list):
        yield from halves(value)
        for index in range(len(value)):
            yield value[:index] + value[index + 1 :]
        for index, part in enumerate(value):
            yield from ([*value[:index], less, *value[index + 1 :]] for less in shorter(part))
