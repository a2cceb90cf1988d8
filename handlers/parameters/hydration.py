"""Hydration: replaces placeholders in parameters by values, such as those of variables."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jinja2 import ChainableUndefined, TemplateSyntaxError

from understudy.workspaces.workspace import Workspace

from .templates import Environment, InvalidTemplate, TemplateFailed, check_loops, is_template, render

KIND = "__prefect_kind"
ENVIRONMENT = Environment(undefined=ChainableUndefined)
OPENING, CLOSING = "{{", "}}"


class Removed:
    """Stands for a value to omit."""


class Unrendered:
    """Stands for the result of a template that is not rendered."""


class HydrationError(Exception):
    """A value cannot be determined. If errors are collected, it stands in place of the value.

    Args:
        message: the text of the error.
        kind: the kind of the error on a real server.
    """

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self._kind = kind

    def __repr__(self) -> str:
        return f"{self._kind}()"


IN_PLACE = (HydrationError, Removed, Unrendered)  # what can stand in place of a value


class Hydration:
    """Determines the values of placeholders: objects with a kind.

    Args:
        workspace: the workspace with the variables; None if variables are not looked up.
        raises: whether to raise an error, rather than put it in place of the value.
        render: renders a template; None if templates are only checked.
    """

    def __init__(
        self, workspace: Workspace | None, *, raises: bool, render: Callable[[str], str] | None = None
    ) -> None:
        self._variables = None if workspace is None else variables_of(workspace)
        self._render = render
        self._raises = raises
        self._kinds: Mapping[Any, Callable[[dict[str, Any]], Any]] = {
            "none": self._plain,
            "json": self._json,
            "jinja": self._jinja,
            "workspace_variable": self._variable,
        }

    def object(self, values: dict[str, Any]) -> Any:
        """An object with its placeholders replaced.

        Raises:
            HydrationError: a value cannot be determined, and errors are raised.
        """
        hydrated = self._value(values)
        return {} if isinstance(hydrated, Removed) else hydrated

    def _value(self, value: Any) -> Any:
        if isinstance(value, dict) and KIND in value:
            return self._of_kind(value)
        if isinstance(value, dict):
            parts = {name: self._value(part) for name, part in value.items()}
            return {name: part for name, part in parts.items() if not isinstance(part, Removed)}
        if isinstance(value, list):
            items = [self._value(item) for item in value]
            return [item for item in items if not isinstance(item, Removed)]
        return value

    def _of_kind(self, value: dict[str, Any]) -> Any:
        kind = value[KIND]
        if not isinstance(kind, str) or kind not in self._kinds:
            return value.get("value")
        found = self._kinds[kind](value)
        if self._raises and isinstance(found, HydrationError):
            raise found
        return found

    def _plain(self, value: dict[str, Any]) -> Any:
        return self._value(value["value"]) if "value" in value else missing("value")

    def _json(self, value: dict[str, Any]) -> Any:
        if "value" not in value:
            return Removed()
        text = self._inner(value["value"])
        if not isinstance(text, str):
            return text
        try:
            return json.loads(text)
        except ValueError as error:
            return HydrationError(f"Invalid JSON: {error}", "InvalidJSON")

    def _jinja(self, value: dict[str, Any]) -> Any:
        if "template" not in value:
            return missing("template")
        template = self._inner(value["template"])
        if isinstance(template, IN_PLACE):
            return template
        try:
            root = ENVIRONMENT.parse(str(template))
            check_loops(root)
        except (TemplateSyntaxError, InvalidTemplate) as error:
            return invalid_template(error)
        if self._render is None:
            return Unrendered()
        if not isinstance(template, str):
            return template
        try:
            return self._render(template)
        except TemplateFailed as error:
            return invalid_template(error)

    def _variable(self, value: dict[str, Any]) -> Any:
        if "variable_name" not in value:
            return Removed()
        name = self._inner(value["variable_name"])
        if isinstance(name, IN_PLACE):
            return name
        if self._variables is None:
            return Unrendered()
        if isinstance(name, str) and name in self._variables:
            return self._variables[name]
        return HydrationError(f"Variable '{name}' not found in workspace.", "WorkspaceVariableNotFound")

    def _inner(self, value: Any) -> Any:
        return self._value(value) if isinstance(value, dict) else value


def missing(key: str) -> HydrationError:
    return HydrationError(f"Missing '{key}' key in __prefect object", f"{key.title()}NotFound")


def invalid_template(error: Exception) -> HydrationError:
    return HydrationError(f"Invalid jinja: {error}", "InvalidJinja")


def without_context(template: str) -> str:
    """Render a template without any variables.

    Raises:
        TemplateFailed: it cannot be rendered.
    """
    return render(ENVIRONMENT, template, {})


def variables_of(workspace: Workspace) -> dict[str, Any]:
    variables = workspace["variables"]
    return {values["name"]: values["value"] for values in (variables.values(row) for row in variables.live)}


def checked_templates(parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    """Parameters whose texts may be templates; those in lists are not checked, as on a real server.

    Raises:
        ValueError: a template or a value is not valid.
    """
    hydrated = Hydration(None, raises=False).object(with_templates(parameters or {}))
    errors = [f"{place and place + ':'} {error}" for place, error in errors_in(hydrated)]
    if errors:
        raise ValueError("Invalid parameters: \n" + "\n  ".join(errors))
    return parameters


def with_templates(value: Any) -> Any:
    """A value with an object of a kind in place of each text that is a template, except in lists in lists."""
    if isinstance(value, dict):
        return value if KIND in value else {name: with_templates(part) for name, part in value.items()}
    if isinstance(value, list):
        return [part if isinstance(part, list) else with_templates(part) for part in value]
    return of_template(value) if isinstance(value, str) and is_template(value) else value


def of_template(text: str) -> dict[str, Any]:
    """The placeholder for a template. If the template is a single expression, the value keeps its type."""
    expression = text.strip()
    if expression.startswith(OPENING) and expression.endswith(CLOSING) and expression.count(OPENING) == 1:
        inner = f"{OPENING} {expression[2:-2].strip()} | tojson {CLOSING}"
        return {KIND: "json", "value": {KIND: "jinja", "template": inner}}
    return {KIND: "jinja", "template": text}


def errors_in(hydrated: Any, place: str = "") -> Iterator[tuple[str, HydrationError]]:
    if isinstance(hydrated, HydrationError):
        yield place, hydrated
    elif isinstance(hydrated, dict):
        for name, part in hydrated.items():
            yield from errors_in(part, f"{place}.{name}" if place else name)
