"""What is compared and how: contenders, tests, sizes, and the points that a run measures.

Plain data and pure functions; nothing is run here.
"""

from __future__ import annotations

from typing import Collection, Dict, List, NamedTuple, Tuple

SIZES = (64, 1000, 16000, 60000)
ASSOCIATIONS = (1, 10, 100, 1000)
STREAMS = (1, 16, 256)
TESTS = ("messages", "streams", "associations", "calls")
STANDIN = "standin"  # no stack at all: standin.c in place of Linux' sockets

_MIB = 1 << 20
# usrsctp receives its packets through a UDP socket with so many bytes; what a larger window lets through is lost.
_BUFFERS = {"linux": 2 * _MIB, "freebsd": _MIB, "usrsctp": 1 << 17, STANDIN: 2 * _MIB}
_FEW_BYTES = 1 << 16  # of a socket, where there are a thousand
_UNDER_WAY = 32  # messages, over all associations
_JIT_S = 0.6  # longer warm-up for PyPy


class Contender(NamedTuple):
    """One way to send and receive.

    where: c, cpython or pypy. library: as in contenders/serve.py, or a C file's name. trips: round trips, too.
    """

    name: str
    where: str
    library: str
    mode: str
    says: str
    tests: Tuple[str, ...] = ("messages",)
    trips: bool = True
    backends: Tuple[str, ...] = ("linux", "freebsd", "usrsctp", STANDIN)


class Point(NamedTuple):
    """What is measured of several contenders by turns, and so can be compared."""

    backend: str
    test: str
    size: int
    associations: int
    streams: int
    contenders: Tuple[Contender, ...]
    rounds: int


class Effort(NamedTuple):
    """How long, how often, what of it."""

    seconds: float = 0.25
    ping: float = 0.1
    rounds: int = 5
    sizes: Tuple[int, ...] = SIZES
    tests: Tuple[str, ...] = TESTS
    associations: Tuple[int, ...] = ASSOCIATIONS
    streams: Tuple[int, ...] = STREAMS


QUICK = Effort(0.15, 0.06, 2, (1000,), TESTS, (1, 100), (1, 16))

_KERNELS = ("linux", "freebsd", STANDIN)
_ALL = ("messages", "streams", "associations", "calls")
_BOTH = ("messages", "calls")
_C = "C: sendmsg and recvmsg, or usrsctp_sendv and usrsctp_recvv"
CONTENDERS = (
    Contender("c", "c", "kernel", "one", _C, _ALL, True, _KERNELS),
    Contender("c", "c", "usrsctp", "one", _C, _ALL, True, ("usrsctp",)),
    Contender("c-mmsg", "c", "kernel", "mmsg", "C: sendmmsg, recvmmsg", _BOTH, False, ("linux", STANDIN)),
    Contender("one", "cpython", "sctpffi", "one", "sctpffi: send, recv", _ALL),
    Contender("into", "cpython", "sctpffi", "into", "sctpffi: send, recv_into", _BOTH),
    Contender("bulk", "cpython", "sctpffi", "bulk", "sctpffi: send_many, recv_many", _BOTH, False),
    Contender("views", "cpython", "sctpffi", "views", "sctpffi: recv_many(views=True)", _BOTH, False),
    Contender("aio", "cpython", "sctpffi-aio", "one", "sctpffi.aio: send, recv", ("messages", "associations", "calls")),
    Contender("aio-bulk", "cpython", "sctpffi-aio", "bulk", "sctpffi.aio: send_many, recv_many", _BOTH, False),
    Contender("poller", "cpython", "sctpffi", "poller", "sctpffi: Poller", ("associations",)),
    Contender("socket", "cpython", "socket", "sctp", "CPython's socket", _BOTH, True, _KERNELS),
    Contender("pysctp", "cpython", "pysctp", "one", "pysctp: sctp_send, sctp_recv", _BOTH, True, _KERNELS),
    Contender("tcp", "cpython", "socket", "tcp", "CPython's socket: TCP", ("messages",)),
    Contender("udp", "cpython", "socket", "udp", "CPython's socket: UDP", ("messages",)),
    Contender("pypy-one", "pypy", "sctpffi", "one", "sctpffi on PyPy: send, recv", _BOTH),
    Contender("pypy-bulk", "pypy", "sctpffi", "bulk", "sctpffi on PyPy: send_many, recv_many", _BOTH, False),
    Contender("pypy-aio", "pypy", "sctpffi-aio", "one", "sctpffi.aio on PyPy: send, recv", ("messages",)),
)
_BARS = 1000  # bytes, of which most bars are


def _chosen(backend: str, test: str, size: int, only: Collection[str], missing: Collection[str]) -> List[Contender]:
    return [
        each
        for each in CONTENDERS
        if backend in each.backends
        and test in each.tests
        and (each.where != "pypy" or size == _BARS)  # its warm-up takes longer than what is measured
        and (not only or each.name in only)
        and each.name not in missing
    ]


def points(backend: str, effort: Effort, only: Collection[str] = (), missing: Collection[str] = ()) -> List[Point]:
    """What to measure on a backend, in this order. only: contenders, all if empty. missing: those that are not here."""
    few = max(effort.rounds - 2, min(effort.rounds, 2))
    two = min(effort.rounds, 2)
    found: List[Point] = []

    def add(test: str, size: int, rounds: int, associations: int = 1, streams: int = 1) -> None:
        chosen = _chosen(backend, test, size, only, missing)
        if test in effort.tests and chosen:
            found.append(Point(backend, test, size, associations, streams, tuple(chosen), rounds))

    if backend != STANDIN:
        for size in effort.sizes:
            add("messages", size, effort.rounds if size == _BARS else few if size < _BARS else two)
        for count in effort.streams:
            add("streams", _BARS, two, streams=count)
        for count in effort.associations:
            add("associations", _BARS, two, associations=count)
    if backend != "linux":  # there it may be user-mode Linux, which counts processor time in ticks of 10 ms
        for size in effort.sizes:
            if size <= 1000:
                add("calls", size, few)
    return found


def endurance(backend: str, only: Collection[str] = (), missing: Collection[str] = ()) -> List[Point]:
    """Instead: the points of a long run, each contender by itself."""
    chosen = _chosen(backend, "messages", _BARS, only or ("one", "bulk"), missing)
    return [Point(backend, "endurance", _BARS, 1, 1, (each,), 1) for each in chosen]


def words(point: Point, contender: Contender, effort: Effort, messages: int = 0) -> Dict[str, object]:
    """The job of one sample, but for role and ports. messages: of an endurance run."""
    job: Dict[str, object] = {
        "mode": contender.mode,
        "backend": "linux" if point.backend == STANDIN else point.backend,
        "size": point.size,
        "seconds": effort.seconds,
        "warmup": 0.05 if contender.where != "pypy" else 0.05 + _JIT_S,
        "buffers": _BUFFERS[point.backend],
        "streams": point.streams,
    }
    if point.test == "messages" and contender.trips:
        job["ping"] = effort.ping
    if point.test == "associations":
        job.update(associations=point.associations, answer=_UNDER_WAY, buffers=_FEW_BYTES)
    if point.test == "calls":
        job["role"] = "both"
        if point.backend == "usrsctp":
            job["pause"] = 0.002  # for the stack's threads to bring what was sent
    if point.test == "endurance":
        job["messages"] = messages
    return job
