"""One process of the API: ``python -m dispatcher.web``.

``dispatcher api`` starts it with ``--shared``, for it holds the addresses for all its processes;
without that, this process has them for itself alone.
"""

import asyncio
import gc
import os
import signal
import sys
from contextlib import AsyncExitStack
from socket import socket
from typing import Final

import structlog
import uvloop

from dispatcher import bootstrap
from dispatcher.adapters.observers.logs import configure_logs
from dispatcher.adapters.standalone.listening import SHARED, Address, held, listen
from dispatcher.bootstrap_web import open_web
from dispatcher.errors import ConfigError
from dispatcher.settings import Settings, load_settings
from dispatcher.web.app import create_app
from dispatcher.web.assembly import open_desks
from dispatcher.web.grpc_calls import Calls
from dispatcher.web.grpc_server import GrpcServer
from dispatcher.web.server import Server

_log: Final = structlog.get_logger("dispatcher.web")

_SWITCH_INTERVAL: Final = 0.0005
"""Seconds, a tenth of Python's own, for where Celery's producer publishes (RabbitMQ, say).

It does so on a thread: loop and publisher take turns, and one must not wait long. Measured: twice
the events per second on a busy machine, and a third of the p99.
"""

_GC_THRESHOLD: Final = (20_000, 20, 20)
"""As in a worker: with a hundred requests in flight the default would collect all the time."""


def main() -> None:
    """Answer until told to stop."""
    try:
        settings = load_settings()
        configure_logs(level=settings.log_level, style=settings.log_format)
        sys.setswitchinterval(_SWITCH_INTERVAL)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings, is_shared=SHARED in sys.argv[1:]))
    except ConfigError as error:
        for mistake in str(error).splitlines():
            _log.critical("wrong settings", mistake=mistake)
        sys.exit(os.EX_CONFIG)


async def _serve(settings: Settings, *, is_shared: bool) -> None:
    async with AsyncExitStack() as closing:
        places = [Address.parse(text) for text in (settings.http_bind, settings.grpc_bind)]
        if not is_shared:
            # Else it would silently get a share of the calls that are somebody else's.
            places = [closing.enter_context(held(place)) for place in places]
        http_place, grpc_place = places
        url = bootstrap.endpoints(settings).store_url
        services = await closing.enter_async_context(open_web(settings, url))
        desks = await closing.enter_async_context(open_desks(settings, services))
        calls = Calls(desks.policies, desks.gate, desks.observer)
        rpc = GrpcServer(calls, str(grpc_place), desks.ready, is_shared=True)
        http = Server(create_app(desks), grace=settings.stop_grace)
        loop, stopping = asyncio.get_running_loop(), asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        listening = listen(http_place)
        await rpc.start()
        _settle_memory()
        manner = desks.policies.manner.value
        _log.info("listening", url=f"http://{http_place}", grpc=str(grpc_place), manner=manner)
        async with asyncio.TaskGroup() as serving:
            serving.create_task(_serve_http(http, listening, stopping))
            await stopping.wait()
            http.stop()
            serving.create_task(rpc.stop(settings.stop_grace))
        _log.info("stopped")


def _settle_memory() -> None:
    """Have the garbage collector leave alone what stays: modules, routes, schemas."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLD)


async def _serve_http(server: Server, listening: socket, stopping: asyncio.Event) -> None:
    try:
        await server.serve([listening])
    finally:
        stopping.set()


if __name__ == "__main__":
    main()
