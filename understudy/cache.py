"""A cache that is bounded by the bytes that it takes."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

SHARE = 8  # the part of a cache that one value may take is the inverse of this
ENTRY = 300  # bytes, about, of an entry beyond its key and its value


class Cache(Generic[Key, Value]):
    """Remembers values, and forgets those that were used least recently where all take too many bytes.

    Args:
        capacity: bytes that all of them may take.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._held = 0
        self._values: OrderedDict[Key, tuple[Value, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: Key) -> bool:
        return key in self._values

    def get(self, key: Key) -> Value | None:
        found = self._values.get(key)
        if found is None:
            return None
        self._values.move_to_end(key)
        return found[0]

    def put(self, key: Key, value: Value, size: int) -> None:
        """Remember a value. One that takes more than its share of the cache is not remembered.

        Args:
            key: what it is found by.
            value: the value; it replaces another one of the same key.
            size: how many bytes the key and the value take, about.
        """
        self.remove(key)
        size += ENTRY
        if size > self._capacity // SHARE:
            return
        self._values[key] = value, size
        self._held += size
        while self._held > self._capacity:
            _, (_, least) = self._values.popitem(last=False)
            self._held -= least

    def remove(self, key: Key) -> None:
        """Forget a value, if there is one."""
        _, size = self._values.pop(key, (None, 0))
        self._held -= size
