"""CI runners, as far as the recipes need them: GitHub's for composite actions, GitLab's for templates."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from tests.recipes.guide import ARCHIVE, path_of, template_parts


class Machine:
    """Runs scripts, each in a new process group, and finally ends all that they started."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.environment = dict(environment)
        self._groups: list[int] = []

    def run(self, script: str, more: Mapping[str, str]) -> None:
        """Runs a script until no process that it started has its output open: a runner waits for that, too.

        Raises:
            CalledProcessError: the script failed; it has what was printed.
        """
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env={**self.environment, **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._groups.append(process.pid)
        printed, _ = process.communicate(timeout=60)
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command, printed)

    def end(self) -> None:
        for group in self._groups:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)


@contextmanager
def machine(folder: Path, environment: Mapping[str, str]) -> Iterator[Machine]:
    made = Machine(folder, environment)
    try:
        yield made
    finally:
        made.end()


class GitHub:
    """Runs those steps of a job that are scripts or actions of this repository; others are passed over.

    Args:
        machine: where the steps run.
        checkout: this repository, as GitHub checks it out for a job that uses its actions.
        folder: for the runner's files.
    """

    def __init__(self, machine: Machine, checkout: Path, folder: Path) -> None:
        self._machine = machine
        self._checkout = checkout
        self._folder = folder
        machine.environment["RUNNER_TEMP"] = str(folder)

    def job(self, steps: list[dict[str, Any]]) -> dict[str, str]:
        """The outputs of its actions."""
        outputs: dict[str, str] = {}
        for step in steps:
            if path := path_of(step.get("uses", "")):
                outputs |= self.use(path, step.get("with", {}))
            elif "run" in step:
                self._script(step["run"], {})
        return outputs

    def use(self, path: str, given: Mapping[str, str]) -> dict[str, str]:
        """The outputs of an action."""
        folder = self._checkout / path
        action = yaml.safe_load((folder / "action.yml").read_text(encoding="utf-8"))
        known = {f"inputs.{name}": value for name, value in with_defaults(given, action["inputs"]).items()}
        for step in action["runs"]["steps"]:
            environment = {name: filled(value, known) for name, value in step.get("env", {}).items()}
            outputs = self._script(step["run"], {"GITHUB_ACTION_PATH": str(folder), **environment})
            known |= {f"steps.{step.get('id')}.outputs.{name}": value for name, value in outputs.items()}
        return {name: filled(declared["value"], known) for name, declared in action.get("outputs", {}).items()}

    def _script(self, script: str, more: Mapping[str, str]) -> dict[str, str]:
        """The outputs of a script; later scripts get what it adds to the environment."""
        files = {name: self._folder / name for name in ("GITHUB_ENV", "GITHUB_OUTPUT")}
        for file in files.values():
            file.write_text("", encoding="utf-8")
        self._machine.run(script, {**more, **{name: str(file) for name, file in files.items()}})
        self._machine.environment |= settings(files["GITHUB_ENV"])
        return settings(files["GITHUB_OUTPUT"])


def gitlab_jobs(pipeline: str, checkout: Path) -> dict[str, Any]:
    """The jobs of a `.gitlab-ci.yml` with what they extend, all from a checkout of this repository."""
    jobs = yaml.safe_load(pipeline.replace(ARCHIVE, checkout.as_uri()))
    templates: dict[str, Any] = {}
    for included in jobs.pop("include", []):
        templates |= gitlab_template(checkout / path_of(included["remote"]), included["inputs"])
    return {name: {**templates.get(job.pop("extends", ""), {}), **job} for name, job in jobs.items()}


def run_on_gitlab(machine: Machine, job: Mapping[str, Any]) -> None:
    machine.run("\n".join([*job.get("before_script", []), *job["script"]]), {})


def gitlab_template(file: Path, given: Mapping[str, str]) -> dict[str, Any]:
    """The jobs of a template, with its inputs filled in."""
    header, jobs = template_parts(file)
    for name, value in with_defaults(given, yaml.safe_load(header)["spec"]["inputs"]).items():
        jobs = jobs.replace(f"$[[ inputs.{name} ]]", value)
    found: dict[str, Any] = yaml.safe_load(jobs)
    return found


def with_defaults(given: Mapping[str, str], declared: Mapping[str, Any]) -> dict[str, str]:
    return {**{name: about["default"] for name, about in declared.items() if "default" in about}, **given}


def filled(text: str, known: Mapping[str, str]) -> str:
    return re.sub(r"\$\{\{ ([\w.-]+) \}\}", lambda match: known[match[1]], text)


def settings(file: Path) -> dict[str, str]:
    """The lines of a file, each a name, `=`, and a value."""
    return dict(line.split("=", maxsplit=1) for line in file.read_text(encoding="utf-8").splitlines())
