"""How large the parameters of a run may be."""

import json
from typing import Any

LARGEST = 524_288  # the maximum size of parameters in bytes


def checked_size(parameters: dict[str, Any]) -> dict[str, Any]:
    size = len(json.dumps(parameters, separators=(",", ":"), default=str).encode())
    if size > LARGEST:
        raise ValueError(
            f"Flow run parameters must be less than {LARGEST:,} bytes when serialized (got {size:,} bytes)."
        )
    return parameters
