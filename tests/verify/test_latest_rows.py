"""The rule about the latest row of a key, for rows that were created before the run."""

from pathlib import Path
from uuid import UUID

import pytest

from tests.apps import app_on
from tests.jsonl import write
from tests.verify.contexts import ContextFactory
from understudy.operations.api_folder import Api
from understudy.verify.checks import latest_rows

OLDER, NEWER, LATEST = (str(UUID(int=number)) for number in range(1, 4))


@pytest.mark.parametrize(
    ("seconds", "found"), [("00.100", []), ("01.000", []), ("01.001", ["derived"]), ("09", ["derived"])]
)
def test_latest_of_artifacts_that_were_created_at_once_is_any(
    context_factory: ContextFactory, api: Api, tmp_path: Path, seconds: str, found: list[str]
) -> None:
    times = {OLDER: "2026-01-01T00:00:00Z", NEWER: f"2026-01-01T00:00:{seconds}Z"}
    artifacts = [{"id": row_id, "created": time, "updated": time, "key": "k"} for row_id, time in times.items()]
    latest = {**artifacts[0], "id": LATEST, "latest_id": OLDER}
    write(tmp_path / "artifacts.jsonl", artifacts)
    write(tmp_path / "artifact_collections.jsonl", [latest])
    with context_factory.context_of(app_on(tmp_path, api)) as context:
        context_factory.learn(context)
        latest_rows.check(context, context.endpoint_map.selections["artifact_collections"])
        assert [each.rule.name for each in context.results.verdict.violations] == found
