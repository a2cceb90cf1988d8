"""A server kept busy with all kinds of requests for `--soak-minutes`, see tests/server/soak.py."""

import pytest

from tests.server.soak import soak


@pytest.mark.timeout(3600)  # as long as --soak-minutes
def test_busy_server_stays_healthy(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> None:
    figures = soak(request.config.getoption("--soak-minutes"))
    with capsys.disabled():
        print(f"\n{figures}")  # noqa: T201 - figures are what a run is for
    assert list(figures.complaints()) == []
    assert figures.requests > 0
