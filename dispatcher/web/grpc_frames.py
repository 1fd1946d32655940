"""gRPC-Web on the wire: messages and trailers as frames in a body, in binary or in text.

The protocol is gRPC's PROTOCOL-WEB document; what it does not say is as in PROTOCOL-HTTP2.
"""

import binascii
import re
from typing import Final
from urllib.parse import quote_from_bytes

from dispatcher.status import Code
from dispatcher.web.grpc_status import RpcError, Status

_COMPRESSED: Final = 0x01
_TRAILERS: Final = 0x80
_PREFIX: Final = 5
"""Bytes before a frame's payload: its flags, and its length in four of them."""

_QUANTA: Final = re.compile(rb"[A-Za-z0-9+/]+={0,2}")
_BLANKS: Final = re.compile(rb"[\r\n\t ]+")
_TIMEOUT: Final = re.compile(r"([0-9]{1,8})([HMSmun])")
_SECONDS: Final = {"H": 3_600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}

# Printable ASCII but the percent sign goes as it is.
_PLAIN: Final = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")


def read_message(body: bytes) -> bytes:
    """Return the one message that a unary request's body holds.

    Raises:
        RpcError: There is none, more than one, or half of one; or it is compressed.
    """
    if not body:
        raise RpcError("the request holds no message", Code.UNIMPLEMENTED)
    if len(body) < _PREFIX:
        raise RpcError("the request's frame is cut off", Code.INVALID_ARGUMENT)
    flags, end = body[0], _PREFIX + int.from_bytes(body[1:_PREFIX], "big")
    if flags & _COMPRESSED:
        raise RpcError("compressed messages are not taken", Code.UNIMPLEMENTED)
    if flags:
        raise RpcError("the request's frame is of an unknown kind", Code.INVALID_ARGUMENT)
    if len(body) < end:
        raise RpcError("the request's frame is cut off", Code.INVALID_ARGUMENT)
    if len(body) > end:
        raise RpcError("the request holds more than one message", Code.UNIMPLEMENTED)
    return body[_PREFIX:]


def write_reply(message: bytes, status: Status) -> bytes:
    """Return a reply's body: its message, unless the call failed, and its trailers."""
    ended = _frame(_TRAILERS, _trailers(status))
    return ended if status.code else _frame(0, message) + ended


def from_text(body: bytes) -> bytes:
    """Return what a body in base64 holds; a client may pad each of its pieces.

    Raises:
        RpcError: It is not base64.
    """
    pieces = _BLANKS.sub(b"", body)
    try:
        found = b"".join(binascii.a2b_base64(piece) for piece in _QUANTA.findall(pieces))
    except binascii.Error:
        raise RpcError("the request is not base64", Code.INVALID_ARGUMENT) from None
    if len(b"".join(_QUANTA.findall(pieces))) != len(pieces):
        raise RpcError("the request is not base64", Code.INVALID_ARGUMENT)
    return found


def to_text(body: bytes) -> bytes:
    """Return a body in base64."""
    return binascii.b2a_base64(body, newline=False)


def read_timeout(text: str | None) -> float | None:
    """Return the seconds in a ``grpc-timeout`` header; None where there is none.

    Raises:
        RpcError: It is not of that form.
    """
    if text is None:
        return None
    found = _TIMEOUT.fullmatch(text)
    if found is None:
        raise RpcError("grpc-timeout is malformed", Code.INVALID_ARGUMENT)
    return int(found[1]) * _SECONDS[found[2]]


def _frame(flags: int, payload: bytes) -> bytes:
    return bytes((flags,)) + len(payload).to_bytes(4, "big") + payload


def _trailers(status: Status) -> bytes:
    told = {"grpc-status": str(int(status.code))}
    if status.message:
        told["grpc-message"] = quote_from_bytes(status.message.encode(), _PLAIN)
    if status.details:
        encoded = binascii.b2a_base64(status.details, newline=False)
        told["grpc-status-details-bin"] = encoded.decode().rstrip("=")
    if status.pushback:
        told["grpc-retry-pushback-ms"] = status.pushback
    return "".join(f"{name}: {value}\r\n" for name, value in told.items()).encode()
