"""Hosts that an organization's relay must not be: this machine, and what only it can reach."""

import re
from ipaddress import ip_address
from typing import Final

_NUMERIC: Final = re.compile(r"(?:0x[0-9a-f]*|\d+)(?:\.(?:0x[0-9a-f]*|\d+)){0,3}")
"""What resolvers take for an IPv4 address in other clothes: 127.1, 2130706433, 0x7f000001."""


def may_be_here(host: str) -> bool:
    """Return whether a host, by its looks, is this machine; a name may turn out to be it later."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761 section 6.3
        return True
    return is_here(name) or (_NUMERIC.fullmatch(name) is not None and not _is_address(name))


def is_here(address: str) -> bool:
    """Return whether an IP address leads to this machine or its own link; False for a name."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return any(
        each.is_loopback
        or each.is_link_local  # where clouds keep their machines' credentials
        or each.is_multicast
        or each.is_unspecified
        for each in (found, mapped)
        if each is not None
    )


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
