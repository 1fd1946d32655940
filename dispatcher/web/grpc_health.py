"""Whether the services can be used, by gRPC's standard health service."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from dispatcher.errors import DispatcherError
from dispatcher.web.patience import StorePatience

_log: Final = structlog.get_logger("dispatcher.web")

_EVERY: Final = 1.0
"""Seconds between two looks at the store."""

_LAST_WORD: Final = 0.2
"""Seconds in which whoever watches is told that it is over."""

_Status = health_pb2.HealthCheckResponse
_Standard: Any = health.aio.HealthServicer  # type: ignore[attr-defined] # its stubs lag behind


class _Servicer(_Standard):  # type: ignore[misc] # untyped
    """The standard servicer, whose watchers would hold up a stop for as long as they watch."""

    def __init__(self) -> None:
        super().__init__()
        self._over = asyncio.Event()

    async def Watch(  # noqa: N802 - gRPC's name
        self,
        request: health_pb2.HealthCheckRequest,
        context: "grpc.aio.ServicerContext[Any, Any]",
    ) -> None:
        """Tell of changes until the client leaves or the server stops."""
        watching = asyncio.ensure_future(super().Watch(request, context))
        over = asyncio.ensure_future(self._over.wait())
        try:
            await asyncio.wait((watching, over), return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait((watching,), timeout=_LAST_WORD)
        finally:
            watching.cancel()
            over.cancel()

    async def end(self) -> None:
        """Say that nothing is served any more, and let nobody watch any longer."""
        await self.enter_graceful_shutdown()
        self._over.set()


class Health:
    """Tells who asks or watches; not serving while the store is away, and while stopping.

    Args:
        services: The services' names.
        ready: Returns once the store answers; raises StoreUnavailable where it does not.
    """

    def __init__(self, services: tuple[str, ...], ready: Callable[[], Awaitable[None]]) -> None:
        self._services = ("", *services)
        self._ready = ready
        self._servicer = _Servicer()
        self._looking: asyncio.Task[None] | None = None

    async def start(self, server: grpc.aio.Server) -> None:
        """Serve, and begin to look at the store."""
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, server)
        await self._look()
        self._looking = asyncio.create_task(self._keep_looking(), name="grpc-health")

    async def stop(self) -> None:
        """Say that nothing is served any more."""
        if self._looking is not None:
            self._looking.cancel()
        await self._servicer.end()

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(_EVERY)
            await self._look()

    async def _look(self) -> None:
        try:
            async with StorePatience():
                await self._ready()
            status = _Status.SERVING
        except DispatcherError:
            status = _Status.NOT_SERVING
        except Exception:  # noqa: BLE001 - whoever stopped looking would say what it saw last for ever
            _log.exception("cannot tell whether the store answers")
            status = _Status.NOT_SERVING
        for service in self._services:
            await self._servicer.set(service, status)
