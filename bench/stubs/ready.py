"""The ready responses: JSON by the contract's operation."""

import json
import os
from pathlib import Path

ANSWERS: dict[str, str] = json.loads(Path(os.environ["BENCH_ANSWERS"]).read_text(encoding="utf-8"))
CREATED = {"artifacts.create_artifact"}


def status_of(operation: str) -> int:
    return 201 if operation in CREATED else 200
