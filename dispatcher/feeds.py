"""Feeds: what connections' events are fetched from, each kept running for as long as it exists.

::

    broker, stream, transmitter ─ Feed ─ take ─▶ Reception ─▶ durable ─▶ acknowledged
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, Final, Protocol

from dispatcher.connection import Connection
from dispatcher.connections import Connections
from dispatcher.errors import (
    ConnectionNotFound,
    ConnectionUnreadable,
    DispatcherError,
    FeedUnavailable,
    MalformedEvent,
)
from dispatcher.patience import insist, pause
from dispatcher.ports import Observer
from dispatcher.reception import Reception
from dispatcher.sources import discover
from dispatcher.sources.fetching import Feed, is_fetched
from dispatcher.sources.hook import Call

_log: Final = logging.getLogger(__name__)

_LOOK: Final = 3.0
"""Seconds between looks at which connections there are."""

_FIRST_WAIT: Final = 0.5
_LONGEST_WAIT: Final = 30.0
_STEADY: Final = 60.0
"""Seconds after which a feed that fails is tried at once: it had been running."""

_TURN: Final = 15.0
"""Seconds that a dead worker keeps others from a feed that only one may fetch."""

_STOP: Final = 6.0
"""Seconds to acknowledge what is durable; what is not, comes again, here or elsewhere."""


class Turns(Protocol):
    """Who may fetch where only one at a time may."""

    async def take(self, name: str, holder: str, seconds: float) -> bool:
        """Take or keep the turn for some seconds; False while another one has it.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        ...

    async def give_up(self, name: str, holder: str) -> None:
        """Let another one take it.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class FeedDesk:
    """What feeds need; opened when there is one.

    Args:
        open_feed: Returns a connection's feed.
        reception: Makes durable what feeds bring.
        turns: Knows who may fetch where only one may.
    """

    open_feed: Callable[[Connection], Feed]
    reception: Reception
    turns: Turns


@dataclass(frozen=True, slots=True)
class _Running:
    connection: Connection
    stopping: asyncio.Event
    task: "asyncio.Task[None]"


@dataclass(frozen=True, slots=True)
class Feeds:
    """Runs a feed for each connection that has one, in every worker.

    Args:
        connections: Read every few seconds: none of it needs a restart.
        open_desk: Opens what feeds need, and closes it in the end.
        observer: Is told what is away, and what was unreadable.
    """

    connections: Connections
    open_desk: Callable[[], AbstractAsyncContextManager[FeedDesk]]
    observer: Observer

    async def run(self) -> None:
        """Go on until cancelled; by then nothing is fetched, and what is durable acknowledged."""
        running: dict[str, _Running] = {}
        async with AsyncExitStack() as closing:
            desk: FeedDesk | None = None
            try:
                while True:
                    try:
                        wanted = await self._wanted(running)
                        if wanted and desk is None:
                            desk = await closing.enter_async_context(self.open_desk())
                        await self._adjust(desk, running, wanted)
                    except Exception as error:  # noqa: BLE001 - without it nothing more is fetched
                        self.observer.waiting("connections", error)
                    await asyncio.sleep(_LOOK)
            finally:
                await _stop_unwanted(running, {})

    async def _adjust(
        self, desk: FeedDesk | None, running: dict[str, _Running], wanted: Mapping[str, Connection]
    ) -> None:
        await _stop_unwanted(running, wanted)
        if desk is not None:
            new = wanted.keys() - running.keys()
            running.update({name: self._started(desk, wanted[name]) for name in new})

    async def _wanted(self, running: Mapping[str, _Running]) -> Mapping[str, Connection]:
        async def found(name: str) -> Connection | None:
            try:
                return await self.connections.get(name)
            except ConnectionNotFound:
                return None
            except ConnectionUnreadable:  # the store told of it
                return running[name].connection if name in running else None

        names = await self.connections.names()
        every = await asyncio.gather(*map(found, names))
        return {each.name: each for each in every if each is not None and is_fetched(each)}

    def _started(self, desk: FeedDesk, connection: Connection) -> _Running:
        stopping = asyncio.Event()
        line = _Line(connection, desk, self.observer, stopping)
        task = asyncio.create_task(line.keep(), name=f"feed {connection.name}")
        return _Running(connection, stopping, task)


async def _stop_unwanted(running: dict[str, _Running], wanted: Mapping[str, Connection]) -> None:
    ending = [each for name, each in running.items() if wanted.get(name) != each.connection]
    if not ending:
        return
    for each in ending:
        each.stopping.set()
    _, late = await asyncio.wait([each.task for each in ending], timeout=_STOP)
    for task in late:
        task.cancel()
    if late:
        await asyncio.wait(late)
    for each in ending:
        del running[each.connection.name]


@dataclass(frozen=True, slots=True)
class _Line:
    """One connection's feed, begun anew whenever it breaks."""

    connection: Connection
    desk: FeedDesk
    observer: Observer
    stopping: asyncio.Event

    async def keep(self) -> None:
        """Go on until asked to stop."""
        wait, clock = _FIRST_WAIT, asyncio.get_running_loop().time
        while not self.stopping.is_set():
            began = clock()
            try:
                await self._run(self.desk.open_feed(self.connection))
                asked = 0.0
            except Exception as error:  # noqa: BLE001 - whatever it was, events still come there
                self.observer.waiting(f"the events of the connection {self.connection.name}", error)
                asked = error.wait if isinstance(error, FeedUnavailable) else 0.0
            if clock() - began > _STEADY:
                wait = _FIRST_WAIT
            await pause(self.stopping, max(wait, asked))
            wait = min(wait * 2, _LONGEST_WAIT)

    async def _run(self, feed: Feed) -> None:
        if not feed.is_for_one:
            await feed.run(self._take, self.stopping)
            return
        name, holder, turns = self.connection.name, token_hex(8), self.desk.turns
        while not await turns.take(name, holder, _TURN):
            if await pause(self.stopping, _TURN / 3):
                return
        try:
            await self._run_in_turn(feed, holder)
        finally:
            with suppress(DispatcherError):  # it ends by itself
                await turns.give_up(name, holder)

    async def _run_in_turn(self, feed: Feed, holder: str) -> None:
        ending = asyncio.Event()
        fetching = asyncio.create_task(feed.run(self._take, ending))
        stopped = asyncio.create_task(self.stopping.wait())
        both: list[asyncio.Task[Any]] = [fetching, stopped]
        try:
            while not fetching.done() and not stopped.done():
                if not await self.desk.turns.take(self.connection.name, holder, _TURN):
                    break
                await asyncio.wait(both, timeout=_TURN / 3, return_when=asyncio.FIRST_COMPLETED)
            ending.set()
            await fetching
        finally:
            for task in both:
                task.cancel()
            await asyncio.wait(both)

    async def _take(self, content: bytes, call: Call) -> None:
        """Make what was brought durable: the store may be away for as long as it wants."""
        connection, reception = self.connection, self.desk.reception
        try:
            _require_readable(connection, content, call)
            await insist(lambda: reception.take(connection, content, call), self.observer)
        except MalformedEvent as error:
            self.observer.received(connection.name, "malformed")
            _log.warning("What %s brought cannot be read: %s.", connection.name, error)
            raise


def _require_readable(connection: Connection, content: bytes, call: Call) -> None:
    """Let pass what can be read: nothing that never can may be tried for ever."""
    try:
        discover()[connection.kind].parse(content, call, connection)
    except MalformedEvent:
        raise
    except Exception as error:
        raise MalformedEvent(f"reading it fails: {type(error).__name__}") from error
