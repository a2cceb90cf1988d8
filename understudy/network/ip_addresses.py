"""IP addresses: which are this machine's own, and which one a client has."""

from ipaddress import IPv4Address, IPv6Address, ip_address

Address = IPv4Address | IPv6Address


def address_of(text: str) -> Address | None:
    """The address that a text is, or None. One of IPv4 that is mapped into IPv6 is returned as IPv4.

    A socket that listens on `::` shows clients of IPv4 as `::ffff:127.0.0.1` (RFC 4291, 2.5.5.2).
    """
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_loopback(text: str) -> bool:
    """Whether a text is an address that only this machine can reach."""
    address = address_of(text)
    return address is not None and address.is_loopback


def is_unspecified(text: str) -> bool:
    """Whether a text is `0.0.0.0` or `::`, which lead clients to this machine."""
    address = address_of(text)
    return address is not None and address.is_unspecified


def unmapped(text: str) -> str:
    """The text of an address, of IPv4 where it is mapped into IPv6; any other text unchanged."""
    return str(address_of(text) or text)
