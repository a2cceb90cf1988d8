"""Requests kept in a file: JSON Lines, a request a line, with the answer that it should have."""

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
    """Keep findings, each with the first server's answer.

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
        FixtureError: the file cannot be read, or a line is no request that is known to change nothing.
    """
    schemas = {(method, where): body_schema(operation) for method, where, operation in safe_operations(contract)}
    for number, case in jsonl.objects(path):
        method, where = case.get("method"), case.get("path")
        if not isinstance(method, str) or not isinstance(where, str):
            raise FixtureError(path, "is no request with method and path", number)
        if method != "GET" and (method, where) not in schemas:
            raise FixtureError(path, f"{method} {where} is no request that is known to change nothing", number)
        yield Request(method, where, where, case.get("body"), schemas.get((method, where)))
