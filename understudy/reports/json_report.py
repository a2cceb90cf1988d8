"""The JSON report: the whole verdict, for other programs."""

from collections.abc import Sequence
from typing import Any

from understudy.reports.causes import Cause
from understudy.reports.totals import Outcomes, Tally
from understudy.reports.verdict import Verdict, Violation
from understudy.sampling.curl import curl
from understudy.sampling.random_requests import Request


def document(verdict: Verdict) -> dict[str, Any]:
    """The whole verdict as JSON values. A fault is one of the `violations`."""
    outcomes = Outcomes(verdict)
    return {
        "url": verdict.url,
        "seed": verdict.seed,
        "passed": verdict.passed,
        "interrupted": verdict.is_interrupted,
        "requests": verdict.requests,
        "seconds": verdict.seconds,
        "rules": [rule_as_json(tally) for tally in outcomes.tallies],
        "checks": [
            {"rule": rule.name, "operation": operation, "checks": count}
            for (rule, operation), count in verdict.checks.items()
        ],
        "violations": [fault_as_json(verdict.url, fault) for fault in outcomes.faults],
        "known": as_json(verdict.url, verdict.known),
        "cells": [
            {
                "operation": cell.operation,
                "field": cell.field,
                "operator": cell.operator,
                "state": state.name.lower(),
            }
            for cell, state in verdict.cells.items()
        ],
        "parts": verdict.parts,
        "unreached": list(verdict.unreached),
        "notes": list(verdict.notes),
    }


def rule_as_json(tally: Tally) -> dict[str, Any]:
    return {
        "name": tally.rule.name,
        "outcome": tally.outcome,
        "says": tally.rule.says,
        "checks": tally.checks,
        "violations": tally.violations,
        "known": tally.known,
    }


def fault_as_json(url: str, fault: Cause) -> dict[str, Any]:
    """The violation that represents a fault, all rules that it breaks, and the other subjects that show it."""
    return {
        **as_json(url, [fault.violation])[0],
        "rules": [rule.name for rule in fault.rules],
        "seen": as_json(url, fault.seen),
    }


def as_json(url: str, violations: Sequence[Violation]) -> list[dict[str, Any]]:
    return [
        {
            "rule": violation.rule.name,
            "operation": violation.operation,
            "subject": violation.subject,
            "expected": violation.expected,
            "found": violation.found,
            "requests": [request_as_json(url, request) for request in violation.requests],
        }
        for violation in violations
    ]


def request_as_json(url: str, request: Request) -> dict[str, Any]:
    return {"method": request.method, "path": request.path, "body": request.body, "curl": curl(url, request)}
