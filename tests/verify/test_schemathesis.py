"""Schemathesis, over every operation of the contract: what is promised there is kept.

It runs against `--strict`, since the real server's coercions accept more than the contract says.
"""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import allow_header_conformance, positive_data_acceptance

from tests.conftest import Keeping
from tests.servers import stand_in
from understudy.contract.contract import Contract
from understudy.operations.api_folder import own_folder

SCHEMA = schemathesis.openapi.from_dict(dict(Contract.load(own_folder() / "openapi.yaml").document))
# The real server's 405 names only the first method of a path, and its token is refused where none is needed.
KNOWN = {"*": [allow_header_conformance], "/csrf-token": [allow_header_conformance, positive_data_acceptance]}


@pytest.fixture(scope="module")
def strict(keeping: Keeping) -> Iterator[httpx.Client]:
    with stand_in(own_folder() / "fixtures" / "demo", "--strict", *keeping()) as client:
        yield client


@SCHEMA.parametrize()
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_the_contract_is_kept(case: "schemathesis.Case[Any]", strict: httpx.Client) -> None:
    excluded = KNOWN.get(case.operation.path, KNOWN["*"])
    case.call_and_validate(base_url=str(strict.base_url).rstrip("/"), excluded_checks=excluded)
