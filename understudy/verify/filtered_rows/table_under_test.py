"""A table under test: its operations, its filters, and the bodies that select some of its rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from understudy.verify.check_context import CheckContext
from understudy.verify.filtered_rows.expected_rows import ExpectedRows
from understudy.verify.filtered_rows.selected_ids import Filters, SelectedIds
from understudy.verify.filtered_rows.value_search import ValueSearch
from understudy.verify.requests.endpoints import Selection
from understudy.verify.requests.field_operators import FieldOperator, field_operators_of

LARGE = 1000  # rows; of a larger table, some are looked at
SOME = 100  # rows of a large table that are looked at

FieldOperators = Mapping[tuple[str, ...], FieldOperator]


@dataclass(frozen=True)
class TableUnderTest:
    """`telling` has, by leaf, the bodies that ask for it alone and select some rows and not others."""

    selected: SelectedIds
    field_operators: FieldOperators
    expected_rows: ExpectedRows
    value_search: ValueSearch
    telling: dict[FieldOperator, list[Filters]] = field(default_factory=dict)

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
            bodies[0] for field_operator, bodies in self.telling.items() if field_operator.filter == name and bodies
        ]

    def id_operator(self, name: str) -> FieldOperator | None:
        """The leaf that asks for related rows by their ids."""
        return self.field_operators.get((name, "id", "any_"))

    def known_ids(self, name: str) -> list[str]:
        """The ids of related rows that were seen somewhere."""
        field_operator = self.id_operator(name)
        return (
            []
            if field_operator is None
            else self.selected.context.samples.seen(field_operator.table, field_operator.fields)
        )

    def reference(self, name: str) -> str | None:
        """The field that holds the id of the one row that a filter is about; None without one."""
        steps = self.expected_rows.steps(name)
        return steps[0].column.names[0] if len(steps) == 1 and not steps[0].back else None

    def narrow(self) -> None:
        """Look at some rows only, if there are more than can be known, or than should be read for each filter."""
        known = self.selected.context.model.known[self.selection.table]
        field_operator = next(
            (field_operator for field_operator in self.field_operators.values() if self._identifies(field_operator)),
            None,
        )
        is_large = len(known) > LARGE or self.selection.table in self.selected.context.model.partial
        if is_large and field_operator is not None:
            some = self.selected.context.random.sample(sorted(known), k=SOME)
            self.selected.scope = field_operator.filters([known[row_id][field_operator.fields[0]] for row_id in some])
            self.selected.known = frozenset(some)

    def _identifies(self, field_operator: FieldOperator) -> bool:
        """Whether a leaf asks for rows by a field that no two of them share."""
        known = self.selected.context.model.known[self.selection.table].values()
        if (
            field_operator.filter != self.selection.own
            or field_operator.operator != "any_"
            or len(field_operator.fields) != 1
        ):
            return False
        values = [row.get(field_operator.fields[0]) for row in known]
        return None not in values and len(values) == len({str(value) for value in values})
