"""Whether the services can be used, by gRPC's standard health service."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from dispatcher.errors import DispatcherError
from dispatcher.web.patience import StorePatience

_EVERY: Final = 1.0
"""Seconds between two looks at the store."""

_Status = health_pb2.HealthCheckResponse


class Health:
    """Tells who asks or watches; not serving while the store is away, and while stopping.

    Args:
        services: The services' names.
        ready: Returns once the store answers; raises StoreUnavailable where it does not.
    """

    def __init__(self, services: tuple[str, ...], ready: Callable[[], Awaitable[None]]) -> None:
        self._services = ("", *services)
        self._ready = ready
        self._servicer = health.aio.HealthServicer()  # type: ignore[attr-defined] # its stubs lag behind
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
        await self._servicer.enter_graceful_shutdown()

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
        for service in self._services:
            await self._servicer.set(service, status)
