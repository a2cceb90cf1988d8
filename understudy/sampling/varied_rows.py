"""A selection of varied rows."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from random import Random

from understudy.sampling.answers import Row

FEW = 20  # values of a field that many rows share

Trait = tuple[str, str]
"""A field, and its value; of a field with many values, whether it has one."""


def varied(rows: Mapping[str, Row], randomness: Random, size: int) -> list[str]:
    """The keys of some rows: first one row with each trait, traits of fields with few values before others."""
    shuffled = randomness.sample(sorted(rows), k=len(rows))
    traits = traits_of({key: rows[key] for key in shuffled})
    first: dict[str, dict[Trait, str]] = defaultdict(dict)
    for key in shuffled:
        for trait in traits[key]:
            first[trait[0]].setdefault(trait, key)
    chosen: dict[str, None] = {}
    seen: set[Trait] = set()
    for name in sorted(first, key=lambda each: len(first[each])):
        for trait, key in first[name].items():
            if trait not in seen:
                chosen[key] = None
                seen |= traits[key]
    return list(dict.fromkeys((*chosen, *shuffled)))[:size]


def traits_of(rows: Mapping[str, Row]) -> dict[str, set[Trait]]:
    """The traits of each row."""
    names = set(fields_with_few_values(rows))
    return {
        key: {(name, repr(value) if name in names else str(not value)) for name, value in row.items()}
        for key, row in rows.items()
    }


def fields_with_few_values(rows: Mapping[str, Row]) -> Iterator[str]:
    """The fields with values that many rows share."""
    distinct: dict[str, set[str]] = defaultdict(set)
    for row in rows.values():
        for name, value in row.items():
            if len(distinct[name]) <= FEW:
                distinct[name].add(repr(value))
    return (name for name, values in distinct.items() if len(values) <= FEW)
