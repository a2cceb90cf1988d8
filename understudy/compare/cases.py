"""Saved requests: JSON Lines, one request per line, with its expected response."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from understudy.compare import jsonl
from understudy.compare.findings import Finding
from understudy.contract.contract import Contract
from understudy.errors import FixtureError
from understudy.reports import output_files
from understudy.sampling.random_requests import Request, body_schema, safe_operations


def save(path: Path, findings: Iterable[Finding]) -> None:
    """Save findings, each with the first server's response.

    Raises:
        UnderstudyError: the file cannot be written.
    """
    lines = []
    for finding in findings:
        answer = finding.answers[0]
        case = {"method": finding.request.method, "path": finding.request.path, "body": finding.request.body}
        lines.append(json.dumps({**case, "status": answer.status, "answer": answer.body}, ensure_ascii=False))
    output_files.write(path, "".join(f"{line}\n" for line in lines))


def load(path: Path, contract: Contract) -> Iterator[Request]:
    """The requests of a file.

    Raises:
        FixtureError: the file cannot be read, or a line is not a request that is known to be safe.
    """
    schemas = {(method, where): body_schema(operation) for method, where, operation in safe_operations(contract)}
    for number, case in jsonl.objects(path):
        method, where = case.get("method"), case.get("path")
        if not isinstance(method, str) or not isinstance(where, str):
            raise FixtureError(path, "is not a request with a method and a path", number)
        if method != "GET" and (method, where) not in schemas:
            raise FixtureError(path, f"{method} {where} is not a request that is known to change nothing", number)
        yield Request(method, where, where, case.get("body"), schemas.get((method, where)))
