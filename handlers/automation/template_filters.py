"""The filters that the templates of an automation have.

Source: `prefect.server.events.jinja_filters` and `prefect.server.utilities.user_templates`.
"""

import re
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from jinja2 import ChainableUndefined
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup
from pydantic_core import from_json, to_json

from ..parameters.templates import Environment
from .template_values import Model

RUN_URL = re.compile(r"flow-run/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
HUMANIZE = "jinja2_humanize_extension"
HUMANIZE_EXTENSION = f"{HUMANIZE}.HumanizeExtension"


def to_json_text(value: Any, indent: int | None = None) -> Markup:
    """The filter `tojson`: rows as in responses."""
    return htmlsafe_json_dumps(plain(value), indent=indent, sort_keys=True)


def plain(value: Any) -> Any:
    """A value with rows as plain JSON."""
    if isinstance(value, Model):
        return from_json(to_json(value, timedelta_mode="float"))
    if isinstance(value, Mapping):
        return {name: plain(part) for name, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, list) else value


def ui_url(value: Any) -> None:
    """The filter `ui_url`: a server that does not know the address of its UI has none."""


def ui_resource_events_url(value: Any) -> str | None:
    """The filter `ui_resource_events_url`: the page with the events of a row or a resource."""
    resource_id = value.resource_id if isinstance(value, Model) else None
    return None if resource_id is None else f"events?resource={resource_id}"


def flow_run_id(text: str | None) -> str | None:
    """The filter `flow_run_id`: the id in the URL of a run's page."""
    found = RUN_URL.search(text) if text else None
    return found[1] if found else None


def environment() -> Environment:
    """The environment of templates. It has the filters for readable times of a package that comes with Prefect."""
    made = Environment(undefined=ChainableUndefined, extensions=[HUMANIZE_EXTENSION] if find_spec(HUMANIZE) else [])
    made.add_filters(
        {
            "tojson": to_json_text,
            "ui_url": ui_url,
            "ui_resource_events_url": ui_resource_events_url,
            "flow_run_id": flow_run_id,
        }
    )
    return made


ENVIRONMENT = environment()
