"""The smallest body that still shows what was found."""

from collections.abc import Callable, Iterator
from typing import Any


def smallest(body: Any, shows: Callable[[Any], bool], tries: int) -> Any:
    """Leave out parts of a body, one at a time, as long as it still shows what it did.

    Args:
        body: JSON that shows it.
        shows: whether another body does.
        tries: how many bodies to try at the most.
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


def shorter(value: Any) -> Iterator[Any]:
    """The values that are `value` without one part: whole entries first, then parts of what is in them."""
    if isinstance(value, dict):
        for name in value:
            yield {key: part for key, part in value.items() if key != name}
        for name, part in value.items():
            yield from ({**value, name: less} for less in shorter(part))
    if isinstance(value, list):
        for index in range(len(value)):
            yield value[:index] + value[index + 1 :]
        for index, part in enumerate(value):
            yield from ([*value[:index], less, *value[index + 1 :]] for less in shorter(part))
