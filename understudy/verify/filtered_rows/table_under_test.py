"""A table under test: its operations, its filters, and the bodies that select some of its rows."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from understudy.sampling.varied_rows import varied
from understudy.verify.check_context import CheckContext
from understudy.verify.filtered_rows.expected_rows import ExpectedRows
from understudy.verify.filtered_rows.selected_ids import Filters, SelectedIds
from understudy.verify.filtered_rows.value_search import ValueSearch
from understudy.verify.requests.endpoint_map import Selection
from understudy.verify.requests.field_operators import FieldOperator, field_operators_of

SOME = 100  # rows of a large table to test

FieldOperators = Mapping[tuple[str, ...], FieldOperator]


@dataclass(frozen=True)
class TableUnderTest:
    """A table, its operators, and what is known about its rows.

    Args:
        distinguishing_bodies: for each operator of a filter, the bodies with this operator alone that select some rows
            and not others.
        revealing_operands: the operands of each operator that reveal its misreadings, as far as they were looked for.
    """

    selected: SelectedIds
    field_operators: FieldOperators
    expected_rows: ExpectedRows
    value_search: ValueSearch
    distinguishing_bodies: dict[FieldOperator, list[Filters]] = field(default_factory=dict)
    revealing_operands: dict[FieldOperator, list[Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, context: CheckContext, selection: Selection) -> "TableUnderTest":
        selected = SelectedIds(context, selection)
        field_operators = {field_operator.names: field_operator for field_operator in field_operators_of(selection)}
        return cls(
            selected, field_operators, ExpectedRows(selected, field_operators), ValueSearch(field_operators, selected)
        )

    @property
    def label(self) -> str:
        """The operation that lists its rows."""
        return self.selection.lists.label

    @property
    def selection(self) -> Selection:
        return self.selected.selection

    def distinguishing(self, name: str) -> list[Filters]:
        """For each operator of a filter, a body that selects some rows and not others."""
        return [
            bodies[0]
            for field_operator, bodies in self.distinguishing_bodies.items()
            if field_operator.filter == name and bodies
        ]

    def id_operator(self, name: str) -> FieldOperator | None:
        """The operator that selects related rows by their ids."""
        return self.field_operators.get((name, "id", "any_"))

    def known_ids(self, name: str) -> list[str]:
        """The ids of related rows that some response has shown."""
        field_operator = self.id_operator(name)
        return (
            []
            if field_operator is None
            else self.selected.context.samples.seen(field_operator.table, field_operator.fields)
        )

    def reference(self, name: str) -> str | None:
        """The field with the id of the one row that a filter is about; None without one."""
        steps = self.expected_rows.steps(name)
        return steps[0].column.names[0] if len(steps) == 1 and not steps[0].back else None

    def narrow(self) -> None:
        """Test only some rows, if there are more than one response lists.

        Rows are selected by a field that identifies them. If not all rows are known and no field identifies them, they
        are selected by a field that refers to other rows.
        """
        context, table = self.selected.context, self.selection.table
        known, is_partial = context.model.known[table], table in context.model.partial
        if len(known) <= self.selection.page_size and not is_partial:
            return
        for field_operator in filter(self._selects_rows, self.field_operators.values()):
            if self._identifies(field_operator):
                some = varied(known, context.random, SOME)
                self.selected.scope = field_operator.filters([known[each][field_operator.fields[0]] for each in some])
                self.selected.known = frozenset(some)
                return
        references = [each for each in self.field_operators.values() if self._refers(each)]
        if is_partial and self.selection.shows_rows and references:
            self._narrow_by(references[0])

    def _narrow_by(self, field_operator: FieldOperator) -> None:
        """Test only the rows that refer to some rows, and read them."""
        context, selection = self.selected.context, self.selection
        known = context.model.known[selection.table].values()
        shown = (row.get(field_operator.fields[0]) for row in known)
        numbers = Counter(value for value in shown if isinstance(value, str))
        values: list[str] = []
        for value in context.random.sample(sorted(numbers), k=len(numbers)):
            if sum(map(numbers.__getitem__, values)) < SOME:
                values.append(value)
        rows = self.selected.read(field_operator.filters(values)) if values else []
        if rows:
            context.take(selection, (), rows)
            self.selected.scope = field_operator.filters(values)
            self.selected.known = frozenset(str(row["id"]) for row in rows)

    def _refers(self, field_operator: FieldOperator) -> bool:
        """Whether an operator selects rows by ids of other rows."""
        items = field_operator.place.get("items")
        return (
            self._selects_rows(field_operator)
            and items is not None
            and items.value.get("format") == "uuid"
            and field_operator.fields[0] in self.selected.context.model.references(self.selection.table)
        )

    def _selects_rows(self, field_operator: FieldOperator) -> bool:
        """Whether an operator selects rows of the table by values of one of their fields."""
        return (
            field_operator.filter == self.selection.own
            and field_operator.operator == "any_"
            and len(field_operator.fields) == 1
        )

    def _identifies(self, field_operator: FieldOperator) -> bool:
        """Whether an operator selects rows by a field whose values are unique."""
        known = self.selected.context.model.known[self.selection.table].values()
        values = [row.get(field_operator.fields[0]) for row in known]
        return None not in values and len(values) == len({str(value) for value in values})
