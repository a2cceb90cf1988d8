"""Sample verdicts: one without violations, one with everything, one full of hostile text."""

from typing import Any

from understudy.reports.verdict import Cell, Rule, State, Verdict, Violation
from understudy.sampling.random_requests import Request

URL = "http://pets.example/api"
LIST, COUNT = "POST /pets/filter", "POST /pets/count"

UNION = Rule("union", "Two values find what either of them finds.")
SHAPE = Rule("shape", "The answer is what the contract says.")
PAGES = Rule("pages", "The pages of a list are the list.")

HOSTILE = '<script>alert("1")</script>]]>&amp;\0\x1b[2J\ud800\ufffe\u202e'
HUGE = "x" * 2**20


def request(body: Any, operation: str = LIST) -> Request:
    method, _, path = operation.partition(" ")
    return Request(method, path, path, body)


def violation(rule: Rule, *bodies: Any, subject: str = "owners.name.any_", operation: str = LIST) -> Violation:
    requests = tuple(request(body, operation) for body in bodies)
    return Violation(rule, operation, subject, requests, "5 rows", "7 rows")


def good() -> Verdict:
    return Verdict(
        URL,
        seed=42,
        requests=3912,
        seconds=14.21,
        checks={(UNION, LIST): 1200, (UNION, COUNT): 4, (SHAPE, LIST): 1, (PAGES, LIST): 8},
        cells={
            Cell(LIST, "owners.name", "any_"): State.PASSED,
            Cell(LIST, "owners.name", "like_"): State.UNREACHED,
            Cell(LIST, "pets.born", "before_"): State.COVERED,
            Cell(COUNT, "owners.name", "any_"): State.PASSED,
        },
    )


def bad() -> Verdict:
    """Five violations of two faults and three rules, three known deviations of two causes."""
    verdict = good()
    verdict.violations = [
        violation(UNION, {}, {"limit": 5}),
        violation(UNION, {"limit": 1}),
        violation(UNION),
        violation(SHAPE, {"a": None}, subject="", operation=COUNT),
        violation(PAGES, {}, subject="owners.name.any_, pets.born.before_"),
    ]
    verdict.known = [
        violation(UNION, {}, subject="owners.name.like_"),
        violation(UNION, {}, subject="owners.name.like_"),
        violation(PAGES, {}, subject=""),
    ]
    verdict.cells[Cell(LIST, "owners.name", "any_")] = State.FAILED
    verdict.cells[Cell(LIST, "pets.born", "before_")] = State.FAILED
    verdict.notes = ["Nothing was read from /pets/broken."]
    return verdict


def hostile() -> Verdict:
    verdict = good()
    unusual = Request("POST", f"/pets/{HOSTILE}", HOSTILE, {HOSTILE: HOSTILE})
    verdict.violations = [
        Violation(UNION, HOSTILE, HOSTILE, (unusual,), HOSTILE, HOSTILE),
        Violation(UNION, LIST, "", (request({"huge": HUGE}),), HUGE, f"{HUGE}{HOSTILE}"),
    ]
    verdict.known = [Violation(SHAPE, HOSTILE, HOSTILE, (unusual,), HOSTILE, HOSTILE)]
    verdict.notes = [HOSTILE]
    verdict.cells = {Cell(HOSTILE, HOSTILE, HOSTILE): State.FAILED}
    return verdict
