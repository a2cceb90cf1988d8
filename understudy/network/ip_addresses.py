"""IP addresses of clients and of this machine."""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address

Address = IPv4Address | IPv6Address


def address_of(text: str) -> Address | None:
    """Parse an IP address; None if the text is not one. An IPv4-mapped IPv6 address is returned as IPv4.

    A socket that listens on `::` reports IPv4 clients as `::ffff:127.0.0.1` (RFC 4291, 2.5.5.2).
    """
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_loopback(text: str) -> bool:
    """Whether a text is a loopback address, which only this machine can reach."""
    address = address_of(text)
    return address is not None and address.is_loopback


def is_unspecified(text: str) -> bool:
    """Whether a text is `0.0.0.0` or `::`, by which clients reach this machine."""
    address = address_of(text)
    return address is not None and address.is_unspecified


def is_private(host: str) -> bool:
    """Whether a host has an address that is not public. It is looked up if it is a name.

    Raises:
        OSError: the name is not known.
    """
    found = {info[4][0] for info in socket.getaddrinfo(host, None)}
    return not all((address := address_of(str(text))) is not None and address.is_global for text in found)


def unmapped(text: str) -> str:
    """The text of an address, as IPv4 if it is IPv4-mapped; any other text unchanged."""
    return str(address_of(text) or text)
