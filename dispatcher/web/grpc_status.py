"""How a call ended: gRPC's status and its details, the same over every transport."""

from dataclasses import dataclass
from typing import Final

from dispatcher.errors import DispatcherError, RateLimited
from dispatcher.policy import Manner
from dispatcher.status import Code, code_of, id_of, message_of
from dispatcher.web.errors import HttpError
from dispatcher.web.protos.rpc.status_pb2 import Status as StatusMessage
from dispatcher.web.protos.zitadel.message_pb2 import ErrorDetail

_AGAIN_AFTER: Final = 1.0
"""Seconds after which a client may ask again what could not be answered now."""


class RpcError(DispatcherError):
    """A call that gRPC itself has a word for.

    Args:
        reason: What was wrong.
        code: gRPC's code.
    """

    def __init__(self, reason: str, code: Code) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True, slots=True)
class Status:
    """How a call ended.

    Args:
        code: gRPC's code.
        message: What happened, for a person.
        details: A ``google.rpc.Status`` on the wire; b"" where there is nothing to add.
        retry_after: Seconds after which to try again; None where that would not help.
    """

    code: Code
    message: str = ""
    details: bytes = b""
    retry_after: float | None = None

    @property
    def pushback(self) -> str | None:
        """What a client's retry policy reads, in milliseconds (gRFC A6)."""
        return None if self.retry_after is None else str(round(self.retry_after * 1_000))


SUCCESS: Final = Status(Code.OK)
UNEXPECTED: Final = Status(Code.INTERNAL, "an error of ours: the log has more of it")


def status_of(error: DispatcherError, manner: Manner) -> Status:
    """Return the status that a call ends with after an error."""
    if isinstance(error, RpcError | HttpError):
        code, message, details = error.code, str(error), b""
    else:
        code, message = code_of(error), message_of(error, manner)
        details = _details(error, code, message, id_of(error, manner))
    return Status(code, message, details, _retry_after(error, code))


def _details(error: DispatcherError, code: Code, message: str, named: str) -> bytes:
    if not named:
        return b""
    status = StatusMessage(code=code, message=message)
    status.details.add().Pack(ErrorDetail(id=named, message=str(error)))
    return status.SerializeToString()


def _retry_after(error: DispatcherError, code: Code) -> float | None:
    if isinstance(error, RateLimited):
        return error.retry_after
    return _AGAIN_AFTER if code is Code.UNAVAILABLE else None
