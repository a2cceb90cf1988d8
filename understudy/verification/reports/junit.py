"""A verdict as JUnit XML: an operation is a suite, a rule a test case, a known deviation a skipped one."""

from collections import Counter
from collections.abc import Iterable
from xml.etree import ElementTree as ET

from understudy.verification.report import counted
from understudy.verification.reports.causes import Cause, causes
from understudy.verification.reports.text import shown
from understudy.verification.verdict import Rule, Verdict


def junit(verdict: Verdict) -> str:
    """The XML. Only the whole run has a time, in seconds: requests serve many rules at once."""
    root = ET.Element("testsuites", name=f"understudy verify {shown(verdict.url)} --seed {verdict.seed}")
    found = causes(verdict)
    for operation in operations(verdict):
        root.append(suite(verdict, operation, [cause for cause in found if cause.violation.operation == operation]))
    count(root)
    root.set("time", f"{verdict.seconds:.3f}")
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def operations(verdict: Verdict) -> Iterable[str]:
    checked = (operation for _, operation in verdict.checks)
    blamed = (violation.operation for violation in [*verdict.violations, *verdict.known])
    return dict.fromkeys([*checked, *blamed])


def suite(verdict: Verdict, operation: str, found: list[Cause]) -> ET.Element:
    element = ET.Element("testsuite", name=shown(operation))
    checked = [rule for rule, where in verdict.checks if where == operation]
    for rule in dict.fromkeys([*checked, *(cause.violation.rule for cause in found)]):
        case = test_case(element, rule.name)
        violated = [cause for cause in found if cause.violation.rule == rule]
        if violated:
            case.append(failure(rule, violated))
    known = Counter((each.rule, each.subject) for each in verdict.known if each.operation == operation)
    for (rule, subject), times in known.items():
        case = test_case(element, f"{rule.name}: {subject or 'known'}")
        ET.SubElement(case, "skipped", message=f"a known deviation, seen {counted(times, 'time')}")
    count(element)
    return element


def test_case(suite: ET.Element, name: str) -> ET.Element:
    return ET.SubElement(suite, "testcase", classname=suite.attrib["name"], name=shown(name))


def failure(rule: Rule, violated: list[Cause]) -> ET.Element:
    element = ET.Element("failure", type=rule.name, message=rule.says)
    element.text = "\n\n".join("\n".join([cause.where, *cause.evidence]) for cause in violated)
    return element


def count(element: ET.Element) -> None:
    for name, tag in {"tests": "testcase", "failures": "failure", "skipped": "skipped"}.items():
        element.set(name, str(sum(1 for _ in element.iter(tag))))
