"""One process of the HTTP side as ``dispatcher api`` starts it: ``python -m dispatcher.web``."""

import asyncio
import os
import signal
import sys
from contextlib import AsyncExitStack
from typing import Final

import structlog
import uvloop

from dispatcher import bootstrap
from dispatcher.adapters.observers.logs import configure_logs
from dispatcher.adapters.standalone.listening import Address, listen
from dispatcher.bootstrap_web import open_web
from dispatcher.errors import ConfigError
from dispatcher.settings import Settings, load_settings
from dispatcher.web.app import create_app
from dispatcher.web.assembly import open_desks
from dispatcher.web.server import Server

_log: Final = structlog.get_logger("dispatcher.web")


def main() -> None:
    """Answer until told to stop."""
    try:
        settings = load_settings()
        configure_logs(level=settings.log_level, style=settings.log_format)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings))
    except ConfigError as error:
        for mistake in str(error).splitlines():
            _log.critical("wrong settings", mistake=mistake)
        sys.exit(os.EX_CONFIG)


async def _serve(settings: Settings) -> None:
    async with AsyncExitStack() as closing:
        url = bootstrap.endpoints(settings).store_url
        services = await closing.enter_async_context(open_web(settings, url))
        desks = await closing.enter_async_context(open_desks(settings, services))
        server = Server(create_app(desks), grace=settings.stop_grace)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, server.stop)
        address = Address.parse(settings.http_bind)
        listening = listen(address)
        place = Address(address.host, listening.getsockname()[1])
        _log.info("listening", url=f"http://{place}", manner=desks.policies.manner.value)
        await server.serve([listening])
        _log.info("stopped")


if __name__ == "__main__":
    main()
