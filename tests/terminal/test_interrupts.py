"""Ctrl-C and SIGTERM at any time during `verify` and `compare`: findings are reported, and no row is left behind."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from xml.etree import ElementTree as ET

import httpx
import pytest

from tests.conftest import SMALL
from tests.mutants.exchange import Answer, Request
from tests.mutants.mutant import BrokenServer
from tests.mutants.proxy import proxied
from tests.servers import stand_in
from tests.verify.servers import everything, mutated, url_of
from tests.verify.test_verify import Command, command
from understudy.terminal.interrupts import Interrupts, delayed

__all__ = ["command"]  # a fixture

ENDS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


@contextmanager
def interrupting(api: httpx.Client, number: signal.Signals, *when: Callable[[list[Request]], bool]) -> Iterator[str]:
    """The URL of a proxy that sends a signal to this process, once for each condition in `when` that becomes true."""
    log: list[Request] = []
    left = list(when)

    async def interrupt(request: Request, broken: BrokenServer) -> Answer:
        log.append(request)
        if left and left[0](log):
            left.pop(0)
            os.kill(os.getpid(), number)
        return await broken.ask(request)

    with proxied(url_of(api), interrupt) as url:
        yield url


def at(count: int) -> Callable[[list[Request]], bool]:
    return lambda log: len(log) == count


def is_made(count: int) -> Callable[[list[Request]], bool]:
    """Whether a number of rows is created, the last of them by the current request."""
    return lambda log: (
        log[-1].is_a("POST /(artifacts|flows)/") and sum(each.is_a("POST /(artifacts|flows)/") for each in log) == count
    )


def is_deletion(log: list[Request]) -> bool:
    return log[-1].method == "DELETE"


@pytest.mark.parametrize("number", ENDS, ids=lambda number: number.name)
@pytest.mark.parametrize(
    "when", [at(1), at(30), is_made(1), is_made(7), at(400)], ids=["first", "30", "made", "7", "400"]
)
def test_verify_reports_what_it_found(
    command: Command, tmp_path: Path, number: signal.Signals, when: Callable[[list[Request]], bool]
) -> None:
    files = {name: tmp_path / name for name in ("junit", "json", "html")}
    options = [option for name, path in files.items() for option in (f"--{name}", str(path))]
    with stand_in(SMALL) as api:
        before = everything(api)
        with interrupting(api, number, when) as url:
            ended = command(url, "--seed", "1", "--allow-writes", *options)
        assert everything(api) == before
    assert ended.status == ENDS[number]
    assert "Interrupted; not everything was checked." in ended.lines
    assert ended.lines[-1].startswith("0 violations in ")
    assert "100 %" not in ended.err
    assert json.loads(files["json"].read_text(encoding="utf-8"))["interrupted"] is True
    assert ET.parse(files["junit"]).getroot().attrib["errors"] == "1"
    assert "Interrupted: 0 violations" in files["html"].read_text(encoding="utf-8")


def test_findings_before_an_interrupt_are_reported(command: Command, small: httpx.Client) -> None:
    with (
        mutated("wrong-method-404", small) as broken,
        httpx.Client(base_url=broken) as api,
        interrupting(api, signal.SIGINT, at(150)) as url,
    ):
        ended = command(url, "--seed", "1")
    assert ended.status == 130
    assert any(line.startswith("1. method: ") for line in ended.lines)


def test_second_interrupt_ends_the_cleanup_and_lists_remaining_rows(command: Command) -> None:
    with stand_in(SMALL) as api, interrupting(api, signal.SIGINT, is_made(5), is_deletion) as url:
        ended = command(url, "--seed", "1", "--allow-writes")
        (note,) = (line for line in ended.lines if line.startswith("These rows were made and could not be deleted: "))
        left = note.removesuffix(".").partition(": ")[2].split(", ")
        shown = str(everything(api))
    assert ended.status == 130
    assert 0 < len(left) <= 5
    assert any(row_id in shown for row_id in left)


@pytest.mark.parametrize("number", ENDS, ids=lambda number: number.name)
def test_compare_reports_what_it_found(
    compare: Command, small: httpx.Client, tmp_path: Path, number: signal.Signals
) -> None:
    saved = tmp_path / "saved"
    with mutated("count-one-more", small) as broken, interrupting(small, number, at(120)) as url:
        ended = compare(url, broken, "--requests", "500", "--seed", "1", "--save", str(saved))
    assert ended.status == ENDS[number]
    assert "Interrupted after " in ended.lines[0]
    assert saved.exists()


@pytest.fixture
def compare(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    return Command(capsys, monkeypatch, "compare")


def test_interrupt_waits_for_the_end_of_a_step() -> None:
    done = []
    with Interrupts() as interrupts:
        with delayed():
            os.kill(os.getpid(), signal.SIGINT)
            done.append("step")
        done.append("after it")
    assert (done, interrupts.status) == (["step"], 130)


def test_second_interrupt_does_not_wait() -> None:
    done = []
    with Interrupts() as interrupts, delayed():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        done.append("step")
    assert (done, interrupts.status) == ([], 130)


@pytest.mark.parametrize("number", ENDS, ids=lambda number: number.name)
def test_status_is_that_of_the_first_signal(number: signal.Signals) -> None:
    with Interrupts() as interrupts:
        with suppress(KeyboardInterrupt):
            os.kill(os.getpid(), number)
        os.kill(os.getpid(), signal.SIGINT)
    assert interrupts.status == ENDS[number]


def test_signal_handlers_are_restored() -> None:
    before = [signal.getsignal(number) for number in ENDS]
    with Interrupts(), delayed():
        pass
    assert [signal.getsignal(number) for number in ENDS] == before


def test_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interrupts() as interrupts:
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert interrupts.status is None
