"""send_many: what each message says, what is refused before anything is sent, and how much of it was sent.

Messages are numbered where one could be lost or come twice. Threads and signals are in test_bulk_threads.py.
"""

from __future__ import annotations

import array
import time

import pytest

import sctpffi
from sctpffi import (
    Address,
    AssociationAborted,
    ClosedError,
    EndOfAssociation,
    Event,
    MessageTooLong,
    NoSuchAssociation,
    NotConnected,
    PrInfo,
    PrPolicy,
    SendFlag,
    SndInfo,
    Socket,
    StreamOutOfRange,
    Style,
    UnsupportedOption,
    WaitTimeout,
    WouldBlock,
    errors,
)
from sctpffi.bulk import Outgoing
from sctpffi.testing import LIMIT, Worker, expected, many_pair, pair

FULL = [b"%06d" % number + bytes(4000) for number in range(1500)]  # more than any stack takes at once


@pytest.fixture
def linked(prompt):
    """What was sent is acknowledged at once, not after 200 ms: most tests here wait until all has arrived."""
    return prompt


def numbers(total):
    """Messages that are told apart."""
    return [b"%d" % number for number in range(total)]


def received(sock, total):
    """So many messages, one by one."""
    return [sock.recv() for _ in range(total)]


def data_of(messages):
    """What they are."""
    return [message.data for message in messages]


def rest_of(sock):
    """All messages up to the end of the association."""
    found = []
    while True:
        try:
            found.append(sock.recv().data)
        except EndOfAssociation:
            return found


# -- what is sent


def test_all_are_sent(linked):
    """All messages come, whole and in their order; the result is how many there were."""
    assert linked.client.send_many(numbers(100)) == 100
    assert data_of(received(linked.server, 100)) == numbers(100)


@pytest.mark.parametrize("total", [1, 63, 64, 65, 128, 129, 1000])
def test_any_number(linked, total):
    """Any number of messages goes with one call (a native one moves 64 at a time)."""
    sender = Worker(linked.client.send_many, numbers(total))
    assert data_of(received(linked.server, total)) == numbers(total)
    assert sender.join() == total


@pytest.mark.parametrize(
    "make",
    [list, tuple, iter, lambda given: (each for each in given), lambda given: dict.fromkeys(given).keys()],
    ids=["list", "tuple", "iterator", "generator", "keys"],
)
def test_what_messages_may_be(linked, make):
    """Any iterable of messages is taken."""
    assert linked.client.send_many(make(numbers(3))) == 3
    assert data_of(received(linked.server, 3)) == numbers(3)


@pytest.mark.parametrize("make", [list, tuple, iter])
def test_no_messages(linked, make):
    """No messages are sent by sending nothing: 0."""
    assert linked.client.send_many(make(())) == 0


BUFFERS = [
    bytearray(b"12345678"),
    memoryview(b"12345678"),
    memoryview(b"--12345678--")[2:10],
    memoryview(b"1.2.3.4.5.6.7.8.")[::2],
    array.array("H", b"12345678"),
    memoryview(array.array("I", b"12345678")),
    memoryview(b"12345678").cast("B", (2, 4)),
    type("Bytes", (bytes,), {})(b"12345678"),
]


def test_buffers(linked):
    """A message is bytes or any buffer, whatever its items are, with gaps too; and all of them go with one call."""
    assert linked.client.send_many([*BUFFERS, b"12345678"]) == len(BUFFERS) + 1
    assert data_of(received(linked.server, len(BUFFERS) + 1)) == [b"12345678"] * (len(BUFFERS) + 1)
    assert linked.client.send_many([Outgoing(each) for each in BUFFERS]) == len(BUFFERS)
    assert data_of(received(linked.server, len(BUFFERS))) == [b"12345678"] * len(BUFFERS)


def test_the_list_stays_as_it_is(linked):
    """The caller's list is not changed."""
    given = [bytearray(b"x"), Outgoing(b"y", 1), memoryview(b"z")]
    before = list(given)
    linked.client.send_many(given)
    assert all(mine is theirs for mine, theirs in zip(given, before))


# -- what each says


def test_the_call_says_it_for_all(linked):
    """Stream, PPID and order of the call are those of all messages (RFC 6458 section 5.3.4)."""
    linked.client.send_many(numbers(3), 3, 46)
    assert [(m.stream, m.ppid, m.unordered) for m in received(linked.server, 3)] == [(3, 46, False)] * 3
    linked.client.send_many(numbers(3), stream=4, ppid=47, unordered=True)
    assert [(m.stream, m.ppid, m.unordered) for m in received(linked.server, 3)] == [(4, 47, True)] * 3


def test_each_says_what_differs(linked):
    """An Outgoing says what differs from the rest; what it leaves out, and plain bytes, are as the call says."""
    linked.client.send_many(
        [b"0", Outgoing(b"1", stream=5), Outgoing(b"2", ppid=9), Outgoing(b"3", unordered=True), Outgoing(b"4"), b"5"]
        + [Outgoing(b"6", 0, 0, False), bytearray(b"7")],
        stream=2,
        ppid=46,
    )
    found = {m.data: (m.stream, m.ppid, m.unordered) for m in received(linked.server, 8)}
    plain = (2, 46, False)
    assert found == {
        **dict.fromkeys((b"0", b"4", b"5", b"7"), plain),
        b"1": (5, 46, False),
        b"2": (2, 9, False),
        b"3": (2, 46, True),
        b"6": (0, 0, False),
    }


def test_one_may_be_ordered_among_unordered(linked):
    """An Outgoing with unordered=False is ordered though the call says unordered."""
    linked.client.send_many([b"0", Outgoing(b"1", unordered=False)], unordered=True)
    assert {m.data: m.unordered for m in received(linked.server, 2)} == {b"0": True, b"1": False}


def test_many_that_all_differ(linked):
    """Two hundred messages on ten streams, each with a PPID of its own, keep what they say."""
    given = [Outgoing(b"%d" % number, number % 10, number) for number in range(200)]
    sender = Worker(linked.client.send_many, given)
    found = received(linked.server, 200)
    sender.join()
    assert {(m.data, m.stream, m.ppid) for m in found} == {(b"%d" % n, n % 10, n) for n in range(200)}
    for stream in range(10):
        assert [m.ppid for m in found if m.stream == stream] == list(range(stream, 200, 10))


def test_defaults(linked):
    """What neither the message nor the call says is as opts.default_sndinfo says (RFC 6458 section 8.1.31)."""
    linked.client.opts.default_sndinfo = SndInfo(stream=3, ppid=46)
    linked.client.send_many([b"0", Outgoing(b"1", stream=4), Outgoing(b"2", ppid=0)])
    assert {m.data: (m.stream, m.ppid) for m in received(linked.server, 3)} == {
        b"0": (3, 46),
        b"1": (4, 46),
        b"2": (3, 0),
    }
    linked.client.send_many([b"3", Outgoing(b"4")], ppid=5)
    assert [(m.data, m.stream, m.ppid) for m in received(linked.server, 2)] == [(b"3", 3, 5), (b"4", 3, 5)]


def test_contexts_come_back(backend):
    """Each message's context comes back with its failure (RFC 6458 section 6.1.11)."""
    found = set()
    with pair(backend, send_buffer_bytes=400_000, receive_buffer_bytes=20_000) as both:
        both.client.subscribe(Event.SEND_FAILED_EVENT)
        given = [Outgoing(bytes(20_000), context=None if number == 1 else 100 + number) for number in range(60)]
        assert both.client.send_many(given, context=7, timeout=0) > 5  # more than the peer has room for
        both.server.abort()
        with pytest.raises(AssociationAborted):
            while True:
                found.add(both.client.recv().context)
    assert found
    assert found <= {7, *(100 + number for number in range(60))}


@pytest.mark.parametrize("how", ["ttl", "prinfo"])
def test_its_own_reliability_or_the_calls(backend, how):
    """A message's own ttl or prinfo takes the place of either that the call gives (RFC 7496 section 4.1)."""
    with pair(backend) as both:
        call = {"ttl": 60.0} if how == "ttl" else {"prinfo": PrInfo(PrPolicy.RTX, 5)}
        given = [b"0", Outgoing(b"1", ttl=30), Outgoing(b"2", prinfo=PrInfo(PrPolicy.RTX, 3))]
        assert both.client.send_many([*given, Outgoing(b"3", prinfo=PrInfo(PrPolicy.NONE, 0))], **call) == 4
        assert data_of(received(both.server, 4)) == numbers(4)
        with pytest.raises(errors.ArgumentError, match="ttl"):
            both.client.send_many([Outgoing(b"x", ttl=1, prinfo=PrInfo(PrPolicy.RTX, 3))], **call)


def test_expired_messages_are_given_up(backend):
    """Behind a closed window those whose own ttl is over are given up, the others come (RFC 3758 section 4.1)."""
    with pair(backend, receive_buffer_bytes=5000, max_segment_bytes=500, nodelay=True) as both:
        filling = both.client.status().rwnd_bytes // 500 + 2
        assert both.client.send_many([b"f" * 500] * filling) == filling
        given = [Outgoing(b"%d" % number, ttl=0.05 if number % 2 else None) for number in range(20)]
        assert both.client.send_many(given, timeout=0) == 20
        with pytest.raises(WaitTimeout):
            both.client.recv(timeout=0.2)  # their time passes
        both.client.shutdown()
        found = [int(data) for data in rest_of(both.server)[filling:]]
        assert [number for number in found if number % 2 == 0] == list(range(0, 20, 2))
        if expected("expired_before_it_is_sent", backend):
            assert len(found) == 10


# -- whom it goes to


def hub(net, peers=3):
    """A one-to-many socket with associations to some others: it, and (id, other, its address) of each."""
    sock = net.listener(Style.ONE_TO_MANY)
    found = []
    for _ in range(peers):
        other = net.bound()
        other.connect(net.where(sock))
        other.send(b"hi")
        greeting = sock.recv()
        found.append((greeting.assoc_id, other, greeting.address))
    return sock, found


def test_each_to_its_own_association(net):
    """On a one-to-many socket each message goes to the association that it names, by id or address."""
    sock, peers = hub(net)
    given = [Outgoing(b"%d by id" % n, assoc_id=assoc_id) for n, (assoc_id, _, _) in enumerate(peers)]
    given += [Outgoing(b"%d by address" % n, to=address) for n, (_, _, address) in enumerate(peers)]
    given += [Outgoing(b"%d by text" % n, to=str(address)) for n, (_, _, address) in enumerate(peers)]
    assert sock.send_many(given) == 9
    for number, (_, other, _) in enumerate(peers):
        assert data_of(received(other, 3)) == [b"%d by %s" % (number, how) for how in (b"id", b"address", b"text")]


@pytest.mark.parametrize("call", ["assoc_id", "to"])
def test_its_own_association_or_the_calls(net, call):
    """A message that names an association, by id or by address, goes there and not where the call says."""
    sock, ((first_id, first, first_address), (second_id, second, second_address)) = hub(net, 2)
    common = {"assoc_id": first_id} if call == "assoc_id" else {"to": first_address}
    given = [b"0", Outgoing(b"1", assoc_id=second_id), Outgoing(b"2", to=second_address), Outgoing(b"3"), b"4"]
    assert sock.send_many(given, **common) == 5
    assert data_of(received(first, 3)) == [b"0", b"3", b"4"]
    assert data_of(received(second, 2)) == [b"1", b"2"]


def test_associations_that_messages_set_up(net):
    """Messages to addresses that have no association yet set them up, and go there (RFC 6458 section 3.1.4)."""
    sock = net.bound(Style.ONE_TO_MANY)
    others = [net.listener(Style.ONE_TO_MANY) for _ in range(3)]
    given = [Outgoing(b"%d" % turn, to=net.where(other)) for turn in range(3) for other in others]
    assert sock.send_many(given) == 9
    for other in others:
        assert data_of(received(other, 3)) == numbers(3)
    assert len(sock.associations()) == 3


def test_a_message_to_nobody(net):
    """On a one-to-many socket every message needs an address or an id; the one that lacks it is named."""
    sock, ((assoc_id, other, _),) = hub(net, 1)
    with pytest.raises(errors.ArgumentError) as caught:
        sock.send_many([Outgoing(b"0", assoc_id=assoc_id), b"1"])
    assert caught.value.argument == "messages[1].to"
    with pytest.raises(errors.ArgumentError, match="to"):
        sock.send_many([b"0", b"1"])
    assert sock.send_many([b"2"], assoc_id=assoc_id) == 1
    assert other.recv().data == b"2"


def test_an_association_that_is_not(net):
    """A message for an id that is no association stops the call behind those before it, and is NoSuchAssociation."""
    sock, ((assoc_id, other, _),) = hub(net, 1)
    given = [Outgoing(b"0", assoc_id=assoc_id), Outgoing(b"1", assoc_id=assoc_id + 1000)]
    assert sock.send_many(given) == 1
    with pytest.raises(NoSuchAssociation) as caught:
        sock.send_many(given[1:])
    assert (caught.value.op, caught.value.assoc_id) == ("send_many", assoc_id + 1000)
    assert other.recv().data == b"0"


def test_several_addresses_are_refused(net):
    """A message of many goes to one address; a list of them is refused by name."""
    sock = net.bound(Style.ONE_TO_MANY)
    with pytest.raises(errors.ArgumentError) as caught:
        sock.send_many([Outgoing(b"x", to=f"{net.host}/{net.host}:9") if net.family == 6 else
                        Outgoing(b"x", to="127.0.0.1/127.0.0.2:9")])  # fmt: skip
    assert caught.value.argument == "messages[0].to"


def test_a_path(linked):
    """On a one-to-one socket `to` is the path to use; an address that is not the peer's is refused."""
    there = linked.client.peer_addresses()[0]
    assert linked.client.send_many([b"0", Outgoing(b"1", to=there)]) == 2
    assert data_of(received(linked.server, 2)) == numbers(2)
    with pytest.raises(errors.Error):
        linked.client.send_many([Outgoing(b"2", to=Address("127.0.0.9", there.port))])
    assert linked.client.send_many([b"3"]) == 1
    assert linked.server.recv().data == b"3"


def test_a_peeled_off_socket(backend):
    """A peeled-off socket sends and receives many as a one-to-one socket does (RFC 6458 section 9.2)."""
    server, client, greeting = many_pair(backend)
    with server, client, server.peeloff(greeting.assoc_id) as peeled:
        peeled.settimeout(LIMIT)
        assert peeled.send_many([*numbers(3), Outgoing(b"3", ppid=46)]) == 4
        assert data_of(received(client, 4)) == numbers(4)
        (assoc_id,) = client.associations()
        assert client.send_many(numbers(3), assoc_id=assoc_id) == 3
        found = []
        while len(found) < 3:
            found += data_of(peeled.recv_many())
        assert found == numbers(3)


def test_an_endpoint(backend):
    """An Endpoint's send_many goes to an association, its id or an address; each Outgoing may name another."""
    with (
        sctpffi.Endpoint("127.0.0.1:0", backend=backend) as one,
        sctpffi.Endpoint("127.0.0.1:0", backend=backend) as two,
    ):
        found = one.connect(f"127.0.0.1:{two.port}", timeout=LIMIT)
        for to in (found, found.id, f"127.0.0.1:{two.port}"):
            assert one.send_many(numbers(3), to=to) == 3
        assert one.send_many([Outgoing(b"0", assoc_id=found.id), Outgoing(b"1", to=f"127.0.0.1:{two.port}")]) == 2
        assert [two.recv(timeout=LIMIT).data for _ in range(11)] == [*numbers(3) * 3, *numbers(2)]
        with sctpffi.Endpoint("127.0.0.1:0", backend=backend) as three:
            stranger = three.connect(f"127.0.0.1:{two.port}", timeout=LIMIT)
            with pytest.raises(errors.ArgumentError, match="to"):
                one.send_many(numbers(3), to=stranger)


# -- what is refused


@pytest.mark.parametrize("one", [b"bytes", bytearray(b"x"), memoryview(b"x"), "text", Outgoing(b"x")])
def test_one_message(linked, one):
    """One message is not many: it is refused by name, and the sentence says what to do."""
    with pytest.raises(errors.ArgumentTypeError, match=r"send\(\) sends one") as caught:
        linked.client.send_many(one)
    assert caught.value.argument == "messages"


@pytest.mark.parametrize("wrong", [None, 5, object()])
def test_no_iterable(linked, wrong):
    """What can't be gone through is refused by name."""
    with pytest.raises(errors.ArgumentTypeError) as caught:
        linked.client.send_many(wrong)
    assert caught.value.argument == "messages"


def test_an_iterable_that_fails(linked):
    """What a generator raises comes out as it is, and nothing was sent."""

    def failing():
        yield b"x"
        raise TypeError("mine")

    with pytest.raises(TypeError, match="mine") as caught:
        linked.client.send_many(failing())
    assert not isinstance(caught.value, errors.Error)
    linked.client.send(b"after")
    assert linked.server.recv().data == b"after"


WRONG = [
    (b"", "messages[2]"),
    ("text", "messages[2].data"),
    (None, "messages[2].data"),
    (5, "messages[2].data"),
    (bytearray(), "messages[2]"),
    (Outgoing(b""), "messages[2]"),
    (Outgoing("text"), "messages[2].data"),
    (Outgoing(b"x", stream=-1), "messages[2].stream"),
    (Outgoing(b"x", stream=65536), "messages[2].stream"),
    (Outgoing(b"x", stream=1.0), "messages[2].stream"),
    (Outgoing(b"x", stream=True), "messages[2].stream"),
    (Outgoing(b"x", stream=[]), "messages[2].stream"),
    (Outgoing(b"x", ppid=2**32), "messages[2].ppid"),
    (Outgoing(b"x", ppid="46"), "messages[2].ppid"),
    (Outgoing(b"x", context=-1), "messages[2].context"),
    (Outgoing(b"x", ttl=0), "messages[2].ttl"),
    (Outgoing(b"x", ttl="1"), "messages[2].ttl"),
    (Outgoing(b"x", prinfo=5), "messages[2].prinfo"),
    (Outgoing(b"x", flags=SendFlag.EOF), "messages[2].flags"),
    (Outgoing(b"x", flags=SendFlag.ABORT), "messages[2].flags"),
    (Outgoing(b"x", flags=0x8000), "messages[2].flags"),
    (Outgoing(b"x", flags=SendFlag.ADDR_OVER), "messages[2].to"),
    (Outgoing(b"x", to="nonsense"), "messages[2].to"),
    (Outgoing(b"x", to=5), "messages[2].to"),
]


@pytest.mark.parametrize(("wrong", "name"), WRONG, ids=[f"{name[12:]}-{n}" for n, (_, name) in enumerate(WRONG)])
def test_a_message_that_is_wrong(linked, wrong, name):
    """A wrong message is named with its number and field before any of them is sent."""
    with pytest.raises((errors.ArgumentError, errors.ArgumentTypeError)) as caught:
        linked.client.send_many([b"0", Outgoing(b"1", stream=1), wrong, b"3"])
    assert caught.value.argument == name
    assert str(caught.value).startswith(f"{name}: ")
    linked.client.send(b"after")
    assert linked.server.recv().data == b"after"


@pytest.mark.parametrize("argument", [{"stream": 65536}, {"ppid": -1}, {"context": 2**32}, {"ttl": 0}, {"prinfo": 5}])
@pytest.mark.parametrize(
    "messages", [[b"0", b"1"], [Outgoing(b"0"), Outgoing(b"1", ppid=1)]], ids=["bytes", "outgoing"]
)
def test_a_call_that_is_wrong(linked, argument, messages):
    """What the call says wrongly for all messages is named without one of them."""
    with pytest.raises((errors.ArgumentError, errors.ArgumentTypeError)) as caught:
        linked.client.send_many(messages, **argument)
    assert [caught.value.argument] == list(argument)


def test_flags_that_end(linked):
    """EOF and ABORT go alone, by send."""
    for flag in (SendFlag.EOF, SendFlag.ABORT):
        with pytest.raises(errors.ArgumentError, match="flags"):
            linked.client.send_many([b"x"], flags=flag)


def test_explicit_eor(backend):
    """With explicit_eor, which only BSD has, send_many is refused: nothing is sent (differences table)."""
    with pair(backend) as both:
        if not expected("explicit_eor", backend):
            with pytest.raises(UnsupportedOption):
                both.client.opts.explicit_eor = True
            return
        both.client.opts.explicit_eor = True
        with pytest.raises(UnsupportedOption, match="explicit_eor"):
            both.client.send_many(numbers(3))
        both.client.opts.explicit_eor = False
        assert both.client.send_many([b"after"]) == 1
        assert both.server.recv().data == b"after"


# -- partial sends


@pytest.mark.parametrize("bad", [1, 63, 64, 65, 200])
def test_a_stream_that_is_not(linked, bad):
    """A stream beyond the association's stops the call behind those before; the next call raises StreamOutOfRange."""
    given = [Outgoing(b"%d" % number, stream=60_000 if number == bad else 0) for number in range(bad + 10)]
    reader = Worker(lambda: data_of(received(linked.server, bad)))
    assert linked.client.send_many(given) == bad
    with pytest.raises(StreamOutOfRange) as caught:
        linked.client.send_many(given[bad:])
    assert caught.value.op == "send_many"
    assert reader.join() == numbers(bad)
    assert linked.client.send_many(given[bad + 1 :]) == 9
    assert data_of(received(linked.server, 9)) == [message.data for message in given[bad + 1 :]]


@pytest.mark.parametrize("bad", [0, 1, 70])
def test_a_message_that_is_too_long(backend, bad):
    """A message longer than the send buffer stops the call behind those before; the next one raises MessageTooLong."""
    with pair(backend, send_buffer_bytes=100_000) as both:
        size = 4 * both.client.opts.send_buffer_bytes
        given = [bytes(size) if number == bad else b"%d" % number for number in range(bad + 3)]
        if bad:
            assert both.client.send_many(given) == bad
        with pytest.raises(MessageTooLong, match=f"{size} bytes") as caught:
            both.client.send_many(given[bad:])
        assert caught.value.op == "send_many"
        assert both.client.send_many(given[bad + 1 :]) == 2
        assert data_of(received(both.server, bad + 2)) == [each for each in given if len(each) < size]


@pytest.mark.parametrize("timeout", [0, 0.05])
def test_there_is_no_room(prompt, timeout):
    """If the time runs out how many were sent is returned; the rest goes with the next call, nothing twice."""
    sent = prompt.client.send_many(FULL, timeout=timeout)
    assert 0 < sent < len(FULL)
    with pytest.raises((WouldBlock, WaitTimeout)) as caught:
        while True:  # what is acknowledged makes room for some time
            moved = prompt.client.send_many(FULL[sent:], timeout=timeout)
            assert moved > 0
            sent += moved
    assert isinstance(caught.value, WaitTimeout if timeout else WouldBlock)
    assert caught.value.op == "send_many"
    reader = Worker(rest_of, prompt.server)
    while sent < len(FULL):
        try:
            sent += prompt.client.send_many(FULL[sent:], timeout=timeout)
        except (WouldBlock, WaitTimeout):
            assert prompt.client.wait_writable(LIMIT)
    prompt.client.shutdown()
    assert reader.join() == FULL


def test_the_time_that_it_waits(prompt):
    """The time-out is of all messages together, and counts from the first that has to wait."""
    while prompt.client.send_many(FULL, timeout=0.2) == len(FULL):
        pass
    begun = time.monotonic()
    with pytest.raises(WaitTimeout):
        while True:
            prompt.client.send_many(FULL, timeout=0.2)
            begun = time.monotonic()
    assert 0.19 <= time.monotonic() - begun < LIMIT


def test_long_and_short_ones(backend):
    """Messages of any length go with one call, in order, also over a megabyte together (which are copied at once)."""
    sizes = [1, 300_000, 2, 299_999, 900_000, 200_000, 3, 1_000_000, 1, 1_048_576, 1_048_575, 1]
    with pair(backend, send_buffer_bytes=1_000_000, receive_buffer_bytes=1_000_000) as both:
        most = both.client.opts.send_buffer_bytes // 2
        given = [bytes([number]) * min(size, most) for number, size in enumerate(sizes)]
        sender = Worker(both.client.send_many, given)
        found = received(both.server, len(given))
        assert sender.join() == len(given)
        assert [(m.data[0], len(m)) for m in found] == [(data[0], len(data)) for data in given]
        assert data_of(found) == given


# -- the end


def test_without_an_association(backend):
    """A socket without an association can't send (ENOTCONN); a closed one says so."""
    with Socket(backend=backend) as sock:
        with pytest.raises(NotConnected):
            sock.send_many([b"x"])
        sock.close()
        with pytest.raises(ClosedError):
            sock.send_many([b"x"])


def test_after_shutdown(linked):
    """After its own shutdown a socket sends no more (RFC 9260 section 9.2)."""
    assert linked.client.send_many(numbers(3)) == 3
    linked.client.shutdown()
    with pytest.raises(NotConnected):
        linked.client.send_many(numbers(3))
    assert rest_of(linked.server) == numbers(3)


def test_after_an_abort(linked):
    """After the peer's ABORT, what it was lost by, each time."""
    linked.server.abort()
    with pytest.raises(AssociationAborted):
        while True:
            linked.client.send_many([b"x"])
    with pytest.raises(AssociationAborted):
        linked.client.send_many([b"x"])


def test_an_abort_while_it_waits(prompt):
    """A call that waits for room when the peer aborts gives how many were sent, and the next one why it stopped."""
    sender = Worker(prompt.client.send_many, FULL)
    first = [prompt.server.recv().data for _ in range(10)]
    assert first == FULL[:10]
    prompt.server.abort()
    assert 10 <= sender.join() < len(FULL)
    with pytest.raises(AssociationAborted):
        prompt.client.send_many(FULL)


def test_a_connection(joined):
    """Connection.send_many has what Socket's has, but for what a connection can't choose."""
    client, server = joined
    assert client.send_many([b"0", Outgoing(b"1", ppid=47)], 1, 46, unordered=False, context=1, timeout=LIMIT) == 2
    found = [server.recv() for _ in range(2)]
    assert [(m.data, m.stream, m.ppid) for m in found] == [(b"0", 1, 46), (b"1", 1, 47)]
