"""Errors: every class, the builtin it promises, the errno it fixes, its text, and the one table from errno to class.

Code written for sockets catches builtins, so these are part of the interface.
"""

from __future__ import annotations

import builtins
import copy
import errno
import inspect
import os
import pickle

import pytest

from sctpffi import errors
from sctpffi.errors import EABSENT, EFAILED, EFORKED, SctpOSError, build, from_code

CLASSES = [c for c in vars(errors).values() if inspect.isclass(c) and issubclass(c, errors.Error)]
OS_CLASSES = [c for c in CLASSES if issubclass(c, SctpOSError)]

BUILTINS = {
    "Error": Exception,
    "ArgumentError": ValueError,
    "ArgumentTypeError": TypeError,
    "AddressError": ValueError,
    "BackendUnavailable": RuntimeError,
    "ForkedError": RuntimeError,
    "EndOfAssociation": EOFError,
    "ReceiveLimitExceeded": Exception,
    "SctpOSError": OSError,
    "ClosedError": OSError,
    "WouldBlock": BlockingIOError,
    "WaitTimeout": TimeoutError,
    "ConnectInProgress": BlockingIOError,
    "ConnectionRefused": ConnectionRefusedError,
    "ConnectTimeout": TimeoutError,
    "AssociationLost": OSError,
    "AssociationAborted": ConnectionResetError,
    "AssociationTimedOut": TimeoutError,
    "NotConnected": BrokenPipeError,
    "AlreadyConnected": OSError,
    "NoSuchAssociation": LookupError,
    "MessageTooLong": OSError,
    "StreamOutOfRange": ValueError,
    "AddressInUse": OSError,
    "AddressNotAvailable": OSError,
    "PermissionDenied": PermissionError,
    "WrongStyle": NotImplementedError,
    "UnsupportedOption": NotImplementedError,
    "ExtensionOff": NotImplementedError,
    "RequestPending": BlockingIOError,
    "OptionRefused": ValueError,
    "OptionNotTaken": ValueError,
    "ResourceBusy": RuntimeError,
    "WrongLoop": RuntimeError,
}
# What a class says whatever the stack said: its docstring's errno.
FIXED = {
    "ClosedError": errno.EBADF,
    "WouldBlock": errno.EAGAIN,
    "WaitTimeout": errno.ETIMEDOUT,
    "ConnectInProgress": errno.EINPROGRESS,
    "ConnectionRefused": errno.ECONNREFUSED,
    "ConnectTimeout": errno.ETIMEDOUT,
    "AssociationAborted": errno.ECONNRESET,
    "AssociationTimedOut": errno.ETIMEDOUT,
    "NotConnected": errno.EPIPE,
    "AlreadyConnected": errno.EISCONN,
    "NoSuchAssociation": errno.ENOENT,
    "MessageTooLong": errno.EMSGSIZE,
    "StreamOutOfRange": errno.EINVAL,
    "AddressInUse": errno.EADDRINUSE,
    "AddressNotAvailable": errno.EADDRNOTAVAIL,
    "WrongStyle": errno.EOPNOTSUPP,
    "UnsupportedOption": errno.ENOPROTOOPT,
    "ExtensionOff": errno.EOPNOTSUPP,
    "RequestPending": errno.EALREADY,
    "OptionRefused": errno.EINVAL,
}
BY_ERRNO = {
    "EBADF": "ClosedError",
    "EAGAIN": "WouldBlock",
    "EWOULDBLOCK": "WouldBlock",
    "EINPROGRESS": "ConnectInProgress",
    "EALREADY": "ConnectInProgress",
    "ECONNREFUSED": "ConnectionRefused",
    "ECONNRESET": "AssociationAborted",
    "ECONNABORTED": "AssociationAborted",
    "ETIMEDOUT": "AssociationTimedOut",
    "EPIPE": "NotConnected",
    "ENOTCONN": "NotConnected",
    "ESHUTDOWN": "NotConnected",
    "EISCONN": "AlreadyConnected",
    "ENOENT": "NoSuchAssociation",
    "EMSGSIZE": "MessageTooLong",
    "EADDRINUSE": "AddressInUse",
    "EADDRNOTAVAIL": "AddressNotAvailable",
    "EACCES": "PermissionDenied",
    "EPERM": "PermissionDenied",
    "EOPNOTSUPP": "WrongStyle",
    "ENOPROTOOPT": "UnsupportedOption",
}
CONTEXT = {
    "backend": "usrsctp",
    "local": "10.0.0.1:1",
    "remote": "10.0.0.2:2",
    "assoc_id": 7,
    "detail": "because of this",
}


def make(cls):
    """One error of a class, as the library makes it."""
    if issubclass(cls, SctpOSError):
        return build(cls, "send", errno.EACCES, **CONTEXT)
    if issubclass(cls, (errors.ArgumentError, errors.ArgumentTypeError)):
        return cls("stream", "is too much")
    if cls is errors.BackendUnavailable:
        return cls("linux", {"linux": "no module", "usrsctp": "usable"})
    if cls is errors.ReceiveLimitExceeded:
        return cls(10, 11)
    if cls is errors.OptionNotTaken:
        return cls("fragment_interleave", 2, 1)
    return cls("some text")


def test_every_class_is_in_the_table():
    """No class of the module is left out of the tests below."""
    assert {c.__name__ for c in CLASSES} == set(BUILTINS)


@pytest.mark.parametrize("cls", CLASSES)
def test_class_is_an_error_and_its_builtin(cls):
    """Every class is sctpffi.Error and the builtin that code written for sockets catches."""
    assert issubclass(cls, errors.Error)
    assert issubclass(cls, BUILTINS[cls.__name__])
    assert isinstance(make(cls), BUILTINS[cls.__name__])


@pytest.mark.parametrize("cls", CLASSES)
def test_class_is_explained(cls):
    """Every class has a docstring of its own."""
    assert cls.__dict__["__doc__"]


@pytest.mark.parametrize("cls", CLASSES)
def test_class_is_public(cls):
    """Every class can be caught by its name in the package."""
    import sctpffi

    assert getattr(sctpffi, cls.__name__) is cls
    assert cls.__name__ in sctpffi.__all__


@pytest.mark.parametrize("name", FIXED)
def test_class_fixes_its_errno(name):
    """An error found by its class has the same errno on every stack, whatever number the stack gave."""
    cls = getattr(errors, name)
    for given in (None, errno.ENOTTY):
        error = build(cls, "send", given)
        assert error.errno == FIXED[name]
        assert error.strerror == os.strerror(FIXED[name])


@pytest.mark.parametrize("cls", OS_CLASSES)
def test_errno_and_builtin_agree(cls):
    """The errno of an error is one that its builtin stands for: Python itself would have made that builtin of it."""
    error = build(cls, "send", errno.EACCES if cls is errors.PermissionDenied else None)
    native = type(OSError(error.errno, ""))
    if cls is errors.NoSuchAssociation:
        assert native is FileNotFoundError  # ENOENT is about no file here, so LookupError it is
    elif native is not OSError:
        assert isinstance(error, native)
    promised = {b for b in cls.__mro__ if vars(builtins).get(b.__name__) is b and issubclass(b, OSError)}
    assert promised <= set(native.__mro__)


@pytest.mark.parametrize("name", BY_ERRNO)
def test_errno_finds_its_class(name):
    """Each errno of a stack becomes the one class for it, whichever sign it has, with its context as attributes."""
    number = getattr(errno, name)
    for code in (number, -number):
        error = from_code(code, "send", **CONTEXT)
        assert type(error).__name__ == BY_ERRNO[name]
        assert error.op == "send"
        assert {key: getattr(error, key) for key in CONTEXT} == CONTEXT


def test_table_has_no_other_errno():
    """Every errno that the library maps is in the test above."""
    assert set(errors._BY_ERRNO) - {EABSENT} == {getattr(errno, name) for name in BY_ERRNO}


@pytest.mark.parametrize("name", ["EINVAL", "EIO", "ENOMEM", "EMFILE", "EINTR", "EHOSTUNREACH"])
def test_other_errno_is_kept(name):
    """An errno without a class of its own is a plain SctpOSError with that errno."""
    error = from_code(-getattr(errno, name), "open")
    assert type(error) is SctpOSError
    assert error.errno == getattr(errno, name)
    assert error.strerror == os.strerror(error.errno)


@pytest.mark.parametrize(("number", "cls"), [(errno.EACCES, PermissionError), (errno.EPERM, PermissionError)])
def test_permission_keeps_its_errno(number, cls):
    """EACCES and EPERM are told apart by errno, and one class catches both."""
    error = from_code(-number, "bind")
    assert isinstance(error, cls)
    assert error.errno == number


def test_absent_option_is_unsupported():
    """What the shim reports as absent is an UnsupportedOption with ENOPROTOOPT, as a stack that refuses it gives."""
    error = from_code(-EABSENT, "get status", backend="usrsctp")
    assert type(error) is errors.UnsupportedOption
    assert error.errno == errno.ENOPROTOOPT


def test_forked_child_is_told_what_to_do():
    """A stack that lived in the parent is a ForkedError that says how to go on."""
    error = from_code(-EFORKED, "send")
    assert type(error) is errors.ForkedError
    assert "send" in str(error)
    assert "fork" in str(error)


def test_failed_stack_is_unavailable():
    """A stack that did not start is a BackendUnavailable of usrsctp."""
    error = from_code(-EFAILED, "open")
    assert type(error) is errors.BackendUnavailable
    assert (error.wanted, list(error.reasons)) == ("usrsctp", ["usrsctp"])


def test_text_has_everything_in_order():
    """The text of an error is: op, both ends, backend, association, what happened, and why, in this order."""
    error = build(errors.NotConnected, "send", **CONTEXT)
    assert str(error) == (
        f"send sctp 10.0.0.1:1->10.0.0.2:2 [usrsctp] association 7: {os.strerror(errno.EPIPE)} (because of this)"
    )


@pytest.mark.parametrize(
    ("context", "text"),
    [
        ({}, "send sctp: Broken pipe"),
        ({"backend": "linux"}, "send sctp [linux]: Broken pipe"),
        ({"local": "10.0.0.1:1"}, "send sctp 10.0.0.1:1->: Broken pipe"),
        ({"remote": "10.0.0.2:2"}, "send sctp ->10.0.0.2:2: Broken pipe"),
        ({"assoc_id": 3}, "send sctp association 3: Broken pipe"),
        ({"assoc_id": 0}, "send sctp: Broken pipe"),
        ({"detail": "no"}, "send sctp: Broken pipe (no)"),
    ],
    ids=str,
)
def test_text_leaves_out_what_is_unknown(context, text):
    """What an error does not know leaves no trace in its text."""
    assert str(build(errors.NotConnected, "send", **context)) == text


def test_arguments_errors_name_the_argument():
    """Errors about arguments begin with the argument's name."""
    for cls in (errors.ArgumentError, errors.ArgumentTypeError, errors.AddressError):
        error = cls("stream", "70000 is not in 0..65535")
        assert str(error) == "stream: 70000 is not in 0..65535"
        assert (error.argument, error.message) == ("stream", "70000 is not in 0..65535")


def test_unavailable_backend_lists_every_reason():
    """BackendUnavailable has one line for what was wanted and one for each backend."""
    error = errors.BackendUnavailable("linux", {"linux": "no module", "usrsctp": "usable"})
    assert str(error).splitlines() == [
        "backend 'linux' can't be used here:",
        "  linux: no module",
        "  usrsctp: usable",
    ]


def test_unavailable_backend_keeps_its_own_reasons():
    """A later change to the caller's dictionary does not change the error."""
    reasons = {"linux": "no module"}
    error = errors.BackendUnavailable("linux", reasons)
    reasons.clear()
    assert error.reasons == {"linux": "no module"}


def test_exceeded_limit_tells_both_numbers():
    """ReceiveLimitExceeded tells the limit and how long the message was."""
    error = errors.ReceiveLimitExceeded(10, 11)
    assert (error.limit_bytes, error.length_bytes) == (10, 11)
    assert str(error) == "a message of 11 bytes was dropped: the limit is 10"


def test_value_that_was_not_taken_is_told():
    """OptionNotTaken tells the option, what was set and what the stack has."""
    error = errors.OptionNotTaken("fragment_interleave", 2, 1)
    assert (error.option, error.wanted, error.found) == ("fragment_interleave", 2, 1)
    assert str(error) == "fragment_interleave: 2 was set, and the stack has 1"


def test_switched_off_extension_is_an_unsupported_option():
    """An extension that is off is caught as an option that is not there, and names itself (RFC 6458 section 8.3)."""
    error = build(errors.ExtensionOff, "set auth_key", extension="auth", **CONTEXT)
    assert isinstance(error, errors.UnsupportedOption)
    assert error.extension == "auth"
    assert build(errors.ExtensionOff, "set auth_key").extension == ""


def test_lost_association_has_cause_and_info():
    """The two ways of losing an association have the cause and its bytes, and none of them unless told."""
    for cls in (errors.AssociationAborted, errors.AssociationTimedOut):
        assert (build(cls, "recv").cause, build(cls, "recv").info) == (0, b"")
        assert issubclass(cls, errors.AssociationLost)
    error = build(errors.AssociationAborted, "recv", cause=12, info=b"\0\x0c\0\x04")
    assert (error.cause, error.info) == (12, b"\0\x0c\0\x04")


@pytest.mark.parametrize("duplicate", [copy.copy, lambda e: pickle.loads(pickle.dumps(e))], ids=["copy", "pickle"])
@pytest.mark.parametrize("cls", CLASSES)
def test_errors_can_be_pickled(cls, duplicate):
    """An error that crosses a process boundary is the same error: class, text, args and attributes."""
    error = make(cls)
    if issubclass(cls, errors.AssociationLost):
        error.cause, error.info = 12, b"\0\x0c\0\x04"
    twin = duplicate(error)
    assert type(twin) is cls
    assert (str(twin), twin.args, vars(twin)) == (str(error), error.args, vars(error))
    assert getattr(twin, "errno", None) == getattr(error, "errno", None)


def test_timeouts_are_told_apart():
    """Three time-outs are TimeoutError, yet none of them is caught as another."""
    classes = (errors.WaitTimeout, errors.ConnectTimeout, errors.AssociationTimedOut)
    for cls in classes:
        assert not any(issubclass(cls, other) for other in classes if other is not cls)


def test_graceful_end_is_no_loss():
    """EOF by SHUTDOWN and loss by ABORT or time-out are never caught as each other."""
    assert not issubclass(errors.EndOfAssociation, OSError)
    assert not issubclass(errors.AssociationLost, EOFError)
