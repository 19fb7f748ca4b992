"""What CPython's own tests ask of recvmsg_into alone, which is about its buffers: RecvmsgIntoSCTPStreamTest.

The tests that recvmsg has too are in test_cpython_stream.py; tests/suites/cpython.txt says which is which.
"""

from __future__ import annotations

import array

import pytest

from sctpffi import MsgFlag

TEXT = b"Thirty bytes go into a buffer."


def received(linked, buffers):
    """A message is received into buffers, whole, from the peer and without ancillary data."""
    linked.client.send(TEXT)
    count, ancillary, flags, address = linked.server.recvmsg_into(buffers)
    assert (count, ancillary, flags) == (len(TEXT), [], MsgFlag.EOR)
    assert address == (linked.peer.host, linked.peer.port)


@pytest.mark.parametrize(
    ("error", "arguments"),
    [
        (TypeError, ()),
        (TypeError, (len(TEXT), 0, 0)),
        (TypeError, (bytearray(len(TEXT)), 0, 0)),
        (TypeError, ([object()], 0, 0)),
        (TypeError, ([b"can't be written to"], 0, 0)),
        (TypeError, ([bytearray(len(TEXT)), object()], 0, 0)),
        (ValueError, ([bytearray(len(TEXT))], -1, 0)),
        (TypeError, ([bytearray(len(TEXT))], object(), 0)),
        (TypeError, ([bytearray(len(TEXT))], 0, object())),
    ],
)
def test_recvmsg_into_refuses_other_arguments(linked, error, arguments):
    """Wrong arguments are TypeErrors and ValueErrors, and nothing is received."""
    with pytest.raises(error):
        linked.server.recvmsg_into(*arguments)
    buffer = bytearray(len(TEXT))
    received(linked, [buffer])
    assert buffer == TEXT


def test_recvmsg_into_takes_buffers_from_a_generator(linked):
    """The buffers may come from a generator."""
    buffer = bytearray(len(TEXT))
    received(linked, (each for each in [buffer]))
    assert buffer == TEXT


def test_recvmsg_into_an_array(linked):
    """A buffer may be an array."""
    buffer = array.array("B", bytes(len(TEXT)))
    received(linked, [buffer])
    assert buffer.tobytes() == TEXT


def test_recvmsg_into_several_buffers(linked):
    """Buffers are filled one after the other, parts of memory among them, and what is left over stays as it was."""
    first, second, third = bytearray(b"-----"), bytearray(b"0123456789"), bytearray(b"-" * 25)
    received(linked, [first, memoryview(second)[3:8], bytearray(), third])
    assert (first, second) == (TEXT[:5], b"012" + TEXT[5:10] + b"89")
    assert third == TEXT[10:] + b"-----"
