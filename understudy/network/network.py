"""How commands reach a server: which certificates they trust, and through which proxy."""

import os
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from understudy.errors import UnderstudyError
from understudy.network import proxies
from understudy.paths import check_file

VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")  # also in upper case


@dataclass(frozen=True)
class Proxy:
    """A proxy. `source` says who names it."""

    url: str
    source: str

    def __str__(self) -> str:
        """The proxy as it may be shown, without the password that its URL may have."""
        return f"{proxies.without_password(self.url)} ({self.source})"


@dataclass(frozen=True)
class Network:
    """What a user says about the way to a server.

    Args:
        insecure: whether any certificate is accepted.
        ca_file: certificates (PEM) that are trusted instead of the system's.
        proxy: the URL of a proxy; by default HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY say which.
    """

    insecure: bool = False
    ca_file: Path | None = None
    proxy: str | None = None

    def proxy_for(self, url: str) -> Proxy | None:
        """The proxy between here and a URL. This machine's own addresses are never reached through one."""
        if proxies.is_own(urlsplit(url).hostname or ""):
            return None
        if self.proxy is not None:
            return Proxy(self.proxy, "--proxy")
        proxy = proxies.proxy_for(url)
        return None if proxy is None else Proxy(proxy, "from the environment")

    def certificates(self) -> ssl.SSLContext | bool:
        """What servers' certificates are checked by, as httpx takes it.

        Raises:
            UnderstudyError: the file has none.
        """
        if self.ca_file is None:
            return not self.insecure
        try:
            check_file(self.ca_file)
            return ssl.create_default_context(cafile=str(self.ca_file))
        except OSError as error:  # an SSLError is one, too
            reason = "it holds no certificates in PEM form" if isinstance(error, ssl.SSLError) else error.strerror
            raise UnderstudyError(f"{self.ca_file}: cannot be used for --ca-file ({reason})") from None

    @contextmanager
    def in_environment(self, url: str) -> Iterator[None]:
        """Sets the environment's proxies to the one for a URL, for libraries that look there."""
        proxy = self.proxy_for(url)
        before = {name: os.environ.pop(name) for name in tuple(os.environ) if name.lower() in VARIABLES}
        os.environ["ALL_PROXY" if proxy else "NO_PROXY"] = proxy.url if proxy else "*"
        try:
            yield
        finally:
            for name in ("ALL_PROXY", "NO_PROXY"):
                os.environ.pop(name, None)
            os.environ.update(before)


USUAL = Network()

Command = Callable[..., Any]


def network_options(command: Command) -> Command:
    """The options of a command that asks a server. It gets them as its argument `network`."""

    @wraps(command)
    def with_network(*, insecure: bool, ca_file: Path | None, proxy: str | None, **arguments: Any) -> Any:
        if insecure and ca_file is not None:
            raise click.UsageError("--insecure and --ca-file exclude each other")
        return command(network=Network(insecure, ca_file, proxy), **arguments)

    for option in (
        click.option(
            "--proxy",
            metavar="URL",
            help="Ask through this proxy, but for localhost.  [default: what HTTP_PROXY, HTTPS_PROXY and NO_PROXY say]",
        ),
        click.option(
            "--ca-file",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Trust the certificates in this file (PEM) instead of the system's.",
        ),
        click.option("--insecure", is_flag=True, help="Accept any certificate, such as one that is self-signed."),
    ):
        with_network = option(with_network)
    return with_network
