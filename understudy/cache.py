"""An LRU cache with a limit in bytes."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

SHARE = 8  # a value can take one part in so many of the cache
ENTRY = 300  # approximate bytes of an entry beyond its key and its value


class Cache(Generic[Key, Value]):
    """Stores values, and removes the least recently used ones when they exceed the capacity.

    Args:
        capacity: the maximum size of all values, in bytes.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._size = 0
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
        """Store a value. A value that takes more than its share of the cache is not stored.

        Args:
            key: the key of the value.
            value: the value, which replaces another one of the same key.
            size: the approximate size of the key and the value, in bytes.
        """
        self.remove(key)
        size += ENTRY
        if size > self._capacity // SHARE:
            return
        self._values[key] = value, size
        self._size += size
        while self._size > self._capacity:
            _, (_, least) = self._values.popitem(last=False)
            self._size -= least

    def remove(self, key: Key) -> None:
        """Remove a value, if it is there."""
        _, size = self._values.pop(key, (None, 0))
        self._size -= size
