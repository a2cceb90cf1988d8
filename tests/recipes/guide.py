"""The recipes, and the examples in the guide to them."""

import re
from pathlib import Path
from typing import Any

import yaml

from tests.servers import ROOT

ACTIONS = sorted((ROOT / ".github" / "actions").glob("*/action.yml"))
TEMPLATES = sorted((ROOT / ".ci" / "gitlab").glob("*.yml"))
DOCKERFILE = ROOT / ".ci" / "Dockerfile"
GUIDE = ROOT / "docs" / "guides" / "ci.md"
ARCHIVE = "https://github.com/OWNER/understudy/archive/REF.tar.gz"


def blocks(language: str, file: str = "") -> list[str]:
    """The examples in a language; those for a file, or for files in a folder, name it in their first line."""
    text = GUIDE.read_text(encoding="utf-8")
    found: list[str] = re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    return [block for block in found if block.startswith(f"# {file}" if file else "")]


def workflows() -> list[str]:
    return blocks("yaml", ".github/workflows/")


def pipelines() -> list[str]:
    return blocks("yaml", ".gitlab-ci.yml")


def one(texts: list[str], part: str) -> str:
    """The one text that has a part in it."""
    (found,) = [text for text in texts if part in text]
    return found


def steps(workflow: str) -> list[dict[str, Any]]:
    return [step for job in yaml.safe_load(workflow)["jobs"].values() for step in job["steps"]]


def template_parts(file: Path) -> list[str]:
    """A GitLab template's header, which declares its inputs, and its jobs."""
    return file.read_text(encoding="utf-8").split("\n---\n")


def path_of(reference: str) -> str:
    """The path of a file or folder of this repository that a user refers to; empty if it is in another one."""
    found = re.search(r"\bOWNER/understudy/(?:REF/)?([^@]+)", reference)
    return found[1] if found else ""
