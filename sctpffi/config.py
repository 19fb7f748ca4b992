"""Config: what a socket is set to before bind, listen and connect, as one typed value; and `prepare`, which does it.

Stream counts, buffers, authenticated chunks and extensions count only when an association is set up, so they have to be
there before. The options themselves are in `options.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Iterable, Mapping, Optional, Tuple

from sctpffi.enums import Event, StreamResetAllow, StreamScheduler
from sctpffi.errors import ArgumentError, ArgumentTypeError, UnsupportedOption
from sctpffi.optvalues import (
    AssocParams,
    AuthKey,
    DelayedSack,
    InitParams,
    Linger,
    PathParams,
    PrInfo,
    RtoInfo,
    SndInfo,
)
from sctpffi.sockets import Socket

BUFFER_BYTES = 512 * 1024
STREAMS = 10
RTO_INITIAL_MS = 1000  # RFC 9260 section 16; usrsctp and Linux still start with RFC 4960's 3000


@dataclass(frozen=True)
class Config:
    """What `connect`, `listen` and `Endpoint` set before an association can be; accepted connections inherit it.

    None leaves what the stack has. The defaults are the same on every stack.

    init: streams and attempts; what is 0 in it is 10 streams each way, and the stack's attempts and time-out.
    nodelay: small messages are sent at once. send_buffer_bytes, receive_buffer_bytes: asked for.
    rto, association, path, delayed_sack, linger: the options of these names; path without an address is every path's.
    auth, asconf, reconfig: AUTH, ASCONF and RE-CONFIG; None switches them on where the stack can. True raises
    UnsupportedOption where it can't. partial_reliability, ecn: likewise, None leaves them.
    interleaving: messages of different streams interleave on the way (RFC 8260); Linux needs net.sctp.intl_enable.
    auth_chunks: types that the peer has to authenticate, auth_hmacs: how, auth_keys: stored, auth_active_key: which of
    them authenticates what we send (RFC 4895).
    adaptation: the word of ADAPTATION_INDICATION that the peer gets (RFC 5061). reset_allowed: which reconfigurations
    the peer may ask for (RFC 6525). scheduler: which stream goes next (RFC 8260).
    send_defaults, pr_defaults: what `send` takes for arguments that it is not given.
    events: notifications to have delivered. max_message_bytes: the longest message that `recv` puts together.
    options: any other attribute of `opts` by name, such as {"max_burst": 8}; set last, in this order.
    """

    init: InitParams = InitParams()
    nodelay: bool = True
    send_buffer_bytes: Optional[int] = BUFFER_BYTES
    receive_buffer_bytes: Optional[int] = BUFFER_BYTES
    rto: Optional[RtoInfo] = RtoInfo(initial_ms=RTO_INITIAL_MS)
    association: Optional[AssocParams] = None
    path: Optional[PathParams] = None
    delayed_sack: Optional[DelayedSack] = None
    linger: Optional[Linger] = None
    auth: Optional[bool] = None
    asconf: Optional[bool] = None
    reconfig: Optional[bool] = None
    partial_reliability: Optional[bool] = None
    ecn: Optional[bool] = None
    interleaving: Optional[bool] = None
    auth_chunks: Tuple[int, ...] = ()
    auth_hmacs: Optional[Tuple[int, ...]] = None
    auth_keys: Tuple[AuthKey, ...] = ()
    auth_active_key: Optional[int] = None
    adaptation: Optional[int] = None
    reset_allowed: Optional[StreamResetAllow] = None
    scheduler: Optional[StreamScheduler] = None
    send_defaults: Optional[SndInfo] = None
    pr_defaults: Optional[PrInfo] = None
    events: Tuple[Event, ...] = ()
    max_message_bytes: Optional[int] = None
    options: Mapping[str, Any] = field(default_factory=dict)


# Fields of Config that are set as they are, by the names in `opts`.
_PLAIN = (
    ("association", "assoc_params"),
    ("path", "path_params"),
    ("delayed_sack", "delayed_sack"),
    ("linger", "linger"),
    ("send_buffer_bytes", "send_buffer_bytes"),
    ("receive_buffer_bytes", "receive_buffer_bytes"),
    ("partial_reliability", "pr_supported"),
    ("ecn", "ecn_supported"),
    ("adaptation", "adaptation_layer"),
    ("reset_allowed", "enable_stream_reset"),
    ("scheduler", "stream_scheduler"),
    ("send_defaults", "default_sndinfo"),
    ("pr_defaults", "default_prinfo"),
)


def combine(config: Optional[Config], init: Optional[InitParams], events: Iterable[Event]) -> Config:
    """The Config of a call's arguments: init takes the place of the Config's, events are added to its own.

    Raises ArgumentTypeError.
    """
    if config is None:
        config = Config()
    elif not isinstance(config, Config):
        raise ArgumentTypeError("config", f"a Config, not {type(config).__name__}")
    if init is not None:
        config = replace(config, init=init)
    if not isinstance(config.init, InitParams):
        raise ArgumentTypeError("init", f"an InitParams, not {type(config.init).__name__}")
    if any(isinstance(each, int) for each in (events, config.events)):
        raise ArgumentTypeError("events", "several Events, such as [Event.ASSOC_CHANGE]")
    _check_extensions(config)
    return replace(config, events=tuple(config.events) + tuple(events))


def _check_extensions(config: Config) -> None:
    """Refuse what needs an extension that the same Config switches off."""
    if config.auth is False:
        for name in ("asconf", "auth_chunks", "auth_hmacs", "auth_keys", "auth_active_key"):
            value = getattr(config, name)
            if value is not None and value is not False and value != ():
                raise ArgumentError(f"config.{name}", "it needs AUTH, and auth is False")
    if config.reconfig is False and config.reset_allowed:
        raise ArgumentError("config.reset_allowed", "it needs RE-CONFIG, and reconfig is False")
    for key in config.auth_keys:
        if not isinstance(key, AuthKey):
            raise ArgumentTypeError("config.auth_keys", f"AuthKeys, not {type(key).__name__}")


def prepare(sock: Socket, config: Config) -> None:
    """Set a fresh socket to a Config. Raises what the options raise."""
    init = config.init
    sock.opts.init_params = InitParams(
        init.out_streams or STREAMS, init.in_streams or STREAMS, init.attempts, init.timeout_ms
    )
    sock.opts.nodelay = config.nodelay
    if config.rto is not None:
        sock.opts.rto_info = config.rto
    _switch_extensions(sock, config)
    sock.opts.fragment_interleave = 2 if config.interleaving else 1
    if config.interleaving is not None and sock.opts.interleaving_supported is not config.interleaving:
        sock.opts.interleaving_supported = config.interleaving  # even "off" is refused on Linux, where it is off
    _authenticate(sock, config)
    for name, option in _PLAIN:
        value = getattr(config, name)
        if value is not None:
            sock.opts.set(option, value)
    if config.max_message_bytes is not None:
        sock.max_message_bytes = config.max_message_bytes
    for name, value in config.options.items():
        sock.opts.set(name, value)
    if config.events:
        sock.subscribe(*config.events)


def _switch_extensions(sock: Socket, config: Config) -> None:
    """AUTH, ASCONF and RE-CONFIG; ASCONF needs AUTH (RFC 5061 section 4.2.7), so it comes after it and goes before."""
    asconf = False if config.auth is False else config.asconf
    switches = [("auth_supported", config.auth), ("asconf_supported", asconf)]
    if config.auth is False:
        switches.reverse()
    for name, wanted in [*switches, ("reconfig_supported", config.reconfig)]:
        try:
            sock.opts.set(name, wanted is not False)
        except UnsupportedOption:
            if wanted is not None:
                raise
            # Linux before 5.4: as its sysctls say.


def _authenticate(sock: Socket, config: Config) -> None:
    if config.auth_chunks or config.auth_hmacs is not None:
        sock.auth.enable(config.auth_chunks, config.auth_hmacs)
    for key in config.auth_keys:
        sock.auth.set(key.number, key.secret)
    if config.auth_active_key is not None:
        sock.auth.activate(config.auth_active_key)
