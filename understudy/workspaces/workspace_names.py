"""The names of workspaces: DEFAULT, and those whose ids are in a URL ("<id>/<id>")."""

from uuid import UUID

from understudy.errors import Unprocessable

DEFAULT = "default"  # the workspace of the API's plain URL
WORKSPACE = "understudy.workspace"  # the key of the name of a request's workspace in the ASGI scope


def canonical(name: str) -> str:
    """A name with its ids in canonical form.

    Raises:
        Unprocessable: it is neither DEFAULT nor a sequence of ids.
    """
    if name == DEFAULT:
        return name
    try:
        return "/".join(str(UUID(part)) for part in name.split("/"))
    except ValueError:
        raise invalid_name(name) from None


def is_name(text: str) -> bool:
    """Whether a text is the name of a workspace in canonical form."""
    try:
        return canonical(text) == text
    except Unprocessable:
        return False


def invalid_name(name: str) -> Unprocessable:
    return Unprocessable(
        f"`{name}` is not the name of a workspace: use `{DEFAULT}`, or the ids of its URL with a slash between, each "
        "a UUID such as 7c0f3ed5-4b8a-4c5e-9d57-0c1f8a6b2d11."
    )
