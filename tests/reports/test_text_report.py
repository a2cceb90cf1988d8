"""A verdict in a terminal."""

from tests.reports.verdicts import SHAPE, bad, good, hostile, violation
from understudy.reports.text_report import summary
from understudy.reports.verdict import Verdict


def test_correct_server() -> None:
    assert (
        summary(good())
        == """\
passed  union  1,204 checks  Two values find what either of them finds.
passed  shape       1 check  The answer is what the contract says.
passed  pages      8 checks  The pages of a list are the list.

4 cells: 2 passed, 1 covered, 1 not reachable with this data
0 violations in 3,912 requests, 14.2 s; repeat with --seed 42"""
    )


def test_violations_are_grouped_by_cause_with_the_smallest_requests() -> None:
    assert (
        summary(bad())
        == """\
failed  union  1 violation in 1,204 checks  Two values find what either of them finds.
failed  shape       1 violation in 1 check  The answer is what the contract says.
failed  pages      1 violation in 8 checks  The pages of a list are the list.

1. union: Two values find what either of them finds.
   POST /pets/filter, owners.name.any_, 4 times
   expected  5 rows
   found     7 rows
   breaks    also pages
   curl -s http://pets.example/api/pets/filter -X POST -H 'content-type: application/json' -d '{"limit": 1}'

2. shape: The answer is what the contract says.
   POST /pets/count, 1 time
   expected  5 rows
   found     7 rows
   curl -s http://pets.example/api/pets/count -X POST -H 'content-type: application/json' -d '{"a": null}'

3 known deviations seen
Nothing was read from /pets/broken.
4 cells: 2 failed, 1 passed, 1 not reachable with this data
2 violations of 3 rules in 3,912 requests, 14.2 s; repeat with --seed 42"""
    )


def test_failed_rules_come_first() -> None:
    verdict = good()
    verdict.violations = [violation(SHAPE, {})]
    assert [line.split()[:2] for line in summary(verdict).splitlines()[:3]] == [
        ["failed", "shape"],
        ["passed", "union"],
        ["passed", "pages"],
    ]


def test_run_without_requests_is_reported() -> None:
    assert summary(Verdict("", seed=0)) == "0 violations in 0 requests, 0.0 s; repeat with --seed 0"


def test_text_of_a_server_is_escaped() -> None:
    text = summary(hostile())
    assert "\\x00\\x1b[2J\\ud800\\ufffe\\u202e" in text
    assert all(character.isprintable() for character in text.replace("\n", ""))
