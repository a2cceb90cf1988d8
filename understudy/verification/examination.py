"""All that is checked of a server, in order."""

from understudy.contract import Contract
from understudy.verification.algebra import Algebra
from understudy.verification.answers import Answers
from understudy.verification.checks import combinations, criteria
from understudy.verification.discovery import Discovery
from understudy.verification.generator import Generator
from understudy.verification.inspection import Inspection
from understudy.verification.leaves import leaves_of


def examine(inspection: Inspection) -> None:
    generator = Generator((), inspection.samples, inspection.random)
    for selection in inspection.surface.selections.values():
        answers = Answers(inspection, selection)
        leaves = {leaf.names: leaf for leaf in leaves_of(selection)}
        algebra, discovery = Algebra(answers, leaves), Discovery(leaves, answers)
        telling = {}
        for leaf in leaves.values():
            telling[leaf] = criteria.check(leaf, answers, algebra, discovery)
        combinations.check(answers, algebra, generator, telling)
