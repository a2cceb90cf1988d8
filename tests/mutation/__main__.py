"""`python -m tests.mutation`: draws mutations of the engine, and reports which of them the tests catch."""

import random
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import click
import yaml

from tests.mutation.checkout import Checkout, Run
from tests.mutation.mutations import Mutation, lines_of, mutations
from tests.mutation.nearest import test_files
from tests.mutation.reach import Place, Reach

ROOT = Path(__file__).parents[2]
ENGINE = ("understudy", "handlers")
EQUIVALENT = Path(__file__).parent / "equivalent.yaml"
WANTED = 0.97  # of the mutations that matter

Known = Mapping[tuple[str, str, str], str]
"""Why a mutation is equivalent, by its module, its line, and what the line becomes."""


@dataclass(frozen=True)
class Drawn:
    """A mutation of a module, whose path is relative to the checkout."""

    module: str
    mutation: Mutation
    source: bytes

    @property
    def place(self) -> Place:
        return self.module, self.mutation.line

    @property
    def diff(self) -> str:
        return self.mutation.diff(self.source, self.module)

    @property
    def key(self) -> tuple[str, str, str]:
        lines = list(lines_of(self.diff))
        was, becomes = (" ".join(line[2:] for line in lines if line[0] == sign) for sign in "-+")
        return self.module, was, becomes

    def __str__(self) -> str:
        return f"{self.module}:{self.mutation.line}: {self.mutation.kind}"


@click.command()
@click.option("--seed", type=int, help="What mutations are drawn by.  [default: a new one]")
@click.option("--count", default=20, show_default=True, type=click.IntRange(1), help="How many are drawn.")
@click.option(
    "--module", "modules", multiple=True, metavar="PATH", help="Only of this module or package; may be repeated."
)
@click.option(
    "--nearest",
    type=click.IntRange(1),
    help="Try only so many of the test files that run the line, the nearest to the module.  [default: all]",
)
@click.option("--limit", default=600, show_default=True, help="Seconds that the tests of one file may take.")
def main(seed: int | None, count: int, modules: tuple[str, ...], nearest: int | None, limit: int) -> None:
    """Change the engine in small ways drawn at random, and see whether a test fails for each of them.

    Exits with 1 where tests catch less than 97 % of those that matter.
    """
    seed = random.randrange(2**32) if seed is None else seed
    drawn = draw(ROOT, modules or ENGINE, seed, count)
    known = equivalent(EQUIVALENT.read_text(encoding="utf-8"))
    click.echo(f"{len(drawn)} mutations, drawn by --seed {seed}")
    caught, survived = 0, []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        checkouts = [Checkout(ROOT, Path(folder) / name, limit) for name in ("checkout", "marked")]
        reach = Reach(checkouts[1], Path(folder) / "marks", [each.place for each in drawn])
        judge = Judge(checkouts[0], reach, nearest)
        for number, each in enumerate(drawn, 1):
            start = f"{number}/{len(drawn)} {each}"
            if each.key in known:
                click.echo(f"{start}: equivalent: {known[each.key]}")
                continue
            began = time.monotonic()
            run = judge.judged(each)
            took = f"{time.monotonic() - began:.0f} s"
            if run is None:
                survived.append(each)
                click.echo(f"{start}: SURVIVED ({took})\n{each.diff}")
            else:
                caught += 1
                click.echo(f"{start}: caught by {run.test} ({took}): {run.reason}")
    sys.exit(report(caught, survived))


def report(caught: int, survived: list[Drawn]) -> int:
    """Print the rate and the mutations that survived. Returns the exit status."""
    tried = caught + len(survived)
    rate = caught / tried if tried else 1
    click.echo(f"\ncaught {caught} of {tried} ({rate:.0%}); wanted: {WANTED:.0%}")
    for each in survived:
        click.echo(f"\nsurvived: {each}\n{each.diff}")
    return int(rate < WANTED)


class Judge:
    """Tries mutations on test files, in a copy of the checkout."""

    def __init__(self, checkout: Checkout, reach: Reach, nearest: int | None = None) -> None:
        self._checkout = checkout
        self._reach = reach
        self._nearest = nearest
        self._broken: set[str] = set()  # tests that fail without a mutation too, in this place

    def judged(self, drawn: Drawn) -> Run | None:
        """The test that catches a mutation, or None where none does."""
        files = test_files(self._checkout.folder, drawn.module)
        reaching = (file for file in files if self._reach.reaches(file, drawn.place))
        for file in islice(reaching, self._nearest):
            if file in self._broken:
                continue
            with self._checkout.mutated(drawn.module, drawn.mutation):
                run = self._checkout.run(file)
            if not run.passed and self._is_sound(file, run):
                return run
        return None

    def _is_sound(self, file: str, run: Run) -> bool:
        """Whether the test that failed passes without the mutation. If not, its file is left out from now on."""
        again = self._checkout.run(run.test)
        if not again.passed:
            self._broken.add(file)
            click.echo(f"{file} is left out: {again.test} fails without a mutation too: {again.reason}", err=True)
        return again.passed


def draw(root: Path, places: tuple[str, ...], seed: int, count: int) -> list[Drawn]:
    """Mutations of the modules at some places, each line as likely to be drawn as any other that has one.

    Raises:
        click.BadParameter: there is no module at a place.
    """
    by_line: dict[tuple[str, int], list[Drawn]] = {}
    for place in places:
        for path in modules_at(root, place):
            source, module = path.read_bytes(), path.relative_to(root).as_posix()
            for mutation in mutations(source):
                by_line.setdefault((module, mutation.line), []).append(Drawn(module, mutation, source))
    randomness = random.Random(seed)
    lines = randomness.sample(sorted(by_line), min(count, len(by_line)))
    return [randomness.choice(by_line[line]) for line in lines]


def modules_at(root: Path, place: str) -> list[Path]:
    path = root / place
    found = [path] if path.is_file() else sorted(path.rglob("*.py"))
    if not found:
        raise click.BadParameter(f"no module at {place}", param_hint="--module")
    return found


def equivalent(text: str) -> Known:
    """The mutations that are known to change nothing that matters, with the reasons."""
    return {(each["module"], each["was"], each["becomes"]): each["why"] for each in yaml.safe_load(text)}


if __name__ == "__main__":
    main()
