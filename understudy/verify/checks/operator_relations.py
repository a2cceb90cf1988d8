"""Each operator by relations between its own responses, if the known rows do not show the field."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from understudy.values import moment
from understudy.verify import rules
from understudy.verify.checks.metamorphic import MetamorphicRelations
from understudy.verify.filtered_rows.row_sets import NO_ROWS, RowSet, rows, union
from understudy.verify.filtered_rows.selected_ids import Filters
from understudy.verify.requests.field_operators import FieldOperator
from understudy.verify.requests.operands import (
    DAWN,
    DUSK,
    MICROSECOND,
    UNMATCHED,
    both_cases,
    many_unmatched,
    other_offsets,
    spelled,
    unmatched,
    wider_than,
)


@dataclass(frozen=True)
class Question:
    """An operator of a filter, and values for it.

    `siblings` are the operators beside it, by name. `is_single` means that each row has at most one related row, so
    that what is true of the related row is true of the row.
    """

    relations: MetamorphicRelations
    field_operator: FieldOperator
    siblings: Mapping[str, FieldOperator]
    values: Sequence[Any]
    is_single: bool

    def body(self, operand: Any, name: str | None = None) -> Filters:
        """The body with this operator, or with a neighbouring operator of another name."""
        field_operator = self.field_operator if name is None else self.siblings[name]
        return field_operator.filters(operand)

    def rows(self, operand: Any, name: str | None = None) -> RowSet:
        return rows(self.body(operand, name))

    @property
    def related(self) -> RowSet:
        """The rows that have a related row, whatever its values, even if the field has a default."""
        name, *fields = self.field_operator.way
        parts = self.relations.selected.selection.filters[name].value["properties"]
        return rows({name: {field: None for field in fields[:1] if "x-default" in parts[field]}})

    @property
    def no_match(self) -> list[Any]:
        return unmatched(self.field_operator)


def check(question: Question) -> None:
    """Check the rules about an operator of a filter, if there are any."""
    rule = RULES.get(question.field_operator.operator)
    if rule is not None:
        rule(question)


def any_of(asked: Question) -> None:
    relations, no_match = asked.relations, asked.no_match
    relations.equal(rules.NO_MATCH, asked.body([]), NO_ROWS)
    if no_match:
        relations.equal(rules.NO_MATCH, asked.body(many_unmatched(asked.field_operator)), NO_ROWS)
    for value in asked.values:
        relations.at_most(rules.FILTER, asked.body([value]), asked.related)
        relations.equal(
            rules.UNION, asked.body([*many_unmatched(asked.field_operator), value, value]), asked.rows([value])
        )
        relations.equal(rules.UNION, asked.body([value, *no_match, *no_match]), asked.rows([value]))
    values = list(asked.values)
    relations.equal(rules.UNION, asked.body(values), union(asked.rows([value]) for value in values))
    if "is_null_" in asked.siblings and is_within(asked.field_operator.fields, asked.siblings["is_null_"].fields):
        check_filled(asked, asked.body(values))


def is_within(fields: Sequence[str], objects: Sequence[str]) -> bool:
    """Whether the first of some fields is one of some others, or in an object that is."""
    return fields[0].partition(".")[0] in objects


def check_filled(asked: Question, body: Filters) -> None:
    """Check that the rows that `body` selects have a value, so they are not null."""
    asked.relations.at_most(rules.PARTITION, body, asked.rows(False, "is_null_"))
    if asked.is_single:
        asked.relations.at_most(rules.PARTITION, body, asked.related - asked.rows(True, "is_null_"))


def not_any_of(asked: Question) -> None:
    relations, values = asked.relations, list(asked.values)
    relations.equal(rules.EMPTY_FILTER, asked.body([]), asked.related)
    words = asked.field_operator.place["items"].value.get("enum", ())
    filled = asked.rows(asked.no_match) if asked.no_match else union(asked.rows([word], "any_") for word in words)
    if asked.no_match:
        relations.at_most(rules.COMPLEMENT, asked.body(asked.no_match), asked.related)
        if "is_null_" in asked.siblings:
            relations.equal(rules.COMPLEMENT, asked.body(asked.no_match), asked.rows(False, "is_null_"))
    for value in values:
        taken, body = asked.rows([value], "any_"), asked.body([value])
        if asked.is_single:
            relations.equal(rules.COMPLEMENT, body, filled - taken)
        else:
            relations.between(rules.COMPLEMENT, body, filled - taken, filled)
    if asked.is_single and values:
        relations.equal(
            rules.COMPLEMENT, asked.body(values), filled - union(asked.rows([value], "any_") for value in values)
        )


def all_of(asked: Question) -> None:
    relations, no_match = asked.relations, asked.no_match
    relations.equal(rules.EMPTY_FILTER, asked.body([]), asked.related)
    relations.equal(rules.NO_MATCH, asked.body(no_match), NO_ROWS)
    for value in asked.values:
        relations.equal(rules.NO_MATCH, asked.body([value, *no_match]), NO_ROWS)
        relations.equal(rules.NO_MATCH, asked.body([*no_match, value]), NO_ROWS)
        if "any_" in asked.siblings:
            relations.equal(rules.INTERSECTION, asked.body([value]), asked.rows([value], "any_"))
    for first, second in zip(asked.values, asked.values[1:], strict=False):
        both = asked.rows([first]) & asked.rows([second])
        least = both if asked.is_single else NO_ROWS
        relations.between(rules.INTERSECTION, asked.body([first, second]), least, both)
    if "is_null_" in asked.siblings and asked.values:
        check_filled(asked, asked.body(asked.values[:1]))


def like(asked: Question) -> None:
    relations = asked.relations
    relations.equal(rules.NO_MATCH, asked.body(UNMATCHED["text"]), NO_ROWS)
    relations.equal(rules.EMPTY_FILTER, asked.body(""), asked.related)
    for text in asked.values:
        whole = asked.rows(text)
        for spelling in (*both_cases(text), f"%{text}", f"{text}%", f"%%{text}"):
            relations.equal(rules.PATTERN, asked.body(spelling), whole)
        for wider in wider_than(text):
            relations.between(rules.PATTERN, asked.body(wider), whole, asked.related)
        relations.at_most(rules.PATTERN, asked.body(f"{text}_"), whole)
        relations.equal(rules.NO_MATCH, asked.body(f"{text}{UNMATCHED['text']}"), NO_ROWS)
        if "any_" in asked.siblings:
            relations.at_least(rules.PATTERN, asked.body(text), asked.rows([text], "any_"))


def true_or_false(asked: Question) -> None:
    relations, true, false = asked.relations, asked.rows(True), asked.rows(False)
    relations.at_most(rules.PARTITION, asked.body(True), asked.related)
    relations.between(rules.PARTITION, asked.body(False), asked.related - true, asked.related)
    if asked.is_single:
        relations.equal(rules.PARTITION, asked.body(True), asked.related - false)


def before(asked: Question) -> None:
    bounded(asked, DAWN, DUSK, "after_", -1)


def after(asked: Question) -> None:
    bounded(asked, DUSK, DAWN, "before_", 1)


def bounded(asked: Question, none: str, every: str, opposite: str, direction: int) -> None:
    """Check a bound in the far past and one in the far future: no row meets one of them, and every row with a time
    meets the other.
    """
    relations = asked.relations
    if asked.field_operator.place.value["type"] == "integer":
        for value in asked.values:
            relations.at_most(rules.BOUNDS, asked.body(value + direction), asked.rows(value))
        return
    relations.equal(rules.BOUNDS, asked.body(none), NO_ROWS)
    relations.equal(rules.BOUNDS, asked.body(every), asked.rows(none, opposite))
    if "is_null_" in asked.siblings:
        relations.between(rules.BOUNDS, asked.body(every), asked.rows(False, "is_null_"), asked.related)
        if asked.siblings["is_null_"].fields == asked.field_operator.fields:
            relations.equal(rules.BOUNDS, asked.body(every), asked.rows(False, "is_null_"))
    for value in asked.values:
        here, filled = asked.rows(value), asked.rows(every)
        narrower = spelled(moment(value) + direction * MICROSECOND)
        rest = filled - asked.rows(spelled(moment(value) - direction * MICROSECOND), opposite)
        for spelling in other_offsets(value):
            relations.equal(rules.BOUNDS, asked.body(spelling), here)
        relations.between(rules.BOUNDS, asked.body(value), rest, rest if asked.is_single else filled)
        relations.at_most(rules.BOUNDS, asked.body(narrower), here)


RULES: Mapping[str, Callable[[Question], None]] = {
    "any_": any_of,
    "not_any_": not_any_of,
    "all_": all_of,
    "like_": like,
    "eq_": true_or_false,
    "is_null_": true_or_false,
    "exists_": true_or_false,
    "before_": before,
    "after_": after,
    "le_": before,
    "ge_": after,
}
