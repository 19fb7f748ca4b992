"""SocketOptions: what stands behind `opts`: which option may be asked of which socket, and what a refusal means.

The stacks answer one mistake with different errors, or take what does nothing; here it becomes one error by name. The
typed attributes are in `options.py`, the struct codec in the backend.
"""

from __future__ import annotations

import errno
from typing import Any, Dict, Optional

from sctpffi import errors
from sctpffi._optrows import OptionRow
from sctpffi._socket_base import SocketBase
from sctpffi.addresses import Address
from sctpffi.backends.base import Backend, Handle
from sctpffi.enums import AssocId, PathFlag, Style
from sctpffi.errors import ArgumentError
from sctpffi.lifecycle import Life
from sctpffi.optchecks import check_rto
from sctpffi.options import Options, check_number
from sctpffi.optvalues import RtoInfo

# What the stacks say when an extension is off or was not negotiated, and when a request is still unanswered.
_OFF = frozenset({errno.EACCES, errno.EPERM, errno.EOPNOTSUPP, errno.ENOPROTOOPT})
_PENDING = frozenset({errno.EAGAIN, errno.EINPROGRESS, errno.EALREADY, errno.EBUSY})


class SocketOptions(SocketBase):
    """The options of a socket, its associations and their paths."""

    def _setup(self, backend: Backend, handle: Handle, family: int, style: Style, life: Life) -> None:
        super()._setup(backend, handle, family, style, life)
        self.opts = Options(self)

    def has_option(self, row: OptionRow) -> bool:
        """For `opts`: whether the backend was built with an option."""
        return self._handle.has_option(row)

    def get_option(
        self, row: OptionRow, assoc_id: int, address: Optional[Address], keys: Dict[str, int]
    ) -> Dict[str, Any]:
        """For `opts`: the fields of an option."""
        op = f"get {row.name}"
        self._check_scope(row, assoc_id, op)
        self._check_path(row, assoc_id, address, op)
        if self._one:
            assoc_id = 0  # ignored (RFC 6458 section 8)
        try:
            found = self._handle.get_option(row, assoc_id, address, keys)
        except errors.SctpOSError as exc:
            raise self._option_error(exc, row, assoc_id) from None
        empty = row.name == "peer_auth_chunks" and not found["value"]
        if empty and self._try_option("auth_supported", assoc_id) is False:  # BSD has an empty list then
            raise self._extension_off(op, row)
        return found

    def set_option(self, row: OptionRow, values: Dict[str, Any], assoc_id: int, address: Optional[Address]) -> None:
        """For `opts`: set the fields of an option."""
        op = f"set {row.name}"
        self._check_scope(row, assoc_id, op)
        self._check_path(row, assoc_id, values.get("address") or address, op)
        if self._one:
            assoc_id = 0  # ignored (RFC 6458 section 8)
        self._check_state(row, values, assoc_id, op)
        try:
            self._handle.set_option(row, values, assoc_id, address)
        except errors.SctpOSError as exc:
            raise self._option_error(exc, row, assoc_id) from None
        if row.name in ("default_sndinfo", "default_prinfo"):
            self._has_defaults = True
            self._known_defaults = None

    def _check_path(self, row: OptionRow, assoc_id: int, address: Optional[Address], op: str) -> None:
        """Refuse paths of nobody: Linux goes by the address alone, and BSD sets its defaults instead."""
        if row.scope != "path" or self._one:
            return
        if assoc_id > AssocId.ALL:
            known = assoc_id in self.opts.assoc_ids
        else:
            known = address is None or any(address in self.peer_addresses(each) for each in self.opts.assoc_ids)
        if not known:
            raise errors.build(errors.NoSuchAssociation, op, assoc_id=assoc_id or None, **self._where())

    def _check_state(self, row: OptionRow, values: Dict[str, Any], assoc_id: int, op: str) -> None:
        """Refuse what depends on the socket and what only some stacks refuse."""
        if row.name == "mapped_v4_addresses" and self._family == 4 and values["value"]:
            raise errors.build(errors.OptionRefused, op, detail="only IPv6 sockets have them", **self._where())
        if row.name == "path_params" and values["flags"] & PathFlag.HB_DEMAND and not self._has_peer(values, assoc_id):
            raise errors.build(errors.OptionRefused, op, detail="nobody to send a heartbeat to", **self._where())
        if row.name == "rto_info" and not all(values.values()):
            current = self.get_option(row, assoc_id, None, {})
            check_rto(RtoInfo(**{name: values[name] or current[name] for name in values}))
        if row.name == "peer_primary_address":
            if self._try_option("asconf_supported", assoc_id) is False:
                raise self._extension_off(op, row)
            if values["address"] not in self._handle.addresses(True, assoc_id):
                detail = f"not ours: {values['address']}"
                raise errors.build(errors.AddressNotAvailable, op, detail=detail, **self._where())

    def _has_peer(self, values: Dict[str, Any], assoc_id: int) -> bool:
        if self._one or assoc_id > AssocId.ALL:
            return bool(self.peer_addresses(assoc_id))
        return values["address"] is not None  # `_check_path` found it

    def _check_scope(self, row: OptionRow, assoc_id: int, op: str) -> None:
        """Refuse an option on the wrong style, or for an association that it can't be of."""
        self._alive(op)
        if row.styles != "both" and (row.styles == "one_to_one") is not self._one:
            style = row.styles.replace("_", "-")
            raise errors.build(errors.WrongStyle, op, detail=f"only on {style} sockets", **self._where())
        if self._one:
            return
        to_set, _, to_get = row.ids.partition("/")
        allowed = to_set if op.startswith("set") else to_get
        which = "FCA"[assoc_id] if assoc_id <= AssocId.ALL else "I"
        if not row.assoc_field and assoc_id:
            raise ArgumentError("assoc_id", f"{row.name} is of the whole socket ({row.rfc})")
        if not row.assoc_field or which in allowed:
            return
        if which == "F":
            if row.scope != "path":
                raise ArgumentError("assoc_id", f"{row.name} is of one association: opts.of(assoc_id).{row.name}")
            return
        raise ArgumentError("assoc_id", f"{row.name} does not take AssocId.{AssocId(assoc_id).name} here ({row.rfc})")

    def _option_error(self, exc: errors.SctpOSError, row: OptionRow, assoc_id: int) -> errors.SctpOSError:
        if row.needs and exc.errno in _OFF and self._is_off(row, assoc_id):
            return self._extension_off(exc.op, row)
        if row.name == "interleaving_supported" and exc.errno == errno.EPERM:
            detail = "set opts.fragment_interleave to 2 first, and the sysctl net.sctp.intl_enable to 1"
            return errors.build(errors.ExtensionOff, exc.op, detail=detail, extension="interleaving", **self._where())
        if row.needs == "reconfig" and exc.errno in _PENDING:
            return errors.build(errors.RequestPending, exc.op, assoc_id=assoc_id or None, **self._where())
        if row.scope == "path" and exc.errno in (errno.ENOENT, errno.EINVAL) and self.peer_addresses(assoc_id):
            detail = f"name an address of the peer: opts.of(assoc_id, address).{row.name}"
            return errors.build(errors.OptionRefused, exc.op, detail=detail, **self._where())
        missing = exc.errno in (errno.EINVAL, errno.ENOENT, errno.ENOTCONN, errno.EPIPE)
        if missing and not self._one and assoc_id > AssocId.ALL and assoc_id not in self.opts.assoc_ids:
            return errors.build(errors.NoSuchAssociation, exc.op, assoc_id=assoc_id, **self._where())
        if missing and "I" in row.ids and "F" not in row.ids and not self.peer_addresses(assoc_id):
            cls = errors.NotConnected if self._one else errors.NoSuchAssociation
            return errors.build(cls, exc.op, detail=f"{row.name} is of an association", **self._where())
        if exc.errno in (errno.EINVAL, errno.EOPNOTSUPP, errno.EFAULT, errno.EBUSY):
            return errors.build(errors.OptionRefused, exc.op, assoc_id=assoc_id or None, **self._where())
        return self._located(exc)

    def _is_off(self, row: OptionRow, assoc_id: int) -> bool:
        """Whether the extension that an option needs exists here; then its switch, at either end, is the reason."""
        return not isinstance(self._try_option(f"{row.needs}_supported", assoc_id), errors.UnsupportedOption)

    def _try_option(self, name: str, assoc_id: int) -> Any:
        try:
            return self.opts.of(assoc_id).get(name)
        except errors.Error as exc:
            return exc

    def _extension_off(self, op: str, row: OptionRow) -> errors.SctpOSError:
        detail = f"{row.needs} is off: set opts.{row.needs}_supported at both ends before they connect"
        if row.needs == "reconfig" and self._try_option("reconfig_supported", 0) is True:
            detail = "the peer did not negotiate it, or our own opts.enable_stream_reset is off, which Linux asks too"
        return errors.build(errors.ExtensionOff, op, detail=detail, extension=row.needs, **self._where())

    def getsockopt_raw(self, level: int, number: int, size: int) -> bytes:
        """An option by the stack's own numbers, as bytes: for experiments, not portable. size in bytes."""
        self._alive("getsockopt_raw")
        return self._handle.get_raw(level, number, check_number("size", size, 65536))

    def setsockopt_raw(self, level: int, number: int, value: bytes) -> None:
        """Set an option by the stack's own numbers: for experiments, not portable."""
        self._alive("setsockopt_raw")
        self._known_defaults = None
        self._handle.set_raw(level, number, bytes(value))
