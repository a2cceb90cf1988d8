"""Several criteria at once, at every level, compared with the rows that each of them selects alone."""

from collections.abc import Iterable, Iterator
from itertools import combinations, product

from understudy.reports.verdict import SEPARATOR
from understudy.sampling.random_requests import RequestGenerator, names_in
from understudy.sampling.shrinking import smallest
from understudy.verify import rules
from understudy.verify.check_results import Broken, TooMany, outcome
from understudy.verify.checks.metamorphic import difference_of_ids, number_of
from understudy.verify.filtered_rows.expected_rows import ExpectedRows, merged
from understudy.verify.filtered_rows.selected_ids import Filters, SelectedIds
from understudy.verify.filtered_rows.table_under_test import TableUnderTest
from understudy.verify.requests.field_operators import FieldOperator, combiners, nested
from understudy.verify.requests.operands import unmatched_operand

MOST = 3  # bodies of an operator to combine with others
OWN_PAIRS = 12  # pairs of criteria to combine in the filter on the rows themselves
TRIES = 20  # attempts to find three criteria that each make a difference
FEW = 12  # bodies to send before all others
PAIRS = 2  # pairs of criteria to combine at each level, by `and_` and by `or_`
RANDOM = 40  # random bodies for each table
SHRINKING = 40  # the maximum number of requests to shrink a finding


def check(subject: TableUnderTest, generator: RequestGenerator) -> None:
    """Check the rule about several criteria for the operations on one table."""
    selected = subject.selected
    bodies = [*joined(subject, subject.selection.filters), *across(subject), *triples(subject)]
    bodies += filter(subject.expected_rows.accepts, [*beside_nulls(subject), *drawn(selected, generator)])
    selected.context.random.shuffle(bodies)
    check_all(subject, bodies)


def check_own(subject: TableUnderTest) -> None:
    """Check the same rule in the filter on the table's own rows: with each two operators of a field, and with a few
    pairs of other criteria.
    """
    own = subject.selection.filters.keys() & {subject.selection.own}
    bodies = list(joined(subject, own))
    some = subject.selected.context.random.sample(bodies, k=min(FEW, len(bodies)))
    check_all(subject, [*(body for name in own for body in of_one_field(subject, name)), *some])


def check_across(subject: TableUnderTest) -> None:
    """Check the same rule with a few pairs of filters."""
    bodies = list(across(subject))
    check_all(subject, subject.selected.context.random.sample(bodies, k=min(FEW, len(bodies))))


def check_all(subject: TableUnderTest, bodies: Iterable[Filters]) -> None:
    selected, expected_rows = subject.selected, subject.expected_rows
    for filters in bodies:
        hold(selected, expected_rows, filters, {})
        for pin in expected_rows.pins(filters):
            hold(selected, expected_rows, filters, pin)


def hold(selected: SelectedIds, expected_rows: ExpectedRows, filters: Filters, pin: Filters) -> None:
    def broken(body: Filters) -> Broken | None:
        # What is left of a body may lack what the contract requires.
        is_valid = expected_rows.accepts(merged(body, pin))
        return outcome(lambda: mismatch(selected, expected_rows, body, pin)) if is_valid else None

    small = filters
    if broken(filters) is not None:
        small = smallest(filters, lambda body: broken(body) is not None, SHRINKING)
    subject = SEPARATOR.join(names_in(merged(small, pin)))
    selected.context.results.hold(
        rules.COMBINATION,
        selected.selection.lists.label,
        subject,
        lambda: mismatch(selected, expected_rows, small, pin),
    )


def mismatch(selected: SelectedIds, expected_rows: ExpectedRows, filters: Filters, pin: Filters) -> Broken | None:
    body = merged(filters, pin)
    bounds, ids = expected_rows.bounds(filters, pin), selected.whole(body)
    if bounds.least <= ids <= bounds.most:
        return None
    sources = [merged(alone, pin) for alone in expected_rows.parts(filters)]
    requests = [selected.selection.lists.request(selected.scoped(each)) for each in (*sources, body)]
    return Broken(tuple(requests), number_of(bounds), difference_of_ids(ids, bounds))


def joined(subject: TableUnderTest, names: Iterable[str]) -> Iterator[Filters]:
    """Pairs of neighbouring criteria in each object that states how they are combined, for some filters."""
    randomness = subject.selected.context.random
    for name in names:
        for way, combiner, words in combiners(subject.selection.filters[name], (name,)):
            pairs = [pair for pairs in pairs_below(way, subject) for pair in pairs]
            most = OWN_PAIRS if name == subject.selection.own else PAIRS
            for left, right in randomness.sample(pairs, k=min(most, len(pairs))):
                both = merged(left, right)
                yield both
                yield from (merged(both, nested(way, {combiner: word})) for word in words)


def of_one_field(subject: TableUnderTest, name: str) -> Iterator[Filters]:
    """Each two criteria within an object of a filter, such as two operators of a field, that select some rows each."""
    selected = subject.selected
    for way, _, _ in combiners(subject.selection.filters[name], (name,)):
        for pairs in pairs_below(way, subject) if len(way) > 1 else ():
            some = [pair for pair in pairs if all(map(selected.whole, pair))]
            if some:
                yield merged(*selected.context.random.choice(some))


def beside_nulls(subject: TableUnderTest) -> Iterator[Filters]:
    """Criteria with null for everything else in the same filter, as clients send them."""
    for name in subject.selection.filters:
        nulls: Filters = {}
        for field_operator in subject.field_operators.values():
            nulls = merged(nulls, field_operator.filters(None)) if field_operator.filter == name else nulls
        found = subject.distinguishing(name)
        for body in found if name == subject.selection.own else found[:PAIRS]:
            yield merged(nulls, body)


def triples(subject: TableUnderTest) -> Iterator[Filters]:
    """Criteria of three filters, and three criteria of one filter, each of which makes a difference."""
    randomness, selected = subject.selected.context.random, subject.selected
    names = list(subject.selection.filters)
    for three in [*combinations(names, 3), *[(subject.selection.own,) * 3] * OWN_PAIRS]:
        for _ in range(TRIES):
            found = [subject.distinguishing(name) for name in three]
            chosen = [randomness.choice(bodies) for bodies in found if bodies]
            if len(chosen) == len(three) and all(
                differ(selected, left, right) for left, right in combinations(chosen, 2)
            ):
                together = merged(merged(chosen[0], chosen[1]), chosen[2])
                yield together
                if len(set(three)) == 1:
                    yield merged(together, {three[0]: {"operator": "or_"}})
                break


def pairs_below(way: tuple[str, ...], subject: TableUnderTest) -> Iterator[list[tuple[Filters, Filters]]]:
    """The bodies of each two criteria in different parts of one object that make a difference together."""
    below = [
        (field_operator, bodies or unmatched_bodies(field_operator))
        for field_operator, bodies in subject.distinguishing_bodies.items()
        if field_operator.names[: len(way)] == way and not field_operator.is_ignored
    ]
    for (left, ours), (right, theirs) in combinations(below, 2):
        if left.names[len(way)] != right.names[len(way)]:
            pairs = product(ours[:MOST], theirs[:MOST])
            yield [pair for pair in pairs if differ(subject.selected, *pair)]


def differ(selected: SelectedIds, left: Filters, right: Filters) -> bool:
    """Whether the rows of two criteria together must differ from those by `or_`, and from those of each of them."""
    try:
        ours, theirs = selected.whole(left), selected.whole(right)
    except TooMany:
        return False
    return (not ours <= theirs and not theirs <= ours) or bool(ours) != bool(theirs)


def unmatched_bodies(field_operator: FieldOperator) -> list[Filters]:
    """The body with a value for an operator that no row has. With `or_` it adds no rows, with `and_` it leaves none."""
    kind = field_operator.place.value["type"]
    return [] if kind in ("boolean", "integer") else [field_operator.filters(unmatched_operand(field_operator))]


def across(subject: TableUnderTest) -> Iterator[Filters]:
    """Pairs of criteria of two filters of a body."""
    randomness = subject.selected.context.random
    for left, right in combinations(subject.selection.filters, 2):
        ours, theirs = (
            [
                body
                for field_operator, bodies in subject.distinguishing_bodies.items()
                if field_operator.filter == name
                for body in bodies
            ]
            for name in (left, right)
        )
        for _ in range(PAIRS if ours and theirs else 0):
            yield merged(randomness.choice(ours), randomness.choice(theirs))


def drawn(selected: SelectedIds, generator: RequestGenerator) -> Iterator[Filters]:
    """Random bodies of one or two filters."""
    parts = selected.selection.filters
    for _ in range(RANDOM if parts else 0):
        count = selected.context.random.choice([1, 1, 2])
        names = selected.context.random.sample(list(parts), k=min(count, len(parts)))
        yield {name: generator.filter(parts[name], parts[name].value["x-filters"], ()) for name in names}
