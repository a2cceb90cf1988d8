"""Proxies of the environment (`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`)."""

from urllib.parse import urlsplit

from understudy.network.ip_addresses import is_loopback, is_unspecified


def proxy_for(url: str) -> str | None:
    """The URL of the proxy for a URL; None for a direct connection, which this machine always has.

    Raises:
        ValueError: it is not a URL.
    """
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415 - not needed to serve

    parts = urlsplit(url)
    host, proxies = parts.hostname or "", getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or is_own(host) or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def is_own(host: str) -> bool:
    """Whether the host of a URL is this machine, by a loopback name (RFC 6761, 6.3) or address."""
    return host == "localhost" or host.endswith(".localhost") or is_loopback(host) or is_unspecified(host)


def without_password(url: str) -> str:
    """A URL without credentials. It may be invalid."""
    scheme, mark, rest = url.partition("://") if "://" in url else ("", "", url)
    return f"{scheme}{mark}{rest.rpartition('@')[2]}"
