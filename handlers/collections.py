"""Collections of packages: from an installed Prefect, else the types of workers with short descriptions."""

from functools import cache
from typing import Any

from pydantic_core import from_json

from understudy.errors import NotFound
from understudy.operations.handler_results import Answer

from .installed_prefect import folders

VIEWS = ("aggregate-block-metadata", "aggregate-flow-metadata", "aggregate-worker-metadata", "demo-flows")
DATA = "server/api/collections_data/views"  # a folder of the installed Prefect

Json = dict[str, Any]


def read_view_content(view: str) -> Answer:
    if view not in VIEWS:
        raise NotFound(f"View {view} not found in registry")
    return installed_view(view) or OWN.get(view, {})


@cache
def installed_view(view: str) -> Json | None:
    """A view of the installed Prefect, read without importing it."""
    for folder in folders():
        path = folder / DATA / f"{view}.json"
        if path.is_file():
            found: Json = from_json(path.read_bytes())
            return found
    return None


def own_worker(kind: str, display_name: str, description: str, package: str, own: Json) -> Json:
    """A type of workers, with the variables that all types have, and its own."""
    labelled = {"type": "object", "additionalProperties": TEXT}
    variables = {
        "name": {**TEXT, "title": "Name", "description": "The name of what runs the flow."},
        "env": {**labelled, "title": "Environment Variables", "description": "Environment variables of the flow."},
        "labels": {**labelled, "title": "Labels", "description": "Labels of what runs the flow."},
        "command": {**TEXT, "title": "Command", "description": "The command to run instead of the usual one."},
        **own,
    }
    return {
        "type": kind,
        "display_name": display_name,
        "description": description,
        "documentation_url": "https://docs.prefect.io/v3/concepts/workers",
        "install_command": f"pip install {package}",
        "logo_url": None,
        "is_beta": False,
        "default_base_job_configuration": {
            "job_configuration": {name: f"{{{{ {name} }}}}" for name in variables},
            "variables": {"type": "object", "properties": variables},
        },
    }


TEXT = {"type": "string"}
OF_PROCESSES = {
    "stream_output": {
        "title": "Stream Output",
        "description": "Whether the worker prints the output of the process.",
        "default": True,
        "type": "boolean",
    },
    "working_dir": {
        **TEXT,
        "title": "Working Directory",
        "description": "The folder to run in; a temporary one by default.",
        "format": "path",
    },
}
OF_CONTAINERS = {"image": {**TEXT, "title": "Image", "description": "The image of the container."}}
CONTAINERS = {
    "prefect-aws": {"ecs": "AWS Elastic Container Service"},
    "prefect-azure": {"azure-container-instance": "Azure Container Instances"},
    "prefect-docker": {"docker": "Docker"},
    "prefect-gcp": {
        "cloud-run": "Google Cloud Run",
        "cloud-run-v2": "Google Cloud Run V2",
        "vertex-ai": "Google Vertex AI",
    },
    "prefect-kubernetes": {"kubernetes": "Kubernetes"},
}
"""The types of workers that run each flow in a container, by package."""

OWN_WORKERS: Json = {
    "prefect": {
        "process": own_worker(
            "process", "Process", "Runs each flow as a process on the machine of the worker.", "prefect", OF_PROCESSES
        )
    }
} | {
    package: {
        kind: own_worker(kind, name, f"Runs each flow in a container with {name}.", package, OF_CONTAINERS)
        for kind, name in kinds.items()
    }
    for package, kinds in CONTAINERS.items()
}
OWN: dict[str, Json] = {"aggregate-worker-metadata": OWN_WORKERS}
