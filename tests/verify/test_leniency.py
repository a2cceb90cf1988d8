"""A server that accepts some values of another type accepts all that lenient servers do."""

import pytest

from tests.apps import app_on
from tests.conftest import SMALL
from tests.mutants.behaviours import refuses
from tests.mutants.exchange import Request as Sent
from tests.mutants.mutant import Behaviour, unchanged
from tests.mutants.origin import Inside
from tests.mutants.proxy import Proxy
from tests.verify.contexts import ContextFactory
from understudy.contract.reading import Reading
from understudy.operations.api_folder import Api, own_folder
from understudy.verify.checks import invalid_requests

CHECKED = ("POST /flow_runs/filter", "POST /ui/task_runs/dashboard/counts")  # the latter has separate rules


@pytest.fixture(scope="module")
def strict_api() -> Api:
    return Api.load(own_folder(), Reading.STRICT)


def has_number_for_flag(sent: Sent) -> bool:
    return any(text in sent.body for text in (b'_": 1}', b'_": 0.0}'))


SERVERS: dict[str, tuple[bool, Behaviour, bool]] = {
    "a lenient server": (False, unchanged, True),
    "a strict server": (True, unchanged, True),
    "a lenient server that refuses numbers for flags": (False, refuses("POST .*/filter", has_number_for_flag), False),
}


@pytest.mark.parametrize("name", SERVERS)
def test_values_of_another_type(all_operations: ContextFactory, api: Api, strict_api: Api, name: str) -> None:
    is_strict, behaviour, is_correct = SERVERS[name]
    app = app_on(SMALL, strict_api if is_strict else api)
    with all_operations.context_of(Proxy(Inside(app), behaviour)) as context:
        invalid_requests.find_reading(context)
        assert context.is_lenient != is_strict
        for label in 3 * CHECKED:
            invalid_requests.check_others(context, all_operations.endpoint(label))
        assert context.results.verdict.errors == []
        assert {each.rule.name for each in context.results.verdict.violations} == (
            set() if is_correct else {"invalid request"}
        )
