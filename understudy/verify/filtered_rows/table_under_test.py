"""A table that is examined: its operations, what can be asked of it, and what told its rows apart."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from understudy.verify.check_context import Inspection
from understudy.verify.filtered_rows.expected_rows import Algebra
from understudy.verify.filtered_rows.selected_ids import Answers, Filters
from understudy.verify.filtered_rows.value_search import Discovery
from understudy.verify.requests.endpoints import Selection
from understudy.verify.requests.field_operators import Leaf, leaves_of

SOME = 100  # rows of a large table that are looked at

Leaves = Mapping[tuple[str, ...], Leaf]


@dataclass(frozen=True)
class Subject:
    """`telling` has, by leaf, the bodies that ask for it alone and select some rows and not others."""

    answers: Answers
    leaves: Leaves
    algebra: Algebra
    discovery: Discovery
    telling: dict[Leaf, list[Filters]] = field(default_factory=dict)

    @classmethod
    def of(cls, inspection: Inspection, selection: Selection) -> "Subject":
        answers = Answers(inspection, selection)
        leaves = {leaf.names: leaf for leaf in leaves_of(selection)}
        return cls(answers, leaves, Algebra(answers, leaves), Discovery(leaves, answers))

    @property
    def selection(self) -> Selection:
        return self.answers.selection

    def told_by(self, name: str) -> list[Filters]:
        """For each leaf of a filter, a body that told rows apart."""
        return [bodies[0] for leaf, bodies in self.telling.items() if leaf.filter == name and bodies]

    def id_leaf(self, name: str) -> Leaf | None:
        """The leaf that asks for related rows by their ids."""
        return self.leaves.get((name, "id", "any_"))

    def known_ids(self, name: str) -> list[str]:
        """The ids of related rows that were seen somewhere."""
        leaf = self.id_leaf(name)
        return [] if leaf is None else self.answers.inspection.samples.seen(leaf.table, leaf.fields)

    def reference(self, name: str) -> str | None:
        """The field that holds the id of the one row that a filter speaks of; None where there is none."""
        steps = self.algebra.steps(name)
        return steps[0].column.names[0] if len(steps) == 1 and not steps[0].back else None

    def narrow(self) -> None:
        """Look at some rows only, where the table has more than can be known."""
        known = self.answers.inspection.model.known[self.selection.table]
        leaf = next((leaf for leaf in self.leaves.values() if self._identifies(leaf)), None)
        if self.selection.table in self.answers.inspection.model.partial and leaf is not None:
            some = self.answers.inspection.random.sample(sorted(known), k=SOME)
            self.answers.scope = leaf.filters([known[row_id][leaf.fields[0]] for row_id in some])
            self.answers.known = frozenset(some)

    def _identifies(self, leaf: Leaf) -> bool:
        """Whether a leaf asks for rows by a field that no two of them share."""
        known = self.answers.inspection.model.known[self.selection.table].values()
        if leaf.filter != self.selection.own or leaf.operator != "any_" or len(leaf.fields) != 1:
            return False
        values = [row.get(leaf.fields[0]) for row in known]
        return None not in values and len(values) == len({str(value) for value in values})
