"""The options of pysctp's sockets: each a getter and a setter over `Socket.opts`.

Says which option a name means; the shapes of values are converted in `_pysctp_convert.py`.
"""

from __future__ import annotations

import socket
import struct
import sys
from typing import Callable, Dict, Hashable, Optional, Union

from sctpffi import errors
from sctpffi.addresses import Address
from sctpffi.compat import _pysctp_convert as convert
from sctpffi.compat._pysctp_values import (
    STYLE_TCP,
    STYLE_UDP,
    SWITCHES,
    SockAddr,
    assocparams,
    paddrinfo,
    paddrparams,
    rtoinfo,
    status,
    whole,
)
from sctpffi.enums import AssocId, Style
from sctpffi.errors import ArgumentError, ArgumentTypeError
from sctpffi.options import Options
from sctpffi.sockets import Socket

_INT = struct.Struct("i")
_U31 = 0x7FFFFFFF


class PysctpOptions:
    """What is set on a socket, and read of it."""

    _sk: Socket
    _style: int
    _family: socket.AddressFamily

    def _start(self, sk: Socket, family: int, style: int, own: bool) -> None:
        self._sk = sk
        self._family = socket.AddressFamily(family)
        self._style = style
        self._ttl = 0
        self._streamid = 0
        self._mapped = True
        self._data_io = 0
        self._no_more_reading = False
        # What was set before there was an association, by what it is about: a client whose connect failed gets a new
        # socket, because a failed one can't connect again, and these are set on it too. None once that can't be needed.
        self._said: Optional[Dict[Hashable, Callable[[Socket], object]]] = {} if own and style == STYLE_TCP else None

    def _say(self, about: Hashable, action: Callable[[Socket], object]) -> None:
        """Set something on the socket, and remember it."""
        action(self._sk)
        self._remember(about, action)

    def _remember(self, about: Hashable, action: Callable[[Socket], object]) -> None:
        if self._said is not None:
            self._said[about] = action

    def _of(self, assoc_id: int, needed: bool = True) -> Options:
        """The options of an association, refused as pysctp refuses it."""
        whole("assoc_id", assoc_id)
        if self._style == STYLE_TCP and assoc_id != 0:
            raise ArgumentError("assoc_id", "a TCP-style socket has one association: give 0")
        if self._style == STYLE_UDP and assoc_id == 0 and needed:
            raise ArgumentError("assoc_id", "a UDP-style socket has many associations: say which")
        return self._sk.opts.of(assoc_id)

    def _path(self, assoc_id: int, sockaddr: SockAddr) -> Options:
        self._of(assoc_id)
        return self._sk.opts.of(assoc_id, convert.address_of(sockaddr, "sockaddr"))

    @staticmethod
    def _address(addr: SockAddr) -> Address:
        address = convert.address_of(addr, "addr")
        if address is None:
            raise errors.AddressError("addr", "an address is needed, not the wildcard")
        return address

    # -- switches and numbers of the socket

    def get_nodelay(self) -> bool:
        """Whether small messages are sent at once (RFC 6458 section 8.1.5)."""
        return self._sk.opts.nodelay

    def set_nodelay(self, rvalue: int) -> None:
        """Have small messages sent at once, or gathered."""
        value = bool(whole("nodelay", rvalue))
        self._say("nodelay", lambda sk: sk.opts.set("nodelay", value))

    def get_adaptation(self) -> int:
        """The adaptation layer indication (RFC 6458 section 8.1.10); also the PPID of messages that are given none."""
        return self._sk.opts.adaptation_layer

    def set_adaptation(self, rvalue: int) -> None:
        """Set the adaptation layer indication; peers hear it when they connect."""
        value = whole("adaptation", rvalue)
        self._say("adaptation", lambda sk: sk.opts.set("adaptation_layer", value))

    def get_sndbuf(self) -> int:
        """The size of the send buffer in bytes."""
        return self._sk.opts.send_buffer_bytes

    def set_sndbuf(self, rvalue: int) -> None:
        """Set the size of the send buffer, so that it reads back as it was set."""
        self._set_buffer("send_buffer_bytes", rvalue)

    def get_rcvbuf(self) -> int:
        """The size of the receive buffer in bytes."""
        return self._sk.opts.receive_buffer_bytes

    def set_rcvbuf(self, rvalue: int) -> None:
        """Set the size of the receive buffer, so that it reads back as it was set."""
        self._set_buffer("receive_buffer_bytes", rvalue)

    def _set_buffer(self, name: str, rvalue: int) -> None:
        size = whole("rvalue", rvalue)

        def action(sk: Socket) -> None:
            sk.opts.set(name, size // 2)  # a stack may double it, as Linux does
            if sk.opts.get(name) < size:
                sk.opts.set(name, size)

        self._say(name, action)

    def get_disable_fragments(self) -> bool:
        """Whether a message has to fit one packet (RFC 6458 section 8.1.11)."""
        return self._sk.opts.disable_fragments

    def set_disable_fragments(self, rvalue: int) -> None:
        """Refuse messages that do not fit one packet, or don't."""
        value = bool(whole("disable_fragments", rvalue))
        self._say("disable_fragments", lambda sk: sk.opts.set("disable_fragments", value))

    def get_mappedv4(self) -> bool:
        """Whether an IPv6 socket shows IPv4 addresses as ::ffff:a.b.c.d (RFC 6458 section 8.1.15)."""
        return self._mapped

    def set_mappedv4(self, rvalue: int) -> None:
        """Have IPv4 addresses shown as IPv6 ones, or as they are. IPv4 sockets show them as they are."""
        self._mapped = bool(whole("mappedv4", rvalue))

    def get_maxseg(self) -> int:
        """The most user data in a chunk, in bytes; 0 is as the path allows (RFC 6458 section 8.1.16)."""
        return self._sk.opts.max_segment_bytes

    def set_maxseg(self, rvalue: int) -> None:
        """Limit the user data in a chunk."""
        value = whole("maxseg", rvalue)
        self._say("maxseg", lambda sk: sk.opts.set("max_segment_bytes", value))

    def get_autoclose(self) -> int:
        """After how many idle seconds an association is shut down; 0 is never (RFC 6458 section 8.1.8)."""
        return self._sk.opts.autoclose_s

    def set_autoclose(self, rvalue: int) -> None:
        """Have idle associations of a UDP-style socket shut down."""
        self._sk.opts.autoclose_s = whole("autoclose", rvalue)

    def get_ttl(self) -> int:
        """The time to live of messages for which `sctp_send` is told none, in ms; 0 is for ever."""
        return self._ttl

    def set_ttl(self, newVal: int) -> None:
        """Set the default time to live, 0..255 ms."""
        self._ttl = self._small("ttl", newVal, 255)

    def get_streamid(self) -> int:
        """The stream of messages for which `sctp_send` is told none."""
        return self._streamid

    def set_streamid(self, newVal: int) -> None:
        """Set the default stream, 0..65535."""
        self._streamid = self._small("streamid", newVal, 0xFFFF)

    @staticmethod
    def _small(name: str, value: int, top: int) -> int:
        if not isinstance(value, int):  # a ValueError in pysctp, whatever it is
            raise ArgumentError(name, f"an int in 0..{top}, not {value!r}")
        return whole(name, value, top)

    nodelay = property(get_nodelay, set_nodelay)
    adaptation = property(get_adaptation, set_adaptation)
    disable_fragments = property(get_disable_fragments, set_disable_fragments)
    mappedv4 = property(get_mappedv4, set_mappedv4)
    maxseg = property(get_maxseg, set_maxseg)
    autoclose = property(get_autoclose, set_autoclose)
    ttl = property(get_ttl, set_ttl)
    streamid = property(get_streamid, set_streamid)

    # -- groups, see `initparams` and `event_subscribe`

    def _get_initparams(self) -> Dict[str, int]:
        return convert.init_parts(self._sk.opts.init_params)

    def _set_initparams(self, parts: Dict[str, int]) -> None:
        value = convert.init_params(parts)
        self._say("initparams", lambda sk: sk.opts.set("init_params", value))

    def _get_events(self) -> Dict[str, int]:
        found = {name: int(self._sk.subscribed(event)) for name, event in SWITCHES.items() if event is not None}
        return {"data_io": self._data_io, **found}

    def _set_events(self, parts: Dict[str, int]) -> None:
        on, off = convert.switches(parts)

        def action(sk: Socket) -> None:
            # pysctp's switches are the socket's: they hold for the associations that there are, too.
            which = AssocId.ALL if sk.style is Style.ONE_TO_MANY else 0
            if on:
                sk.subscribe(*on, assoc_id=which)
            if off:
                sk.unsubscribe(*off, assoc_id=which)

        self._say("events", action)
        self._data_io = parts["data_io"]

    # -- records

    def get_status(self, assoc_id: int = 0) -> status:
        """How an association is doing (RFC 6458 section 8.2.1)."""
        found = self._of(assoc_id).status
        target = status()
        target.assoc_id = assoc_id
        return convert.fill_status(target, found, self._shows_mapped)

    def get_paddrinfo(self, assoc_id: int, sockaddr: SockAddr) -> paddrinfo:
        """How a path of an association is doing (RFC 6458 section 8.2.2)."""
        found = self._path(assoc_id, sockaddr).path_info
        target = paddrinfo()
        target.assoc_id = assoc_id
        return convert.fill_paddrinfo(target, found, self._shows_mapped)

    def get_assocparams(self, assoc_id: int = 0) -> assocparams:
        """Limits of an association, or of those to come (RFC 6458 section 8.1.2)."""
        target = assocparams()
        target.assoc_id = assoc_id
        return convert.fill_assocparams(target, self._sk.opts.of(assoc_id).assoc_params)

    def set_assocparams(self, o: assocparams) -> None:
        """Set what can be set of them."""
        assoc_id, value = o.assoc_id, convert.assoc_params(o)
        self._say(("assocparams", assoc_id), lambda sk: sk.opts.of(assoc_id).set("assoc_params", value))

    def get_paddrparams(self, assoc_id: int, sockaddr: SockAddr) -> paddrparams:
        """How a path is watched and used; ("", 0) is all paths (RFC 6458 section 8.1.12)."""
        target = paddrparams()
        target.assoc_id = assoc_id
        target.sockaddr = sockaddr
        found = self._path(assoc_id, sockaddr).path_params
        return convert.fill_paddrparams(target, found, self._sk.opts.of(assoc_id).delayed_sack)

    def set_paddrparams(self, o: paddrparams) -> None:
        """Set how a path is watched and used."""
        assoc_id, address = o.assoc_id, convert.address_of(o.sockaddr, "sockaddr")
        path, sack = convert.path_params(o)

        def action(sk: Socket) -> None:
            sk.opts.of(assoc_id, address).path_params = path
            if sack is not None:
                sk.opts.of(assoc_id).delayed_sack = sack

        self._say(("paddrparams", assoc_id, address), action)

    def get_rtoinfo(self, assoc_id: int = 0) -> rtoinfo:
        """Retransmission time-outs of an association, or of those to come (RFC 6458 section 8.1.1)."""
        target = rtoinfo()
        target.assoc_id = assoc_id
        return convert.fill_rtoinfo(target, self._sk.opts.of(assoc_id).rto_info)

    def set_rtoinfo(self, o: rtoinfo) -> None:
        """Set retransmission time-outs."""
        assoc_id, value = o.assoc_id, convert.rto_info(o)
        self._say(("rtoinfo", assoc_id), lambda sk: sk.opts.of(assoc_id).set("rto_info", value))

    def set_primary(self, assoc_id: int, addr: SockAddr) -> None:
        """Send to this address of the peer from now on (RFC 6458 section 8.1.9)."""
        self._of(assoc_id).primary_address = self._address(addr)

    def set_peer_primary(self, assoc_id: int, addr: SockAddr) -> None:
        """Ask the peer to send to this address of ours (RFC 6458 section 8.3.1)."""
        self._of(assoc_id, needed=False).peer_primary_address = self._address(addr)

    @property
    def _shows_mapped(self) -> bool:
        return self._mapped and self._sk.family == 6

    # -- by the stack's own numbers

    def getsockopt(self, level: int, optname: int, buflen: Optional[int] = None) -> Union[int, bytes]:
        """An option by the stack's own numbers, as an int or as buflen bytes.

        SO_ERROR tells how a connect went that did not wait, on every backend.
        """
        if level == socket.SOL_SOCKET and buflen is None:
            if optname == socket.SO_ERROR:
                return self._connect_error()
            if optname == socket.SO_REUSEADDR:
                return int(self._sk.opts.supports("reuse_address") and self._sk.opts.reuse_address)
        found = self._sk.getsockopt_raw(level, optname, buflen or _INT.size)
        return int.from_bytes(found[: _INT.size], sys.byteorder, signed=True) if buflen is None else found

    def _connect_error(self) -> int:
        raise NotImplementedError  # `_pysctp_socket.py` has it

    def setsockopt(self, level: int, optname: int, value: Union[int, bytes, bytearray]) -> None:
        """Set an option by the stack's own numbers, from an int or bytes.

        SO_REUSEADDR is taken on every backend: where there is none, SCTP needs none. Raises UnsupportedOption for
        SO_RCVTIMEO and SO_SNDTIMEO: use `settimeout`.
        """
        if level == socket.SOL_SOCKET and optname in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            detail = "the sockets underneath never block; use settimeout()"
            raise errors.build(errors.UnsupportedOption, "setsockopt", backend=self._sk.backend, detail=detail)
        if isinstance(value, int):
            data = _INT.pack(value) if -_U31 <= value <= _U31 else b""
        elif isinstance(value, (bytes, bytearray)):
            data = bytes(value)
        else:
            raise ArgumentTypeError("value", f"an int or bytes, not {type(value).__name__}")
        if not data:
            raise ArgumentError("value", f"{value!r} is no option's value")
        if level == socket.SOL_SOCKET and optname == socket.SO_REUSEADDR:
            on = any(data)
            if self._sk.opts.supports("reuse_address"):
                self._say(optname, lambda sk: sk.opts.set("reuse_address", on))
            return
        self._say((level, optname), lambda sk: sk.setsockopt_raw(level, optname, data))
