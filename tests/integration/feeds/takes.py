"""What takes what feeds bring: remembers it, refuses it, or lets it wait."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic

from dispatcher.errors import MalformedEvent
from dispatcher.sources.fetching import Feed
from dispatcher.sources.hook import Call

PATIENCE = 20.0


class Taker:
    """Takes what a feed brings."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.waiting = 0
        self.is_open = asyncio.Event()
        self.is_open.set()

    @property
    def contents(self) -> list[bytes]:
        return [call.body for call in self.calls]

    async def take(self, content: bytes, call: Call) -> None:
        self.waiting += 1
        await self.is_open.wait()
        if content == b"poison":
            raise MalformedEvent("nobody can read it")
        assert content == call.body
        self.calls.append(call)


@asynccontextmanager
async def running(feed: Feed, taker: Taker) -> AsyncIterator["asyncio.Task[None]"]:
    """Run a feed, and stop it in the end as a worker does."""
    stopping = asyncio.Event()
    task = asyncio.create_task(feed.run(taker.take, stopping))
    try:
        yield task
    finally:
        stopping.set()
        await asyncio.wait_for(asyncio.wait([task]), PATIENCE)
    if not task.cancelled():
        task.result()


async def until(holds: Callable[[], object], what: str, *, within: float = PATIENCE) -> None:
    """Wait until something holds."""
    deadline = monotonic() + within
    while not holds():
        assert monotonic() < deadline, what
        await asyncio.sleep(0.01)
