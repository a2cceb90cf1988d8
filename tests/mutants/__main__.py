"""`python -m tests.mutants`: which tool catches which mutant."""

import random
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial

import click

from tests.mutants.generated import drawn, generated
from tests.mutants.judges import (
    CORRECT,
    Failures,
    Judge,
    Judgement,
    Outcome,
    correct_failures,
    judged,
    schemathesis,
    verify,
)
from tests.mutants.known import MUTANTS
from tests.mutants.mutant import Mutant
from tests.mutants.table import Trial, rate, share, table
from understudy.operations.api_folder import Api, own_folder

WANTED = 0.95  # of the mutants
BASELINE_RUNS = 3

CONTRACT = Api.load(own_folder()).contract
BY_NAME = {mutant.name: mutant for mutant in [*MUTANTS, *generated(CONTRACT)]}


@click.command()
@click.option(
    "--only",
    "names",
    multiple=True,
    metavar="NAME",
    type=click.Choice(list(BY_NAME)),
    help="A mutant; may be repeated.",
)
@click.option(
    "--known", "count", type=click.IntRange(1, len(MUTANTS)), help="So many mutants, drawn by the seed.  [default: all]"
)
@click.option("--generated", "made", default=0, show_default=True, help="So many mutants more, made from the contract.")
@click.option("--seed", default=1, show_default=True, help="What the judges draw their requests by.")
@click.option("--correct", "runs", default=3, show_default=True, help="How often the correct server is judged.")
@click.option("--jobs", default=2, show_default=True, help="How many servers are judged at a time.")
@click.option("--skip-schemathesis", is_flag=True, help="Let `understudy verify` judge alone.")
def main(
    names: tuple[str, ...], count: int | None, made: int, seed: int, runs: int, jobs: int, skip_schemathesis: bool
) -> None:
    """Let Schemathesis and `understudy verify` judge mutated servers, and print which are caught.

    Exits with 1 if `understudy verify` catches fewer than 95 % of the mutants, or reports violations of the
    correct server.
    """
    with ThreadPoolExecutor(jobs) as pool:
        truths = list(pool.map(truth, range(seed, seed + runs)))
        judges: dict[str, Judge] = {"verify": verify}
        if not skip_schemathesis:
            judges = {"Schemathesis": schemathesis(baseline(pool, seed)), **judges}
        known = list(pool.map(partial(trial, judges, seed), chosen(names, count, seed)))
        fresh = list(pool.map(partial(trial, judges, seed), drawn(CONTRACT, seed, made)))
        trials = [*known, *fresh]
    flagged = sum(each.outcome is not Outcome.MISSED for each in truths)
    click.echo(table(trials))
    for kind, some in (("known", known), ("generated", fresh)):
        if some:
            click.echo(f"\n{rate(some, 'verify', kind)}")
    click.echo(f"\nThe correct server: {flagged} of {runs} runs of verify find fault with it.")
    sys.exit(flagged > 0 or share(trials, "verify") < WANTED)


def chosen(names: tuple[str, ...], count: int | None, seed: int) -> Sequence[Mutant]:
    """The mutants of some names, or some of all mutants."""
    some = [BY_NAME[name] for name in names] or MUTANTS
    return some if count is None else random.Random(seed).sample(some, k=count)


def baseline(pool: Executor, seed: int) -> Failures:
    """What Schemathesis reports of the correct server, in some runs."""
    return frozenset().union(*pool.map(correct_failures, range(seed, seed + BASELINE_RUNS)))


def truth(seed: int) -> Judgement:
    """The judgement of verify on the correct server."""
    judgement = judged(verify, CORRECT, seed)
    click.echo(f"the correct server, seed {seed}: {summary('verify', judgement)}", err=True)
    return judgement


def trial(judges: Mapping[str, Judge], seed: int, mutant: Mutant) -> Trial:
    judgements = {name: judged(judge, mutant.name, seed) for name, judge in judges.items()}
    lines: Sequence[str] = [f"{mutant.name}: {summary(name, judgement)}" for name, judgement in judgements.items()]
    click.echo("\n".join(lines), err=True)
    return Trial(mutant, judgements)


def summary(judge: str, judgement: Judgement) -> str:
    """A judgement in a line, with the end of the judge's output, if any."""
    end = judgement.words.strip().rpartition("\n")[2]
    return f"{judgement.outcome.value} by {judge} in {judgement.seconds:.0f} s{f' ({end})' if end else ''}"


if __name__ == "__main__":
    main()
