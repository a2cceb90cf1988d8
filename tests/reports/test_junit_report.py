"""A verdict as JUnit XML."""

from xml.etree import ElementTree as ET

from tests.reports.verdicts import COUNT, LIST, UNION, bad, good, hostile
from understudy.reports.junit_report import junit


def cases(root: ET.Element) -> dict[tuple[str, str], list[str]]:
    """The content of each test case, by operation and name."""
    return {
        (case.attrib["classname"], case.attrib["name"]): [part.tag for part in case] for case in root.iter("testcase")
    }


def counts(element: ET.Element) -> list[str]:
    return [element.attrib[name] for name in ("tests", "failures", "skipped")]


def test_rule_is_a_test_case_of_each_operation() -> None:
    root = ET.fromstring(junit(good()))
    assert cases(root) == {
        (LIST, "union"): [],
        (LIST, "shape"): [],
        (LIST, "pages"): [],
        (COUNT, "union"): [],
    }
    assert (root.tag, root.attrib["time"]) == ("testsuites", "14.210")
    assert {suite.attrib["name"]: counts(suite) for suite in root} == {LIST: ["3", "0", "0"], COUNT: ["1", "0", "0"]}


def test_violations_fail_and_known_deviations_are_skipped() -> None:
    root = ET.fromstring(junit(bad()))
    assert cases(root) == {
        (LIST, "union: owners.name.any_"): ["failure"],
        (LIST, "shape"): [],
        (LIST, "union: owners.name.like_"): ["skipped"],
        (LIST, "pages: known"): ["skipped"],
        (COUNT, "union"): [],
        (COUNT, "shape"): ["failure"],
    }
    assert counts(root) == ["6", "2", "2"]
    assert [each.attrib["message"] for each in root.iter("skipped")] == [
        "a known deviation, seen 2 times",
        "a known deviation, seen 1 time",
    ]


def test_failure_has_the_text_of_the_summary() -> None:
    failure = next(ET.fromstring(junit(bad())).iter("failure"))
    assert failure.attrib == {"type": UNION.name, "message": UNION.says}
    assert failure.text == (
        "POST /pets/filter, owners.name.any_, 4 times\n"
        "expected  5 rows\n"
        "found     7 rows\n"
        "breaks    also pages\n"
        "curl -s http://pets.example/api/pets/filter -X POST -H 'content-type: application/json' -d '{\"limit\": 1}'"
    )


def test_characters_invalid_in_xml_are_replaced() -> None:
    text = junit(hostile())
    text.encode("utf-8")
    found = [failure.text or "" for failure in ET.fromstring(text).iter("failure")]
    assert any('<script>alert("1")</script>]]>&amp;\\x00\\x1b[2J\\ud800\\ufffe\\u202e' in each for each in found)
