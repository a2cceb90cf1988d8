"""The URLs of servers that users give."""

from urllib.parse import urlsplit

import httpx

SCHEMES = ("http", "https")
LAST_PORT = 65_535


def url_flaw(url: str) -> str | None:
    """Why a text is not the URL of a server; None if it is one.

    The URL has to be exact, since libraries differ in what they correct: `urlsplit` removes line ends, and sockets take
    a port modulo 65,536.
    """
    if not url.lower().startswith(tuple(f"{scheme}://" for scheme in SCHEMES)):
        return "it does not begin with http:// or https://"
    if any(character.isspace() or not character.isprintable() for character in url):
        return "it contains a space or a character that is not printable"
    try:
        parts = urlsplit(url)
        host = httpx.URL(url).raw_host.decode("ascii")
        port = parts.port
        host.encode("idna")
    except (ValueError, httpx.InvalidURL) as error:
        return str(error)
    if not host:
        return "it has no host"
    if port == 0:
        return f"its port is not from 1 to {LAST_PORT}"
    if "?" in url or "#" in url:
        return "it has a query or a fragment: leave out ? and # and what follows"
    return None
