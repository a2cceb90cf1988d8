"""The text that a server prints once it is ready."""

from collections.abc import Iterator, Mapping

from understudy.site import Site
from understudy.text import escape, noun
from understudy.workspaces.workspace import Workspace
from understudy.workspaces.workspace_storage import Content


def greeting(site: Site, content: Content, url: str, seconds: float, secrets: Mapping[str, str]) -> str:
    """The text to print once a server is ready: its URL, its rows by table, and the exports for a shell."""
    contract = site.api.contract
    lines = [
        f"Understudy is running at {url} (started in {seconds:.2f} s)",
        f"  rows from {escape(str(content.origin))}:",
        *rows_by_table(content.workspace),
        f"  docs: {url.removesuffix(contract.base_path)}/docs",
    ]
    if site.web_ui is not None:
        lines.append(f"  UI: {url.removesuffix(contract.base_path)}/")
    variables = (
        (contract.environment_variable, url),
        (contract.auth_variable, secrets.get("auth")),
        (contract.key_variable, secrets.get("api_key")),
    )
    lines += [f"  export {name}={escape(value)}" for name, value in variables if name and value]
    return "\n".join(lines)


def rows_by_table(workspace: Workspace) -> Iterator[str]:
    """One line per table with its number of rows. Tables without rows are omitted."""
    counts = {name: len(table) for name, table in workspace.items() if table}
    width = max((len(str(count)) for count in counts.values()), default=0)
    for name, count in counts.items():
        yield f"    {count:{width}} {noun(count, name)}"
    if not counts:
        yield "    none"
