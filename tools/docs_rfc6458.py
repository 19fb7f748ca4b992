"""Where each section of the RFCs that define SCTP's socket API is in sctpffi: the data of docs/rfc6458.md.

One row a section, with its title as the RFC has it. The options of a section, their backends, and the tests that prove
a row are found by docs.py. Rows with YES need such a test.
"""

from __future__ import annotations

from typing import List, NamedTuple, Tuple


class Section(NamedTuple):
    """One section of an RFC.

    how: what it is in sctpffi, beside the options whose rows name the section; for NO and OTHER, with the reason.
    on: where it is, as text or as a native constant of _tables; "" means where its options are, or else everywhere.
    """

    number: str
    title: str
    how: str = ""
    status: str = "yes"
    on: str = ""


YES, OTHER, NO, BELOW = "yes", "by other means", "no", "see below"


def _old(number: str, title: str, instead: str) -> Section:
    return Section(number, f"{title} - DEPRECATED", f"superseded: {instead}", NO)


def _as(number: str, title: str, how: str, other: str) -> Section:
    """A section that means what another one of RFC 6458 means, and is proved there."""
    return Section(number, title, how, f"see 6458 {other}")


def _head(number: str, title: str, how: str = "") -> Section:
    return Section(number, title, how, BELOW)


RFC_6458: List[Section] = [
    _head("3", "One-to-Many Style Interface", "`Socket(style=Style.ONE_TO_MANY)`"),
    _head("3.1", "Basic Operation"),
    Section("3.1.1", "socket()", "`Socket(family, Style.ONE_TO_MANY)`"),
    Section("3.1.2", "bind()", "`Socket.bind`"),
    Section("3.1.3", "listen()", "`Socket.listen`; `accept` raises `WrongStyle`"),
    Section("3.1.4", "sendmsg() and recvmsg()", "`Socket.send`, `Socket.recv`, `recv_partial`, `peek`"),
    Section("3.1.5", "close()", "`Socket.close`; one association: `shutdown(assoc_id=...)`, `abort(assoc_id=...)`"),
    Section("3.1.6", "connect()", "`Socket.connect`, which does not wait"),
    Section("3.2", "Non-Blocking Mode", "`timeout=0`, `settimeout`, `setblocking`; `fileno()` with selectors"),
    Section("3.3", "Special Considerations", "advice to programs: `timeout=` in each call, `peeloff`", OTHER),
    _head("4", "One-to-One Style Interface", "`Socket()`; `connect` and `listen` of the high level"),
    _head("4.1", "Basic Operation"),
    Section("4.1.1", "socket()", "`Socket(family)`"),
    Section("4.1.2", "bind()", "`Socket.bind`"),
    Section("4.1.3", "listen()", "`Socket.listen`"),
    Section("4.1.4", "accept()", "`Socket.accept`"),
    Section("4.1.5", "connect()", "`Socket.connect`, `connect_done`"),
    Section("4.1.6", "close()", "`Socket.close`"),
    Section("4.1.7", "shutdown()", "`Socket.shutdown` is SHUT_WR; there is no SHUT_RD ([stacks.md](stacks.md), bug f)"),
    Section("4.1.8", "sendmsg() and recvmsg()", "`Socket.send`, whose `to=` is the path, `Socket.recv`"),
    Section("4.1.9", "getpeername()", "`Socket.getpeername`"),
    _head("5", "Data Structures"),
    Section(
        "5.1",
        "The msghdr and cmsghdr Structures",
        "arguments of `send`, attributes of `Message`; the shim fills them",
        OTHER,
    ),
    _head("5.2", "Ancillary Data Considerations and Semantics"),
    Section("5.2.1", "Multiple Items and Ordering", "all arguments of `send` go together", OTHER),
    Section("5.2.2", "Accessing and Manipulating Ancillary Data", "the shim walks it", OTHER),
    Section(
        "5.2.3",
        "Control Message Buffer Sizing",
        "the shim has room for all of it; `Message.control_truncated` would tell",
        OTHER,
    ),
    _head("5.3", "SCTP msg_control Structures"),
    Section(
        "5.3.1",
        "SCTP Initiation Structure (SCTP_INIT)",
        "`send(..., to=..., init=InitParams(...))`; on usrsctp `opts.init_params` before",
        on="linux, freebsd",
    ),
    _old("5.3.2", "SCTP Header Information Structure (SCTP_SNDRCV)", "5.3.4, 5.3.5 and 5.3.7"),
    _old("5.3.3", "Extended SCTP Header Information Structure (SCTP_EXTRCV)", "5.3.5 and 5.3.6"),
    Section(
        "5.3.4",
        "SCTP Send Information Structure (SCTP_SNDINFO)",
        "`send(data, stream, ppid, unordered=, context=, flags=, assoc_id=)`, `SendFlag`",
    ),
    Section("5.3.5", "SCTP Receive Information Structure (SCTP_RCVINFO)", "`Message`"),
    Section("5.3.6", "SCTP Next Receive Information Structure (SCTP_NXTINFO)", "`Message.next`, a `NextInfo`"),
    Section(
        "5.3.7",
        "SCTP PR-SCTP Information Structure (SCTP_PRINFO)",
        "`send(..., ttl=)`, `send(..., prinfo=PrInfo(...))`",
    ),
    Section(
        "5.3.8",
        "SCTP AUTH Information Structure (SCTP_AUTHINFO)",
        "`send(..., auth_key=)`; on usrsctp `auth.activate` before",
        on="linux, freebsd",
    ),
    Section(
        "5.3.9", "SCTP Destination IPv4 Address Structure (SCTP_DSTADDRV4)", '`send(..., to="10.0.0.1/10.0.1.1:3868")`'
    ),
    Section("5.3.10", "SCTP Destination IPv6 Address Structure (SCTP_DSTADDRV6)", "the same with IPv6 addresses"),
    _head("6", "SCTP Events and Notifications"),
    Section("6.1", "SCTP Notification Structure", "`recv` returns a `Notification`"),
    Section("6.1.1", "SCTP_ASSOC_CHANGE", "`AssocChange`", on="SCTP_ASSOC_CHANGE"),
    Section("6.1.2", "SCTP_PEER_ADDR_CHANGE", "`PeerAddrChange`", on="SCTP_PEER_ADDR_CHANGE"),
    Section("6.1.3", "SCTP_REMOTE_ERROR", "`RemoteError`", on="SCTP_REMOTE_ERROR"),
    Section("6.1.4", "SCTP_SEND_FAILED - DEPRECATED", "`SendFailed`; prefer `SendFailedEvent`", on="SCTP_SEND_FAILED"),
    Section("6.1.5", "SCTP_SHUTDOWN_EVENT", "`ShutdownEvent`", on="SCTP_SHUTDOWN_EVENT"),
    Section("6.1.6", "SCTP_ADAPTATION_INDICATION", "`AdaptationIndication`", on="SCTP_ADAPTATION_INDICATION"),
    Section("6.1.7", "SCTP_PARTIAL_DELIVERY_EVENT", "`PartialDeliveryEvent`", on="SCTP_PARTIAL_DELIVERY_EVENT"),
    Section("6.1.8", "SCTP_AUTHENTICATION_EVENT", "`AuthenticationEvent`", on="SCTP_AUTHENTICATION_EVENT"),
    Section("6.1.9", "SCTP_SENDER_DRY_EVENT", "`SenderDryEvent`", on="SCTP_SENDER_DRY_EVENT"),
    Section(
        "6.1.10", "SCTP_NOTIFICATIONS_STOPPED_EVENT", "no stack sends it; `NotificationsStopped` waits for one", NO
    ),
    Section("6.1.11", "SCTP_SEND_FAILED_EVENT", "`SendFailedEvent`", on="SCTP_SEND_FAILED_EVENT"),
    _head("6.2", "Notification Interest Options"),
    _old("6.2.1", "SCTP_EVENTS Option", "6.2.2"),
    Section("6.2.2", "SCTP_EVENT Option", "`subscribe`, `unsubscribe`, `subscribed`, `subscriptions`", on="SCTP_EVENT"),
    _head("7", "Common Operations for Both Styles"),
    Section("7.1", "send(), recv(), sendto(), and recvfrom()", "`send`, `send(..., to=)`, `recv`, `Message.address`"),
    Section("7.2", "setsockopt() and getsockopt()", "`opts`, `AssocId`; `setsockopt_raw`, `getsockopt_raw`"),
    Section("7.3", "read() and write()", "`recv` and `send`, which keep what belongs to a message", OTHER),
    Section("7.4", "getsockname()", "`Socket.getsockname`"),
    Section("7.5", "Implicit Association Setup", "`send(..., to=)` on a one-to-many socket"),
    _head("8", "Socket Options", "`opts`; sctp_opt_info() is `opts.of(assoc_id, address)`"),
    _head("8.1", "Read/Write Options"),
    Section("8.1.1", "Retransmission Timeout Parameters (SCTP_RTOINFO)"),
    Section("8.1.2", "Association Parameters (SCTP_ASSOCINFO)"),
    Section("8.1.3", "Initialization Parameters (SCTP_INITMSG)"),
    Section("8.1.4", "SO_LINGER"),
    Section("8.1.5", "SCTP_NODELAY"),
    Section("8.1.6", "SO_RCVBUF"),
    Section("8.1.7", "SO_SNDBUF"),
    Section("8.1.8", "Automatic Close of Associations (SCTP_AUTOCLOSE)"),
    Section("8.1.9", "Set Primary Address (SCTP_PRIMARY_ADDR)", "`Connection.set_primary`"),
    Section("8.1.10", "Set Adaptation Layer Indicator (SCTP_ADAPTATION_LAYER)"),
    Section("8.1.11", "Enable/Disable Message Fragmentation (SCTP_DISABLE_FRAGMENTS)"),
    Section("8.1.12", "Peer Address Parameters (SCTP_PEER_ADDR_PARAMS)", "`heartbeat`"),
    _old("8.1.13", "Set Default Send Parameters (SCTP_DEFAULT_SEND_PARAM)", "8.1.31 and 8.1.32"),
    _old("8.1.14", "Set Notification and Ancillary Events (SCTP_EVENTS)", "6.2.2"),
    Section("8.1.15", "Set/Clear IPv4 Mapped Addresses (SCTP_I_WANT_MAPPED_V4_ADDR)"),
    Section("8.1.16", "Get or Set the Maximum Fragmentation Size (SCTP_MAXSEG)"),
    Section(
        "8.1.17", "Get or Set the List of Supported HMAC Identifiers (SCTP_HMAC_IDENT)", "`auth.enable`, `auth.hmacs`"
    ),
    Section("8.1.18", "Get or Set the Active Shared Key (SCTP_AUTH_ACTIVE_KEY)", "`auth.activate`, `auth.active`"),
    Section("8.1.19", "Get or Set Delayed SACK Timer (SCTP_DELAYED_SACK)"),
    Section("8.1.20", "Get or Set Fragmented Interleave (SCTP_FRAGMENT_INTERLEAVE)"),
    Section("8.1.21", "Set or Get the SCTP Partial Delivery Point (SCTP_PARTIAL_DELIVERY_POINT)"),
    _old("8.1.22", "Set or Get the Use of Extended Receive Info (SCTP_USE_EXT_RCVINFO)", "8.1.30"),
    Section("8.1.23", "Set or Get the Auto ASCONF Flag (SCTP_AUTO_ASCONF)"),
    Section("8.1.24", "Set or Get the Maximum Burst (SCTP_MAX_BURST)"),
    Section("8.1.25", "Set or Get the Default Context (SCTP_CONTEXT)", "`Message.context`"),
    Section("8.1.26", "Enable or Disable Explicit EOR Marking (SCTP_EXPLICIT_EOR)", "`SendFlag.EOR`"),
    Section("8.1.27", "Enable SCTP Port Reusage (SCTP_REUSE_PORT)"),
    _as("8.1.28", "Set Notification Event (SCTP_EVENT)", "`subscribe`", "6.2.2"),
    Section(
        "8.1.29", "Enable or Disable the Delivery of SCTP_RCVINFO as Ancillary Data (SCTP_RECVRCVINFO)", "on at first"
    ),
    Section("8.1.30", "Enable or Disable the Delivery of SCTP_NXTINFO as Ancillary Data (SCTP_RECVNXTINFO)"),
    Section("8.1.31", "Set Default Send Parameters (SCTP_DEFAULT_SNDINFO)"),
    Section("8.1.32", "Set Default PR-SCTP Parameters (SCTP_DEFAULT_PRINFO)"),
    _head("8.2", "Read-Only Options"),
    Section("8.2.1", "Association Status (SCTP_STATUS)", "`status`"),
    Section("8.2.2", "Peer Address Information (SCTP_GET_PEER_ADDR_INFO)", "`paths`, `find_association`"),
    Section(
        "8.2.3",
        "Get the List of Chunks the Peer Requires to Be Authenticated (SCTP_PEER_AUTH_CHUNKS)",
        "`auth.peer_chunks`",
    ),
    Section(
        "8.2.4",
        "Get the List of Chunks the Local Endpoint Requires to Be Authenticated (SCTP_LOCAL_AUTH_CHUNKS)",
        "`auth.local_chunks`",
    ),
    Section("8.2.5", "Get the Current Number of Associations (SCTP_GET_ASSOC_NUMBER)"),
    Section("8.2.6", "Get the Current Identifiers of Associations (SCTP_GET_ASSOC_ID_LIST)", "`associations`"),
    _head("8.3", "Write-Only Options"),
    Section("8.3.1", "Set Peer Primary Address (SCTP_SET_PEER_PRIMARY_ADDR)", "`request_primary`"),
    Section("8.3.2", "Add a Chunk That Must Be Authenticated (SCTP_AUTH_CHUNK)", "`auth.enable`"),
    Section("8.3.3", "Set a Shared Key (SCTP_AUTH_KEY)", "`auth.set`, `auth.rotate`"),
    Section("8.3.4", "Deactivate a Shared Key (SCTP_AUTH_DEACTIVATE_KEY)", "`auth.deactivate`"),
    Section("8.3.5", "Delete a Shared Key (SCTP_AUTH_DELETE_KEY)", "`auth.delete`"),
    _head("9", "New Functions"),
    Section("9.1", "sctp_bindx()", "`bind` with several addresses, `bind_add`, `bind_remove`"),
    Section("9.2", "sctp_peeloff()", "`Socket.peeloff`"),
    Section("9.3", "sctp_getpaddrs()", "`peer_addresses`"),
    Section("9.4", "sctp_freepaddrs()", "there is nothing to free", OTHER),
    Section("9.5", "sctp_getladdrs()", "`local_addresses`"),
    Section("9.6", "sctp_freeladdrs()", "there is nothing to free", OTHER),
    _old("9.7", "sctp_sendmsg()", "`send`"),
    _old("9.8", "sctp_recvmsg()", "`recv`"),
    Section("9.9", "sctp_connectx()", "`connect` with several addresses"),
    _old("9.10", "sctp_send()", "`send`"),
    _old("9.11", "sctp_sendx()", "`send` with several addresses in `to=`"),
    Section("9.12", "sctp_sendv()", "`send`: the same attributes, by arguments", OTHER),
    Section("9.13", "sctp_recvv()", "`recv`: the same attributes, in `Message` and `Message.next`", OTHER),
]

OTHERS: List[Tuple[int, str, List[Section]]] = [
    (
        3758,
        "Partial reliability",
        [_as("4.1", 'PR-SCTP Service Definition for "timed reliability"', "`send(..., ttl=)`", "5.3.7")],
    ),
    (
        4895,
        "Authenticated chunks",
        [
            Section("3.2", "Chunk List Parameter (CHUNKS)", "`auth.enable(chunks)`; `opts.auth_chunk`"),
            Section("3.3", "Requested HMAC Algorithm Parameter (HMAC-ALGO)", "`auth.enable(hmacs=)`"),
            _as("4.1", "Unsupported HMAC Identifier Error Cause", "`Cause.UNSUPPORTED_HMAC`", "6.1.3"),
            _as("6.1", "Establishment of an Association Shared Key", "`auth.set`, `auth.activate`", "8.3.3"),
            _as("6.2", "Sending Authenticated Chunks", "`auth.activate`, `send(..., auth_key=)`", "5.3.8"),
            Section("6.3", "Receiving Authenticated Chunks", "the stack drops what is not; `AuthenticationEvent`"),
        ],
    ),
    (
        5061,
        "Dynamic addresses",
        [
            Section("4.2.4", "Set Primary IP Address", "`request_primary`"),
            _as("4.2.6", "Adaptation Layer Indication", "`AdaptationIndication`", "8.1.10"),
            _as("4.3", "New Error Causes", "`Cause`", "6.1.3"),
            Section(
                "5.1", "ASCONF Chunk Procedures", "`bind_add` and `bind_remove` while associated, `opts.auto_asconf`"
            ),
        ],
    ),
    (
        6525,
        "Stream reconfiguration",
        [
            _head("6.1", "Events", "`PeerFeature.RE_CONFIG` in `AssocChange.features`"),
            Section("6.1.1", "Stream Reset Event", "`StreamResetEvent`", on="SCTP_STREAM_RESET_EVENT"),
            Section("6.1.2", "Association Reset Event", "`AssocResetEvent`", on="SCTP_ASSOC_RESET_EVENT"),
            Section("6.1.3", "Stream Change Event", "`StreamChangeEvent`", on="SCTP_STREAM_CHANGE_EVENT"),
            _as("6.2", "Event Subscription", "`subscribe`", "6.2.2"),
            _head("6.3", "Socket Options"),
            Section("6.3.1", "Enable/Disable Stream Reset (SCTP_ENABLE_STREAM_RESET)"),
            Section("6.3.2", "Reset Incoming and/or Outgoing Streams (SCTP_RESET_STREAMS)", "`reset_streams`"),
            Section("6.3.3", "Reset SSN/TSN (SCTP_RESET_ASSOC)", "`reset_association`"),
            Section("6.3.4", "Add Incoming and/or Outgoing Streams (SCTP_ADD_STREAMS)", "`add_streams`"),
        ],
    ),
    (
        6951,
        "UDP encapsulation",
        [Section("6.1", "Get or Set the Remote UDP Encapsulation Port Number (SCTP_REMOTE_UDP_ENCAPS_PORT)")],
    ),
    (
        7053,
        "Immediate acknowledgement",
        [Section("7", "Socket API Considerations", "`SendFlag.SACK_IMMEDIATELY`")],
    ),
    (
        7496,
        "Policies of partial reliability",
        [
            Section("4.2", "Support for Added PR-SCTP Policies", "`PrInfo`, `PrPolicy`"),
            Section(
                "4.3",
                "Socket Option for Getting the Stream-Specific PR-SCTP Status (SCTP_PR_STREAM_STATUS)",
                "`pr_status(stream=)`",
            ),
            Section(
                "4.4",
                "Socket Option for Getting the Association-Specific PR-SCTP Status (SCTP_PR_ASSOC_STATUS)",
                "`pr_status()`",
            ),
            Section("4.5", "Socket Option for Getting and Setting the PR-SCTP Support (SCTP_PR_SUPPORTED)"),
        ],
    ),
    (
        7829,
        "Paths that may have failed",
        [
            Section(
                "7.1",
                "Support for the Potentially Failed Path State",
                "`PathState.POTENTIALLY_FAILED`, `PeerAddrState.POTENTIALLY_FAILED`",
                on="SCTP_ADDR_POTENTIALLY_FAILED",
            ),
            Section("7.2", "Peer Address Thresholds (SCTP_PEER_ADDR_THLDS) Socket Option"),
            Section(
                "7.3", "Exposing the Potentially Failed Path State (SCTP_EXPOSE_POTENTIALLY_FAILED_STATE) Socket Option"
            ),
        ],
    ),
    (
        8260,
        "Schedulers and interleaving",
        [
            _as("4.1", "Exposure of the Stream Sequence Number (SSN)", "`Message.ssn`", "5.3.5"),
            Section("4.2", "SCTP_ASSOC_CHANGE Notification", "`PeerFeature.INTERLEAVING`", on="freebsd, usrsctp"),
            _head("4.3", "Socket Options"),
            Section(
                "4.3.1", "Enable or Disable the Support of User Message Interleaving (SCTP_INTERLEAVING_SUPPORTED)"
            ),
            Section("4.3.2", "Get or Set the Stream Scheduler (SCTP_STREAM_SCHEDULER)", "`StreamScheduler`"),
            Section("4.3.3", "Get or Set the Stream Scheduler Parameter (SCTP_STREAM_SCHEDULER_VALUE)"),
            Section(
                "4.4", "Explicit EOR Marking", "`opts.explicit_eor` with `SendFlag.EOR`", OTHER, "freebsd, usrsctp"
            ),
        ],
    ),
    (
        9653,
        "Zero checksum",
        [Section("7.1", "Set Accepting a Zero Checksum (SCTP_ACCEPT_ZERO_CHECKSUM)")],
    ),
]
