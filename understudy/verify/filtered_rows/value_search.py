"""Values for filters. If no response shows the rows, they are found by trying filters."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from itertools import islice
from typing import Any

from understudy.contract.contract import Place
from understudy.sampling.answers import sort_value
from understudy.sampling.sample_values import leaves
from understudy.values import EPOCH, MICROSECOND
from understudy.verify.expectations.model import Row
from understudy.verify.filtered_rows.selected_ids import SelectedIds
from understudy.verify.requests.field_operators import FieldOperator

FIRST, LAST = (datetime(year, 1, 1, tzinfo=timezone.utc) for year in (1900, 2200))
LETTERS = "etaoinsrhldcumfpgwybvkxjqz-0123456789 ."
LONGEST = 60  # the maximum length of a text to find
CANDIDATES = 40  # values to try one by one
BATCH = 100  # values to request at once; the real server accepts at most 127
WANTED = 3  # how many values are enough


class ValueSearch:
    """Finds values of fields, even in rows that only filters can reach."""

    def __init__(self, field_operators: Mapping[tuple[str, ...], FieldOperator], selected: SelectedIds) -> None:
        self._field_operators = field_operators
        self._selected = selected
        self._samples = selected.context.samples

    def values(self, field_operator: FieldOperator) -> list[Any]:
        """Some values for an operator of a filter, first those that rows are known to have."""
        kind = field_operator.place["items"] if "items" in field_operator.place.value else field_operator.place
        schema = kind.value
        if schema["type"] == "boolean":
            return [True, False]
        if "enum" in schema:
            return [word for word in schema["enum"] if word is not None]
        fields = self._fields(field_operator)
        if schema["type"] == "integer":
            return self._samples.seen(field_operator.table, fields) or [1]
        if not self._samples.seen(field_operator.table, fields):
            for value in self._found(field_operator, kind):
                self._samples.note(field_operator.table, fields, value)
        return self._samples.seen(field_operator.table, fields)

    def shuffled(self, field_operator: FieldOperator) -> list[Any]:
        """These values in random order: those that rows have, if any are known; for `all_`, those that one row has."""
        values = self.values(field_operator)
        seen = set(self._samples.seen(field_operator.table, self._fields(field_operator)))
        together = next(iter(self.together(field_operator)), []) if field_operator.operator == "all_" else []
        here = self._looked_at(field_operator)
        pool = together or [value for value in values if value in here]
        pool = pool or [value for value in values if value in seen]
        pool = pool or values
        return self._selected.context.random.sample(pool, k=len(pool))

    def together(self, field_operator: FieldOperator) -> list[list[Any]]:
        """The lists of several values that known rows have in the field of an operator, in random order."""
        rows = self.rows(field_operator.table)
        lists = (row.get(field_operator.fields[0]) for row in rows)
        several = [list(dict.fromkeys(each)) for each in lists if isinstance(each, list) and len(set(each)) > 1]
        return self._selected.context.random.sample(several, k=len(several))

    def rows(self, table: str) -> list[Row]:
        """The known rows of a table; of a large one, those that are tested."""
        if table == self._selected.selection.table:
            return self._selected.rows_looked_at()
        return list(self._selected.context.model.known.get(table, {}).values())

    def _looked_at(self, field_operator: FieldOperator) -> set[Any]:
        """The values in the rows of a large table that are tested; those that decide, if several fields may."""
        if field_operator.is_first:
            first = "|".join(field_operator.fields)
            return {sort_value(row, first) for row in self.rows(field_operator.table)}
        if self._selected.known is None or field_operator.table != self._selected.selection.table:
            return set()
        return {
            value
            for row in self._selected.rows_looked_at()
            for name, part in row.items()
            for path, value in leaves(name, part)
            if path in field_operator.fields
        }

    def _fields(self, field_operator: FieldOperator) -> tuple[str, ...]:
        """The fields under which the values of an operator are stored. A value found for one of several fields belongs
        to this one only.
        """
        is_shown = field_operator.table in self._selected.context.model.tables
        return (
            field_operator.fields if is_shown or len(field_operator.fields) == 1 else ("|".join(field_operator.fields),)
        )

    def _found(self, field_operator: FieldOperator, kind: Place) -> Iterator[Any]:
        if kind.value.get("format") == "date-time":
            yield from self._moments(field_operator)
        elif (pattern := self._sibling(field_operator, "like_")) is not None:
            yield from self._texts(pattern)
        elif (one_of := self._sibling(field_operator, "any_") or self._sibling(field_operator, "all_")) is not None:
            short = [value for value in self._samples.alike(kind) if len(value) <= LONGEST]
            yield from self._held(one_of, [*self._samples.usual(field_operator.table, field_operator.fields), *short])

    def siblings(self, field_operator: FieldOperator) -> dict[str, FieldOperator]:
        """The operators beside an operator, and itself, by name."""
        return {other.name: other for other in self._field_operators.values() if other.way == field_operator.way}

    def _sibling(self, field_operator: FieldOperator, operator: str) -> FieldOperator | None:
        """The operator of another name on the same field, or the operator itself."""
        if field_operator.operator == operator:
            return field_operator
        beside = self.siblings(field_operator).values()
        return next(
            (other for other in beside if (other.operator, other.fields) == (operator, field_operator.fields)), None
        )

    # ------------------------------------------------------------------ asking

    def _count(self, field_operator: FieldOperator, operand: Any) -> int:
        return self._selected.count(field_operator.filters(operand))

    def _held(self, field_operator: FieldOperator, candidates: Sequence[Any]) -> Iterator[Any]:
        """Those of some values that rows have, a few at most, by halving."""
        if field_operator.operator == "all_":
            held = (value for value in candidates[:CANDIDATES] if self._count(field_operator, [value]))
            yield from islice(held, WANTED)
            return
        pending, found = [list(candidates[start : start + BATCH]) for start in range(0, len(candidates), BATCH)], 0
        while pending and found < WANTED:
            values = pending.pop()
            if not values or not self._count(field_operator, values):
                continue
            if len(values) == 1:
                found += 1
                yield values[0]
            else:
                middle = len(values) // 2
                pending += [values[middle:], values[:middle]]

    def _moments(self, field_operator: FieldOperator) -> Iterator[str]:
        """A time of a row in the middle, to the microsecond, by bisection."""
        after = self._sibling(field_operator, "after_")
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

    def _texts(self, field_operator: FieldOperator) -> Iterator[str]:
        """Whole texts, letter by letter: a text that contains a part also contains it with some next letter."""
        begins = [letter for letter in LETTERS if self._count(field_operator, letter)]
        for begin in dict.fromkeys([*begins[:1], *begins[-1:]]):
            text = self._grown(field_operator, begin, lambda text, letter: text + letter)
            text = self._grown(field_operator, text, lambda text, letter: letter + text)
            yield self._spelled(field_operator, text)

    def _grown(self, field_operator: FieldOperator, text: str, longer: Callable[[str, str], str]) -> str:
        while len(text) < LONGEST:
            following = (longer(text, letter) for letter in LETTERS)
            found = next((candidate for candidate in following if self._count(field_operator, candidate)), None)
            if found is None:
                return text
            text = found
        return text

    def _spelled(self, field_operator: FieldOperator, text: str) -> str:
        """A text in upper or lower case, as a row has it; patterns ignore the case."""
        one_of = self._sibling(field_operator, "any_")
        spellings: Iterable[str] = dict.fromkeys([text, text.capitalize(), text.title(), text.upper()])
        if one_of is None:
            return text
        return next((spelling for spelling in spellings if self._count(one_of, [spelling])), text)


def written(microseconds: int) -> str:
    return (EPOCH + microseconds * MICROSECOND).isoformat().replace("+00:00", "Z")
