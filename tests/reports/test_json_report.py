"""A verdict as JSON."""

import json
from typing import Any

from tests.reports.verdicts import COUNT, HOSTILE, HUGE, LIST, URL, bad, good, hostile
from understudy.reports.json_report import document
from understudy.reports.verdict import Verdict


def read(verdict: Verdict) -> Any:
    return json.loads(json.dumps(document(verdict), allow_nan=False))


def test_report_contains_the_whole_verdict() -> None:
    report = read(bad())
    assert {name: report[name] for name in ("url", "seed", "passed", "requests", "seconds", "notes")} == {
        "url": URL,
        "seed": 42,
        "passed": False,
        "requests": 3912,
        "seconds": 14.21,
        "notes": ["Nothing was read from /pets/broken."],
    }
    assert [(each["name"], each["checks"], each["violations"], each["known"]) for each in report["rules"]] == [
        ("union", 1204, 1, 2),
        ("shape", 1, 1, 0),
        ("pages", 8, 1, 1),
    ]
    assert {"rule": "union", "operation": COUNT, "checks": 4} in report["checks"]
    assert len(report["checks"]) == 4
    assert [cell["state"] for cell in report["cells"]] == ["failed", "unreached", "failed", "passed"]
    assert report["cells"][0] == {"operation": LIST, "field": "owners.name", "operator": "any_", "state": "failed"}
    assert (len(report["violations"]), len(report["known"])) == (2, 3)
    assert [(each["rules"], len(each["seen"])) for each in report["violations"]] == [
        (["union", "pages"], 4),
        (["shape"], 1),
    ]
    shape = report["violations"][1]
    assert shape.pop("seen") == [{name: value for name, value in shape.items() if name != "rules"}]
    assert shape == {
        "rules": ["shape"],
        "rule": "shape",
        "operation": COUNT,
        "subject": "",
        "expected": "5 rows",
        "found": "7 rows",
        "requests": [
            {
                "method": "POST",
                "path": "/pets/count",
                "body": {"a": None},
                "curl": f"curl -s {URL}/pets/count -X POST -H 'content-type: application/json' -d '{{\"a\": null}}'",
            }
        ],
    }


def test_empty_run() -> None:
    report = read(Verdict(URL, 1))
    assert (report["parts"], report["requests"], report["rules"], report["violations"]) == (0, 0, [], [])


def test_correct_server() -> None:
    report = read(good())
    assert (report["passed"], report["violations"], report["known"]) == (True, [], [])


def test_values_are_not_truncated_or_changed() -> None:
    first, second = read(hostile())["violations"]
    assert first["found"] == HOSTILE
    assert first["requests"][0]["body"] == {HOSTILE: HOSTILE}
    assert second["requests"][0]["body"] == {"huge": HUGE}
    assert HUGE in second["requests"][0]["curl"]
