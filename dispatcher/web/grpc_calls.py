"""Answering the API's calls: bytes in, bytes out, whatever brought them."""

import asyncio
from time import perf_counter
from typing import Final

import structlog
from google.protobuf.message import DecodeError

from dispatcher.access import Caller
from dispatcher.errors import DispatcherError
from dispatcher.policies import Policies
from dispatcher.policy import Written
from dispatcher.ports import Observer
from dispatcher.status import Code
from dispatcher.web.gate import Call, Gate, Grant
from dispatcher.web.grpc_methods import METHODS, SERVICES, Method, Told
from dispatcher.web.grpc_status import SUCCESS, UNEXPECTED, RpcError, Status, status_of
from dispatcher.web.patience import StorePatience

_log: Final = structlog.get_logger("dispatcher.web")

_NOBODY: Final = Grant(Caller("", "", frozenset()))
_OUR_FAULTS: Final = frozenset({Code.UNKNOWN, Code.INTERNAL, Code.UNAVAILABLE, Code.DATA_LOSS})


class Calls:
    """The API's calls.

    Args:
        policies: The policies.
        gate: Who may do what.
        observer: Is told of every change.
        in_flight: Calls at a time; more are told to come again.
    """

    def __init__(
        self, policies: Policies, gate: Gate, observer: Observer, *, in_flight: int = 1_000
    ) -> None:
        self._policies = policies
        self._gate = gate
        self._observer = observer
        self._room = in_flight

    async def answer(
        self, path: str, request: bytes, call: Call, *, patience: float | None = None
    ) -> tuple[bytes, Status]:
        """Answer one call; what goes wrong is a status, too.

        Args:
            path: What is called, ``/package.Service/Method``.
            request: The request on the wire.
            call: Who calls, and about what.
            patience: Seconds the client waits; None where the transport ends the call itself.
        """
        began = perf_counter()
        response, status = b"", UNEXPECTED
        try:
            async with asyncio.timeout(patience):
                response = await self._bounded(path, request, call)
            status = SUCCESS
        except TimeoutError:
            status = Status(Code.DEADLINE_EXCEEDED, "the client's deadline has passed")
        except DispatcherError as error:
            status = status_of(error, self._policies.manner)
        except asyncio.CancelledError:
            status = Status(Code.CANCELLED)
            raise
        except Exception:  # noqa: BLE001 - one call goes wrong, and the log says how
            _log.exception("call failed", method=_known(path))
        finally:
            _tell(path, status.code, perf_counter() - began)
        return response, status

    def status_of(self, error: DispatcherError) -> Status:
        """Return the status of a call that did not get as far as being answered."""
        return status_of(error, self._policies.manner)

    async def _bounded(self, path: str, request: bytes, call: Call) -> bytes:
        method = METHODS.get(path)
        if method is None:
            raise unknown(path)
        if self._room <= 0 and method.permission:
            raise RpcError("the server has its hands full", Code.UNAVAILABLE)
        self._room -= 1
        try:
            return method.answer(await self._told(method, request, call), self._policies)
        finally:
            self._room += 1

    async def _told(self, method: Method, request: bytes, call: Call) -> Told:
        async with StorePatience():
            grant = await self._admitted(method, call)
        try:
            switches = method.switches(method.request.FromString(request))
        except DecodeError:
            # gRPC's own code for it: its list of statuses says so.
            raise RpcError("the request cannot be decoded", Code.INTERNAL) from None
        try:
            async with StorePatience():
                told = await method.act(self._policies, grant, switches)
        except DispatcherError as error:
            if method.is_change:
                self._observer.policy_refused(error)
            raise
        if isinstance(told, Written):
            self._observer.policy_written(told)
        return told

    async def _admitted(self, method: Method, call: Call) -> Grant:
        if method.permission is None:
            return _NOBODY
        admit = self._gate.instance if method.is_about_instance else self._gate.organization
        return await admit(call, method.permission)


def unknown(path: str) -> RpcError:
    """Return the answer for what is called by a path that leads nowhere."""
    service, _, method = path.removeprefix("/").rpartition("/")
    what = f"method {method} of {service}" if service in SERVICES else f"service {service}"
    return RpcError(f"{what} is not served here"[:200], Code.UNIMPLEMENTED)


def _tell(path: str, code: Code, seconds: float) -> None:
    """Log a call: what was our fault for everybody, the rest in detail."""
    tell = _log.info if code in _OUR_FAULTS else _log.debug
    tell("call", method=_known(path), code=code.name, seconds=round(seconds, 4))


def _known(path: str) -> str:
    """Return the path, unless it is one that callers have made up."""
    return path if path in METHODS else "-"
