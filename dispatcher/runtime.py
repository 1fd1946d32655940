"""One process's services: opened on its event loop when first needed, closed with it."""

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, TypeVar

from dispatcher.adapters.broker.loop import LoopThread
from dispatcher.beside import end
from dispatcher.bootstrap_worker import Services
from dispatcher.monitor.member import Member
from dispatcher.monitor.station import Station

_T = TypeVar("_T")


class Runtime:
    """Runs work with the services, whatever pool Celery runs.

    Args:
        loop: The process's event loop, on its thread; the services are closed when it stops.
        open_station: Lets others ask how the process is, until it is closed.
        open_services: Opens the services of such a process, and closes them in the end.
    """

    def __init__(
        self,
        loop: LoopThread,
        open_station: Callable[[], AbstractAsyncContextManager[Station]],
        open_services: Callable[[Member], AbstractAsyncContextManager[Services]],
    ) -> None:
        self._loop = loop
        self._open_station = open_station
        self._open_services = open_services
        self._station: Station | None = None
        self._services: Services | None = None
        self._lookout: asyncio.Task[None] | None = None
        self._background: list[asyncio.Task[None]] = []

    def run(self, work: Callable[[Services], Coroutine[Any, Any, _T]]) -> _T:
        """Return what *work* returns; called from a task, under any pool."""
        return self._loop.run(work(self._services or self._open()))

    def show(self) -> None:
        """Let others ask how the process is, and answer for all where nobody does yet.

        The store need not be there: that it is missed is what others want to know.

        Raises:
            ConfigError: The settings cannot work.
        """
        if self._lookout is None and (lookout := self._shown().lookout) is not None:
            self._lookout = self._loop.run(_begin(lookout.run(), "lookout"))

    def start(self) -> None:
        """Open the services now; move due deliveries and fetch events in the background.

        Raises:
            ConfigError: The settings cannot work.
            StoreUnavailable: The store does not answer.
        """
        self._loop.run(self._start_background(self._services or self._open()))

    def stop_background(self) -> None:
        """Move no more due deliveries and fetch no more events; what is in flight goes on."""
        self._loop.run(self._stop_background())

    def _shown(self) -> Station:
        if self._station is None:
            self._station = self._loop.enter(self._open_station())
        return self._station

    def _open(self) -> Services:
        self._services = self._loop.enter(self._open_services(self._shown().member))
        return self._services

    async def _start_background(self, services: Services) -> None:
        self._background = [
            await _begin(services.requeue.run(), "requeue"),
            await _begin(services.feeds.run(), "feeds"),
        ]

    async def _stop_background(self) -> None:
        background, self._background = self._background, []
        await end(*background)


async def _begin(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    return asyncio.create_task(work, name=name)


class PerProcess(Generic[_T]):
    """Makes one of something in each process that asks: a forked child makes its own.

    Args:
        make: Makes it.
    """

    def __init__(self, make: Callable[[], _T]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: _T | None = None
        os.register_at_fork(after_in_child=self._forget)

    def get(self) -> _T:
        """Return this process's one."""
        made = self._made
        if made is not None:
            return made
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made

    def _forget(self) -> None:
        # Another thread may have held the lock when the process was forked.
        self._lock, self._made = threading.Lock(), None
