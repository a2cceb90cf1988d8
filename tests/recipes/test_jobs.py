"""Jobs on GitHub and GitLab, as the guide has them."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import httpx
import pytest

from tests.conftest import SMALL
from tests.recipes.guide import one, pipelines, steps, workflows
from tests.recipes.runners import GitHub, Machine, gitlab_jobs, machine, run_on_gitlab
from tests.servers import free_port

# A user's tests, which use the API that the environment names.
APPLICATION = """
import os, unittest, urllib.request

class Test(unittest.TestCase):
    def test_the_api(self):
        request = urllib.request.Request(os.environ["PREFECT_API_URL"] + "/flows/count", method="POST")
        self.assertEqual(urllib.request.urlopen(request).read(), b"12")
"""


@pytest.fixture
def runner(environment: dict[str, str], tmp_path: Path) -> Iterator[Machine]:
    """A machine with a user's project."""
    project = tmp_path / "project"
    shutil.copytree(SMALL, project / "tests" / "fixtures")
    (project / "tests" / "__init__.py").touch()
    (project / "tests" / "test_application.py").write_text(APPLICATION, encoding="utf-8")
    with machine(project, environment) as made:
        yield made


@pytest.fixture(scope="module")
def runner_temp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A runner's folder; what an action has installed there is kept from test to test."""
    return tmp_path_factory.mktemp("runner")


@pytest.fixture
def github(runner: Machine, checkout: Path, runner_temp: Path) -> GitHub:
    return GitHub(runner, checkout, runner_temp)


def test_github_job_has_a_stand_in_until_it_ends(github: GitHub, runner: Machine) -> None:
    outputs = github.job(steps(one(workflows(), "actions/stand-in")))
    assert outputs["url"] == runner.environment["PREFECT_API_URL"]
    assert outputs["url"] in Path(outputs["log"]).read_text(encoding="utf-8")
    assert httpx.post(f"{outputs['url']}/flows/count").json() == 12
    runner.end()
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{outputs['url']}/health")


def test_github_job_fails_if_the_stand_in_does(github: GitHub) -> None:
    with pytest.raises(subprocess.CalledProcessError) as failure:
        github.use(".github/actions/stand-in", {"options": "--fixtures=no such folder"})
    assert failure.value.stdout == "error: no such folder: no such fixture folder\n"


def test_gitlab_job_has_a_stand_in(runner: Machine, checkout: Path) -> None:
    jobs = gitlab_jobs(one(pipelines(), "stand-in.yml"), checkout)
    run_on_gitlab(runner, jobs["test"])


def test_github_job_verifies(github: GitHub, runner: Machine, small: httpx.Client) -> None:
    given = {"url": str(small.base_url), "options": "--max-requests=40\n--seed=7\n"}
    github.use(".github/actions/verify", given)
    assert_reported(runner)


def test_github_job_fails_if_the_verification_does(github: GitHub) -> None:
    with pytest.raises(subprocess.CalledProcessError) as failure:
        github.use(".github/actions/verify", {"url": f"http://127.0.0.1:{free_port()}/api"})
    assert failure.value.returncode == 2


def test_gitlab_job_verifies(runner: Machine, checkout: Path, small: httpx.Client) -> None:
    pipeline = one(pipelines(), "verify.yml").replace("http://prefect:4200/api", str(small.base_url))
    pipeline = pipeline.replace("--allow-writes", "--max-requests 40 --seed 7")
    run_on_gitlab(runner, gitlab_jobs(pipeline, checkout)["prefect-server"])
    assert_reported(runner)


def assert_reported(runner: Machine) -> None:
    """The reports exist, and are of a run with the given options."""
    reports = runner.folder / "understudy-reports"
    assert json.loads((reports / "report.json").read_text(encoding="utf-8"))["seed"] == 7
    assert ET.parse(reports / "junit.xml").getroot().tag == "testsuites"
    assert "<html" in (reports / "report.html").read_text(encoding="utf-8")
