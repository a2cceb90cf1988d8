"""Mutants made from the contract: a rule for each kind, a mutant for each place where the rule applies."""

import random
from collections.abc import Sequence

from tests.mutants.generated import filters, lists, statuses, values, writes
from tests.mutants.lie import Lie
from understudy.contract.contract import Contract
from understudy.verify.requests.endpoints import EndpointMap

KINDS = (filters, lists, statuses, values, writes)


def generated(contract: Contract) -> Sequence[Lie]:
    """All mutants of a contract, in its order."""
    endpoint_map = EndpointMap.of(contract)
    return [lie for kind in KINDS for lie in kind.mutants(endpoint_map)]


def drawn(contract: Contract, seed: int, count: int) -> Sequence[Lie]:
    """Some of them, as many of each kind, drawn by a seed."""
    endpoint_map, randomness = EndpointMap.of(contract), random.Random(f"mutants {seed}")
    share = -(-count // len(KINDS))
    every = [list(kind.mutants(endpoint_map)) for kind in KINDS]
    return [lie for lies in every for lie in randomness.sample(lies, k=min(share, len(lies)))][:count]
