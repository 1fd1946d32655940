"""The API's calls over gRPC, on a port of its own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

import grpc
from grpc_reflection.v1alpha import reflection

from dispatcher.errors import ConfigError
from dispatcher.web.gate import Call
from dispatcher.web.grpc_calls import Calls
from dispatcher.web.grpc_health import Health
from dispatcher.web.grpc_methods import SERVICES
from dispatcher.web.grpc_status import Status
from dispatcher.web.requests import ORGANIZATION_HEADER

_MESSAGE_TIME: Final = 10.0
"""Seconds in which a call's message must have come, as a body over REST."""

_HEALTH: Final = "grpc.health.v1.Health"
_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}
_HEADERS: Final = (("cache-control", "no-store"), ("pragma", "no-cache"), ("expires", "0"))
"""What every answer says, as over REST."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much clients may ask of the server.

    Args:
        message: Most bytes of a message, unpacked.
        headers: Most bytes of a call's metadata.
        streams: Calls at a time over one connection.
        calls: Calls at a time in all, those that watch the health included.
        idle: Seconds after which a connection without calls is closed.
        keepalive: Seconds of silence after which a peer is asked whether it is there.
        patience: Seconds it may take to say so.
        ping: Least seconds between a client's own such questions.
    """

    message: int = 65_536
    headers: int = 16_384
    streams: int = 100
    calls: int = 4_000
    idle: float = 300.0
    keepalive: float = 60.0
    patience: float = 20.0
    ping: float = 10.0

    def options(self, *, is_shared: bool) -> Sequence[tuple[str, int]]:
        """Return the options of gRPC's core; its times are milliseconds."""
        return (
            ("grpc.max_receive_message_length", self.message),
            ("grpc.max_metadata_size", self.headers),
            ("grpc.absolute_max_metadata_size", self.headers),
            ("grpc.max_concurrent_streams", self.streams),
            ("grpc.max_connection_idle_ms", round(self.idle * 1_000)),
            ("grpc.keepalive_time_ms", round(self.keepalive * 1_000)),
            ("grpc.keepalive_timeout_ms", round(self.patience * 1_000)),
            ("grpc.http2.min_ping_interval_without_data_ms", round(self.ping * 1_000)),
            ("grpc.keepalive_permit_without_calls", 1),
            # By default two servers on one port would share its clients, unasked.
            ("grpc.so_reuseport", int(is_shared)),
        )


class GrpcServer:
    """Serves the calls over gRPC.

    Args:
        calls: The calls.
        bind: ``host:port`` or ``unix:path``; port 0 for any that is free.
        ready: Returns once the store answers; raises StoreUnavailable where it does not.
        is_shared: Whether other processes listen on the same port.
        credentials: Certificate and key; None for clear text.
        bounds: How much clients may ask.
    """

    def __init__(
        self,
        calls: Calls,
        bind: str,
        ready: Callable[[], Awaitable[None]],
        *,
        is_shared: bool = False,
        credentials: grpc.ServerCredentials | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        self._calls = calls
        self._bind = bind
        self._health = Health(SERVICES, ready)
        self._credentials = credentials
        self._bounds = bounds or Bounds()
        self._options = self._bounds.options(is_shared=is_shared)
        self._server: grpc.aio.Server | None = None

    async def start(self) -> int:
        """Listen, and return the port.

        Raises:
            ConfigError: The address cannot be listened on.
        """
        server = self._server = grpc.aio.server(
            options=self._options, maximum_concurrent_rpcs=self._bounds.calls
        )
        await self._health.start(server)
        reflection.enable_server_reflection((*SERVICES, _HEALTH, reflection.SERVICE_NAME), server)
        server.add_generic_rpc_handlers((_Handlers(self._calls),))
        try:
            port = self._listen(server)
        except RuntimeError as error:
            raise ConfigError(
                f"DISPATCHER_GRPC_BIND: cannot listen on {self._bind}: is it in use?"
            ) from error
        await server.start()
        return port

    async def stop(self, grace: float) -> None:
        """Take no more calls, and wait *grace* seconds for those that are being answered."""
        await self._health.stop()
        if self._server is not None:
            await self._server.stop(grace)

    def _listen(self, server: grpc.aio.Server) -> int:
        if self._credentials is None:
            return server.add_insecure_port(self._bind)
        return server.add_secure_port(self._bind, self._credentials)


class _Handlers(grpc.GenericRpcHandler):  # type: ignore[type-arg] # generic in its stubs only
    """Takes every call that nobody else has taken, for its path."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> "grpc.RpcMethodHandler[bytes, bytes]":
        """Return what answers a call."""
        path = str(handler_call_details.method)

        async def answer(
            requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext[bytes, bytes]
        ) -> bytes:
            request = await _message(requests, context)
            response, status = await self._calls.answer(path, request, _call(context))
            await context.send_initial_metadata(_HEADERS)
            if status.code:
                await context.abort(_CODES[status.code], status.message, _trailers(status))
            return response

        # On the wire no other than a unary one; but that would wait for its message for ever.
        return grpc.stream_unary_rpc_method_handler(answer)


async def _message(  # noqa: RET503 - abort raises
    requests: AsyncIterator[bytes], context: "grpc.aio.ServicerContext[bytes, bytes]"
) -> bytes:
    """Return the one message of a unary call; a call without one would keep its place for ever."""
    try:
        async with asyncio.timeout(_MESSAGE_TIME):
            return await anext(requests)
    except TimeoutError:
        told = (grpc.StatusCode.DEADLINE_EXCEEDED, "the request did not come in time")
    except StopAsyncIteration:
        told = (grpc.StatusCode.UNIMPLEMENTED, "the request holds no message")
    await context.abort(*told)


def _call(context: "grpc.aio.ServicerContext[bytes, bytes]") -> Call:
    told: dict[str, str] = {}
    for name, value in context.invocation_metadata() or ():
        told.setdefault(name, str(value))
    return Call(
        authorization=told.get("authorization"),
        org_id=told.get(ORGANIZATION_HEADER, ""),
        address=_address(context.peer()),
        forwarded=told.get("x-forwarded-for", ""),
    )


def _address(peer: str) -> str:
    """Return the network address in gRPC's way of writing one, ``ipv6:%5B::1%5D:50051``."""
    kind, _, rest = peer.partition(":")
    return unquote(rest).rpartition(":")[0].strip("[]") if kind in {"ipv4", "ipv6"} else ""


def _trailers(status: Status) -> tuple[tuple[str, str | bytes], ...]:
    told: list[tuple[str, str | bytes]] = []
    if status.details:
        told.append(("grpc-status-details-bin", status.details))
    if status.pushback:
        told.append(("grpc-retry-pushback-ms", status.pushback))
    return tuple(told)
