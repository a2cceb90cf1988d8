"""Linters on the recipes and the examples in the guide."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.recipes.guide import (
    ACTIONS,
    DOCKERFILE,
    GUIDE,
    TEMPLATES,
    blocks,
    path_of,
    pipelines,
    steps,
    template_parts,
    workflows,
)
from tests.recipes.runners import gitlab_jobs, gitlab_template
from tests.servers import ROOT

BIN = Path(sys.executable).parent


def found_by(program: str, *options: str, text: str = "") -> str:
    command = [str(BIN / program), *options]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False).stdout


def test_every_example_names_its_file() -> None:
    assert sorted(blocks("yaml")) == sorted(workflows() + pipelines())


@pytest.mark.parametrize("text", [DOCKERFILE.read_text(encoding="utf-8"), *blocks("dockerfile")])
def test_hadolint_finds_nothing(text: str) -> None:
    assert found_by("hadolint", "-", text=text) == ""


def scripts() -> Iterator[tuple[str, str]]:
    """Each script behind the shell that runs it."""
    for action in ACTIONS:
        for step in yaml.safe_load(action.read_text(encoding="utf-8"))["runs"]["steps"]:
            yield step["shell"], step["run"]
    for template in TEMPLATES:
        for job in gitlab_template(template, {"requirement": "x", "url": "x", "options": "x"}).values():
            yield from (("sh", script) for name in ("before_script", "script") for script in job.get(name, []))
    for workflow in workflows():
        yield from (("bash", step["run"]) for step in steps(workflow) if "run" in step)
    yield from (("sh", block) for block in blocks("sh"))


@pytest.mark.parametrize(("shell", "script"), list(scripts()))
def test_shellcheck_finds_nothing(shell: str, script: str) -> None:
    assert found_by("shellcheck", "--shell", shell, "-", text=script) == ""


@pytest.mark.parametrize(("shell", "script"), list(scripts()))
def test_no_script_contains_user_input(shell: str, script: str) -> None:
    assert "${{" not in script


@pytest.mark.parametrize(
    ("schema", "documents"),
    [
        ("github-actions", [action.read_text(encoding="utf-8") for action in ACTIONS]),
        ("github-workflows", workflows()),
        ("gitlab-ci", [*pipelines(), *(part for template in TEMPLATES for part in template_parts(template))]),
        ("gitlab-ci", [yaml.safe_dump(gitlab_jobs(pipeline, ROOT)) for pipeline in pipelines()]),
    ],
)
def test_written_outputs_are_the_ones_that_are_read(schema: str, documents: list[str], tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.yml" for number in range(len(documents))]
    for file, document in zip(files, documents, strict=True):
        file.write_text(document, encoding="utf-8")
    found = found_by("check-jsonschema", "--builtin-schema", f"vendor.{schema}", *map(str, files))
    assert found == "ok -- validation done\n"


def inputs() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The inputs that each example gives to an action or a template, and those that it declares."""
    for step in (step for workflow in workflows() for step in steps(workflow)):
        if path := path_of(step.get("uses", "")):
            yield step["with"], yaml.safe_load((ROOT / path / "action.yml").read_text(encoding="utf-8"))["inputs"]
    for included in (included for pipeline in pipelines() for included in yaml.safe_load(pipeline).get("include", [])):
        header, _ = template_parts(ROOT / path_of(included["remote"]))
        yield included["inputs"], yaml.safe_load(header)["spec"]["inputs"]


@pytest.mark.parametrize(("given", "declared"), list(inputs()))
def test_example_gives_the_required_inputs(given: dict[str, Any], declared: dict[str, Any]) -> None:
    required = {name for name, about in declared.items() if "default" not in about}
    assert required <= given.keys() <= declared.keys()


def test_installed_extras_exist() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    recipes = "".join(file.read_text(encoding="utf-8") for file in [*ACTIONS, *TEMPLATES, GUIDE])
    extras = set(re.findall(r"(?:understudy|\.\.)\[(\w+)\]", recipes))
    assert extras == {extra for extra in extras if f"\n{extra} = [" in project}
