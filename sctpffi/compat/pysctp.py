"""The names of pysctp 0.7.3 over sctpffi: `import sctpffi.compat.pysctp as sctp`. Re-exports only.

Programs that were written for pysctp run with this import, on every backend; docs/migration-pysctp.md has a table of
all names, what differs, and how to go on from here.
"""

from __future__ import annotations

import datetime
import os
import socket
import sys
import time
from typing import Any, List

from sctpffi.compat._pysctp_messages import TimedOut
from sctpffi.compat._pysctp_socket import features, sctpsocket, sctpsocket_tcp, sctpsocket_udp
from sctpffi.compat._pysctp_values import (
    BINDX_ADD,
    BINDX_REM,
    BINDX_REMOVE,
    FLAG_DONTROUTE,
    FLAG_EOR,
    FLAG_NOTIFICATION,
    HAVE_KERNEL_SCTP,
    HAVE_SCTP,
    HAVE_SCTP_ADDIP,
    HAVE_SCTP_CANSET_PRIMARY,
    HAVE_SCTP_MULTIBUF,
    HAVE_SCTP_NOCONNECT,
    HAVE_SCTP_PRSCTP,
    HAVE_SCTP_SAT_NETWORK_CAPABILITY,
    IPPROTO_SCTP,
    MSG_ABORT,
    MSG_ADDR_OVER,
    MSG_ADDR_OVERRIDE,
    MSG_EOF,
    MSG_FIN,
    MSG_SENDALL,
    MSG_UNORDERED,
    SOCK_SEQPACKET,
    SOCK_STREAM,
    SOL_SCTP,
    STYLE_TCP,
    STYLE_UDP,
    TCP_STYLE,
    UDP_STYLE,
    adaptation_event,
    assoc_change,
    assocparams,
    event_subscribe,
    initmsg,
    initparams,
    notification,
    notification_factory,
    notification_table,
    paddr_change,
    paddrinfo,
    paddrparams,
    pdapi_event,
    remote_error,
    rtoinfo,
    send_failed,
    shutdown_event,
    sndrcvinfo,
    status,
)

__all__ = [
    "BINDX_ADD",
    "BINDX_REM",
    "BINDX_REMOVE",
    "FLAG_DONTROUTE",
    "FLAG_EOR",
    "FLAG_NOTIFICATION",
    "HAVE_KERNEL_SCTP",
    "HAVE_SCTP",
    "HAVE_SCTP_ADDIP",
    "HAVE_SCTP_CANSET_PRIMARY",
    "HAVE_SCTP_MULTIBUF",
    "HAVE_SCTP_NOCONNECT",
    "HAVE_SCTP_PRSCTP",
    "HAVE_SCTP_SAT_NETWORK_CAPABILITY",
    "IPPROTO_SCTP",
    "MSG_ABORT",
    "MSG_ADDR_OVER",
    "MSG_ADDR_OVERRIDE",
    "MSG_EOF",
    "MSG_FIN",
    "MSG_SENDALL",
    "MSG_UNORDERED",
    "SOCK_SEQPACKET",
    "SOCK_STREAM",
    "SOL_SCTP",
    "STYLE_TCP",
    "STYLE_UDP",
    "TCP_STYLE",
    "TimedOut",
    "UDP_STYLE",
    "adaptation_event",
    "assoc_change",
    "assocparams",
    "datetime",
    "event_subscribe",
    "features",
    "initmsg",
    "initparams",
    "notification",
    "notification_factory",
    "notification_table",
    "os",
    "paddr_change",
    "paddrinfo",
    "paddrparams",
    "pdapi_event",
    "remote_error",
    "rtoinfo",
    "sctpsocket",
    "sctpsocket_tcp",
    "sctpsocket_udp",
    "send_failed",
    "shutdown_event",
    "sndrcvinfo",
    "socket",
    "status",
    "sys",
    "time",
]
__all__ += [name for name in socket.__all__ if name not in __all__]


def __getattr__(name: str) -> Any:
    """pysctp has the names of `socket` too, and its programs use them."""
    if name in socket.__all__:
        return getattr(socket, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> List[str]:
    return sorted(set(globals()) | set(__all__))
