"""Who is asking, and may they: client address, Host and Origin.

The server answers on loopback, where every web page that the user opens can reach it. So a request
that changes something must come from no other site (CSRF), and while the server listens on loopback
its Host must be a name that DNS can't rebind. Pure: texts in, an answer out.
"""

import ipaddress
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_DEFAULT_PORTS = {"http": 80, "https": 443}
_MAX_HOPS = 32  # of X-Forwarded-For that are looked at


def parse_address(text: str) -> Address | None:
    """An IP address, an IPv6 one without its zone; IPv4 mapped into IPv6 is that IPv4 address."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0] if ":" in text else text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def client_of(peer: str, forwarded_for: Sequence[str], trusted: Sequence[Network]) -> str:
    """The address of the client itself.

    `peer` is the other end of the socket; `forwarded_for` the X-Forwarded-For values, which count
    only as far as each hop, from the right, is one of `trusted`. What is no address ends the list.
    """
    client = peer
    hops = ",".join(forwarded_for).rsplit(",", _MAX_HOPS)[-_MAX_HOPS:] if trusted else []
    for hop in reversed(hops):
        address = parse_address(client)
        if address is None or not any(address in network for network in trusted):
            break
        before = parse_address(_without_port(hop.strip()))
        if before is None:
            break
        client = str(before)
    return client


def rate_key(client: str) -> str:
    """What counts as one client: an IPv4 address, or the /64 of an IPv6 one (RFC 6177)."""
    address = parse_address(client)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address) if address else client


@lru_cache(maxsize=64)  # pollers repeat their Host
def host_allowed(host: str, allowed_names: frozenset[str]) -> bool:
    """Whether a Host value may be served while listening on loopback.

    An IP literal can't be rebound, and neither can a name in `allowed_names` (lower case). No Host
    at all (HTTP/1.0) is no browser.
    """
    if not host:
        return True
    name = split_host(host)[0].lower()
    return name in allowed_names or parse_address(name.strip("[]")) is not None


def same_origin(host: str, origin: str | None, fetch_site: str | None) -> bool:
    """Whether a request that changes something comes from this server's own pages or no browser.

    `origin` and `fetch_site` are the Origin and Sec-Fetch-Site headers (Fetch standard, section
    3.2; Fetch Metadata), None where absent.
    """
    if fetch_site is not None and "cross-site" in fetch_site.lower():
        return False
    if origin is None:
        return True
    try:
        parts = urlsplit(origin.strip())
        port = parts.port
    except ValueError:
        return False
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        return False
    if parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        return False
    default = _DEFAULT_PORTS[parts.scheme]
    name, own_port = split_host(host)
    return (parts.hostname, port or default) == (name.strip("[]").lower(), own_port or default)


def split_host(host: str) -> tuple[str, int | None]:
    """`name[:port]` as (name, port); an IPv6 literal keeps its brackets."""
    name, colon, port = host.rpartition(":")
    if not colon or "]" in port:
        return host, None
    return name, int(port) if port.isascii() and port.isdigit() else None


def _without_port(hop: str) -> str:
    """An X-Forwarded-For element without the port that some proxies add."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
