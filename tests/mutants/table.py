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
        row("mutant", "what it does", *(cell for judge in judges for cell in (judge, "s"))),
        row("---", "---", *(["---", "---:"] * len(judges))),
        *(row(f"`{trial.mutant.name}`", trial.mutant.says, *cells(trial.judgements.values())) for trial in trials),
        row(f"**{len(trials)} mutants**", "", *(cell for judge in judges for cell in total(trials, judge))),
    ]
    return "\n".join(lines)


def row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def cells(judgements: Iterable[Judgement]) -> list[str]:
    return [cell for each in judgements for cell in (each.outcome.value, f"{each.seconds:.0f}")]


def total(trials: Sequence[Trial], judge: str) -> tuple[str, str]:
    seconds = sum(trial.judgements[judge].seconds for trial in trials)
    return f"**{caught(trials, judge)} ({share(trials, judge):.0%})**", f"{seconds:.0f}"


def caught(trials: Sequence[Trial], judge: str) -> int:
    return sum(trial.judgements[judge].outcome is Outcome.CAUGHT for trial in trials)


def share(trials: Sequence[Trial], judge: str) -> float:
    return caught(trials, judge) / len(trials)
