"""The JUnit report: operations are suites; rules that pass, faults and known deviations are cases."""

from collections.abc import Iterable
from xml.etree import ElementTree as ET

from understudy.reports.causes import Cause
from understudy.reports.printable import counted, shown
from understudy.reports.totals import Outcomes
from understudy.reports.verdict import Rule, Verdict


def junit(verdict: Verdict) -> str:
    """The XML. Only the whole run has a time, in seconds, since requests serve many rules."""
    outcomes = Outcomes(verdict)
    root = ET.Element("testsuites", name=f"understudy verify {shown(verdict.url)} --seed {verdict.seed}")
    for operation in operations(outcomes):
        root.append(suite(outcomes, operation))
    if outcomes.unreached or verdict.unreached or verdict.is_interrupted:
        root.append(rest(outcomes))
    count(root)
    root.set("time", f"{verdict.seconds:.3f}")
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def operations(outcomes: Outcomes) -> Iterable[str]:
    checked = (operation for _, operation in outcomes.verdict.checks)
    blamed = (fault.violation.operation for fault in outcomes.faults)
    return dict.fromkeys([*checked, *blamed, *(operation for _, operation, _ in outcomes.known)])


def suite(outcomes: Outcomes, operation: str) -> ET.Element:
    """The suite of an operation: each rule that passes, each fault, and each known deviation."""
    element = ET.Element("testsuite", name=shown(operation))
    for rule, where in outcomes.passed:
        if where == operation:
            test_case(element, rule.name)
    for fault in outcomes.faults:
        if fault.violation.operation == operation:
            test_case(element, named(fault.violation.rule, fault.violation.subject)).append(failure(fault))
    for (rule, where, subject), times in outcomes.known.items():
        if where == operation:
            case = test_case(element, named(rule, subject or "known"))
            ET.SubElement(case, "skipped", message=f"a known deviation, seen {counted(times, 'time')}")
    count(element)
    return element


def rest(outcomes: Outcomes) -> ET.Element:
    """The suite of rules and parts that were not reached, with an error after an interrupt."""
    element = ET.Element("testsuite", name="understudy verify")
    for name in (*(rule.name for rule in outcomes.unreached), *outcomes.verdict.unreached):
        ET.SubElement(test_case(element, name), "skipped", message="not reached")
    if outcomes.verdict.is_interrupted:
        ET.SubElement(test_case(element, "the run"), "error", message="interrupted; not all requests were sent")
    count(element)
    return element


def named(rule: Rule, subject: str) -> str:
    return f"{rule.name}: {subject}" if subject else rule.name


def test_case(suite: ET.Element, name: str) -> ET.Element:
    return ET.SubElement(suite, "testcase", classname=suite.attrib["name"], name=shown(name))


def failure(fault: Cause) -> ET.Element:
    rule = fault.violation.rule
    element = ET.Element("failure", type=rule.name, message=rule.says)
    element.text = "\n".join([fault.where, *fault.evidence])
    return element


def count(element: ET.Element) -> None:
    for name, tag in {"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}.items():
        element.set(name, str(sum(1 for _ in element.iter(tag))))
