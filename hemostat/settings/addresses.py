"""Addresses and networks as people and proxies write them."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Annotated

from pydantic import BeforeValidator

Address = IPv4Address | IPv6Address


def parse_network(value: object) -> IPv4Network | IPv6Network:
    """Return the network that "10.0.0.0/8", "2001:db8::/32" or one address says."""
    if isinstance(value, IPv4Network | IPv6Network):  # said in code, where it is no string
        return value
    text = value if isinstance(value, str) else ""
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise ValueError('no network: it is such as "10.0.0.0/8", or one address') from None
    if network.prefixlen == 0:
        raise ValueError("this is every address there is: name those of the proxies alone")
    if network.network_address != ip_address(text.partition("/")[0]):
        raise ValueError(f'this address is within a network: did you mean "{network}"?')
    return network


Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(parse_network)]
"""A network as people write it; never every address there is."""


def address_in(text: str) -> Address | None:
    """Return the address in *text*, an IPv4 one also where IPv6 carries it; None if it is none."""
    try:
        found = ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found
