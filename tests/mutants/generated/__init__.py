"""Mutants made from the contract: a rule for each kind, a mutant for each place where the rule applies."""

import random
from collections.abc import Sequence

from tests.mutants.generated import filters, lists, statuses, values, writes
from tests.mutants.mutant import Mutant
from understudy.contract.contract import Contract
from understudy.verify.requests.endpoint_map import EndpointMap

KINDS = (filters, lists, statuses, values, writes)


def generated(contract: Contract) -> Sequence[Mutant]:
    """All mutants of a contract, in its order."""
    endpoint_map = EndpointMap.of(contract)
    return [mutant for kind in KINDS for mutant in kind.mutants(endpoint_map)]


def drawn(contract: Contract, seed: int, count: int) -> Sequence[Mutant]:
    """Some of them, as many of each kind, drawn by a seed."""
    endpoint_map, randomness = EndpointMap.of(contract), random.Random(f"mutants {seed}")
    share = -(-count // len(KINDS))
    every = [list(kind.mutants(endpoint_map)) for kind in KINDS]
    return [mutant for some in every for mutant in randomness.sample(some, k=min(share, len(some)))][:count]
