"""Known deviations: how they are read from a document, and what they match."""

from pathlib import Path

import pytest

from understudy.errors import UnderstudyError
from understudy.operations.api_folder import own_folder
from understudy.reports.verdict import Rule, Violation
from understudy.verify.deviations import Deviation, load


def violation(rule: str, operation: str, subject: str) -> Violation:
    return Violation(Rule(rule, "It holds."), operation, subject, (), "this", "that")


FOUND = violation("count", "POST /pets/count", "pets.name.any_")
COVERED = {
    "just this": (("count", "POST /pets/count", "pets.name.any_"), True),
    "everything": (("*", "*", "*"), True),
    "an operation": (("*", "POST /pets/count", "*"), True),
    "a part of a path": (("count", "POST /*/count", "*"), True),
    "a part of a subject": (("count", "*", "*.any_"), True),
    "the beginning of a rule": (("c*", "*", "*"), True),
    "another rule": (("page", "*", "*"), False),
    "another operation": (("count", "POST /pets/filter", "*"), False),
    "another subject": (("count", "*", "pets.name"), False),
    "no subject": (("count", "*", ""), False),
    "another case": (("Count", "*", "*"), False),
    "what was found": (("*", "*", "*", "th?t"), True),
    "something else that was found": (("*", "*", "*", "*500*"), False),
    "a beginning without a star": (("count", "POST", "*"), False),
}


@pytest.mark.parametrize("name", COVERED)
def test_deviation_matches_by_its_patterns(name: str) -> None:
    patterns, covers = COVERED[name]
    assert Deviation(*patterns).covers(FOUND) is covers


def test_braces_of_a_path_are_literal() -> None:
    assert Deviation("read", "GET /pets/{id}", "").covers(violation("read", "GET /pets/{id}", ""))
    assert not Deviation("read", "GET /pets/{id}", "").covers(violation("read", "GET /pets/id", ""))


TEXT = """# What is known

Counts are wrong.

```yaml
rule: count
operation: POST /pets/*
subject: ""
```

```sh
rule: this is no deviation
```

And so are pages.

```yaml
subject: '*'
operation: '*'
rule: page
found: '*500*'
```
"""


def test_deviations_of_a_document_are_its_yaml_blocks(tmp_path: Path) -> None:
    path = tmp_path / "known.md"
    path.write_text(TEXT, encoding="utf-8")
    assert load(path) == [Deviation("count", "POST /pets/*", ""), Deviation("page", "*", "*", "*500*")]


def test_document_without_deviations(tmp_path: Path) -> None:
    path = tmp_path / "known.md"
    path.write_text("# Nothing is known\n", encoding="utf-8")
    assert load(path) == []


def test_bundled_document_can_be_read() -> None:
    assert load(own_folder() / "docs" / "reference" / "prefect-deviations.md")


def block(text: str) -> bytes:
    return f"# Known\n\n```yaml\n{text}```\n".encode()


ERRORS = {
    "no text": (b"\xff", ": cannot be read ("),
    "no YAML": (block("rule: [\n"), ", line 3: is not YAML ("),
    "a list": (
        block("- rule: x\n"),
        ", line 3: a deviation has operation, rule, subject and optionally found, each a text",
    ),
    "nothing": (block(""), ", line 3: a deviation has operation, rule, subject and optionally found, each a text"),
    "a name too few": (block("rule: x\nsubject: y\n"), ", line 3: a deviation has operation, rule, subject"),
    "a name too many": (
        block("rule: x\nsubject: y\noperation: z\nwhy: because\n"),
        ", line 3: a deviation has operation, rule, subject",
    ),
    "a number": (block("rule: x\nsubject: 5\noperation: z\n"), ", line 3: a deviation has operation, rule, subject"),
    "a null": (block("rule: x\nsubject:\noperation: z\n"), ", line 3: a deviation has operation, rule, subject"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_invalid_document_is_reported_with_its_line(tmp_path: Path, name: str) -> None:
    content, expected = ERRORS[name]
    path = tmp_path / "known.md"
    path.write_bytes(content)
    with pytest.raises(UnderstudyError) as error:
        load(path)
    assert str(error.value).startswith(f"{path}{expected}")
    assert "\n" not in str(error.value)


def test_missing_document_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UnderstudyError, match=r"nowhere: cannot be read \(No such file or directory\)"):
        load(tmp_path / "nowhere")
