"""Values for an operator that select some rows and not others."""

from itertools import islice, permutations
from typing import Any

from understudy.sampling.answers import Row
from understudy.verify.filtered_rows.table_under_test import TableUnderTest
from understudy.verify.requests.field_operators import FieldOperator

CANDIDATES = 30  # values to try, to find one that selects some rows and not others


def few(subject: TableUnderTest, field_operator: FieldOperator) -> list[Any]:
    """One value, or two for a list: if the known rows show it, values that select some rows and not others.

    For a derived row, one of two values is that of an earlier row.
    """
    if field_operator.operator == "all_" and (both := together(subject, field_operator)):
        return both
    values = subject.value_search.shuffled(field_operator)
    wanted = 2 if field_operator.place.value["type"] == "array" else 1
    distinguishing = (value for value in values[:CANDIDATES] if is_distinguishing(subject, field_operator, value))
    found = list(islice(distinguishing, wanted)) or values[:wanted]
    earlier = earlier_values(subject, field_operator) if wanted > 1 else []
    return [*found[:1], subject.selected.context.random.choice(earlier)] if earlier else found


def earlier_values(subject: TableUnderTest, field_operator: FieldOperator) -> list[Any]:
    """The values of rows that a derived row does not have, since it is that of a newer row."""
    model = subject.selected.context.model
    rule = model.derived(field_operator.table)
    if rule is None or field_operator.filter != subject.selection.own:
        return []
    derived = {row[rule.per]: row for row in model.known[field_operator.table].values()}
    rows = [row for row in model.known[rule.source].values() if row[rule.per] in derived]
    values = [row[name] for name in field_operator.fields for row in rows if differs(row, derived[row[rule.per]], name)]
    return sorted(set(values))


def differs(row: Row, derived: Row, name: str) -> bool:
    """Whether a row has a text in a field in which a derived row has another value."""
    return isinstance(row.get(name), str) and name in derived and row[name] != derived[name]


def together(subject: TableUnderTest, field_operator: FieldOperator) -> list[Any]:
    """Two values of a row, the first of which another row has without the second; none without such rows."""
    context = subject.selected.context
    known = (row.get(name) for row in subject.value_search.rows(field_operator.table) for name in field_operator.fields)
    distinct = sorted({tuple(map(str, values)) for values in known if isinstance(values, list)})
    some = context.random.sample(distinct, k=min(CANDIDATES, len(distinct)))
    pairs = [
        [first, second]
        for values in some
        for first, second in permutations(values, 2)
        if first != second and any(first in others and second not in others for others in distinct)
    ]
    return context.random.choice(pairs) if pairs else []


def is_distinguishing(subject: TableUnderTest, field_operator: FieldOperator, value: Any) -> bool:
    """Whether the known rows show that an operator selects some rows by a value, and not others."""
    is_list = field_operator.place.value["type"] == "array"
    some = subject.expected_rows.known(field_operator.filters([value] if is_list else value))
    related = subject.expected_rows.known({field_operator.filter: {}})
    return some is not None and related is not None and frozenset() < some < related
