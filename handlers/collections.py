"""What packages offer: as an installed Prefect has it, otherwise the type of workers that every client knows."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from understudy.errors import NotFound
from understudy.operations.handler_results import Answer

VIEWS = ("aggregate-block-metadata", "aggregate-flow-metadata", "aggregate-worker-metadata", "demo-flows")
DATA = "server/api/collections_data/views"  # in the folder of an installed Prefect

Json = dict[str, Any]


def read_view_content(view: str) -> Answer:
    if view not in VIEWS:
        raise NotFound(f"View {view} not found in registry")
    return installed_view(view) or OWN.get(view, {})


@cache
def installed_view(view: str) -> Json | None:
    """A view of the Prefect that is installed, which is not imported for it."""
    package = find_spec("prefect")
    for folder in (package and package.submodule_search_locations) or ():
        path = Path(folder, DATA, f"{view}.json")
        if path.is_file():
            found: Json = from_json(path.read_bytes())
            return found
    return None


def own_worker() -> Json:
    """The type of workers that run flows as processes of their own machine."""
    text = {"type": "string"}
    variables = {
        "name": {**text, "title": "Name", "description": "The name of the process."},
        "env": {
            "title": "Environment Variables",
            "description": "Environment variables of the process.",
            "type": "object",
            "additionalProperties": text,
        },
        "labels": {
            "title": "Labels",
            "description": "Labels of the process.",
            "type": "object",
            "additionalProperties": text,
        },
        "command": {**text, "title": "Command", "description": "The command to run instead of the usual one."},
        "stream_output": {
            "title": "Stream Output",
            "description": "Whether the worker prints the output of the process.",
            "default": True,
            "type": "boolean",
        },
        "working_dir": {
            **text,
            "title": "Working Directory",
            "description": "The folder to run in; a temporary one by default.",
            "format": "path",
        },
    }
    return {
        "type": "process",
        "display_name": "Process",
        "description": "Runs each flow as a process on the machine of the worker.",
        "documentation_url": "https://docs.prefect.io/v3/concepts/workers",
        "install_command": "pip install prefect",
        "logo_url": None,
        "is_beta": False,
        "default_base_job_configuration": {
            "job_configuration": {name: f"{{{{ {name} }}}}" for name in variables},
            "variables": {"type": "object", "properties": variables},
        },
    }


OWN: dict[str, Json] = {"aggregate-worker-metadata": {"prefect": {"process": own_worker()}}}
