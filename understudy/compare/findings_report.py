"""The report of a comparison."""

import json
from collections.abc import Iterator, Sequence

from understudy.compare.findings import Finding
from understudy.compare.id_mapping import Alone
from understudy.reports.printable import counted
from understudy.sampling.answers import named
from understudy.sampling.curl import curl
from understudy.text import escape


def report(findings: Sequence[Finding], requests: int, urls: tuple[str, str], alone: Alone | None = None) -> str:
    """Findings by cause, the most frequent first, each with its smallest request; then the rows without a partner."""
    causes: dict[tuple[str, str, tuple[str, ...]], list[Finding]] = {}
    for finding in findings:
        causes.setdefault(finding.cause, []).append(finding)
    grouped = sorted(causes.values(), key=len, reverse=True)
    lines = [
        f"{counted(len(findings), 'difference')} in {counted(requests, 'request')}{', by cause:' if findings else '.'}"
    ]
    for number, group in enumerate(grouped, start=1):
        lines += ["", *described(number, group, urls)]
    if alone:
        lines += ["", *map(not_on_both, alone, alone.values())]
    return "\n".join(map(escape, lines))


def described(number: int, group: Sequence[Finding], urls: tuple[str, str]) -> Iterator[str]:
    finding = min(group, key=lambda each: len(json.dumps(each.request.body)))
    operation, kind, names = finding.cause
    yield f"{number}. {finding.request.method} {operation}: the {kind}, {counted(len(group), 'time')}"
    if names:
        yield f"   with {', '.join(names)}"
    yield f"   {finding.difference.detail}"
    for url, request in zip(urls, finding.requests, strict=True):
        yield f"   {curl(url, request)}"


def not_on_both(table: str, alone: tuple[Sequence[str], Sequence[str]]) -> str:
    """The rows of a table that only the first and only the second server has, by their ids."""
    first, second = map(sorted, alone)
    count = counted(len(first) + len(second), "row")
    return f"not on both: {count} of {table} (only in the first: {named(first)}; only in the second: {named(second)})"
