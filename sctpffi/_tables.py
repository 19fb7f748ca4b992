"""The protocol tables: options, native constants, features and versions. Pure data, standard library only.

The compiler is the authority on numbers: nothing at run time uses those here. They are to be read, they feed
the documentation, and tests/abi compares them with every stack's header. Struct layouts are in `_structs.py`.
"""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional, Tuple

BACKENDS = ("linux", "freebsd", "usrsctp")


class Field(NamedTuple):
    """One field of an option's struct: its C path, its name in Python, and how it converts."""

    path: str
    name: str
    kind: str = "int"  # int, port (network order), address


class OptionRow(NamedTuple):
    """One socket option (RFC 6458 section 8)."""

    name: str  # in Python: sock.opts.<name>
    c_name: str
    struct: str  # "int" for a plain int, else a C type; "{linux|bsd}" where the stacks' names differ
    fields: Tuple[Field, ...]
    assoc_field: str  # the struct's association id, or ""
    scope: str  # socket, assoc, path
    access: str  # rw, r, w
    rfc: str
    linux: Optional[int]
    bsd: Optional[int]
    styles: str = "both"  # both, one_to_one, one_to_many
    level: str = "sctp"  # sctp, socket


def _fields(text: str) -> Tuple[Field, ...]:
    return tuple(Field(*item.split(":")) for item in text.split())


_PADDRINFO = (
    "spinfo_address:address:address spinfo_state:state spinfo_cwnd:cwnd_bytes spinfo_srtt:srtt_ms "
    "spinfo_rto:rto_ms spinfo_mtu:mtu_bytes"
)
_STATUS = (
    "sstat_assoc_id:assoc_id sstat_state:state sstat_rwnd:rwnd_bytes sstat_unackdata:unacked sstat_penddata:pending "
    "sstat_instrms:in_streams sstat_outstrms:out_streams sstat_fragmentation_point:fragmentation_point_bytes "
    + " ".join(
        "sstat_primary." + item.split(":")[0] + ":primary." + ":".join(item.split(":")[1:])
        for item in _PADDRINFO.split()
    )
)
_INT = _fields("value:value")
_VALUE = _fields("assoc_value:value")

OPTIONS: List[OptionRow] = [
    OptionRow(
        "rto_info", "SCTP_RTOINFO", "struct sctp_rtoinfo",
        _fields("srto_initial:initial_ms srto_max:max_ms srto_min:min_ms"), "srto_assoc_id", "assoc", "rw",
        "RFC 6458 section 8.1.1", 0, 1,
    ),
    OptionRow(
        "assoc_params", "SCTP_ASSOCINFO", "struct sctp_assocparams", _fields(
        "sasoc_asocmaxrxt:max_retrans sasoc_number_peer_destinations:peer_destinations "
        "sasoc_peer_rwnd:peer_rwnd_bytes sasoc_local_rwnd:local_rwnd_bytes sasoc_cookie_life:cookie_life_ms"),
        "sasoc_assoc_id", "assoc", "rw", "RFC 6458 section 8.1.2", 1, 2,
    ),
    OptionRow(
        "init_params", "SCTP_INITMSG", "struct sctp_initmsg", _fields(
        "sinit_num_ostreams:out_streams sinit_max_instreams:in_streams sinit_max_attempts:attempts "
        "sinit_max_init_timeo:timeout_ms"), "", "socket", "rw", "RFC 6458 section 8.1.3", 2, 3,
    ),
    OptionRow("nodelay", "SCTP_NODELAY", "int", _INT, "", "socket", "rw", "RFC 6458 section 8.1.5", 3, 4),
    OptionRow(
        "primary_address", "SCTP_PRIMARY_ADDR", "struct {sctp_prim|sctp_setprim}", _fields("ssp_addr:address:address"),
        "ssp_assoc_id", "assoc", "rw", "RFC 6458 section 8.1.9", 6, 7,
    ),
    OptionRow(
        "disable_fragments", "SCTP_DISABLE_FRAGMENTS", "int", _INT, "", "socket", "rw", "RFC 6458 section 8.1.11", 8, 9,
    ),
    OptionRow(
        "max_segment_bytes", "SCTP_MAXSEG", "struct sctp_assoc_value", _VALUE, "assoc_id", "assoc", "rw",
        "RFC 6458 section 8.1.16", 13, 14,
    ),
    OptionRow(
        "delayed_sack", "SCTP_DELAYED_SACK", "struct sctp_sack_info",
        _fields("sack_delay:delay_ms sack_freq:frequency"), "sack_assoc_id", "assoc", "rw", "RFC 6458 section 8.1.19",
        16, 15,
    ),
    OptionRow(
        "fragment_interleave", "SCTP_FRAGMENT_INTERLEAVE", "int", _INT, "", "socket", "rw", "RFC 6458 section 8.1.20",
        18, 16,
    ),
    OptionRow(
        "partial_delivery_point_bytes", "SCTP_PARTIAL_DELIVERY_POINT", "int", _INT, "", "socket", "rw",
        "RFC 6458 section 8.1.21", 19, 17,
    ),
    OptionRow(
        "context", "SCTP_CONTEXT", "struct sctp_assoc_value", _VALUE, "assoc_id", "assoc", "rw",
        "RFC 6458 section 8.1.25", 17, 26,
    ),
    OptionRow(
        "receive_rcvinfo", "SCTP_RECVRCVINFO", "int", _INT, "", "socket", "rw", "RFC 6458 section 8.1.29", 32, 31,
    ),
    OptionRow(
        "status", "SCTP_STATUS", "struct sctp_status", _fields(_STATUS), "sstat_assoc_id", "assoc", "r",
        "RFC 6458 section 8.2.1", 14, 256,
    ),
    OptionRow(
        "path_info", "SCTP_GET_PEER_ADDR_INFO", "struct sctp_paddrinfo", _fields(_PADDRINFO), "spinfo_assoc_id", "path",
        "r", "RFC 6458 section 8.2.2", 15, 257,
    ),
    OptionRow(
        "udp_encaps_port", "SCTP_REMOTE_UDP_ENCAPS_PORT", "struct sctp_udpencaps",
        _fields("sue_address:address:address sue_port:port:port"), "sue_assoc_id", "path", "rw", "RFC 6951 section 6.1",
        132, 36,
    ),
    OptionRow(
        "send_buffer_bytes", "SO_SNDBUF", "int", _INT, "", "socket", "rw", "RFC 6458 section 8.1", None, None,
        level="socket",
    ),
    OptionRow(
        "receive_buffer_bytes", "SO_RCVBUF", "int", _INT, "", "socket", "rw", "RFC 6458 section 8.1", None, None,
        level="socket",
    ),
    OptionRow(
        "linger", "SO_LINGER", "struct linger", _fields("l_onoff:on l_linger:seconds"), "", "socket", "rw",
        "RFC 6458 section 8.1.4", None, None, level="socket",
    ),
]

# Native numbers: Linux, FreeBSD, usrsctp; None where a stack has no such thing.
CONSTANTS: Dict[str, Tuple[Optional[int], Optional[int], Optional[int]]] = {
    # Association ids and socket-level
    "SCTP_FUTURE_ASSOC": (0, 0, 0),
    "SCTP_CURRENT_ASSOC": (1, 1, 1),
    "SCTP_ALL_ASSOC": (2, 2, 2),
    # Socket options: RFC 6458 read/write
    "SCTP_RTOINFO": (0, 1, 1),
    "SCTP_ASSOCINFO": (1, 2, 2),
    "SCTP_INITMSG": (2, 3, 3),
    "SCTP_NODELAY": (3, 4, 4),
    "SCTP_AUTOCLOSE": (4, 5, 5),
    "SCTP_SET_PEER_PRIMARY_ADDR": (5, 6, 6),
    "SCTP_PRIMARY_ADDR": (6, 7, 7),
    "SCTP_ADAPTATION_LAYER": (7, 8, 8),
    "SCTP_DISABLE_FRAGMENTS": (8, 9, 9),
    "SCTP_PEER_ADDR_PARAMS": (9, 10, 10),
    "SCTP_DEFAULT_SEND_PARAM": (10, 11, 11),
    "SCTP_EVENTS": (11, 12, 12),
    "SCTP_EVENT": (127, 30, 30),
    "SCTP_I_WANT_MAPPED_V4_ADDR": (12, 13, 13),
    "SCTP_MAXSEG": (13, 14, 14),
    "SCTP_DELAYED_SACK": (16, 15, 15),
    "SCTP_CONTEXT": (17, 26, 26),
    "SCTP_FRAGMENT_INTERLEAVE": (18, 16, 16),
    "SCTP_PARTIAL_DELIVERY_POINT": (19, 17, 17),
    "SCTP_MAX_BURST": (20, 25, 25),
    "SCTP_HMAC_IDENT": (22, 20, 20),
    "SCTP_AUTH_ACTIVE_KEY": (24, 21, 21),
    "SCTP_AUTO_ASCONF": (30, 24, 24),
    "SCTP_RECVRCVINFO": (32, 31, 31),
    "SCTP_RECVNXTINFO": (33, 32, 32),
    "SCTP_DEFAULT_SNDINFO": (34, 33, 33),
    "SCTP_DEFAULT_PRINFO": (114, 34, 34),
    "SCTP_REUSE_PORT": (36, 28, 28),
    "SCTP_EXPLICIT_EOR": (None, 27, 27),
    "SCTP_USE_EXT_RCVINFO": (None, 23, 23),
    # Write-only
    "SCTP_AUTH_CHUNK": (21, 18, 18),
    "SCTP_AUTH_KEY": (23, 19, 19),
    "SCTP_AUTH_DELETE_KEY": (25, 22, 22),
    "SCTP_AUTH_DEACTIVATE_KEY": (35, 29, 29),
    "SCTP_RESET_STREAMS": (119, 0x901, 0x901),
    "SCTP_RESET_ASSOC": (120, 0x902, 0x902),
    "SCTP_ADD_STREAMS": (121, 0x903, 0x903),
    # Read-only
    "SCTP_STATUS": (14, 0x100, 0x100),
    "SCTP_GET_PEER_ADDR_INFO": (15, 0x101, 0x101),
    "SCTP_PEER_AUTH_CHUNKS": (26, 0x102, 0x102),
    "SCTP_LOCAL_AUTH_CHUNKS": (27, 0x103, 0x103),
    "SCTP_GET_ASSOC_NUMBER": (28, 0x104, 0x104),
    "SCTP_GET_ASSOC_ID_LIST": (29, 0x105, 0x105),
    "SCTP_PR_STREAM_STATUS": (116, 0x107, 0x107),
    "SCTP_PR_ASSOC_STATUS": (115, 0x108, 0x108),
    "SCTP_GET_ASSOC_STATS": (112, None, None),
    "SCTP_TIMEOUTS": (None, 0x106, 0x106),
    # Extensions (other RFCs)
    "SCTP_PEER_ADDR_THLDS": (31, 35, 35),
    "SCTP_PEER_ADDR_THLDS_V2": (37, None, None),
    "SCTP_EXPOSE_POTENTIALLY_FAILED_STATE": (131, None, None),
    "SCTP_REMOTE_UDP_ENCAPS_PORT": (132, 36, 36),
    "SCTP_ECN_SUPPORTED": (130, 37, 37),
    "SCTP_PR_SUPPORTED": (113, 38, 38),
    "SCTP_AUTH_SUPPORTED": (129, 39, 39),
    "SCTP_ASCONF_SUPPORTED": (128, 40, 40),
    "SCTP_RECONFIG_SUPPORTED": (117, 41, 41),
    "SCTP_ENABLE_STREAM_RESET": (118, 0x900, 0x900),
    "SCTP_STREAM_SCHEDULER": (123, 0x1203, None),
    "SCTP_STREAM_SCHEDULER_VALUE": (124, 0x1204, None),
    "SCTP_INTERLEAVING_SUPPORTED": (125, 0x1206, 0x1206),
    "SCTP_PLPMTUD_PROBE_INTERVAL": (133, None, None),
    # Platform-only options
    "SCTP_NRSACK_SUPPORTED": (None, 48, 48),
    "SCTP_PKTDROP_SUPPORTED": (None, 49, 49),
    "SCTP_MAX_CWND": (None, 50, 50),
    "SCTP_ACCEPT_ZERO_CHECKSUM": (None, 51, None),
    "SCTP_CMT_ON_OFF": (None, 0x1200, 0x1200),
    "SCTP_CMT_USE_DAC": (None, 0x1201, 0x1201),
    "SCTP_PLUGGABLE_CC": (None, 0x1202, 0x1202),
    "SCTP_CC_OPTION": (None, 0x1205, 0x1205),
    "SCTP_PLUGGABLE_SS": (None, 0x1203, 0x1203),
    "SCTP_SS_VALUE": (None, 0x1204, 0x1204),
    "SCTP_GET_SNDBUF_USE": (None, 0x1101, 0x1101),
    "SCTP_PCB_STATUS": (None, 0x1104, 0x1104),
    "SCTP_GET_NONCE_VALUES": (None, 0x1105, 0x1105),
    "SCTP_SET_DYNAMIC_PRIMARY": (None, 0x2001, 0x2001),
    "SCTP_VRF_ID": (None, 0x3001, 0x3001),
    "SCTP_ADD_VRF_ID": (None, 0x3002, 0x3002),
    "SCTP_GET_VRF_IDS": (None, 0x3003, 0x3003),
    "SCTP_GET_ASOC_VRF": (None, 0x3004, 0x3004),
    "SCTP_DEL_VRF_ID": (None, 0x3005, 0x3005),
    "SCTP_GET_PACKET_LOG": (None, 0x4001, 0x4001),
    "SCTP_SET_DEBUG_LEVEL": (None, 0x1005, 0x1005),
    "SCTP_CLR_STAT_LOG": (None, 0x1007, 0x1007),
    "SCTP_GET_STAT_LOG": (None, 0x1103, 0x1103),
    "SCTP_SET_INITIAL_DBG_SEQ": (None, 0x9F00, 0x9F00),
    "SCTP_SENDMSG_CONNECT": (126, None, None),
    # Function-carrier options
    "SCTP_SOCKOPT_BINDX_ADD": (100, None, None),
    "SCTP_SOCKOPT_BINDX_REM": (101, None, None),
    "SCTP_SOCKOPT_PEELOFF": (102, None, None),
    "SCTP_SOCKOPT_PEELOFF_FLAGS": (122, None, None),
    "SCTP_SOCKOPT_CONNECTX_OLD": (107, None, None),
    "SCTP_SOCKOPT_CONNECTX": (110, None, None),
    "SCTP_SOCKOPT_CONNECTX3": (111, None, None),
    "SCTP_GET_PEER_ADDRS": (108, None, None),
    "SCTP_GET_LOCAL_ADDRS": (109, None, None),
    "SCTP_BINDX_ADD_ADDR": (1, 0x8001, 0x8001),
    "SCTP_BINDX_REM_ADDR": (2, 0x8002, 0x8002),
    "SCTP_GET_PEER_ADDRESSES": (None, 0x8003, 0x8003),
    "SCTP_GET_LOCAL_ADDRESSES": (None, 0x8004, 0x8004),
    "SCTP_GET_LOCAL_ADDR_SIZE": (None, 0x8005, 0x8005),
    "SCTP_GET_REMOTE_ADDR_SIZE": (None, 0x8006, 0x8006),
    "SCTP_CONNECT_X": (None, 0x8007, 0x8007),
    "SCTP_CONNECT_X_DELAYED": (None, 0x8008, 0x8008),
    "SCTP_CONNECT_X_COMPLETE": (None, 0x8009, 0x8009),
    "SCTP_PEELOFF": (None, 0x800A, 0x800A),
    "SCTP_GET_ADDR_LEN": (None, 0x800B, 0x800B),
    # Send/receive flags (`*_flags` fields)
    "SCTP_UNORDERED": (1, 0x400, 0x400),
    "SCTP_ADDR_OVER": (2, 0x800, 0x800),
    "SCTP_ABORT": (4, 0x200, 0x200),
    "SCTP_EOF": (0x200, 0x100, 0x100),
    "SCTP_SENDALL": (64, 0x1000, 0x1000),
    "SCTP_SACK_IMMEDIATELY": (8, 0x4000, 0x4000),
    "SCTP_EOR": (None, 0x2000, 0x2000),
    "SCTP_COMPLETE": (None, 32, 32),
    "SCTP_NOTIFICATION": (0x8000, 16, 16),
    "SCTP_NO_NEXT_MSG": (None, 0, 0),
    "SCTP_NEXT_MSG_AVAIL": (None, 1, 1),
    "SCTP_NEXT_MSG_ISCOMPLETE": (None, 2, 2),
    "SCTP_NEXT_MSG_IS_UNORDERED": (None, 4, 4),
    "SCTP_NEXT_MSG_IS_NOTIFICATION": (None, 8, 8),
    # recvmsg/sendmsg flags
    "MSG_NOTIFICATION": (0x8000, 0x2000, 0x2000),
    "MSG_EOR": (128, 8, 128),
    # cmsg types (level IPPROTO_SCTP)
    "SCTP_INIT": (0, 1, 1),
    "SCTP_SNDRCV": (1, 2, 2),
    "SCTP_EXTRCV": (None, 3, 3),
    "SCTP_SNDINFO": (2, 4, 4),
    "SCTP_RCVINFO": (3, 5, 5),
    "SCTP_NXTINFO": (4, 6, 6),
    "SCTP_PRINFO": (5, 7, 7),
    "SCTP_AUTHINFO": (6, 8, 8),
    "SCTP_DSTADDRV4": (7, 9, 9),
    "SCTP_DSTADDRV6": (8, 10, 10),
    # Notification types
    "SCTP_DATA_IO_EVENT": (0x8000, None, None),
    "SCTP_ASSOC_CHANGE": (0x8001, 1, 1),
    "SCTP_PEER_ADDR_CHANGE": (0x8002, 2, 2),
    "SCTP_SEND_FAILED": (0x8003, 4, 4),
    "SCTP_REMOTE_ERROR": (0x8004, 3, 3),
    "SCTP_SHUTDOWN_EVENT": (0x8005, 5, 5),
    "SCTP_PARTIAL_DELIVERY_EVENT": (0x8006, 7, 7),
    "SCTP_ADAPTATION_INDICATION": (0x8007, 6, 6),
    "SCTP_AUTHENTICATION_EVENT": (0x8008, 8, 8),
    "SCTP_SENDER_DRY_EVENT": (0x8009, 10, 10),
    "SCTP_NOTIFICATIONS_STOPPED_EVENT": (None, 11, 11),
    "SCTP_STREAM_RESET_EVENT": (0x800A, 9, 9),
    "SCTP_ASSOC_RESET_EVENT": (0x800B, 12, 12),
    "SCTP_STREAM_CHANGE_EVENT": (0x800C, 13, 13),
    "SCTP_SEND_FAILED_EVENT": (0x800D, 14, 14),
    # sac_state
    "SCTP_COMM_UP": (0, 1, 1),
    "SCTP_COMM_LOST": (1, 2, 2),
    "SCTP_RESTART": (2, 3, 3),
    "SCTP_SHUTDOWN_COMP": (3, 4, 4),
    "SCTP_CANT_STR_ASSOC": (4, 5, 5),
    # sac_info feature bytes
    "SCTP_ASSOC_SUPPORTS_PR": (None, 1, 1),
    "SCTP_ASSOC_SUPPORTS_AUTH": (None, 2, 2),
    "SCTP_ASSOC_SUPPORTS_ASCONF": (None, 3, 3),
    "SCTP_ASSOC_SUPPORTS_MULTIBUF": (None, 4, 4),
    "SCTP_ASSOC_SUPPORTS_RE_CONFIG": (None, 5, 5),
    "SCTP_ASSOC_SUPPORTS_INTERLEAVING": (None, 6, 6),
    # spc_state
    "SCTP_ADDR_AVAILABLE": (0, 1, 1),
    "SCTP_ADDR_UNREACHABLE": (1, 2, 2),
    "SCTP_ADDR_REMOVED": (2, 3, 3),
    "SCTP_ADDR_ADDED": (3, 4, 4),
    "SCTP_ADDR_MADE_PRIM": (4, 5, 5),
    "SCTP_ADDR_CONFIRMED": (5, 6, 6),
    "SCTP_ADDR_POTENTIALLY_FAILED": (6, None, None),
    # sstat_state
    "SCTP_EMPTY": (0, None, None),
    "SCTP_CLOSED": (1, 0, 0),
    "SCTP_COOKIE_WAIT": (2, 2, 2),
    "SCTP_COOKIE_ECHOED": (3, 4, 4),
    "SCTP_ESTABLISHED": (4, 8, 8),
    "SCTP_SHUTDOWN_PENDING": (5, 128, 128),
    "SCTP_SHUTDOWN_SENT": (6, 16, 16),
    "SCTP_SHUTDOWN_RECEIVED": (7, 32, 32),
    "SCTP_SHUTDOWN_ACK_SENT": (8, 64, 64),
    "SCTP_BOUND": (None, 0x1000, 0x1000),
    "SCTP_LISTEN": (None, 0x2000, 0x2000),
    # spinfo_state
    "SCTP_INACTIVE": (0, 2, 2),
    "SCTP_PF": (1, None, None),
    "SCTP_ACTIVE": (2, 1, 1),
    "SCTP_UNCONFIRMED": (3, 0x200, 0x200),
    "SCTP_UNKNOWN": (0xFFFF, None, None),
    # Other notification values
    "SCTP_DATA_UNSENT": (0, 1, 1),
    "SCTP_DATA_SENT": (1, 2, 2),
    "SCTP_PARTIAL_DELIVERY_ABORTED": (0, 1, 1),
    "SCTP_AUTH_NEW_KEY": (0, 1, 1),
    "SCTP_AUTH_FREE_KEY": (1, 3, 3),
    "SCTP_AUTH_NO_AUTH": (2, 2, 2),
    "SCTP_STREAM_RESET_INCOMING_SSN": (1, 1, 1),
    "SCTP_STREAM_RESET_OUTGOING_SSN": (2, 2, 2),
    "SCTP_STREAM_RESET_DENIED": (4, 4, 4),
    "SCTP_STREAM_RESET_FAILED": (8, 8, 8),
    "SCTP_ASSOC_RESET_DENIED": (4, 4, 4),
    "SCTP_ASSOC_RESET_FAILED": (8, 8, 8),
    "SCTP_STREAM_CHANGE_DENIED": (4, 4, 4),
    "SCTP_STREAM_CHANGE_FAILED": (8, 8, 8),
    # Stream reset requests
    "SCTP_STREAM_RESET_INCOMING": (1, 1, 1),
    "SCTP_STREAM_RESET_OUTGOING": (2, 2, 2),
    "SCTP_ENABLE_RESET_STREAM_REQ": (1, 1, 1),
    "SCTP_ENABLE_RESET_ASSOC_REQ": (2, 2, 2),
    "SCTP_ENABLE_CHANGE_ASSOC_REQ": (4, 4, 4),
    # PR-SCTP policies
    "SCTP_PR_SCTP_NONE": (0, 0, 0),
    "SCTP_PR_SCTP_TTL": (16, 1, 1),
    "SCTP_PR_SCTP_PRIO": (48, 2, 2),
    "SCTP_PR_SCTP_BUF": (None, 2, 2),
    "SCTP_PR_SCTP_RTX": (32, 3, 3),
    "SCTP_PR_SCTP_MAX": (48, 3, 3),
    "SCTP_PR_SCTP_MASK": (48, None, None),
    "SCTP_PR_SCTP_ALL": (128, 15, 15),
    # spp_flags
    "SPP_HB_ENABLE": (1, 1, 1),
    "SPP_HB_DISABLE": (2, 2, 2),
    "SPP_HB_DEMAND": (4, 4, 4),
    "SPP_PMTUD_ENABLE": (8, 8, 8),
    "SPP_PMTUD_DISABLE": (16, 16, 16),
    "SPP_SACKDELAY_ENABLE": (32, None, None),
    "SPP_SACKDELAY_DISABLE": (64, None, None),
    "SPP_HB_TIME_IS_ZERO": (128, 128, 128),
    "SPP_IPV6_FLOWLABEL": (0x100, 0x100, 0x100),
    "SPP_DSCP": (0x200, 0x200, 0x200),
    "SPP_IPV4_TOS": (None, 0x200, 0x200),
    # AUTH HMAC ids
    "SCTP_AUTH_HMAC_ID_RSVD": (None, 0, 0),
    "SCTP_AUTH_HMAC_ID_SHA1": (1, 1, 1),
    "SCTP_AUTH_HMAC_ID_SHA256": (3, 3, 3),
    "SCTP_AUTH_HMAC_ID_SHA224": (None, None, 4),
    "SCTP_AUTH_HMAC_ID_SHA384": (None, None, 5),
    "SCTP_AUTH_HMAC_ID_SHA512": (None, None, 6),
    # Stream schedulers
    "SCTP_SS_DEFAULT": (0, 0, 0),
    "SCTP_SS_FCFS": (0, 5, None),
    "SCTP_SS_PRIO": (1, 3, None),
    "SCTP_SS_RR": (2, 1, None),
    "SCTP_SS_RR_PKT": (None, 2, None),
    "SCTP_SS_FB": (None, 4, None),
    "SCTP_SS_ROUND_ROBIN": (None, 1, 1),
    "SCTP_SS_ROUND_ROBIN_PACKET": (None, 2, 2),
    "SCTP_SS_PRIORITY": (None, 3, 3),
    "SCTP_SS_FAIR_BANDWITH": (None, 4, 4),
    "SCTP_SS_FIRST_COME": (None, 5, 5),
    # Congestion control / CMT (BSD)
    "SCTP_CC_RFC2581": (None, 0, 0),
    "SCTP_CC_HSTCP": (None, 1, 1),
    "SCTP_CC_HTCP": (None, 2, 2),
    "SCTP_CC_RTCC": (None, 3, 3),
    "SCTP_CC_OPT_RTCC_SETMODE": (None, 0x2000, 0x2000),
    "SCTP_CC_OPT_USE_DCCC_ECN": (None, 0x2001, 0x2001),
    "SCTP_CC_OPT_STEADY_STEP": (None, 0x2002, 0x2002),
    "SCTP_CMT_OFF": (None, 0, 0),
    "SCTP_CMT_BASE": (None, 1, 1),
    "SCTP_CMT_RPV1": (None, 2, 2),
    "SCTP_CMT_RPV2": (None, 3, 3),
    "SCTP_CMT_MPTCP": (None, 4, 4),
    "SCTP_EDMID_NONE": (None, 0, None),
    "SCTP_EDMID_LOWER_LAYER_DTLS": (None, 1, None),
    "SCTP_FRAG_LEVEL_0": (None, 0, 0),
    "SCTP_FRAG_LEVEL_1": (None, 1, 1),
    "SCTP_FRAG_LEVEL_2": (None, 2, 2),
    # Error causes (names: FreeBSD only; Linux uapi and usrsctp.h have none)
    "SCTP_CAUSE_NO_ERROR": (None, 0, 0),
    "SCTP_CAUSE_INVALID_STREAM": (None, 1, 1),
    "SCTP_CAUSE_MISSING_PARAM": (None, 2, 2),
    "SCTP_CAUSE_STALE_COOKIE": (None, 3, 3),
    "SCTP_CAUSE_OUT_OF_RESC": (None, 4, 4),
    "SCTP_CAUSE_UNRESOLVABLE_ADDR": (None, 5, 5),
    "SCTP_CAUSE_UNRECOG_CHUNK": (None, 6, 6),
    "SCTP_CAUSE_INVALID_PARAM": (None, 7, 7),
    "SCTP_CAUSE_UNRECOG_PARAM": (None, 8, 8),
    "SCTP_CAUSE_NO_USER_DATA": (None, 9, 9),
    "SCTP_CAUSE_COOKIE_IN_SHUTDOWN": (None, 10, 10),
    "SCTP_CAUSE_RESTART_W_NEWADDR": (None, 11, 11),
    "SCTP_CAUSE_USER_INITIATED_ABT": (None, 12, 12),
    "SCTP_CAUSE_PROTOCOL_VIOLATION": (None, 13, 13),
    "SCTP_CAUSE_DELETING_LAST_ADDR": (None, 160, 160),
    "SCTP_CAUSE_RESOURCE_SHORTAGE": (None, 161, 161),
    "SCTP_CAUSE_DELETING_SRC_ADDR": (None, 162, 162),
    "SCTP_CAUSE_ILLEGAL_ASCONF_ACK": (None, 163, 163),
    "SCTP_CAUSE_REQUEST_REFUSED": (None, 164, 164),
    "SCTP_CAUSE_NAT_COLLIDING_STATE": (None, 176, 176),
    "SCTP_CAUSE_NAT_MISSING_STATE": (None, 177, 177),
    "SCTP_CAUSE_UNSUPPORTED_HMACID": (None, 0x105, 0x105),
}

# Linux headers that first have a name (a running kernel may have back-ports; getsockopt decides).
LINUX_SINCE: Dict[str, str] = {
    "SCTP_FUTURE_ASSOC": "5.1",
    "SCTP_CURRENT_ASSOC": "5.1",
    "SCTP_ALL_ASSOC": "5.1",
    "SCTP_EVENT": "5.0",
    "SCTP_REUSE_PORT": "4.19",
    "SCTP_AUTH_DEACTIVATE_KEY": "4.17",
    "SCTP_RESET_STREAMS": "4.11",
    "SCTP_RESET_ASSOC": "4.11",
    "SCTP_ADD_STREAMS": "4.11",
    "SCTP_PR_STREAM_STATUS": "4.12",
    "SCTP_PEER_ADDR_THLDS_V2": "5.5",
    "SCTP_EXPOSE_POTENTIALLY_FAILED_STATE": "5.5",
    "SCTP_REMOTE_UDP_ENCAPS_PORT": "5.11",
    "SCTP_ECN_SUPPORTED": "5.4",
    "SCTP_AUTH_SUPPORTED": "5.4",
    "SCTP_ASCONF_SUPPORTED": "5.4",
    "SCTP_RECONFIG_SUPPORTED": "4.12",
    "SCTP_ENABLE_STREAM_RESET": "4.11",
    "SCTP_STREAM_SCHEDULER": "4.15",
    "SCTP_STREAM_SCHEDULER_VALUE": "4.15",
    "SCTP_INTERLEAVING_SUPPORTED": "4.16",
    "SCTP_PLPMTUD_PROBE_INTERVAL": "5.14",
    "SCTP_SENDMSG_CONNECT": "4.17",
    "SCTP_SOCKOPT_PEELOFF_FLAGS": "4.13",
    "SCTP_SENDALL": "4.17",
    "SCTP_PRINFO": "4.17",
    "SCTP_AUTHINFO": "4.17",
    "SCTP_DSTADDRV4": "4.17",
    "SCTP_DSTADDRV6": "4.17",
    "SCTP_STREAM_RESET_EVENT": "4.11",
    "SCTP_ASSOC_RESET_EVENT": "4.12",
    "SCTP_STREAM_CHANGE_EVENT": "4.12",
    "SCTP_SEND_FAILED_EVENT": "5.5",
    "SCTP_ADDR_POTENTIALLY_FAILED": "5.5",
    "SCTP_AUTH_FREE_KEY": "4.17",
    "SCTP_AUTH_NO_AUTH": "4.17",
    "SCTP_STREAM_RESET_DENIED": "4.11",
    "SCTP_STREAM_RESET_FAILED": "4.11",
    "SCTP_PR_SCTP_ALL": "4.20",
    "SCTP_SS_DEFAULT": "4.20",
    "SCTP_SS_FCFS": "4.15",
    "SCTP_SS_PRIO": "4.15",
    "SCTP_SS_RR": "4.15",
}
