"""A table that is examined: its operations, what can be asked of it, and what told its rows apart."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from understudy.columns import Step
from understudy.criteria import Related
from understudy.verification.meaning.algebra import Algebra
from understudy.verification.meaning.answers import Answers, Filters
from understudy.verification.meaning.discovery import Discovery
from understudy.verification.meaning.inspection import Inspection
from understudy.verification.meaning.leaves import Leaf, leaves_of
from understudy.verification.meaning.surface import Selection

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

    def steps(self, name: str) -> list[Step]:
        """The way from a row to the rows that a filter speaks of."""
        steps, criteria = [], self.algebra.criteria({name: {}})
        while isinstance(criteria, Related):
            steps.append(criteria.step)
            criteria = criteria.criteria
        return steps

    def reference(self, name: str) -> str | None:
        """The field that holds the id of the one row that a filter speaks of; None where there is none."""
        steps = self.steps(name)
        return steps[0].column.names[0] if len(steps) == 1 and not steps[0].back else None
