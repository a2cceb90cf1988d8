"""Network options of commands: trusted certificates and the proxy."""

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
    """A proxy. `source` is where it was configured."""

    url: str
    source: str

    def __str__(self) -> str:
        """The proxy without the credentials in its URL."""
        return f"{proxies.without_password(self.url)} ({self.source})"


@dataclass(frozen=True)
class Network:
    """How to connect to a server.

    Args:
        insecure: whether to accept any certificate.
        ca_file: certificates (PEM) to trust instead of the system's.
        proxy: the URL of a proxy; by default that of HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY.
    """

    insecure: bool = False
    ca_file: Path | None = None
    proxy: str | None = None

    def proxy_for(self, url: str) -> Proxy | None:
        """The proxy for a URL. Addresses of this machine are never reached through a proxy."""
        if proxies.is_own(urlsplit(url).hostname or ""):
            return None
        if self.proxy is not None:
            return Proxy(self.proxy, "--proxy")
        proxy = proxies.proxy_for(url)
        return None if proxy is None else Proxy(proxy, "from the environment")

    def certificates(self) -> ssl.SSLContext | bool:
        """The argument `verify` of httpx.

        Raises:
            UnderstudyError: the file has no certificates.
        """
        if self.ca_file is None:
            return not self.insecure
        try:
            check_file(self.ca_file)
            return ssl.create_default_context(cafile=str(self.ca_file))
        except OSError as error:  # an SSLError is one, too
            reason = "it has no certificates in PEM format" if isinstance(error, ssl.SSLError) else error.strerror
            raise UnderstudyError(f"{self.ca_file}: cannot be used as --ca-file ({reason})") from None

    @contextmanager
    def in_environment(self, url: str) -> Iterator[None]:
        """Set the environment's proxies to the one for a URL, for libraries that read them."""
        proxy = self.proxy_for(url)
        before = {name: os.environ.pop(name) for name in tuple(os.environ) if name.lower() in VARIABLES}
        os.environ["ALL_PROXY" if proxy else "NO_PROXY"] = proxy.url if proxy else "*"
        try:
            yield
        finally:
            for name in ("ALL_PROXY", "NO_PROXY"):
                os.environ.pop(name, None)
            os.environ.update(before)


DEFAULT_NETWORK = Network()

Command = Callable[..., Any]


def network_options(command: Command) -> Command:
    """Add the network options to a command, which gets them as its argument `network`."""

    @wraps(command)
    def with_network(*, insecure: bool, ca_file: Path | None, proxy: str | None, **arguments: Any) -> Any:
        if insecure and ca_file is not None:
            raise click.UsageError("--insecure and --ca-file exclude each other")
        return command(network=Network(insecure, ca_file, proxy), **arguments)

    for option in (
        click.option(
            "--proxy",
            metavar="URL",
            help="Use this proxy, except for localhost.  [default: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY]",
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
