"""The script of a violation shows it on the broken server, and shows nothing on a correct one."""

import random
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.conftest import SMALL
from tests.mutants.proxy import proxied
from tests.servers import stand_in
from tests.verify.contexts import Inspector
from tests.verify.servers import url_of
from tests.verify.test_situations import BY_NAME, FirstOnly, Focus, in_bodies, in_criteria, in_lists, in_sequences
from understudy.reports.causes import causes
from understudy.reports.reproduction import write_scripts
from understudy.reports.verdict import Verdict
from understudy.verify.check_context import Inspection
from understudy.verify.expectations.model import Model
from understudy.verify.requests.throttled_client import BudgetSpent, Connection
from understudy.verify.suite import clean_up, subjects_of

CASES = {
    "POST /artifacts/latest/filter:falls-to-none": ("artifacts", in_sequences),
    "POST /artifacts/count:remembered-DELETE": ("artifacts", in_sequences),
    "POST /artifacts/:data:whole": ("artifacts", in_bodies),
    "POST /flows/:name:case": ("flows", in_bodies),
    "PATCH /artifacts/{id}:204": ("artifacts", in_sequences),
    "POST /flows/paginate:overlap-3": ("flows", in_lists),
    "artifacts:artifacts.type.any_:many": ("artifacts", in_criteria),
}


def found(inspector: Inspector, url: str, table: str, focus: Focus) -> Verdict:
    """The first violation of a server, with what its script needs."""
    with httpx.Client(base_url=url, headers={"accept-encoding": "identity"}) as client:
        verdict, connection = Verdict(url, 1), Connection(client, 30_000, None)
        model = Model(inspector.surface.selections, inspector.catalog)
        readings = inspector.readings(strict=False)
        inspection = Inspection(inspector.surface, readings, model, connection, random.Random(1), verdict)
        inspector.learn(inspection)
        inspection.ledger = FirstOnly(verdict, inspection.learn)
        inspection.ledger.witness = inspection.witness
        with suppress(BudgetSpent):
            focus(inspection, subjects_of(inspection)[table])
        clean_up(inspection)
    return verdict


def shown(script: Path, url: str) -> int:
    return subprocess.run([sys.executable, str(script), url], capture_output=True, timeout=120, check=False).returncode


@pytest.mark.parametrize("name", CASES)
def test_a_script_shows_its_violation_and_nothing_on_a_correct_server(
    name: str, tmp_path: Path, inspector: Inspector
) -> None:
    table, focus = CASES[name]
    with stand_in(SMALL) as api, proxied(url_of(api), BY_NAME[name].behaviour) as url:
        write_scripts(tmp_path, url, causes(found(inspector, url, table, focus)))
        (script,) = tmp_path.iterdir()
        with stand_in(SMALL) as correct:
            assert (shown(script, url), shown(script, url_of(correct))) == (1, 0)
