"""Addresses: parsing and printing "host/host:port" text, and the rules of which may go together.

Numeric addresses only: a name would need a resolver, which waits and gives a choice that is the caller's.
Nothing here talks to a stack.
"""

from __future__ import annotations

import ctypes
import ipaddress
import socket
from typing import Iterable, List, NamedTuple, Optional, Sequence, Tuple, Union

from sctpffi.errors import AddressError, ArgumentTypeError

_MAPPED = ipaddress.ip_network("::ffff:0:0/96")
MAX_ADDRESSES = 64  # of one call; csrc/sfi_common.h has the same


class Address(NamedTuple):
    """One transport address: host text, port, and the zone number of a link-local IPv6 address."""

    host: str
    port: int
    scope_id: int = 0

    @property
    def family(self) -> int:
        """4 or 6."""
        return 6 if ":" in self.host else 4

    def __str__(self) -> str:
        if self.family == 4:
            return f"{self.host}:{self.port}"
        zone = f"%{self.scope_id}" if self.scope_id else ""
        return f"[{self.host}{zone}]:{self.port}"


class AddressSet(NamedTuple):
    """The addresses of one endpoint: any number of hosts, one port (RFC 9260 section 1.3)."""

    hosts: Tuple[Address, ...]
    port: int

    @property
    def family(self) -> int:
        """6 as soon as one address is IPv6: such a socket takes both; else 4."""
        return 6 if any(a.family == 6 for a in self.hosts) else 4

    def __str__(self) -> str:
        return f"{'/'.join(_bare(a) for a in self.hosts)}:{self.port}"


WILDCARDS = frozenset({"0.0.0.0", "::"})  # any address of this host; nobody's as a peer
AddressLike = Union[str, Address, AddressSet, Tuple[str, int], Iterable[Address]]


def _bare(address: Address) -> str:
    return str(address).rpartition(":")[0]


def _port(port: object, argument: str) -> int:
    if isinstance(port, bool) or not isinstance(port, int):
        raise ArgumentTypeError(argument, f"a port is an int, not {type(port).__name__}")
    if not 0 <= port <= 65535:
        raise AddressError(argument, f"port {port} is not in 0..65535")
    return port


def _zone(zone: str, text: str, argument: str) -> int:
    if zone.isascii() and zone.isdigit():
        if len(zone) > 10 or int(zone) > 0xFFFFFFFF:
            raise AddressError(argument, f"{text!r}: a zone is a number of 32 bits")
        return int(zone)
    try:
        return _interface_number(zone)
    except (OSError, ValueError):
        raise AddressError(argument, f"{text!r}: there is no interface {zone!r}") from None


def _interface_number(name: str) -> int:
    find = getattr(socket, "if_nametoindex", None)
    if find is not None:
        return int(find(name))
    if "\0" in name:
        raise ValueError(name)
    number = int(ctypes.CDLL(None).if_nametoindex(name.encode()))  # PyPy's socket module lacks it
    if number == 0:
        raise OSError(name)
    return number


def make_address(host: str, port: int, argument: str = "address") -> Address:
    """Check one host and port. Raises AddressError, ArgumentTypeError."""
    if not isinstance(host, str):
        raise ArgumentTypeError(argument, f"a host is a str, not {type(host).__name__}")
    bare, percent, zone = host.partition("%")
    if percent and not zone:
        raise AddressError(argument, f"{host!r}: the zone after % is empty")
    try:
        ip = ipaddress.ip_address(bare)
    except ValueError:
        raise AddressError(argument, f"{host!r} is not a numeric IPv4 or IPv6 address") from None
    if ip.version == 6 and ip in _MAPPED:
        ip = ipaddress.ip_address(int(ip) & 0xFFFFFFFF)
    if ip.version == 4 and zone:
        raise AddressError(argument, f"{host!r}: an IPv4 address has no zone")
    scope = _zone(zone, host, argument) if zone else 0
    return Address(str(ip), _port(port, argument), scope)


def _split_hosts(text: str, argument: str) -> Tuple[List[str], str]:
    hosts, colon, port = text.rpartition(":")
    if not colon or "]" in port:
        raise AddressError(argument, f"{text!r} has no port; write host:port or host/host:port")
    names = []
    for host in hosts.split("/"):
        if host.startswith("[") and host.endswith("]"):
            host = host[1:-1]
            if ":" not in host:
                raise AddressError(argument, f"{text!r}: brackets are for IPv6 addresses")
        elif ":" in host:
            raise AddressError(argument, f"{text!r}: an IPv6 address needs brackets, [::1]:{port}")
        names.append(host)
    return names, port


def _parse_text(text: str, argument: str) -> AddressSet:
    names, port_text = _split_hosts(text, argument)
    if not (port_text.isascii() and port_text.isdigit() and len(port_text) <= 5):
        raise AddressError(argument, f"{text!r}: {port_text!r} is not a port number")
    port = _port(int(port_text), argument)
    if names == [""]:
        return AddressSet((), port)
    return AddressSet(tuple(make_address(name, port, argument) for name in names), port)


def _check(addresses: AddressSet, argument: str) -> AddressSet:
    hosts = addresses.hosts
    if len(hosts) > MAX_ADDRESSES:
        raise AddressError(argument, f"{len(hosts)} addresses; at most {MAX_ADDRESSES} go in one call")
    if any(a.port != addresses.port for a in hosts):
        raise AddressError(argument, "all addresses of an endpoint share one port (RFC 9260 section 1.3)")
    if len({(a.host, a.scope_id) for a in hosts}) != len(hosts):
        raise AddressError(argument, f"{addresses} names an address twice")
    if len(hosts) > 1 and any(ipaddress.ip_address(a.host).is_unspecified for a in hosts):
        raise AddressError(argument, f"{addresses}: a wildcard can't go together with other addresses")
    return addresses


def parse(value: AddressLike, argument: str = "address") -> AddressSet:
    """Turn what users write into addresses.

    value: "10.0.0.1/10.0.0.2:3868", "[::1]:0", ":3868" (any address), an Address, an AddressSet, a
    (host, port) pair, or several Address objects.
    Raises AddressError for text that can't be understood or addresses that can't go together,
    ArgumentTypeError for another type.
    """
    if isinstance(value, str):
        return _check(_parse_text(value, argument), argument)
    if isinstance(value, AddressSet):
        return _made_by_hand(value.hosts, value.port, argument)
    if isinstance(value, Address):
        return _made_by_hand((value,), value.port, argument)
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str):
        host, port = value
        if host == "":
            return AddressSet((), _port(port, argument))
        one = make_address(host, port, argument)
        return _check(AddressSet((one,), one.port), argument)
    if isinstance(value, (list, tuple)) and value and all(isinstance(a, Address) for a in value):
        return _made_by_hand(value, value[0].port, argument)
    raise ArgumentTypeError(argument, f"an address is text like '10.0.0.1/10.0.0.2:3868', not {value!r}")


def _made_by_hand(hosts: Sequence[Address], port: int, argument: str) -> AddressSet:
    """Check Address objects as their text would be."""
    checked = tuple(make_address(*_unzoned(a), argument) for a in hosts)
    return _check(AddressSet(checked, _port(port, argument)), argument)


def _unzoned(address: Address) -> Tuple[str, int]:
    """An Address that somebody made, as make_address checks it."""
    if not isinstance(address.host, str) or not address.scope_id:
        return address.host, address.port
    return f"{address.host}%{address.scope_id}", address.port


def check_address(address: Address, argument: str) -> Address:
    """An Address that somebody made, checked. Raises AddressError, ArgumentTypeError."""
    return make_address(*_unzoned(address), argument)


def parse_hosts(value: Union[str, Address, Iterable[Union[str, Address]]], port: int, argument: str) -> AddressSet:
    """Hosts without a port, for bindx and for choosing a path: "10.0.0.2", "10.0.0.2/10.0.0.3", or several."""
    items: List[Union[str, Address]]
    if isinstance(value, str):
        items = list(value.split("/"))
    elif isinstance(value, Address):
        items = [value]
    elif isinstance(value, (list, tuple)):
        items = list(value)
    else:
        raise ArgumentTypeError(argument, f"an address is text like '10.0.0.1', not {value!r}")
    hosts = []
    for item in items:
        if isinstance(item, Address):
            hosts.append(make_address(*_unzoned(item._replace(port=item.port or port)), argument))
        else:
            bare = item[1:-1] if isinstance(item, str) and item.startswith("[") and item.endswith("]") else item
            hosts.append(make_address(bare, port, argument))
    if not hosts:
        raise AddressError(argument, "at least one address is needed")
    return _check(AddressSet(tuple(hosts), hosts[0].port), argument)


def resolve_any(addresses: AddressSet, family: int) -> AddressSet:
    """Put the wildcard of a family in the place of "any address"."""
    if addresses.hosts:
        return addresses
    return AddressSet((Address("::" if family == 6 else "0.0.0.0", addresses.port),), addresses.port)


def parse_near(value: AddressLike, port: int, argument: str) -> AddressSet:
    """As `parse`; text without a port, "10.0.0.1" or "::1", and an Address with port 0 get this port."""
    if isinstance(value, str):
        bare = "]:" not in value and value.count(":") != 1
        return parse_hosts(value, port, argument) if bare else parse(value, argument)
    return parse_hosts(value, port, argument) if isinstance(value, Address) else parse(value, argument)


def parse_one(value: AddressLike, port: int, argument: str) -> Address:
    """As `parse_near`, of what has to be one address."""
    hosts = parse_near(value, port, argument).hosts
    if len(hosts) != 1:
        raise AddressError(argument, f"one address, not {len(hosts)}")
    return hosts[0]


def from_raw(family: int, port: int, scope_id: int, ip: bytes) -> Optional[Address]:
    """An Address of what the shim gives; None if it gave none."""
    if family == 4:
        return Address(socket.inet_ntop(socket.AF_INET, ip[:4]), port)
    if family == 6:
        return Address(str(ipaddress.IPv6Address(ip)), port, scope_id)  # as parse writes it
    return None
