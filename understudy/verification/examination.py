"""All that is checked of a server, in order."""

from understudy.contract import Contract
from understudy.verification.algebra import Algebra
from understudy.verification.answers import Answers
from understudy.verification.checks import combinations, criteria, derived, lists, lookups, refusals
from understudy.verification.discovery import Discovery
from understudy.verification.generator import Generator
from understudy.verification.inspection import Inspection
from understudy.verification.leaves import leaves_of


def examine(inspection: Inspection) -> None:
    refusals.check_paths(inspection)
    for endpoint in inspection.surface.endpoints:
        if endpoint.is_safe and "{" not in endpoint.path:
            refusals.check(inspection, endpoint)
    for lookup in inspection.surface.reads:
        lookups.check(inspection, lookup)
    generator = Generator((), inspection.samples, inspection.random)
    for selection in inspection.surface.selections.values():
        derived.check(inspection, selection)
        answers = Answers(inspection, selection)
        leaves = {leaf.names: leaf for leaf in leaves_of(selection)}
        algebra, discovery = Algebra(answers, leaves), Discovery(leaves, answers)
        telling = {}
        for leaf in leaves.values():
            telling[leaf] = criteria.check(leaf, answers, algebra, discovery)
        some = [body for bodies in telling.values() for body in bodies]
        lists.check(inspection, selection, inspection.random.sample(some, k=min(2, len(some))))
        combinations.check(answers, algebra, generator, telling)
