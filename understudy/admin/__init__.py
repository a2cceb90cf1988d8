"""The control API: what a server holds and was asked, and how tests put it where they want it."""

from pathlib import Path

PATH = "/__admin"  # where its contract says that it is
FOLDER = Path(__file__).parent
CONTRACT = FOLDER / "openapi.yaml"
