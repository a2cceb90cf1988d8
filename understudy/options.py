"""Options: what a server is started with, by the command, by code or by a test run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any, Final

from understudy.errors import UnderstudyError
from understudy.http.limits import Limits
from understudy.network.credentials import BEARER, secret_flaw

USUAL = Limits()
HIGHEST_PORT = 65535
MOST = 10**12  # of anything that is counted: more than any machine has, and within what all its libraries take
YEAR = 31_536_000  # seconds
RANGES: Final[Mapping[str, tuple[float, float]]] = {
    "port": (0, HIGHEST_PORT),
    "journal": (0, MOST),
    "max_workspaces": (0, MOST),
    "max_snapshots": (0, MOST),
    "seed": (-MOST, MOST),
    "max_body": (1, MOST),
    "max_head": (1, MOST),
    "max_depth": (1, MOST),
    "max_items": (1, MOST),
    "max_connections": (1, MOST),
    "client_timeout": (0.001, YEAR),
}
"""The least and the highest value of each option that is a number."""


def check_network(text: str) -> None:
    """See whether a text is an IP address or network, such as 10.0.0.0/8.

    Raises:
        UnderstudyError: it is neither.
    """
    try:
        ip_network(text)
    except ValueError as error:
        raise UnderstudyError(f"a trusted proxy is an IP address or network, such as 10.0.0.0/8 ({error})") from None


def check_number(name: str, value: Any) -> None:
    """See whether a value is a number that an option takes.

    Raises:
        UnderstudyError: it is none, or outside the option's range.
    """
    least, most = RANGES[name]
    is_whole = name != "client_timeout"
    if name == "seed" and value is None:
        return
    if not isinstance(value, int if is_whole else int | float) or isinstance(value, bool) or not least <= value <= most:
        kind = "whole number" if is_whole else "number"
        raise UnderstudyError(f"`{name}` takes a {kind} from {least} to {most}")


@dataclass(frozen=True)
class Options:
    """What a server is started with.

    Args:
        fixtures: the fixture set, a folder of JSON Lines; the demo set by default.
        store: the file that keeps what is written; nothing is kept by default.
        api: another API folder than Understudy's own; experimental.
        strict: take the contract by its letter.
        host: the address to listen on.
        port: the port to listen on; 0 takes a free one.
        descriptor: the file descriptor of a TCP socket that listens already; then host and port are not looked at.
        journal: how many of the last requests are remembered.
        max_workspaces: how many workspaces there may be beyond the default one.
        max_snapshots: how many snapshots there may be of all workspaces.
        faults: what goes wrong on purpose: a file of rules, or a profile's name.
        seed: what faults are drawn by; another each time by default.
        auth: "user:password" that clients need for Basic authentication.
        api_key: what clients need as a Bearer token.
        csrf: whether changes need a token against cross-site request forgery.
        admin_token: what the control API needs as a Bearer token; without one it answers this machine alone.
        trusted_proxies: addresses and networks of proxies whose X-Forwarded-For says who the client is. By default
            none is trusted, and the client is whoever has connected.
        max_body: bytes of a request's body.
        max_head: bytes of a request's line and headers.
        max_depth: levels of lists and objects within each other in a body.
        max_items: of one list or object in a body, and lists and objects in all of it.
        max_connections: that may be open at a time.
        client_timeout: seconds that a request may take to come in, and for which a client may not read its answer.

    Raises:
        UnderstudyError: a number is none, or outside its range; the descriptor is not that of a listening TCP socket;
            a secret is empty or cannot be sent; or a proxy is no address.
    """

    fixtures: str | None = None
    store: str | None = None
    api: str | None = None
    strict: bool = False
    host: str = "127.0.0.1"
    port: int = 0
    descriptor: int | None = None
    journal: int = 1000
    max_workspaces: int = 1000
    max_snapshots: int = 100
    faults: str | None = None
    seed: int | None = None
    auth: str | None = None
    api_key: str | None = None
    csrf: bool = False
    admin_token: str | None = None
    trusted_proxies: Sequence[str] = ()
    max_body: int = USUAL.body
    max_head: int = USUAL.head
    max_depth: int = USUAL.depth
    max_items: int = USUAL.items
    max_connections: int = USUAL.connections
    client_timeout: float = USUAL.seconds

    def __post_init__(self) -> None:
        for name in RANGES:
            check_number(name, getattr(self, name))
        if self.descriptor is not None and not is_listening(self.descriptor):
            raise UnderstudyError(
                f"`descriptor` takes that of a listening TCP socket, which {self.descriptor!r} is not"
            )
        for name in ("auth", *BEARER):
            secret = getattr(self, name)
            flaw = None if secret is None else secret_flaw(name, secret)
            if flaw is not None:
                raise UnderstudyError(f"`{name}` {flaw}")
        for proxy in self.trusted_proxies:
            check_network(proxy)

    def __repr__(self) -> str:
        return "Options(…)"  # what lets people in shows up nowhere

    @property
    def limits(self) -> Limits:
        return Limits(
            self.max_body,
            self.max_head,
            self.client_timeout,
            self.max_connections,
            self.max_depth,
            self.max_items,
        )


def is_listening(descriptor: int) -> bool:
    """Whether a file descriptor is that of a TCP socket that listens."""
    import socket  # noqa: PLC0415 - the command imports this module, and needs no socket for its help

    try:
        listener = socket.socket(fileno=descriptor)
    except (OSError, TypeError, ValueError, OverflowError):
        return False
    try:
        is_tcp = listener.family in (socket.AF_INET, socket.AF_INET6) and listener.type == socket.SOCK_STREAM
        return is_tcp and bool(listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    finally:
        listener.detach()
