"""The mutants, a module for each kind."""

from tests.mutants.known import (
    changes,
    creates,
    criteria,
    cross_origin,
    deletes,
    encodings,
    latest,
    operators,
    pages,
    refusals,
    repeats,
    shapes,
    subtle,
    texts,
)

KINDS = (
    criteria,
    operators,
    texts,
    pages,
    repeats,
    shapes,
    cross_origin,
    refusals,
    creates,
    changes,
    deletes,
    latest,
    subtle,
    encodings,
)
MUTANTS = [mutant for kind in KINDS for mutant in kind.MUTANTS]
