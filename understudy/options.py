"""The options of a server, given to the command, to `StandIn` or to the pytest plugin."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from ipaddress import ip_network
from typing import Any, Final

from understudy.clock import MACHINE, Clock, parsed_time
from understudy.errors import UnderstudyError
from understudy.http.limits import Limits
from understudy.network.credentials import BEARER, secret_flaw

DEFAULTS = Limits()
HIGHEST_PORT = 65535
MOST = 10**12  # of any count: more than any machine has, and within the range of all libraries
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
"""The smallest and largest value of each numeric option."""


KINDS = {bool: "True or False", str: "a text", str | None: "a text or None"}
"""The types of options that are not numbers, and what they are called."""


def check_network(text: str) -> None:
    """Check that a text is an IP address or network, such as 10.0.0.0/8.

    Raises:
        UnderstudyError: it is neither.
    """
    try:
        ip_network(text)
    except ValueError as error:
        raise UnderstudyError(f"a trusted proxy is an IP address or network, such as 10.0.0.0/8 ({error})") from None


def check_number(name: str, value: Any) -> None:
    """Check that a value is valid for a numeric option.

    Raises:
        UnderstudyError: it is not a number, or outside the option's range.
    """
    least, most = RANGES[name]
    is_whole = name != "client_timeout"
    if name == "seed" and value is None:
        return
    if not isinstance(value, int if is_whole else int | float) or isinstance(value, bool) or not least <= value <= most:
        kind = "whole number" if is_whole else "number"
        raise UnderstudyError(f"`{name}` takes a {kind} from {least} to {most}")


def check_kind(name: str, kind: Any, value: Any) -> None:
    """Check that a value that is not a number has the type of its option.

    Raises:
        UnderstudyError: it has another type.
    """
    if kind in KINDS and not isinstance(value, kind):
        raise UnderstudyError(f"`{name}` takes {KINDS[kind]}, not {value!r}")
    if kind == Sequence[str] and (isinstance(value, str) or not isinstance(value, Iterable)):
        raise UnderstudyError(f"`{name}` takes a list of texts, not {value!r}")


@dataclass(frozen=True)
class Options:
    """The options of a server.

    Args:
        fixtures: the fixture set, a folder of JSON Lines; the demo set by default.
        store: the file to store changes in; by default, changes are lost at the end.
        api: another API folder than Understudy's own. Experimental.
        strict: strict mode: refuse what the contract does not allow.
        host: the address to listen on.
        port: the port to listen on; 0 picks a free one.
        descriptor: the file descriptor of a listening TCP socket, used instead of host and port.
        journal: how many requests the journal holds.
        max_workspaces: the maximum number of workspaces beyond the default one.
        max_snapshots: the maximum number of snapshots of all workspaces.
        now: the time at which the clocks of workspaces stand at first, such as 2026-03-29T00:00Z; by default they are
            the machine's.
        services: whether background services run on the machine's clock, too; by default, only in workspaces whose
            clock was set.
        send_notifications: whether to send the notifications and webhooks of automations; by default, they are only
            recorded.
        ui: whether to serve the API's web UI, too.
        faults: fault rules: a file, or the name of a profile.
        seed: the seed of the faults; random by default.
        auth: the "user:password" that Basic authentication requires.
        api_key: the required Bearer token.
        csrf: whether changes require a token against cross-site request forgery.
        admin_token: the Bearer token that the control API requires; without it, it answers only this machine.
        trusted_proxies: addresses and networks of proxies whose X-Forwarded-For is trusted; none by default.
        max_body: the maximum bytes of a request body.
        max_head: the maximum bytes of a request line and its headers.
        max_depth: the maximum nesting depth of a body.
        max_items: the maximum length of a list or object in a body, and the maximum number of them.
        max_connections: the maximum number of open connections.
        client_timeout: the timeout, in seconds, for receiving a request, and for a client that does not read its
            response.

    Raises:
        UnderstudyError: a value has another type; a number or the time is not valid; the descriptor is not that of a
            listening TCP socket; a secret is empty or cannot be sent; or a proxy is not an address.
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
    now: str | None = None
    services: bool = False
    send_notifications: bool = False
    ui: bool = False
    faults: str | None = None
    seed: int | None = None
    auth: str | None = None
    api_key: str | None = None
    csrf: bool = False
    admin_token: str | None = None
    trusted_proxies: Sequence[str] = ()
    max_body: int = DEFAULTS.body
    max_head: int = DEFAULTS.head
    max_depth: int = DEFAULTS.depth
    max_items: int = DEFAULTS.items
    max_connections: int = DEFAULTS.connections
    client_timeout: float = DEFAULTS.seconds

    def __post_init__(self) -> None:
        for field in fields(self):
            check_kind(field.name, field.type, getattr(self, field.name))
        for name in RANGES:
            check_number(name, getattr(self, name))
        if self.descriptor is not None and not is_listening(self.descriptor):
            raise UnderstudyError(
                f"`descriptor` takes the descriptor of a listening TCP socket, which {self.descriptor!r} is not"
            )
        for name in ("auth", *BEARER):
            secret = getattr(self, name)
            flaw = None if secret is None else secret_flaw(name, secret)
            if flaw is not None:
                raise UnderstudyError(f"`{name}` {flaw}")
        for proxy in self.trusted_proxies:
            check_network(proxy)
        _ = self.clock

    def __repr__(self) -> str:
        return "Options(…)"  # credentials are never shown

    @property
    def clock(self) -> Clock:
        """The clock with which a workspace starts.

        Raises:
            UnderstudyError: `now` is not a time.
        """
        try:
            return MACHINE if self.now is None else Clock(parsed_time(self.now))
        except ValueError as error:
            raise UnderstudyError(f"`now`: {error}") from None

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
    """Whether a file descriptor is that of a listening TCP socket."""
    import socket  # noqa: PLC0415 - not needed for `--help`

    try:
        listener = socket.socket(fileno=descriptor)
    except (OSError, TypeError, ValueError, OverflowError):
        return False
    try:
        is_tcp = listener.family in (socket.AF_INET, socket.AF_INET6) and listener.type == socket.SOCK_STREAM
        return is_tcp and bool(listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    finally:
        listener.detach()
