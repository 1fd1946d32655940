"""A line to a unix socket that can stall, swallow and cut: a bad network without root."""

import asyncio
import threading
from contextlib import suppress
from math import inf, nextafter
from pathlib import Path
from random import Random
from typing import Final, Self

_CHUNK: Final = 65_536
_RETRANSMISSION: Final = 0.4
"""Seconds until TCP sends again: RFC 6298's estimate for a line with 200 ms to and fro."""


class Link:
    """Forwards connections from a socket of its own.

    While it swallows, nothing comes through and nobody is told: what was written
    stays under way, new connections open and hear nothing.

    Args:
        target: The socket to forward to.
        delay: Seconds by which each direction is late.
        loss: The share of what is sent that comes only after a retransmission, and
            keeps waiting whatever comes behind it.
        seed: Decides what is lost.
    """

    def __init__(
        self, target: str, *, delay: float = 0.0, loss: float = 0.0, seed: int = 0
    ) -> None:
        self.socket = f"{target}.link"
        self._target, self._delay, self._loss = target, delay, loss
        self._random = Random(seed)
        self._loop = asyncio.new_event_loop()
        self._open = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._open.set()
        serving = asyncio.start_unix_server(self._accept, self.socket)
        self._server = asyncio.run_coroutine_threadsafe(serving, self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        Path(self.socket).unlink(missing_ok=True)

    def swallow(self) -> None:
        """Let nothing through from now on."""
        self._loop.call_soon_threadsafe(self._open.clear)

    def flow(self) -> None:
        """Let everything through again, what was held back first."""
        self._loop.call_soon_threadsafe(self._open.set)

    async def _close(self) -> None:
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)  # transports close in the loop's next turn

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        ends = [writer]
        try:
            far_reader, far_writer = await asyncio.open_unix_connection(self._target)
            ends.append(far_writer)
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
        except OSError:
            pass  # the broker is not there: the caller's connection is closed, as it would be
        finally:
            for end in ends:
                end.transport.abort()
            self._tasks.discard(task)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        due = 0.0
        with suppress(OSError):
            while chunk := await source.read(_CHUNK):
                await self._open.wait()
                lost = self._random.random() < self._loss
                late = self._delay + (_RETRANSMISSION if lost else 0.0)
                due = max(nextafter(due, inf), self._loop.time() + late)  # never out of order
                self._loop.call_at(due, sink.write, chunk)
        await self._open.wait()
        await asyncio.sleep(max(due - self._loop.time(), self._delay))
        sink.close()
