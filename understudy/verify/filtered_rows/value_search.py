"""Values to ask a filter with, found out where no row shows them: by asking."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from itertools import islice
from typing import Any

from understudy.contract.contract import Place
from understudy.values import EPOCH, MICROSECOND
from understudy.verify.filtered_rows.selected_ids import Answers
from understudy.verify.requests.field_operators import Leaf

FIRST, LAST = (datetime(year, 1, 1, tzinfo=timezone.utc) for year in (1900, 2200))
LETTERS = "etaoinsrhldcumfpgwybvkxjqz-0123456789 ."
LONGEST = 60  # letters of a text that are found out
CANDIDATES = 40  # values that are tried one by one
BATCH = 100  # values that are asked for at once; the real server cannot take more than 127
WANTED = 3  # values that are enough


class Discovery:
    """Finds values that fields of rows hold, of rows that are only seen through filters too."""

    def __init__(self, leaves: Mapping[tuple[str, ...], Leaf], answers: Answers) -> None:
        self._leaves = leaves
        self._answers = answers
        self._samples = answers.inspection.samples

    def values(self, leaf: Leaf) -> list[Any]:
        """Some values to ask `leaf` with, those first that are known to be held by rows."""
        kind = leaf.place["items"] if "items" in leaf.place.value else leaf.place
        schema = kind.value
        if schema["type"] == "boolean":
            return [True, False]
        if schema["type"] == "integer":
            return [1]
        if "enum" in schema:
            return [word for word in schema["enum"] if word is not None]
        fields = self._fields(leaf)
        if not self._samples.seen(leaf.table, fields):
            for value in self._found(leaf, kind):
                self._samples.note(leaf.table, fields, value)
        return self._samples.seen(leaf.table, fields)

    def _fields(self, leaf: Leaf) -> tuple[str, ...]:
        """Under which fields the values of a leaf are kept: what is found of one of several is of no other."""
        is_shown = leaf.table in self._answers.inspection.model.tables
        return leaf.fields if is_shown or len(leaf.fields) == 1 else ("|".join(leaf.fields),)

    def _found(self, leaf: Leaf, kind: Place) -> Iterator[Any]:
        if kind.value.get("format") == "date-time":
            yield from self._moments(leaf)
        elif (pattern := self._sibling(leaf, "like_")) is not None:
            yield from self._texts(pattern)
        elif (one_of := self._sibling(leaf, "any_") or self._sibling(leaf, "all_")) is not None:
            short = [value for value in self._samples.alike(kind) if len(value) <= LONGEST]
            yield from self._held(one_of, [*self._samples.usual(leaf.table, leaf.fields), *short])

    def siblings(self, leaf: Leaf) -> dict[str, Leaf]:
        """The leaves beside a leaf, and itself, by name."""
        return {other.name: other for other in self._leaves.values() if other.way == leaf.way}

    def _sibling(self, leaf: Leaf, operator: str) -> Leaf | None:
        """The leaf of another operator on the same field, or itself."""
        if leaf.operator == operator:
            return leaf
        beside = self.siblings(leaf).values()
        return next((other for other in beside if (other.operator, other.fields) == (operator, leaf.fields)), None)

    # ------------------------------------------------------------------ asking

    def _count(self, leaf: Leaf, operand: Any) -> int:
        return self._answers.count(leaf.filters(operand))

    def _held(self, leaf: Leaf, candidates: Sequence[Any]) -> Iterator[Any]:
        """Those of some values that a row holds, a few at the most, by halving."""
        if leaf.operator == "all_":
            held = (value for value in candidates[:CANDIDATES] if self._count(leaf, [value]))
            yield from islice(held, WANTED)
            return
        pending, found = [list(candidates[start : start + BATCH]) for start in range(0, len(candidates), BATCH)], 0
        while pending and found < WANTED:
            values = pending.pop()
            if not values or not self._count(leaf, values):
                continue
            if len(values) == 1:
                found += 1
                yield values[0]
            else:
                middle = len(values) // 2
                pending += [values[middle:], values[:middle]]

    def _moments(self, leaf: Leaf) -> Iterator[str]:
        """The moment of a row in the middle, to the microsecond, by bisection."""
        after = self._sibling(leaf, "after_")
        if after is None:
            return
        low, high = ((moment - EPOCH) // MICROSECOND for moment in (FIRST, LAST))
        enough = -(-self._count(after, written(low)) // 2)
        if enough == 0:
            return
        while high - low > 1:
            middle = (low + high) // 2
            if self._count(after, written(middle)) >= enough:
                low = middle
            else:
                high = middle
        yield written(low)

    def _texts(self, leaf: Leaf) -> Iterator[str]:
        """Whole texts, letter by letter: what contains a piece contains it with one more letter."""
        begins = [letter for letter in LETTERS if self._count(leaf, letter)]
        for begin in dict.fromkeys([*begins[:1], *begins[-1:]]):
            text = self._grown(leaf, begin, lambda text, letter: text + letter)
            text = self._grown(leaf, text, lambda text, letter: letter + text)
            yield self._spelled(leaf, text)

    def _grown(self, leaf: Leaf, text: str, longer: Callable[[str, str], str]) -> str:
        while len(text) < LONGEST:
            following = (longer(text, letter) for letter in LETTERS)
            found = next((candidate for candidate in following if self._count(leaf, candidate)), None)
            if found is None:
                return text
            text = found
        return text

    def _spelled(self, leaf: Leaf, text: str) -> str:
        """A text in upper or lower case, as a row holds it; patterns do not tell."""
        one_of = self._sibling(leaf, "any_")
        spellings: Iterable[str] = dict.fromkeys([text, text.capitalize(), text.title(), text.upper()])
        if one_of is None:
            return text
        return next((spelling for spelling in spellings if self._count(one_of, [spelling])), text)


def written(microseconds: int) -> str:
    return (EPOCH + microseconds * MICROSECOND).isoformat().replace("+00:00", "Z")
