"""Scenarios can be in separate files, which are read and checked when they are needed."""

import shutil
from pathlib import Path

import pytest

from understudy.contract.contract import Contract
from understudy.contract.scenario_files import ScenarioFiles
from understudy.errors import ContractError
from understudy.operations.api_folder import own_folder

FILE = "openapi/scenarios/flows.yaml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the bundled contract."""
    shutil.copytree(own_folder() / "openapi", tmp_path / "openapi")
    shutil.copy(own_folder() / "openapi.yaml", tmp_path)
    return tmp_path


def scenarios(folder: Path, operation_id: str) -> list[str]:
    contract = Contract.read(folder / "openapi.yaml")
    place = next(place for name, place in contract.operations() if name == operation_id)
    return list(ScenarioFiles().of(place))


def test_scenarios_are_read_from_a_file_or_from_the_operation(folder: Path) -> None:
    assert "two of three flows" in scenarios(folder, "flows.bulk_delete_flows")
    assert scenarios(folder, "collections.read_view_content") == ["a view that is not there"]
    assert scenarios(folder, "flows.read_flow_by_name") == []


def test_contract_is_read_without_scenarios(folder: Path) -> None:
    (folder / FILE).unlink()
    contract = Contract.load(folder / "openapi.yaml")
    assert not any("scenarios" in path.parts for path in contract.bundle.files)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, r"openapi/scenarios/flows\.yaml: cannot be read \(No such file or directory\)"),
        ("{", r"openapi/scenarios/flows\.yaml: is not YAML"),
        (
            "create_flow: {}",
            r"openapi/flows\.yaml: .*`x-scenarios: .*/bulk_delete_flows` cannot be resolved",
        ),
        ("bulk_delete_flows: some", r"flows\.yaml: bulk_delete_flows: `x-scenarios` takes for each name a list"),
        (
            "bulk_delete_flows: {a: [{sent: GET /flows/}]}",
            r"bulk_delete_flows: `x-scenarios` takes for each",
        ),
    ],
)
def test_error_is_reported_with_its_file(folder: Path, text: str | None, reason: str) -> None:
    (folder / FILE).unlink()
    if text is not None:
        (folder / FILE).write_text(text, encoding="utf-8")
    with pytest.raises(ContractError, match=reason):
        scenarios(folder, "flows.bulk_delete_flows")
