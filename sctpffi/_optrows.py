"""The socket options, one row each (RFC 6458 section 8 and its successors). Pure data, standard library only.

A row feeds the descriptor in `options.py`, the codec in `backends/_shim.py`, the documentation and the tests.
Numbers are there to be read and compared; at run time the compiler's are used.
"""

from __future__ import annotations

from typing import List, NamedTuple, Optional, Tuple


class Field(NamedTuple):
    """One field of an option's struct: its C path, its name in Python, and how it converts.

    kind: u8, u16, u32, u64; int (31 bits); net32 and port (network order); address; the enumerations that the shim
    converts (assoc_state, path_state, pr_policy, send_flags, scheduler) and those with the same numbers everywhere
    (path_flags, reset_flags, cc_module); and, for what follows a struct, u8[], u16[], u32[] and bytes.
    """

    path: str
    name: str
    kind: str = "u32"


class OptionRow(NamedTuple):
    """One socket option.

    name: in Python, sock.opts.<name>. c_name, struct, field paths: "{linux|bsd}" where the stacks' names differ.
    struct: "int" for a plain int, "assoc_id" for nothing but an association id, else a C type.
    assoc_field: the struct's association id, or "". scope: socket, assoc, path. access: rw, r, w.
    linux, bsd: the numbers, None where that stack has no such option.
    ids: which association ids one-to-many sockets take to set and to get, "FCAI/FI": Future, Current, All, a real Id.
    styles: both, one_to_one, one_to_many. level: sctp, socket.
    tail: what follows the struct, and count_field: the one that says how much. keys: fields that say what is asked for.
    needs: the extension without which the stacks refuse it. lacks: a backend of those that is without it.
    """

    name: str
    c_name: str
    struct: str
    fields: Tuple[Field, ...]
    assoc_field: str
    scope: str
    access: str
    rfc: str
    linux: Optional[int]
    bsd: Optional[int]
    ids: str = "/"
    styles: str = "both"
    level: str = "sctp"
    tail: Optional[Field] = None
    count_field: str = ""
    keys: Tuple[str, ...] = ()
    needs: str = ""
    lacks: str = ""


def pick(text: str, backend: str) -> str:
    """A name of the tables as a backend has it."""
    if "{" not in text:
        return text
    head, _, rest = text.partition("{")
    choice, _, end = rest.partition("}")
    linux, _, bsd = choice.partition("|")
    return head + (linux if backend == "linux" else bsd) + end


def _fields(text: str) -> Tuple[Field, ...]:
    return tuple(Field(*item.split(":")) for item in text.split())


_PADDRINFO = (
    "spinfo_address:address:address spinfo_state:state:path_state spinfo_cwnd:cwnd_bytes spinfo_srtt:srtt_ms "
    "spinfo_rto:rto_ms spinfo_mtu:mtu_bytes"
)
_STATUS = (
    "sstat_assoc_id:assoc_id sstat_state:state:assoc_state sstat_rwnd:rwnd_bytes sstat_unackdata:unacked:u16 "
    "sstat_penddata:pending:u16 sstat_instrms:in_streams:u16 sstat_outstrms:out_streams:u16 "
    "sstat_fragmentation_point:fragmentation_point_bytes "
    + " ".join("sstat_primary." + item.replace(":", ":primary.", 1) for item in _PADDRINFO.split())
)
_INT = _fields("value:value:int")
_VALUE = _fields("assoc_value:value")
_ASSOC_VALUE = "struct sctp_assoc_value"
_KEY_ID = _fields("scact_keynumber:value:u16")
_PR_STATUS = _fields("sprstat_abandoned_unsent:unsent:u64 sprstat_abandoned_sent:sent:u64")
_PR_KEYS = _fields("sprstat_sid:stream:u16 sprstat_policy:policy:pr_policy")
_ASSOC_STATS = (
    "sas_obs_rto_ipaddr:max_rto_address:address sas_maxrto:max_rto_ms:u64 sas_isacks:in_sacks:u64 "
    "sas_osacks:out_sacks:u64 sas_opackets:out_packets:u64 sas_ipackets:in_packets:u64 "
    "sas_rtxchunks:retransmitted_chunks:u64 sas_outofseqtsns:out_of_sequence_tsns:u64 "
    "sas_idupchunks:duplicate_chunks:u64 sas_gapcnt:gap_acks:u64 sas_ouodchunks:out_unordered_chunks:u64 "
    "sas_iuodchunks:in_unordered_chunks:u64 sas_oodchunks:out_ordered_chunks:u64 sas_iodchunks:in_ordered_chunks:u64 "
    "sas_octrlchunks:out_control_chunks:u64 sas_ictrlchunks:in_control_chunks:u64"
)
_TIMEOUTS = (
    "stimo_init:init stimo_data:data stimo_sack:sack stimo_shutdown:shutdown stimo_heartbeat:heartbeat "
    "stimo_cookie:cookie stimo_shutdownack:shutdown_ack"
)
_S8 = "RFC 6458 section 8"


def _socket(name: str, c_name: str, rfc: str, linux: Optional[int], bsd: Optional[int], **more: str) -> OptionRow:
    """A plain int of the socket."""
    return OptionRow(name, c_name, "int", _INT, "", "socket", "rw", rfc, linux, bsd, **more)  # type: ignore[arg-type]  # names of str columns only


def _assoc(
    name: str, c_name: str, rfc: str, linux: Optional[int], bsd: Optional[int], ids: str = "FI/FI", lacks: str = ""
) -> OptionRow:
    """A number of an association."""
    return OptionRow(
        name, c_name, _ASSOC_VALUE, _VALUE, "assoc_id", "assoc", "rw", rfc, linux, bsd, ids, lacks=lacks
    )  # fmt: skip


OPTIONS: List[OptionRow] = [
    # RFC 6458 section 8.1: to read and to write
    OptionRow(
        "rto_info", "SCTP_RTOINFO", "struct sctp_rtoinfo",
        _fields("srto_initial:initial_ms srto_max:max_ms srto_min:min_ms"), "srto_assoc_id", "assoc", "rw",
        _S8 + ".1.1", 0, 1, "FI/FI",
    ),
    OptionRow(
        "assoc_params", "SCTP_ASSOCINFO", "struct sctp_assocparams", _fields(
        "sasoc_asocmaxrxt:max_retrans:u16 sasoc_number_peer_destinations:peer_destinations:u16 "
        "sasoc_peer_rwnd:peer_rwnd_bytes sasoc_local_rwnd:local_rwnd_bytes sasoc_cookie_life:cookie_life_ms"),
        "sasoc_assoc_id", "assoc", "rw", _S8 + ".1.2", 1, 2, "FI/FI",
    ),
    OptionRow(
        "init_params", "SCTP_INITMSG", "struct sctp_initmsg", _fields(
        "sinit_num_ostreams:out_streams:u16 sinit_max_instreams:in_streams:u16 sinit_max_attempts:attempts:u16 "
        "sinit_max_init_timeo:timeout_ms:u16"), "", "socket", "rw", _S8 + ".1.3", 2, 3,
    ),
    OptionRow(
        "linger", "SO_LINGER", "struct linger", _fields("l_onoff:on:int l_linger:seconds:int"), "", "socket", "rw",
        _S8 + ".1.4", None, None, level="socket",
    ),
    _socket("nodelay", "SCTP_NODELAY", _S8 + ".1.5", 3, 4),
    _socket("receive_buffer_bytes", "SO_RCVBUF", _S8 + ".1.6", None, None, level="socket"),
    _socket("send_buffer_bytes", "SO_SNDBUF", _S8 + ".1.7", None, None, level="socket"),
    _socket("autoclose_s", "SCTP_AUTOCLOSE", _S8 + ".1.8", 4, 5, styles="one_to_many"),
    OptionRow(
        "primary_address", "SCTP_PRIMARY_ADDR", "struct {sctp_prim|sctp_setprim}", _fields("ssp_addr:address:address"),
        "ssp_assoc_id", "assoc", "rw", _S8 + ".1.9", 6, 7, "I/I",
    ),
    OptionRow(
        "adaptation_layer", "SCTP_ADAPTATION_LAYER", "struct sctp_setadaptation", _fields("ssb_adaptation_ind:value"),
        "", "socket", "rw", _S8 + ".1.10", 7, 8,
    ),
    _socket("disable_fragments", "SCTP_DISABLE_FRAGMENTS", _S8 + ".1.11", 8, 9),
    OptionRow(
        "path_params", "SCTP_PEER_ADDR_PARAMS", "struct sctp_paddrparams", _fields(
        "spp_address:address:address spp_hbinterval:heartbeat_ms spp_pathmaxrxt:max_retrans:u16 "
        "spp_pathmtu:mtu_bytes spp_flags:flags:path_flags spp_ipv6_flowlabel:flow_label spp_dscp:dscp:u8"),
        "spp_assoc_id", "path", "rw", _S8 + ".1.12", 9, 10, "FI/FI",
    ),
    _socket("mapped_v4_addresses", "SCTP_I_WANT_MAPPED_V4_ADDR", _S8 + ".1.15", 12, 13),
    _assoc("max_segment_bytes", "SCTP_MAXSEG", _S8 + ".1.16", 13, 14),
    OptionRow(
        "hmac_identifiers", "SCTP_HMAC_IDENT", "struct sctp_hmacalgo", (), "", "socket", "rw", _S8 + ".1.17", 22, 20,
        tail=Field("shmac_idents", "value", "u16[]"), count_field="{shmac_num_idents|shmac_number_of_idents}",
        needs="auth",
    ),
    OptionRow(
        "auth_active_key", "SCTP_AUTH_ACTIVE_KEY", "struct sctp_authkeyid", _KEY_ID, "scact_assoc_id", "assoc", "rw",
        _S8 + ".1.18", 24, 21, "FCAI/FI", needs="auth",
    ),
    OptionRow(
        "delayed_sack", "SCTP_DELAYED_SACK", "struct sctp_sack_info",
        _fields("sack_delay:delay_ms sack_freq:frequency"), "sack_assoc_id", "assoc", "rw", _S8 + ".1.19",
        16, 15, "FCAI/FI",
    ),
    _socket("fragment_interleave", "SCTP_FRAGMENT_INTERLEAVE", _S8 + ".1.20", 18, 16),
    _socket("partial_delivery_point_bytes", "SCTP_PARTIAL_DELIVERY_POINT", _S8 + ".1.21", 19, 17),
    _socket("auto_asconf", "SCTP_AUTO_ASCONF", _S8 + ".1.23", 30, 24, needs="asconf"),
    _assoc("max_burst", "SCTP_MAX_BURST", _S8 + ".1.24", 20, 25, "FCAI/FI"),
    _assoc("context", "SCTP_CONTEXT", _S8 + ".1.25", 17, 26, "FCAI/FI"),
    _socket("explicit_eor", "SCTP_EXPLICIT_EOR", _S8 + ".1.26", None, 27),
    _socket("reuse_port", "SCTP_REUSE_PORT", _S8 + ".1.27", 36, 28, styles="one_to_one"),
    _socket("receive_rcvinfo", "SCTP_RECVRCVINFO", _S8 + ".1.29", 32, 31),
    _socket("receive_nxtinfo", "SCTP_RECVNXTINFO", _S8 + ".1.30", 33, 32),
    OptionRow(
        "default_sndinfo", "SCTP_DEFAULT_SNDINFO", "struct sctp_sndinfo", _fields(
        "snd_sid:stream:u16 snd_flags:flags:send_flags snd_ppid:ppid:net32 snd_context:context"), "snd_assoc_id",
        "assoc", "rw", _S8 + ".1.31", 34, 33, "FCAI/FI",
    ),
    OptionRow(
        "default_prinfo", "SCTP_DEFAULT_PRINFO", "struct sctp_default_prinfo",
        _fields("pr_policy:policy:pr_policy pr_value:value"), "pr_assoc_id", "assoc", "rw", _S8 + ".1.32", 114, 34,
        "FCAI/FI",
    ),
    # Section 8.2: to read
    OptionRow(
        "status", "SCTP_STATUS", "struct sctp_status", _fields(_STATUS), "sstat_assoc_id", "assoc", "r",
        _S8 + ".2.1", 14, 256, "/I",
    ),
    OptionRow(
        "path_info", "SCTP_GET_PEER_ADDR_INFO", "struct sctp_paddrinfo", _fields(_PADDRINFO), "spinfo_assoc_id", "path",
        "r", _S8 + ".2.2", 15, 257, "/FI",
    ),
    OptionRow(
        "peer_auth_chunks", "SCTP_PEER_AUTH_CHUNKS", "struct {sctp_authchunks|sfi_authchunks}", (), "gauth_assoc_id",
        "assoc", "r", _S8 + ".2.3", 26, 0x102, "/I", tail=Field("gauth_chunks", "value", "u8[]"),
        count_field="gauth_number_of_chunks", needs="auth",
    ),
    OptionRow(
        "local_auth_chunks", "SCTP_LOCAL_AUTH_CHUNKS", "struct {sctp_authchunks|sfi_authchunks}", (), "gauth_assoc_id",
        "assoc", "r", _S8 + ".2.4", 27, 0x103, "/FI", tail=Field("gauth_chunks", "value", "u8[]"),
        count_field="gauth_number_of_chunks", needs="auth",
    ),
    OptionRow(
        "assoc_number", "SCTP_GET_ASSOC_NUMBER", "int", _INT, "", "socket", "r", _S8 + ".2.5", 28, 0x104,
        styles="one_to_many",
    ),
    OptionRow(
        "assoc_ids", "SCTP_GET_ASSOC_ID_LIST", "struct sctp_assoc_ids", (), "", "socket", "r", _S8 + ".2.6", 29, 0x105,
        styles="one_to_many", tail=Field("gaids_assoc_id", "value", "u32[]"), count_field="gaids_number_of_ids",
    ),
    # Section 8.3: to write
    OptionRow(
        "peer_primary_address", "SCTP_SET_PEER_PRIMARY_ADDR", "struct sctp_setpeerprim",
        _fields("sspp_addr:address:address"), "sspp_assoc_id", "assoc", "w", _S8 + ".3.1", 5, 6, "I/", needs="asconf",
    ),
    OptionRow(
        "auth_chunk", "SCTP_AUTH_CHUNK", "struct sctp_authchunk", _fields("sauth_chunk:value:u8"), "", "socket", "w",
        _S8 + ".3.2", 21, 18, needs="auth",
    ),
    OptionRow(
        "auth_key", "SCTP_AUTH_KEY", "struct sctp_authkey", _fields("sca_keynumber:number:u16"), "sca_assoc_id",
        "assoc", "w", _S8 + ".3.3", 23, 19, "FCAI/", tail=Field("sca_key", "secret", "bytes"),
        count_field="sca_keylength", needs="auth",
    ),
    OptionRow(
        "auth_deactivate_key", "SCTP_AUTH_DEACTIVATE_KEY", "struct sctp_authkeyid", _KEY_ID, "scact_assoc_id", "assoc",
        "w", _S8 + ".3.4", 35, 29, "FCAI/", needs="auth",
    ),
    OptionRow(
        "auth_delete_key", "SCTP_AUTH_DELETE_KEY", "struct sctp_authkeyid", _KEY_ID, "scact_assoc_id", "assoc", "w",
        _S8 + ".3.5", 25, 22, "FCAI/", needs="auth",
    ),
    # RFC 6525: stream reconfiguration
    _assoc("reconfig_supported", "SCTP_RECONFIG_SUPPORTED", "no RFC; switches RFC 6525 on", 117, 41),
    _assoc("enable_stream_reset", "SCTP_ENABLE_STREAM_RESET", "RFC 6525 section 6.3.1", 118, 0x900, "FCAI/FI"),
    OptionRow(
        "reset_streams", "SCTP_RESET_STREAMS", "struct sctp_reset_streams", _fields("srs_flags:flags:reset_flags"),
        "srs_assoc_id", "assoc", "w", "RFC 6525 section 6.3.2", 119, 0x901, "I/",
        tail=Field("srs_stream_list", "streams", "u16[]"), count_field="srs_number_streams", needs="reconfig",
    ),
    OptionRow(
        "reset_assoc", "SCTP_RESET_ASSOC", "assoc_id", (), "assoc_id", "assoc", "w", "RFC 6525 section 6.3.3", 120,
        0x902, "I/", needs="reconfig",
    ),
    OptionRow(
        "add_streams", "SCTP_ADD_STREAMS", "struct sctp_add_streams",
        _fields("sas_instrms:incoming:u16 sas_outstrms:outgoing:u16"), "sas_assoc_id", "assoc", "w",
        "RFC 6525 section 6.3.4", 121, 0x903, "I/", needs="reconfig",
    ),
    # RFC 7496: partial reliability
    _assoc("pr_supported", "SCTP_PR_SUPPORTED", "RFC 7496 section 4.5", 113, 38),
    OptionRow(
        "pr_stream_status", "SCTP_PR_STREAM_STATUS", "struct sctp_prstatus", _PR_STATUS + _PR_KEYS,
        "sprstat_assoc_id", "assoc", "r", "RFC 7496 section 4.3", 116, 0x107, "/I", keys=("stream", "policy"),
    ),
    OptionRow(
        "pr_assoc_status", "SCTP_PR_ASSOC_STATUS", "struct sctp_prstatus", _PR_STATUS + _PR_KEYS[1:],
        "sprstat_assoc_id", "assoc", "r", "RFC 7496 section 4.4", 115, 0x108, "/I", keys=("policy",),
    ),
    # RFC 8260: schedulers and interleaving
    OptionRow(
        "stream_scheduler", "{SCTP_STREAM_SCHEDULER|SCTP_PLUGGABLE_SS}", _ASSOC_VALUE,
        _fields("assoc_value:value:scheduler"), "assoc_id", "assoc", "rw", "RFC 8260 section 4.3.2", 123, 0x1203,
        "FCAI/FI",
    ),
    OptionRow(
        "stream_scheduler_value", "{SCTP_STREAM_SCHEDULER_VALUE|SCTP_SS_VALUE}", "struct sctp_stream_value",
        _fields("stream_id:stream:u16 stream_value:value:u16"), "assoc_id", "assoc", "rw", "RFC 8260 section 4.3.3",
        124, 0x1204, "CI/I", keys=("stream",),
    ),
    _assoc("interleaving_supported", "SCTP_INTERLEAVING_SUPPORTED", "RFC 8260 section 4.3.1", 125, 0x1206),
    # RFC 6951, RFC 7829, RFC 9653
    OptionRow(
        "udp_encaps_port", "SCTP_REMOTE_UDP_ENCAPS_PORT", "struct sctp_udpencaps",
        _fields("sue_address:address:address sue_port:port:port"), "sue_assoc_id", "path", "rw", "RFC 6951 section 6.1",
        132, 36, "FI/FI",
    ),
    OptionRow(
        "path_thresholds", "{SCTP_PEER_ADDR_THLDS_V2|SCTP_PEER_ADDR_THLDS}",
        "struct {sctp_paddrthlds_v2|sfi_paddrthlds}", _fields(
        "spt_address:address:address spt_pathmaxrxt:max_retrans:u16 spt_pathpfthld:potentially_failed:u16 "
        "spt_pathcpthld:primary_switchover:u16"), "spt_assoc_id", "path", "rw", "RFC 7829 section 7.2", 37, 35, "FI/FI",
    ),
    _assoc(
        "expose_potentially_failed", "SCTP_EXPOSE_POTENTIALLY_FAILED_STATE", "RFC 7829 section 7.3", 131, None,
    ),
    OptionRow(
        "accept_zero_checksum", "SCTP_ACCEPT_ZERO_CHECKSUM", "int", _INT, "", "socket", "w", "RFC 9653 section 7.1",
        None, 51, lacks="usrsctp",
    ),
    # The stacks' own
    _assoc("ecn_supported", "SCTP_ECN_SUPPORTED", "no RFC; RFC 9260 appendix A", 130, 37),
    _assoc("auth_supported", "SCTP_AUTH_SUPPORTED", "no RFC; switches RFC 4895 on", 129, 39),
    _assoc("asconf_supported", "SCTP_ASCONF_SUPPORTED", "no RFC; switches RFC 5061 on", 128, 40),
    OptionRow(
        "assoc_stats", "SCTP_GET_ASSOC_STATS", "struct sctp_assoc_stats", _fields(_ASSOC_STATS), "sas_assoc_id",
        "assoc", "r", "no RFC; Linux", 112, None, "/I",
    ),
    OptionRow(
        "probe_interval", "SCTP_PLPMTUD_PROBE_INTERVAL", "struct sctp_probeinterval",
        _fields("spi_address:address:address spi_interval:interval_ms"), "spi_assoc_id", "path", "rw",
        "no RFC; RFC 8899 on Linux", 133, None, "FI/FI",
    ),
    _assoc("max_cwnd_bytes", "SCTP_MAX_CWND", "no RFC; BSD", None, 50),
    OptionRow(
        "timeouts", "SCTP_TIMEOUTS", "struct sctp_timeouts", _fields(_TIMEOUTS), "stimo_assoc_id", "assoc", "r",
        "no RFC; BSD", None, 0x106, "/I",
    ),
    _assoc("nrsack_supported", "SCTP_NRSACK_SUPPORTED", "no RFC; BSD", None, 48),
    _assoc("pktdrop_supported", "SCTP_PKTDROP_SUPPORTED", "no RFC; BSD", None, 49),
    OptionRow(
        "cc_module", "SCTP_PLUGGABLE_CC", _ASSOC_VALUE, _fields("assoc_value:value:cc_module"), "assoc_id", "assoc",
        "rw", "no RFC; BSD", None, 0x1202, "FCAI/FI",
    ),
    OptionRow(
        "cc_option", "SCTP_CC_OPTION", "struct sctp_cc_option",
        _fields("option:option:int aid_value.assoc_value:value"), "aid_value.assoc_id", "assoc", "rw", "no RFC; BSD",
        None, 0x1205, "CI/I", keys=("option",),
    ),
    _assoc("cmt", "SCTP_CMT_ON_OFF", "no RFC; BSD", None, 0x1200, "FCAI/FI"),
    OptionRow(
        "buffer_use", "SCTP_GET_SNDBUF_USE", "struct sfi_sockstat",
        _fields("ss_total_sndbuf:send_bytes ss_total_recv_buf:receive_bytes"), "ss_assoc_id", "assoc", "r",
        "no RFC; BSD", None, 0x1101, "/I",
    ),
    _socket("reuse_address", "SO_REUSEADDR", "POSIX", None, None, level="socket", lacks="usrsctp"),
]  # fmt: skip
