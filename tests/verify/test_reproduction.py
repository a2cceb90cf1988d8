"""The script of a violation reproduces it on the broken server, but not on a correct one."""

import random
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.conftest import SMALL
from tests.mutants.behaviours import replies
from tests.mutants.known import MUTANTS
from tests.mutants.known.encodings import redirected_elsewhere
from tests.mutants.mutant import Behaviour
from tests.mutants.proxy import proxied
from tests.servers import stand_in
from tests.verify.contexts import ContextFactory
from tests.verify.servers import url_of
from tests.verify.test_situations import BY_NAME, FirstOnly, Focus, in_bodies, in_criteria, in_lists, in_sequences
from understudy.reports.causes import causes
from understudy.reports.reproduction import write_scripts
from understudy.reports.verdict import Verdict
from understudy.verify.check_context import CheckContext
from understudy.verify.checks import cross_origin, encodings, invalid_requests
from understudy.verify.cleanup import clean_up
from understudy.verify.expectations.model import Model
from understudy.verify.filtered_rows.table_under_test import TableUnderTest
from understudy.verify.requests.throttled_client import BudgetSpent, ThrottledClient
from understudy.verify.suite import subjects_of

CASES = {
    "POST /artifacts/latest/filter:falls-to-none": ("artifacts", in_sequences),
    "POST /artifacts/count:remembered-DELETE": ("artifacts", in_sequences),
    "POST /artifacts/:data:whole": ("artifacts", in_bodies),
    "POST /flows/:name:case": ("flows", in_bodies),
    "PATCH /artifacts/{id}:204": ("artifacts", in_sequences),
    "POST /flows/paginate:overlap-3": ("flows", in_lists),
    "artifacts:artifacts.type.any_:many": ("artifacts", in_criteria),
}


def in_methods(context: CheckContext, _: TableUnderTest) -> None:
    invalid_requests.check_paths(context)


def in_origins(context: CheckContext, subject: TableUnderTest) -> None:
    cross_origin.check(context, [subject.selection])


def in_redirects(context: CheckContext, subject: TableUnderTest) -> None:
    encodings.check(context, subject.selection.lists)


KNOWN = {mutant.name: mutant.behaviour for mutant in MUTANTS}
HEADERS: dict[str, tuple[Behaviour, Focus]] = {
    "allow": (KNOWN["allow-missing"], in_methods),
    "origin": (KNOWN["errors-without-origin"], in_origins),
    "preflight": (KNOWN["preflight-refused"], in_origins),
    "location": (replies(".*", redirected_elsewhere), in_redirects),
}


def found(context_factory: ContextFactory, url: str, table: str, focus: Focus) -> Verdict:
    """The first violation of a server, with what its script needs."""
    with httpx.Client(base_url=url, headers={"accept-encoding": "identity"}) as client:
        verdict, throttled_client = Verdict(url, 1), ThrottledClient(client, 30_000, None)
        model = Model(context_factory.endpoint_map.selections, context_factory.catalog)
        interpreter = context_factory.interpreter(strict=False)
        context = CheckContext(
            context_factory.endpoint_map, interpreter, model, throttled_client, random.Random(1), verdict
        )
        context_factory.learn(context)
        context.results = FirstOnly(verdict, context.learn, lambda: context.version)
        context.results.witness = context.witness
        with suppress(BudgetSpent):
            focus(context, subjects_of(context)[table])
        clean_up(context)
    return verdict


def shown(script: Path, url: str) -> int:
    return run(script, url).returncode


def run(script: Path, url: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(script), url]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("name", CASES)
def test_script_reproduces_its_violation_only_on_the_broken_server(
    name: str, tmp_path: Path, context_factory: ContextFactory
) -> None:
    table, focus = CASES[name]
    with stand_in(SMALL) as api, proxied(url_of(api), BY_NAME[name].behaviour) as url:
        write_scripts(tmp_path, url, causes(found(context_factory, url, table, focus)))
        (script,) = tmp_path.iterdir()
        with stand_in(SMALL) as correct:
            assert (shown(script, url), shown(script, url_of(correct))) == (1, 0)


@pytest.mark.parametrize("name", HEADERS)
def test_a_script_compares_headers(name: str, tmp_path: Path, context_factory: ContextFactory) -> None:
    behaviour, focus = HEADERS[name]
    with stand_in(SMALL) as api, proxied(url_of(api), behaviour) as url:
        write_scripts(tmp_path, url, causes(found(context_factory, url, "flows", focus)))
        (script,) = tmp_path.iterdir()
        assert (shown(script, url), shown(script, url_of(api))) == (1, 0)
    stopped = run(script, url)
    assert stopped.returncode == 2
    assert stopped.stderr.startswith("error: the server cannot be reached (")
    assert len(stopped.stderr.splitlines()) == 1
