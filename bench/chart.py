"""A chart of requests a second on the demo set, as SVG."""

import math
from collections.abc import Iterator
from html import escape

from bench.jobs import JOBS
from bench.results import DEMO_SIZE, Cell, Results
from bench.servers import BY_NAME

WIDTH, LABELS, VALUES = 860, 190, 90  # of the whole, of the names on the left, of the numbers on the right
BAR, GAP, TITLE = 18, 6, 34
OURS, THEIRS, LINE, TEXT = "#0b7285", "#adb5bd", "#e9ecef", "#212529"
LOWEST = 10.0  # requests a second at the left edge, or less if a server is slower


def drawn(results: Results) -> str:
    """Bars by job on a logarithmic scale, the fastest server above."""
    panels = [(job.title, cells) for job in JOBS.values() if (cells := cells_of(results, job.name))]
    scale = Scale([cell.per_second for _, cells in panels for cell in cells])
    height = sum(TITLE + len(cells) * (BAR + GAP) for _, cells in panels) + 50
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="system-ui, sans-serif" font-size="13" role="img">',
        "<title>Requests a second on the demo set, by job and server</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        *axis(scale, height),
    ]
    top = 10
    for title, cells in panels:
        lines += panel(title, cells, top, scale)
        top += TITLE + len(cells) * (BAR + GAP)
    return "\n".join([*lines, "</svg>"]) + "\n"


class Scale:
    """A logarithmic scale from a power of ten to the largest value."""

    def __init__(self, values: list[float]) -> None:
        self.low = math.floor(math.log10(max(0.1, min([LOWEST, *values]))))
        self.high = math.log10(max([LOWEST * 10, *values]))

    def at(self, value: float) -> float:
        """The distance of a value from the left edge of the bars."""
        share = (math.log10(max(value, 10.0**self.low)) - self.low) / (self.high - self.low)
        return share * (WIDTH - LABELS - VALUES)

    def ticks(self) -> list[int]:
        return list(range(self.low, math.floor(self.high) + 1))


def cells_of(results: Results, job: str) -> list[Cell]:
    found = [cell for cell in results.cells if (cell.size, cell.job) == (DEMO_SIZE, job)]
    return sorted(found, key=lambda cell: -cell.per_second)


def axis(scale: Scale, height: int) -> Iterator[str]:
    for power in scale.ticks():
        x = LABELS + scale.at(10.0**power)
        yield f'<line x1="{x:.1f}" y1="10" x2="{x:.1f}" y2="{height - 36}" stroke="{LINE}"/>'
        yield words(x, height - 20, f"{10.0**power:,.15g}", "middle")
    yield words(WIDTH - 8, height - 4, "requests a second, logarithmic", "end")


def panel(title: str, cells: list[Cell], top: int, scale: Scale) -> Iterator[str]:
    yield words(8, top + TITLE - 14, title.replace("`", ""), "start", bold=True)
    for number, cell in enumerate(cells):
        y = top + TITLE + number * (BAR + GAP) - GAP
        colour = OURS if cell.server == "understudy" else THEIRS
        width = scale.at(cell.per_second)
        yield f'<rect x="{LABELS}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>'
        yield words(LABELS - 8, y + BAR - 5, BY_NAME[cell.server].title, "end", bold=cell.server == "understudy")
        yield words(LABELS + width + 6, y + BAR - 5, f"{cell.per_second:,.0f}", "start")


def words(x: float, y: float, text: str, anchor: str, *, bold: bool = False) -> str:
    weight = ' font-weight="600"' if bold else ""
    return f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}" fill="{TEXT}"{weight}>{escape(text)}</text>'
