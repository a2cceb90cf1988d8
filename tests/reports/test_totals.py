"""Totals, which are the same in all reports."""

import json
import re
from xml.etree import ElementTree as ET

import pytest

from tests.reports.verdicts import COUNT, LIST, PAGES, SHAPE, UNION, bad, good, violation
from understudy.reports.html_report import matrix
from understudy.reports.json_report import document
from understudy.reports.junit_report import junit
from understudy.reports.text_report import summary
from understudy.reports.totals import Outcomes
from understudy.reports.verdict import Rule, Verdict

CREATE = "POST /pets/"
LATE = Rule("late", "This comes last.")


def of_writes() -> Verdict:
    """Violations of operations that have no cells."""
    verdict = good()
    verdict.checks[SHAPE, CREATE] = 2
    verdict.violations = [violation(SHAPE, {"a": 1}, subject="a", operation=CREATE)]
    return verdict


def ended_early() -> Verdict:
    verdict = bad()
    verdict.rules = (UNION, SHAPE, PAGES, LATE)
    verdict.is_interrupted = True
    verdict.parts = 1200
    verdict.unreached = [
        "POST /pets/filter: pets.name.any_",
        "POST /pets/filter: sort NAME_ASC",
        "GET /pets/{id}: rows by id",
    ]
    return verdict


@pytest.mark.parametrize("verdict", [good(), bad(), of_writes(), ended_early()], ids=["good", "bad", "writes", "early"])
def test_all_reports_have_the_same_totals(verdict: Verdict) -> None:
    outcomes = Outcomes(verdict)
    text, page, suites = summary(verdict), matrix(verdict), ET.fromstring(junit(verdict))
    faults, passed, skipped = (len(each) for each in (outcomes.faults, outcomes.passed, outcomes.known))
    skipped += len(outcomes.unreached) + len(verdict.unreached)
    assert f"\n{faults} violation" in text
    assert len(re.findall(r"^\d+\. ", text, re.MULTILINE)) == faults
    assert len(json.loads(json.dumps(document(verdict)))["violations"]) == faults
    assert page.count('<article class="violation"') == faults
    assert re.search(rf"<strong>{faults}</strong> failed", page)
    assert re.search(rf"<strong>{passed}</strong> passed", page)
    assert (suites.attrib["failures"], suites.attrib["skipped"]) == (str(faults), str(skipped))
    errors = int(verdict.is_interrupted)
    assert suites.attrib["errors"] == str(errors)
    assert suites.attrib["tests"] == str(passed + faults + skipped + errors)


def test_unreached_rules_are_listed() -> None:
    verdict = ended_early()
    assert "not reached  late" in summary(verdict)
    assert [rule["name"] for rule in document(verdict)["rules"] if rule["outcome"] == "not reached"] == ["late"]
    assert "not reached" in matrix(verdict)
    case = ET.fromstring(junit(verdict)).find(".//testcase[@name='late']/skipped")
    assert case is not None
    assert case.attrib["message"] == "not reached"


def test_unreached_parts_are_in_every_report() -> None:
    verdict = ended_early()
    parts = ["POST /pets/filter: pets.name.any_", "POST /pets/filter: sort NAME_ASC", "GET /pets/{id}: rows by id"]
    assert verdict.unreached == parts
    lines = summary(verdict).splitlines()
    start = lines.index("Not reached: 3 of 1,200 parts, which --json, --junit and --html list:")
    assert lines[start + 1 : start + 3] == ["   POST /pets/filter: 2 parts", "   GET /pets/{id}: 1 part"]
    assert (document(verdict)["unreached"], document(verdict)["parts"]) == (parts, 1200)
    assert all(f"<li>{part}</li>" in matrix(verdict) for part in parts)
    cases = ET.fromstring(junit(verdict)).findall(".//testcase/skipped/..")
    assert [case.attrib["name"] for case in cases][-3:] == parts


def test_interrupted_run_has_not_passed() -> None:
    verdict = good()
    verdict.is_interrupted = True
    assert (document(verdict)["passed"], document(verdict)["interrupted"]) == (False, True)
    assert "<h1>Passed</h1>" not in matrix(verdict)
    assert ET.fromstring(junit(verdict)).find(".//error") is not None


def faults_of(*violations: object) -> list[list[str]]:
    verdict = Verdict("", 0, violations=list(violations))  # type: ignore[arg-type] # they are made below
    return [[each.rule.name for each in fault.seen] for fault in Outcomes(verdict).faults]


def test_fault_that_breaks_several_rules_is_counted_once() -> None:
    assert faults_of(violation(UNION, {}, subject="a"), violation(SHAPE, {}, subject="a")) == [["union", "shape"]]
    assert faults_of(violation(UNION, {}, subject=""), violation(SHAPE, {}, subject="")) == [["union", "shape"]]


def test_violations_with_a_common_faulty_part_are_one_fault() -> None:
    both = violation(PAGES, {}, subject="a, b")
    assert faults_of(both, violation(UNION, {}, subject="b")) == [["union", "pages"]]


def test_other_parts_operations_and_methods_are_other_faults() -> None:
    one = violation(UNION, {}, subject="a")
    assert len(faults_of(one, violation(UNION, {}, subject="b"))) == 2
    assert len(faults_of(one, violation(UNION, {}, subject="a", operation=COUNT))) == 2
    assert len(faults_of(one, violation(UNION, {}, subject=""))) == 2
    assert len(faults_of(one, violation(UNION, {}, subject="a", operation=LIST.replace("POST", "TRACE")))) == 2
