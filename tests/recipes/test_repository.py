"""The workflows, hooks and release notes of this repository."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.servers import ROOT

BIN = Path(sys.executable).parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
NOTES = ROOT / ".github" / "release_notes.py"


def run(program: str, *arguments: str | Path, text: str = "") -> subprocess.CompletedProcess[str]:
    command = [str(BIN / program), *map(str, arguments)]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False, cwd=ROOT)


def steps(workflow: Path) -> list[dict[str, Any]]:
    jobs = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"].values()
    return [step for job in jobs for step in job["steps"]]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_workflow_is_valid(workflow: Path) -> None:
    found = run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", workflow)
    assert found.stdout == "ok -- validation done\n"
    for step in steps(workflow):
        if "run" in step:
            assert run("shellcheck", "--shell", "bash", "-", text=step["run"]).stdout == ""
            assert "${{" not in step["run"], "pass values by `env`, or a tag's name can be a command"


def test_workflows_run_each_test_target_and_only_targets_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.* ## ", makefile, flags=re.MULTILINE))
    made = {
        word
        for workflow in WORKFLOWS
        for step in steps(workflow)
        for line in step.get("run", "").splitlines()
        if line.startswith("make ")
        for word in line.split()[1:]
    }
    assert made <= targets
    assert {target for target in targets if target.startswith("test")} | {"check", "dist"} <= made


def test_workflows_run_every_supported_python() -> None:
    ci = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    pythons = ci["jobs"]["test"]["strategy"]["matrix"]["python"]
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    oldest = re.search(r'^requires-python = ">=(.*)"$', project, flags=re.MULTILINE)
    assert oldest is not None
    assert pythons[0] == oldest[1]
    assert f"{sys.version_info.major}.{sys.version_info.minor}" in pythons


def test_hooks_are_valid_and_run_installed_tools() -> None:
    config = ROOT / ".pre-commit-config.yaml"
    assert run("pre-commit", "validate-config", config).returncode == 0
    hooks = [hook for repo in yaml.safe_load(config.read_text(encoding="utf-8"))["repos"] for hook in repo["hooks"]]
    for hook in hooks:
        program, _, rest = hook["entry"].partition(" ")
        assert program.startswith(".venv/bin/"), hook
        assert (BIN / Path(program).name).exists(), hook
        assert f"$(BIN)/{Path(program).name}" in (ROOT / "Makefile").read_text(encoding="utf-8"), (hook, rest)


CHANGELOG = "# Changelog\n\n## Unreleased\n\n- New.\n\n## 0.2.0 (2030-01-01)\n\n- Two.\n\n## 0.1.0\n\n- One.\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout with a version and a changelog; returns its copy of the script."""
    for folder in ("understudy", ".github"):
        (tmp_path / folder).mkdir()
    (tmp_path / "understudy/version.py").write_text('__version__ = "0.2.0"\n', encoding="utf-8")
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG, encoding="utf-8")
    script = tmp_path / ".github/release_notes.py"
    script.write_bytes(NOTES.read_bytes())
    return script


def test_release_notes_are_the_version_s_section(project: Path) -> None:
    found = run("python", project, "v0.2.0")
    assert (found.returncode, found.stdout) == (0, "- Two.\n")


def test_tag_that_is_not_the_version_is_rejected(project: Path) -> None:
    found = run("python", project, "v0.3.0")
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr == "the tag v0.3.0 is not the package's version: set __version__, or tag v0.2.0\n"


def test_version_without_a_section_is_rejected(project: Path) -> None:
    (project.parent.parent / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n\n- New.\n", encoding="utf-8")
    found = run("python", project, "v0.2.0")
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr == "CHANGELOG.md has no section for 0.2.0: rename `## Unreleased` to `## 0.2.0`\n"
