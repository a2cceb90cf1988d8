"""`python -m tests.mutation`: draws mutations of the engine, and reports which of them the tests catch."""

import random
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from queue import SimpleQueue

import click
import yaml

from tests.mutation.checkout import Checkout, Run, file_of
from tests.mutation.mutations import Mutation, lines_of, mutations
from tests.mutation.nearest import test_files
from tests.mutation.reach import MarkedCheckout, Place, Reach

ROOT = Path(__file__).parents[2]
ENGINE = ("understudy", "handlers")
EQUIVALENT = Path(__file__).parent / "equivalent.yaml"
WANTED = 0.97  # of the mutations that matter
WHOLE = 5  # test files that are tried whole in the end

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
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(1), help="How many are tried at a time.")
def main(seed: int | None, count: int, modules: tuple[str, ...], nearest: int | None, limit: int, jobs: int) -> None:
    """Change the engine in small ways drawn at random, and see whether a test fails for each of them.

    Exits with 1 where tests catch less than 97 % of those that matter.
    """
    seed = random.randrange(2**32) if seed is None else seed
    drawn = draw(ROOT, modules or ENGINE, seed, count)
    click.echo(f"{len(drawn)} mutations, drawn by --seed {seed}")
    tried = [each for each in drawn if not is_equivalent(each)]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, ThreadPoolExecutor(jobs) as pool:
        copies = [Checkout(ROOT, Path(folder) / str(number), limit) for number in range(2 * jobs)]
        places = [each.place for each in tried]
        reach = Reach([MarkedCheckout(copy, places) for copy in copies[jobs:]])
        judge = Judge(copies[:jobs], reach, nearest)
        caught = list(pool.map(judge.catches, tried))
    sys.exit(report([each for each, is_caught in zip(tried, caught, strict=True) if not is_caught], len(tried)))


def is_equivalent(drawn: Drawn) -> bool:
    """Whether a mutation is known to change nothing relevant, which is then printed."""
    why = equivalent(EQUIVALENT.read_text(encoding="utf-8")).get(drawn.key)
    if why is not None:
        click.echo(f"{drawn}: equivalent: {why}")
    return why is not None


def report(survived: list[Drawn], tried: int) -> int:
    """Print the rate and the mutations that survived. Returns the exit status."""
    caught = tried - len(survived)
    rate = caught / tried if tried else 1
    click.echo(f"\ncaught {caught} of {tried} ({rate:.0%}); wanted: {WANTED:.0%}")
    for each in survived:
        click.echo(f"\nsurvived: {each}\n{each.diff}")
    return int(rate < WANTED)


class Judge:
    """Tries mutations on tests, each in a copy of the checkout that is not used by others meanwhile."""

    def __init__(self, checkouts: list[Checkout], reach: Reach, nearest: int | None = None) -> None:
        self._free: SimpleQueue[Checkout] = SimpleQueue()
        for checkout in checkouts:
            self._free.put(checkout)
        self._reach = reach
        self._nearest = nearest
        self._broken: set[str] = set()  # tests that fail without a mutation too, in this place

    def catches(self, drawn: Drawn) -> bool:
        """Whether a test catches a mutation, which is printed."""
        began = time.monotonic()
        checkout = self._free.get()
        run = self._judged(drawn, checkout)
        self._free.put(checkout)
        took = f"{time.monotonic() - began:.0f} s"
        if run is None:
            click.echo(f"{drawn}: SURVIVED ({took})\n{drawn.diff}")
        else:
            click.echo(f"{drawn}: caught by {run.test} ({took}): {run.reason}")
        return run is not None

    def _judged(self, drawn: Drawn, checkout: Checkout) -> Run | None:
        """The test that catches a mutation, or None."""
        for tests in self._reaching(drawn, checkout.folder):
            with checkout.mutated(drawn.module, drawn.mutation):
                run = self._run(tests, checkout)
            if not run.passed and self._is_sound(run, tests, checkout):
                return run
        return None

    def _run(self, tests: list[str], checkout: Checkout) -> Run:
        return checkout.run(tests, *(f"--deselect={test}" for test in sorted(self._broken)))

    def _reaching(self, drawn: Drawn, root: Path) -> Iterator[list[str]]:
        """The tests that run the line of a mutation, by file, the nearest first.

        The result of a line may be cached for tests that do not run it then, so the nearest files are tried as a
        whole at the end.
        """
        files = test_files(root, drawn.module)
        found = ((file, tests) for file in files if (tests := self._reach.tests(file, drawn.place)))
        partly = []
        for file, tests in islice(found, self._nearest):
            yield tests
            if tests != [file]:
                partly.append([file])
        yield from partly[:WHOLE]

    def _is_sound(self, run: Run, tests: list[str], checkout: Checkout) -> bool:
        """Whether the test that failed passes without the mutation. If not, it is left out from now on."""
        again = self._run(tests if run.test == file_of(run.test) else [run.test], checkout)
        if not again.passed:
            self._broken.add(again.test)
            click.echo(f"{again.test} is left out: it fails without a mutation too: {again.reason}", err=True)
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
    """The mutations that are known to change nothing relevant, with the reasons."""
    return {(each["module"], each["was"], each["becomes"]): each["why"] for each in yaml.safe_load(text)}


if __name__ == "__main__":
    main()
