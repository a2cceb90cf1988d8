"""Requests in other encodings, and to paths with or without a trailing slash, to each operation that reads."""

from collections.abc import Collection
from contextlib import closing

import pytest

from tests.apps import app_on
from tests.conftest import GOLDEN
from tests.mutants.behaviours import refuses, replies
from tests.mutants.exchange import Request
from tests.mutants.known.encodings import MUTANTS, redirected_elsewhere
from tests.mutants.known.vocabulary import QUERIES
from tests.mutants.mutant import Behaviour, unchanged
from tests.mutants.origin import Inside
from tests.mutants.proxy import Proxy
from tests.verify.contexts import ContextFactory
from understudy.operations.api_folder import Api
from understudy.reference.reference_server import ReferenceServer
from understudy.verify import rules
from understudy.verify.checks import encodings
from understudy.verify.expectations.mirror import Mirror

WHOLE = GOLDEN / "whole" / "fixtures"
SOME = {"POST /flows/filter", "GET /flow_run_states/"}


def is_plain_text(request: Request) -> bool:
    return str(request.headers.get("content-type")) == "text/plain"


KNOWN = {mutant.name: mutant.behaviour for mutant in MUTANTS}
BROKEN: dict[str, tuple[Behaviour, str]] = {
    "compressed": (KNOWN["compressed-lists-shorter"], "encoding"),
    "charset": (KNOWN["charset-refused"], "encoding"),
    "slash": (KNOWN["slash-too-many-404"], "redirect"),
    "elsewhere": (replies(".*", redirected_elsewhere), "redirect"),
    "plain text": (refuses(QUERIES, is_plain_text), "same rows"),
}


def broken_rules(factory: ContextFactory, api: Api, behaviour: Behaviour, labels: Collection[str] = ()) -> set[str]:
    """The rules that a server breaks, in requests to some operations; by default, to all that read."""
    app = Proxy(Inside(app_on(WHOLE, api)), behaviour)
    with factory.context_of(app) as context, closing(Mirror(ReferenceServer)) as context.mirror:
        context.is_lenient = True
        factory.learn(context)
        for endpoint in context.endpoint_map.endpoints:
            if endpoint.is_safe and not endpoint.may_be_off and endpoint.label in (labels or (endpoint.label,)):
                encodings.check(context, endpoint)
        checked = {operation for rule, operation in context.results.verdict.checks if rule is rules.REDIRECT}
        assert checked >= SOME
        return {violation.rule.name for violation in context.results.verdict.violations}


def test_correct_server(all_operations: ContextFactory, api: Api) -> None:
    assert broken_rules(all_operations, api, unchanged) == set()


@pytest.mark.parametrize("name", BROKEN)
def test_broken_server(all_operations: ContextFactory, api: Api, name: str) -> None:
    behaviour, rule = BROKEN[name]
    assert rule in broken_rules(all_operations, api, behaviour, SOME)
