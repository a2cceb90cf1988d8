"""The judgements on broken servers, as a table in Markdown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.mutants.judges import Judgement, Outcome
from tests.mutants.mutant import Mutant


@dataclass(frozen=True)
class Trial:
    """The judgements on a broken server, by the judge's name."""

    mutant: Mutant
    judgements: dict[str, Judgement]


def table(trials: Sequence[Trial]) -> str:
    judges = list(trials[0].judgements)
    lines = [
        row("mutant", "what it does", *(cell for judge in judges for cell in (judge, "shown", "s"))),
        row("---", "---", *(["---", "---:", "---:"] * len(judges))),
        *(row(f"`{trial.mutant.name}`", trial.mutant.says, *cells(trial.judgements.values())) for trial in trials),
        row(f"**{len(trials)} mutants**", "", *(cell for judge in judges for cell in total(trials, judge))),
    ]
    return "\n".join(lines)


def row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def cells(judgements: Iterable[Judgement]) -> list[str]:
    return [cell for each in judgements for cell in (each.outcome.value, number(each.shown), f"{each.seconds:.0f}")]


def number(shown: int | None) -> str:
    return "?" if shown is None else f"{shown}"


def total(trials: Sequence[Trial], judge: str) -> tuple[str, str, str]:
    seconds = sum(trial.judgements[judge].seconds for trial in trials)
    return f"**{caught(trials, judge)} ({share(trials, judge):.0%})**", "", f"{seconds:.0f}"


def rate(trials: Sequence[Trial], judge: str, kind: str) -> str:
    """How many mutants of a kind a judge caught, and how many it could not have caught by the requests that it sent."""
    missed = [trial.judgements[judge] for trial in trials if trial.judgements[judge].outcome is not Outcome.CAUGHT]
    hidden = sum(judgement.shown == 0 for judgement in missed)
    caught = len(trials) - len(missed)
    were = "was" if hidden == 1 else "were"
    return (
        f"{judge} caught {caught} of {len(trials)} {kind} mutants; {hidden} of the others {were} shown by no request."
    )


def caught(trials: Sequence[Trial], judge: str) -> int:
    return sum(trial.judgements[judge].outcome is Outcome.CAUGHT for trial in trials)


def share(trials: Sequence[Trial], judge: str) -> float:
    return caught(trials, judge) / len(trials)
