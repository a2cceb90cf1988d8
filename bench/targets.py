"""Targets, and whether they are met. A missed target does not end a benchmark."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from bench.filters import RELATED, SELECTIVE
from bench.results import DEMO_SIZE, Results

SMALL, LARGE, HUGE = "10000", "100000", "1000000"
GIGABYTE = 10**9

T = TypeVar("T")


@dataclass(frozen=True)
class Target:
    """A bound on a number; without a bound the number is only shown, and without a number it was not measured."""

    what: str
    measured: float | None
    unit: str = "x"
    least: float | None = None
    most: float | None = None
    remark: str = ""

    @property
    def bound(self) -> str:
        if self.least is not None:
            return f"≥ {self.least:g}{self.unit}"
        return "-" if self.most is None else f"≤ {self.most:g}{self.unit}"

    @property
    def met(self) -> bool | None:
        if self.measured is None or (self.least is None and self.most is None):
            return None
        return self.measured >= (self.least or 0) and (self.most is None or self.measured <= self.most)


def targets(results: Results) -> list[Target]:
    return [*at_demo(results), *under_load(results), *at_large(results), *at_huge(results), growth(results)]


def at_demo(results: Results) -> Iterator[Target]:
    ours, real = results.start(DEMO_SIZE, "understudy"), results.start(DEMO_SIZE, "real")
    yield Target("start on the demo set", of(ours, lambda one: one.seconds), " s", most=0.3)
    yield Target(
        "start on the demo set, the real server's / Understudy's",
        ratio(of(real, lambda one: one.seconds), of(ours, lambda one: one.seconds)),
        least=15,
    )
    yield Target(
        "memory after the start, the real server's / Understudy's",
        ratio(of(real, lambda one: one.memory), of(ours, lambda one: one.memory)),
        least=3,
    )
    loaded = ratio(results.memory(DEMO_SIZE, "real"), results.memory(DEMO_SIZE, "understudy"))
    yield Target("memory after load, the real server's / Understudy's", loaded, least=3)


def under_load(results: Results) -> Iterator[Target]:
    one, related = "one artifact by its id, requests/s", "filter over related rows, 10 rows, requests/s"
    yield Target(f"{one}, of the real server's", gain(results, "get", "real"), least=50)
    yield Target(f"{one}, of the limit's", gain(results, "get", "limit"), least=1)
    yield Target(f"{related}, of the real server's", gain(results, "filter", "real"), least=50)
    yield Target(f"{related}, of the limit's", gain(results, "filter", "limit"), least=0.9)
    sdk = "as the SDK asks, requests/s, of Starlette's with GZipMiddleware"
    yield Target(f"one artifact by its id, {sdk}", gain(results, "get-sdk", "limit-gzip"), least=1)
    yield Target(f"filter over related rows, 10 rows, {sdk}", gain(results, "filter-sdk", "limit-gzip"), least=1)
    yield Target(
        "filter, a new body each time, requests/s, of the limit's", gain(results, "filter-new", "limit"), least=0.75
    )
    yield Target(f"filter, a new body each time, {sdk}", gain(results, "filter-new-sdk", "limit-gzip"), least=0.75)
    yield Target("filter, 200 rows, requests/s, of the limit's", gain(results, "filter-200", "limit"), least=0.9)
    yield Target("create an artifact, requests/s, of the limit's", gain(results, "create", "limit"), least=0.6)
    for name, title in (("prism", "Prism"), ("mockoon", "Mockoon"), ("json-server", "json-server")):
        yield Target(f"{related}, of {title}'s", gain(results, "filter", name), least=6)
    yield Target(f"{related}, of WireMock's", gain(results, "filter", "wiremock"))


def at_large(results: Results) -> Iterator[Target]:
    ours = results.filters_of(LARGE, "understudy").get(RELATED)
    real = results.filters_of(LARGE, "real").get(RELATED)
    what = "over related rows at 100,000, the real server's latency / Understudy's"
    yield Target(
        f"filter {what}",
        ratio(of(real, lambda one: one.listing.warm), of(ours, lambda one: one.listing.warm)),
        least=100,
    )
    yield Target(
        f"count {what}",
        ratio(of(real, lambda one: one.counting.warm), of(ours, lambda one: one.counting.warm)),
        least=100,
    )


def at_huge(results: Results) -> Iterator[Target]:
    found = results.filters_of(HUGE, "understudy")
    listed = {name: one.listing.warm for name, one in found.items()}
    counted = {name: one.counting.warm for name, one in found.items()}
    first = {name: max(one.listing.first, one.counting.first) / 1e3 for name, one in found.items()}
    write, start = results.write(HUGE, "understudy"), results.start(HUGE, "understudy")
    yield slowest("any filter at 1,000,000, warm", listed, " ms", 5)
    yield slowest("any count at 1,000,000, warm", counted, " ms", 2)
    yield slowest("any filter or count at 1,000,000, first use", first, " s", 1)
    yield Target("start on 1,000,000", of(start, lambda one: one.seconds), " s", most=40)
    yield Target("memory after the start on 1,000,000", of(start, lambda one: one.memory / GIGABYTE), " GB", most=2)
    yield Target("a write at 1,000,000", of(write, lambda one: one.write), " ms", most=1)


def growth(results: Results) -> Target:
    warm = {
        size: results.filters_of(size, "understudy")[SELECTIVE].listing.warm
        for size in (SMALL, HUGE)
        if results.filters_of(size, "understudy")
    }
    what = "a selective filter's latency at 1,000,000 / at 10,000"
    return Target(what, ratio(warm.get(HUGE), warm.get(SMALL)), most=3)


def slowest(what: str, values: dict[str, float], unit: str, most: float) -> Target:
    name = max(values, key=lambda name: values[name], default="")
    return Target(what, values.get(name), unit, most=most, remark=name)


def gain(results: Results, job: str, server: str) -> float | None:
    """The ratio of requests a second that Understudy handles, on the demo set."""
    ours, theirs = results.cell(DEMO_SIZE, job, "understudy"), results.cell(DEMO_SIZE, job, server)
    return ratio(of(ours, lambda one: one.per_second), of(theirs, lambda one: one.per_second))


def of(one: T | None, read: Callable[[T], float]) -> float | None:
    return None if one is None else read(one)


def ratio(above: float | None, below: float | None) -> float | None:
    return above / below if above and below else None
