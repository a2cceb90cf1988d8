"""Scripts that reproduce violations: a file for each, which needs only Python."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from understudy.reports.causes import Cause
from understudy.reports.output_files import write
from understudy.reports.verdict import Violation, Write
from understudy.sampling.conversations import STREAM
from understudy.sampling.random_requests import Request

TEMPLATE = Path(__file__).with_name("reproduction_script.template")
ORDERED = ("sort", "reverse", "page", "pagination")  # rules that are about the order of rows
QUOTES = '"""'
HEADERS = (  # the headers of responses that checks are about
    "access-control-allow-methods",
    "access-control-allow-origin",
    "allow",
    "content-type",
    "location",
    "retry-after",
)


def write_scripts(folder: Path, url: str, causes: Sequence[Cause]) -> None:
    """Write a script for each violation into a folder, except violations on streams, for which Python has no client.

    Raises:
        UnderstudyError: a file cannot be written.
    """
    shown = [each for each in causes if all(request.method != STREAM for request in each.violation.requests)]
    for number, cause in enumerate(shown, start=1):
        name = re.sub(r"[^a-z0-9]+", "-", f"{cause.violation.rule.name} {cause.violation.operation}".lower())
        write(folder / f"{number:03d}-{name.strip('-')}.py", script(url, cause.violation))


def script(url: str, violation: Violation) -> str:
    """The text of a script that reproduces a violation."""
    case = json.dumps(case_of(url, violation), indent=1).replace(QUOTES, r"\u0022\u0022\u0022")
    return TEMPLATE.read_text(encoding="utf-8").replace('r"""CASE"""', f"r{QUOTES}{case}{QUOTES}")


def case_of(url: str, violation: Violation) -> dict[str, Any]:
    rest, last = split(violation)
    made = {write.made: write.undo for write in (*rest, *last) if write.made and write.undo}
    return {
        "url": url,
        "rule": f"{violation.rule.name}: {violation.rule.says}",
        "expected": violation.expected,
        "found": violation.found,
        "is_about_order": violation.rule.name in ORDERED,
        "headers": HEADERS,
        "writes": [{**sent(write.request), "made": write.made} for write in rest],
        "requests": [{**sent(write.request), "made": write.made, "is_safe": not write.changes} for write in last],
        "answers": [
            {"status": each.status, "body": each.body, "headers": compared(each.headers)} for each in violation.answers
        ],
        "deletes": [sent(request) for request in made.values()],
    }


def compared(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that checks are about."""
    return {name: headers[name] for name in HEADERS if name in headers}


def split(violation: Violation) -> tuple[list[Write], list[Write]]:
    """The writes before the requests of a violation, and these requests, each with the rows that it created."""
    before, last = list(violation.writes), list[Write]()
    for request in reversed(violation.requests):
        written = next((write for write in reversed(before) if write.request == request), None)
        if written is not None:
            before.remove(written)
        last.insert(0, written or Write(request, changes=False))
    return before, last


def sent(request: Request) -> dict[str, Any]:
    content = None if request.encoded is None else request.encoded.decode("utf-8", "replace")
    return {
        "method": request.method,
        "path": request.path,
        "content": content,
        "headers": dict(request.headers),
        "clients": request.clients,
    }
