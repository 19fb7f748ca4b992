"""AuthKeys: the life of AUTH's shared keys, with what each step needs checked (RFC 4895, RFC 6458 section 8.3).

A key is set, activated, and when the next one is active deactivated and deleted. Only `opts` is called.
"""

from __future__ import annotations

from typing import Iterable, Optional, Tuple

from sctpffi.enums import AssocId, ChunkType, HmacId
from sctpffi.errors import (
    ArgumentError,
    ArgumentTypeError,
    ExtensionOff,
    OptionRefused,
    UnsupportedOption,
    build,
)
from sctpffi.optchecks import CHECKS
from sctpffi.options import Options, check_member, check_number
from sctpffi.optvalues import AuthKey


class AuthKeys:
    """The shared keys of a socket, or of one of its associations.

    Before connect or listen, at both ends: `enable()` with the chunk types that have to be authenticated, then `set`
    and `activate` the same key. Later, without losing a message: `rotate`.
    All calls raise ExtensionOff where AUTH is switched off, UnsupportedOption where the stack lacks it, ArgumentError
    for what RFC 4895 forbids, OptionRefused for what the stack refuses. Availability: every backend; on Linux 5.4 and
    later without root. Concurrency: any thread.
    """

    __slots__ = ("opts",)

    def __init__(self, opts: Options) -> None:
        self.opts = opts

    def of(self, assoc_id: int) -> AuthKeys:
        """The keys of one association of a one-to-many socket, or of an `AssocId`."""
        return AuthKeys(self.opts.of(assoc_id))

    def enable(
        self,
        chunks: Iterable[int] = (ChunkType.DATA,),
        hmacs: Optional[Iterable[int]] = None,
    ) -> None:
        """Switch AUTH on for associations to come: what has to be authenticated, and how (RFC 4895 section 3).

        chunks: the types that the peer has to authenticate. hmacs: algorithms in order of preference; without it, the
        best that the stack has.
        """
        wanted = [check_member("chunks", chunk, ChunkType) for chunk in chunks]
        for chunk in wanted:
            CHECKS["auth_chunk"](chunk)
        if hmacs is not None:
            hmacs = tuple(check_number("hmacs", hmac, 0xFFFF) for hmac in hmacs)
            CHECKS["hmac_identifiers"](hmacs)
        self.opts.auth_supported = True
        if hmacs is not None:
            self.opts.hmac_identifiers = hmacs
        else:
            self._best_hmacs()
        for chunk in wanted:
            self.opts.auth_chunk = chunk

    def _best_hmacs(self) -> None:
        try:
            self.opts.hmac_identifiers = (HmacId.SHA256, HmacId.SHA1)
        except OptionRefused:  # usrsctp has no SHA-256
            self.opts.hmac_identifiers = (HmacId.SHA1,)

    def _check_on(self, op: str) -> None:
        """BSD takes keys that will never be used; Linux refuses them."""
        try:
            on = self.opts.assoc_id in (AssocId.CURRENT, AssocId.ALL) or self.opts.auth_supported
        except UnsupportedOption:
            return  # Linux before 5.4: the sysctl decides, and the stack says so
        if not on:
            detail = "auth is off: call auth.enable() at both ends before they connect"
            raise build(ExtensionOff, op, detail=detail, extension="auth")

    def set(self, number: int, secret: bytes) -> None:
        """Store a key; it is not used before `activate` (RFC 6458 section 8.3.3).

        number: 0..65535. secret: the key, on Linux not empty.
        A number that was set before gets the new secret, unless messages with the old one are still on their way.
        """
        if not isinstance(secret, (bytes, bytearray, memoryview)):
            raise ArgumentTypeError("secret", f"bytes, not {type(secret).__name__}")
        self._check_on("auth.set")
        self.opts.auth_key = AuthKey(number, bytes(secret))

    def activate(self, number: int) -> None:
        """Authenticate what is sent from now on with this key, which must be set (RFC 6458 section 8.1.18)."""
        self._check_on("auth.activate")
        self.opts.auth_active_key = number

    def deactivate(self, number: int) -> None:
        """Use this key no longer for sending; AUTHENTICATION_EVENT tells when it may be deleted (section 8.3.4)."""
        self._refuse_active("deactivate", number)
        self.opts.auth_deactivate_key = number

    def delete(self, number: int) -> None:
        """Forget this key, for receiving too (RFC 6458 section 8.3.5)."""
        self._refuse_active("delete", number)
        self.opts.auth_delete_key = number

    def rotate(self, number: int, secret: bytes) -> int:
        """Set a new key, make it the active one and deactivate the old one, whose number is returned.

        The peer needs the new key first: messages with a key that it does not have are dropped.
        """
        old = self.active
        if number == old:
            raise ArgumentError("number", f"{number} is the active key; rotate to another number")
        self.set(number, secret)
        self.activate(number)
        self.opts.auth_deactivate_key = old
        return old

    def _refuse_active(self, what: str, number: int) -> None:
        self._check_on(f"auth.{what}")
        assoc_id = self.opts.assoc_id
        if assoc_id in (AssocId.CURRENT, AssocId.ALL):
            return  # nothing can be read of all of them
        if number == self.active:
            raise ArgumentError("number", f"{number} is the active key; activate another one before you {what} it")

    @property
    def active(self) -> int:
        """The number of the active key (RFC 6458 section 8.1.18)."""
        return self.opts.auth_active_key

    @property
    def hmacs(self) -> Tuple[int, ...]:
        """The HMAC algorithms in order of preference, `HmacId`s (RFC 6458 section 8.1.17)."""
        return self.opts.of(0).hmac_identifiers

    @property
    def local_chunks(self) -> Tuple[int, ...]:
        """The chunk types, `ChunkType`s, that the peer has to authenticate (RFC 6458 section 8.2.4)."""
        return self.opts.local_auth_chunks

    @property
    def peer_chunks(self) -> Tuple[int, ...]:
        """The chunk types, `ChunkType`s, that we have to authenticate (RFC 6458 section 8.2.3)."""
        return self.opts.peer_auth_chunks
