"""The control API: inspect and change the rows, requests and faults of a running server."""

from pathlib import Path

PATH = "/__admin"  # the server URL of its contract
FOLDER = Path(__file__).parent
CONTRACT = FOLDER / "openapi.yaml"
