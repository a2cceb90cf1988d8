"""What clients ask of every server before they start to work."""

from typing import NoReturn

from understudy.errors import Unprocessable


def read_health() -> bool:
    return True


def read_readiness() -> dict[str, str]:
    return {"message": "OK"}


def read_hello() -> str:
    return "👋"


def read_api_version() -> str:
    return "0.8.4"


def read_server_version() -> str:
    return "3.9.1"


def create_csrf_token(client: str) -> NoReturn:
    raise Unprocessable("CSRF protection is disabled.")
