"""The contract between a backend and everything above it, as typing Protocols.

Every value in and out is canonical; handles are opaque; addresses are `Address` objects; time is in
milliseconds, -1 for ever, -2 - n for the handle's own time-out of which n have passed. Operations do not wait except
where they take `timeout_ms`. The calls that move messages return the shim's number, negative on failure, because
they are made for each of them; all others raise an exception of `sctpffi.errors`. Any operation may be called from any
thread; on a closed or detached handle it fails with ClosedError (EBADF). Nothing here knows a stack.
"""

from __future__ import annotations

import struct
from typing import Any, Callable, Dict, FrozenSet, Iterator, List, NamedTuple, Optional, Protocol, Sequence, Tuple

from sctpffi._optrows import OptionRow
from sctpffi.addresses import Address


class Support(NamedTuple):
    """Whether a backend can be used here, and if not, why and what to do."""

    name: str
    usable: bool
    reason: str  # "" if usable
    version: str  # of the kernel or library; "" if unknown


class Received(NamedTuple):
    """What came with the bytes of one receive: struct sfi_rcv."""

    kind: int
    flags: int
    sid: int
    ssn: int
    ppid: int
    tsn: int
    cumtsn: int
    context: int
    assoc_id: int
    family: int
    port: int
    scope_id: int
    ip: bytes
    offset: int  # where its bytes lie in what was read into, and how many they are
    length: int


# What came with a message, as every one has it, and what the stack tells of the one behind it.
RECEIVED = struct.Struct("=12I16s2I")  # struct sfi_rcv without next_*; tests/abi compares it with the compiler's layout
RECEIVED_STEP = RECEIVED.size + 20  # from one to the next
RECV_OTHER = 1 << 32  # SFI_RECV_OTHER
MANY_OTHER = 1 << 24  # SFI_MANY_OTHER
Raw = Tuple[int, int, int, int, int, int, int, int, int, int, int, int, bytes, int, int]
RawNext = Tuple[int, int, int, int, int]


class Outgoing(NamedTuple):
    """What one message of `Handle.send_many` says: struct sfi_snd."""

    assoc_id: int
    stream: int
    ppid: int
    flags: int
    context: int
    pr_policy: int
    pr_value: int
    to: Optional[Address]


class Room(Protocol):
    """Memory of a backend's own to read into; as a context manager it is given back at the end."""

    @property
    def size(self) -> int: ...
    @property
    def view(self) -> Any:
        """Its bytes: slices are `bytes`, unless it is the caller's own memory."""

    def __enter__(self) -> Room: ...
    def __exit__(self, *exc: object) -> None: ...


class Shelf(Protocol):
    """Memory for many messages, and what came with them."""

    @property
    def view(self) -> Any:
        """Its bytes: slices are `bytes`."""

    def exporter(self) -> Any:
        """A new object whose memoryview is of its bytes."""

    def reserve(self, count: int) -> None:
        """Have a place for what comes with so many."""

    def items(self, count: int) -> Iterator[Raw]:
        """The first count of what came, each as Received."""

    @property
    def words(self) -> Any:
        """The same as bytes, RECEIVED_STEP apart: slices are `bytes`."""

    def places(self, count: int) -> Iterator[Tuple[int, int]]:
        """Where the bytes of each of them lie, and how many they are."""

    def next_info(self, number: int) -> RawNext: ...


class RawNotification(NamedTuple):
    """What the shim makes of a notification: struct sfi_ntf, its tail, and the whole bytes."""

    type: int
    flags: int = 0
    state: int = 0
    error: int = 0
    out_streams: int = 0
    in_streams: int = 0
    assoc_id: int = 0
    features: Optional[bytes] = None
    causes: bytes = b""
    address: Optional[Address] = None
    source: Optional[Address] = None
    data: bytes = b""
    undelivered: bytes = b""
    streams: Tuple[int, ...] = ()
    indication: int = 0
    key: int = 0
    other_key: int = 0
    sid: int = 0
    ssn: int = 0
    ppid: int = 0
    context: int = 0
    local_tsn: int = 0
    remote_tsn: int = 0


class Adopted(NamedTuple):
    """What an inherited descriptor turned out to be: struct sfi_adopted."""

    family: int
    style: int
    listening: int
    used: int  # one-to-one or peeled off: it has an association, or had one
    state: int  # an AssocState; 0 without an association
    assoc_id: int


class Handle(Protocol):
    """One open socket of a stack; name is its backend's."""

    @property
    def name(self) -> str: ...

    def close(self) -> None: ...
    def fileno(self) -> int: ...
    def detach(self) -> int: ...
    def dup(self) -> Handle: ...
    def bind(self, addresses: Sequence[Address]) -> None: ...
    def bindx(self, addresses: Sequence[Address], add: bool) -> None: ...
    def listen(self, backlog: int) -> None: ...
    def accept(self, timeout_ms: int) -> Tuple[Handle, Optional[Address]]: ...
    def connect(self, addresses: Sequence[Address]) -> Tuple[int, bool]: ...
    def connect_result(self) -> int: ...
    def peeloff(self, assoc_id: int) -> Handle: ...
    def shutdown(self, assoc_id: int) -> None: ...
    def abort(self, assoc_id: int, reason: bytes) -> None: ...
    def set_timeout(self, timeout_ms: int) -> None: ...
    def wait(self, events: int, timeout_ms: int) -> int: ...
    def sender(self) -> Callable[[bytes, int, int, int, int, int, int], int]:
        """As `send`, quicker, with what most need: data, size, assoc_id, stream, ppid, flags and timeout_ms."""
        ...

    def receiver(self, room: Room) -> Tuple[Callable[[int], int], Any]:
        """As `recv` with timeout_ms, quicker, into the whole of room; and a view of RECEIVED, whose slices are bytes.

        To the size of all but a plain whole message RECV_OTHER is added.
        """
        ...

    def send(
        self,
        data: Any,
        size: int,
        assoc_id: int,
        stream: int,
        ppid: int,
        flags: int,
        context: int,
        pr_policy: int,
        pr_value: int,
        to: Optional[Address],
        timeout_ms: int,
        more: Any = None,
    ) -> int: ...
    def more(self, key: Optional[int], init: Optional[Tuple[int, int, int, int]], others: Sequence[Address]) -> Any: ...
    def send_many(self, data: bytes, lengths: Sequence[int], infos: Sequence[Outgoing], timeout_ms: int) -> int:
        """Messages that lie one behind the other."""

    def send_these(
        self, datas: Sequence[bytes], lengths: Sequence[int], infos: Sequence[Outgoing], timeout_ms: int
    ) -> int:
        """Messages that lie each somewhere."""

    def new_buffer(self, size: int) -> Room: ...
    def as_buffer(self, writable: Any) -> Room: ...
    def recv(self, room: Room, size: int, peek: bool, timeout_ms: int) -> int: ...
    def recv_into(self, writable: memoryview, timeout_ms: int) -> int:
        """As `recv`, into the whole of a contiguous view."""
        ...

    def received(self) -> Raw: ...
    def next_info(self) -> RawNext: ...
    def new_shelf(self, size: int) -> Shelf: ...
    def recv_many(self, shelf: Shelf, least: int, count: int, timeout_ms: int) -> int: ...
    def decode(self, data: bytes, source: Optional[Address]) -> RawNotification: ...
    def addresses(self, local: bool, assoc_id: int) -> List[Address]: ...
    def subscribe(self, assoc_id: int, event: int, on: bool) -> None: ...
    def subscribed(self, assoc_id: int, event: int) -> bool: ...
    def has_option(self, row: OptionRow) -> bool: ...
    def get_option(
        self, row: OptionRow, assoc_id: int, address: Optional[Address], keys: Dict[str, int]
    ) -> Dict[str, Any]: ...
    def set_option(self, row: OptionRow, values: Dict[str, Any], assoc_id: int, address: Optional[Address]) -> None: ...
    def get_raw(self, level: int, number: int, size: int) -> bytes: ...
    def set_raw(self, level: int, number: int, value: bytes) -> None: ...
    def error(self, code: int, op: str) -> Exception: ...


class Backend(Protocol):
    """One SCTP stack."""

    @property
    def name(self) -> str: ...
    @property
    def features(self) -> FrozenSet[str]: ...
    def version(self) -> str: ...
    def probe(self) -> Support: ...
    def open(self, family: int, style: int) -> Handle: ...
    def adopt(self, fileno: int) -> Tuple[Handle, Adopted]: ...
    def live_handles(self) -> int: ...
    def counters(self) -> Dict[str, int]: ...
