"""One-to-many sockets: implicit set-up, several associations, peeloff, ending one of them (RFC 6458 section 3)."""

from __future__ import annotations

import pytest

from sctpffi import (
    AssocChange,
    AssocChangeState,
    AssociationAborted,
    AssocState,
    Cause,
    EndOfAssociation,
    Event,
    Message,
    NoSuchAssociation,
    SendFlag,
    Socket,
    Style,
    WrongStyle,
    errors,
)
from sctpffi.testing import LIMIT, expected, many_pair


def _port(sock):
    return sock.local_addresses()[0].port


@pytest.fixture
def many(backend):
    """Two one-to-many sockets with an association, and the first message."""
    server, client, first = many_pair(backend)
    with server, client:
        yield server, client, first


def _state(sock, state):
    while True:
        item = sock.recv(timeout=LIMIT)
        if isinstance(item, AssocChange) and item.state is state:
            return item


def test_first_message_sets_up(many):
    """Sending to an address sets an association up and delivers the message (RFC 6458 sections 3.1.4 and 7.5)."""
    server, client, first = many
    assert first.data == b"hi"
    assert first.address == client.local_addresses()[0]
    assert server.status(first.assoc_id).state is AssocState.ESTABLISHED


def test_answer_by_association_id(many):
    """A message goes back by the id that came with the first one."""
    server, client, first = many
    server.send(b"back", assoc_id=first.assoc_id, stream=2, ppid=4)
    answer = client.recv(timeout=LIMIT)
    assert (answer.data, answer.stream, answer.ppid) == (b"back", 2, 4)


@pytest.mark.parametrize("family", [4, 6])
def test_both_families(backend, family):
    """One-to-many works over IPv4 and IPv6 (RFC 6458 sections 3.1.1 and 3.1.2)."""
    server, client, first = many_pair(backend, family=family)
    with server, client:
        assert first.address.family == family


def test_several_associations(backend):
    """One socket serves several peers; each message names its association and address (RFC 6458 3.1.3)."""
    with Socket(4, Style.ONE_TO_MANY, backend=backend) as server:
        server.bind("127.0.0.1:0")
        server.listen()
        clients = []
        try:
            for number in range(3):
                client = Socket(4, Style.ONE_TO_MANY, backend=backend)
                clients.append(client)
                client.bind("127.0.0.1:0")
                client.send(b"%d" % number, to=f"127.0.0.1:{_port(server)}")
            got = {m.data: m for m in (server.recv(timeout=LIMIT) for _ in range(3))}
            assert set(got) == {b"0", b"1", b"2"}
            assert len({m.assoc_id for m in got.values()}) == 3
            for number, client in enumerate(clients):
                message = got[b"%d" % number]
                assert message.address == client.local_addresses()[0]
                server.send(b"to %d" % number, assoc_id=message.assoc_id)
                assert client.recv(timeout=LIMIT).data == b"to %d" % number
        finally:
            for client in clients:
                client.close()


def test_connect_gives_an_id(backend):
    """connect on a one-to-many socket returns the association's id and does not wait (RFC 6458 sections 3.1.6, 9.9)."""
    with (
        Socket(4, Style.ONE_TO_MANY, backend=backend) as server,
        Socket(4, Style.ONE_TO_MANY, backend=backend) as client,
    ):
        server.bind("127.0.0.1:0")
        server.listen()
        client.bind("127.0.0.1:0")
        client.subscribe(Event.ASSOC_CHANGE)
        number = client.connect(f"127.0.0.1:{_port(server)}")
        up = _state(client, AssocChangeState.COMM_UP)
        assert up.assoc_id == number
        client.send(b"x", assoc_id=number)
        assert server.recv(timeout=LIMIT).data == b"x"


def test_closed_port(backend):
    """Sending to a closed port succeeds, then CANT_STR_ASSOC tells (RFC 6458 section 3.2)."""
    with Socket(4, Style.ONE_TO_MANY, backend=backend) as free:
        free.bind("127.0.0.1:0")
        port = _port(free)
    with Socket(4, Style.ONE_TO_MANY, backend=backend) as client:
        client.subscribe(Event.ASSOC_CHANGE)
        client.bind("127.0.0.1:0")
        client.send(b"x", to=f"127.0.0.1:{port}")
        event = client.recv(timeout=LIMIT)
        assert isinstance(event, AssocChange)
        assert event.state is AssocChangeState.CANT_STR_ASSOC
        assert (event.assoc_id != 0) is expected("assoc_id_in_cant_str", backend)


def test_shutdown_of_one_association(backend):
    """shutdown(assoc_id=...) ends that association gracefully; the socket lives on (RFC 6458 section 3.1.5)."""
    server, client, first = many_pair(backend, [Event.ASSOC_CHANGE])
    with server, client:
        server.shutdown(assoc_id=first.assoc_id)
        assert _state(client, AssocChangeState.SHUTDOWN_COMP)
        assert _state(server, AssocChangeState.SHUTDOWN_COMP).assoc_id == first.assoc_id
        client.send(b"again", to=f"127.0.0.1:{_port(server)}")
        while True:
            item = server.recv(timeout=LIMIT)
            if isinstance(item, Message):
                break
        assert item.data == b"again"


def test_abort_of_one_association_with_a_reason(backend):
    """abort(reason, assoc_id) gives the peer COMM_LOST with cause 12 and the text, on every stack (RFC 9260 9.1)."""
    server, client, first = many_pair(backend, [Event.ASSOC_CHANGE])
    with server, client:
        server.abort(b"enough", first.assoc_id)
        lost = _state(client, AssocChangeState.COMM_LOST)
        assert lost.cause is Cause.USER_INITIATED_ABORT
        assert lost.causes == [(Cause.USER_INITIATED_ABORT, b"enough")]
        assert _state(server, AssocChangeState.COMM_LOST).assoc_id == first.assoc_id


def test_eof_and_abort_flags(backend):
    """SCTP_EOF and SCTP_ABORT in send work on one-to-many sockets (RFC 6458 section 5.3.4)."""
    server, client, first = many_pair(backend, [Event.ASSOC_CHANGE])
    with server, client:
        server.send(b"", assoc_id=first.assoc_id, flags=SendFlag.EOF)
        assert _state(client, AssocChangeState.SHUTDOWN_COMP)
    server, client, first = many_pair(backend, [Event.ASSOC_CHANGE])
    with server, client:
        server.send(b"why", assoc_id=first.assoc_id, flags=SendFlag.ABORT)
        assert _state(client, AssocChangeState.COMM_LOST).causes[0][1] == b"why"


def test_eof_with_data_is_refused(many):
    """SCTP_EOF with data is refused on every stack: Linux can't (docs/stacks.md)."""
    server, _, first = many
    with pytest.raises(errors.ArgumentError) as caught:
        server.send(b"data", assoc_id=first.assoc_id, flags=SendFlag.EOF)
    assert caught.value.argument == "data"


def test_peeloff(many):
    """A peeled-off association has its own socket and keeps its id; the head no longer has it (RFC 6458 9.2)."""
    server, client, first = many
    peeled = server.peeloff(first.assoc_id)
    with peeled:
        assert peeled.style is Style.PEELED
        client.send(b"to the peeled one", to=first_address(server))
        message = peeled.recv(timeout=LIMIT)
        assert message.data == b"to the peeled one"
        assert message.assoc_id == first.assoc_id
        peeled.send(b"back")
        assert client.recv(timeout=LIMIT).data == b"back"
        with pytest.raises(NoSuchAssociation):
            server.send(b"x", assoc_id=first.assoc_id)


def first_address(sock):
    """Where a socket is reached."""
    return sock.local_addresses()[0]


def test_peeloff_takes_what_is_queued(many):
    """Messages that wait on the head move to the peeled socket (RFC 6458 section 9.2)."""
    server, client, first = many
    client.send(b"queued", to=first_address(server))
    assert server.wait_readable(LIMIT)
    with server.peeloff(first.assoc_id) as peeled:
        assert peeled.recv(timeout=LIMIT).data == b"queued"


def test_a_peeled_socket_shuts_down(backend):
    """shutdown and close of a peeled socket are graceful, and its own end is told (docs/stacks.md)."""
    server, client, first = many_pair(backend, [Event.ASSOC_CHANGE])
    with server, client:
        with server.peeloff(first.assoc_id) as peeled:
            peeled.unsubscribe(Event.ASSOC_CHANGE)
            peeled.shutdown()
            with pytest.raises(EndOfAssociation):
                peeled.recv(timeout=LIMIT)
            with pytest.raises(errors.NotConnected):
                peeled.send(b"x")
        assert _state(client, AssocChangeState.SHUTDOWN_COMP)


def test_a_peeled_socket_aborts_with_its_reason(backend):
    """abort of a peeled socket carries its reason on every stack."""
    server, client, first = many_pair(backend, [Event.ASSOC_CHANGE])
    with server, client:
        server.peeloff(first.assoc_id).abort(b"off")
        assert _state(client, AssocChangeState.COMM_LOST).causes[0][1] == b"off"


def test_a_peeled_socket_learns_of_an_abort(many):
    """The peer's abort reaches the peeled socket as AssociationAborted, each time."""
    server, client, first = many
    server.send(b"ping", assoc_id=first.assoc_id)
    number = client.recv(timeout=LIMIT).assoc_id
    with server.peeloff(first.assoc_id) as peeled:
        client.abort(b"", number)
        for _ in range(2):
            with pytest.raises(AssociationAborted):
                peeled.recv(timeout=LIMIT)


def test_the_head_does_not_restart_a_peeled_association(many):
    """Sending from the head to a peeled-off peer's address is refused: BSD would restart it (docs/stacks.md)."""
    server, client, first = many
    with server.peeloff(first.assoc_id) as peeled:
        with pytest.raises(NoSuchAssociation):
            server.send(b"x", to=first.address)
        peeled.send(b"still up")
        assert client.recv(timeout=LIMIT).data == b"still up"


def test_peeloff_of_nothing(many):
    """peeloff of an unknown association is refused by name."""
    server, _, _ = many
    for number in (0, 1, 2, 77777):
        with pytest.raises(NoSuchAssociation):
            server.peeloff(number)


def test_calls_of_the_other_style(many, linked):
    """accept on one-to-many and peeloff on one-to-one sockets say what is wrong."""
    server, _, _ = many
    with pytest.raises(WrongStyle):
        server.accept(timeout=0)
    with pytest.raises(WrongStyle):
        linked.client.peeloff(3)


@pytest.mark.parametrize("call", ["send", "shutdown", "abort", "status"])
def test_unknown_association(many, call):
    """An association id that is none is refused by name, whatever errno the stack has for it."""
    server, _, _ = many
    actions = {
        "send": lambda: server.send(b"x", assoc_id=77777),
        "shutdown": lambda: server.shutdown(assoc_id=77777),
        "abort": lambda: server.abort(b"", 77777),
        "status": lambda: server.status(77777),
    }
    with pytest.raises(NoSuchAssociation) as caught:
        actions[call]()
    assert isinstance(caught.value, LookupError)
    assert caught.value.assoc_id == 77777


def test_send_needs_a_target(many):
    """send on a one-to-many socket without address and id names what is missing."""
    server, _, _ = many
    with pytest.raises(errors.ArgumentError) as caught:
        server.send(b"x")
    assert caught.value.argument == "to"


def test_close_ends_every_association(backend):
    """Closing a one-to-many socket shuts all its associations down gracefully (RFC 6458 section 3.1.5)."""
    server, client, _ = many_pair(backend, [Event.ASSOC_CHANGE])
    with server, client:
        client.close()
        assert _state(server, AssocChangeState.SHUTDOWN_COMP)


def test_large_messages_of_two_peers_do_not_mix(backend):
    """Messages that come in pieces from two peers at once are put together each for itself (RFC 6458 8.1.20)."""
    with Socket(4, Style.ONE_TO_MANY, backend=backend) as server:
        server.bind("127.0.0.1:0")
        server.listen()
        clients = [Socket(4, Style.ONE_TO_MANY, backend=backend) for _ in range(2)]
        try:
            for number, client in enumerate(clients):
                client.bind("127.0.0.1:0")
                client.send(b"%d" % number * 150_000, to=first_address(server))
            got = sorted(server.recv(timeout=LIMIT).data for _ in range(2))
            assert got == [b"0" * 150_000, b"1" * 150_000]
        finally:
            for client in clients:
                client.close()
