"""The lies, a module a kind."""

from tests.mutants.lies import (
    changes,
    creates,
    criteria,
    deletes,
    latest,
    operators,
    pages,
    refusals,
    repeats,
    shapes,
    subtle,
    texts,
)

KINDS = (criteria, operators, texts, pages, repeats, shapes, refusals, creates, changes, deletes, latest, subtle)
LIES = [lie for kind in KINDS for lie in kind.LIES]
