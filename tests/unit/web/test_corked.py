"""What is written within one tick leaves as one piece, and nothing is left behind."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from dispatcher.web.corked import Corked


class Recorder(asyncio.Transport):
    """A transport that remembers what it was told."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.1", 1)})
        self.told: list[Any] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.told.append(bytes(data))

    def close(self) -> None:
        self.told.append("close")

    def abort(self) -> None:
        self.told.append("abort")

    def is_closing(self) -> bool:
        return "close" in self.told

    def pause_reading(self) -> None:
        self.told.append("pause")

    def resume_reading(self) -> None:
        self.told.append("resume")


def told(story: Callable[[Corked], Awaitable[None]]) -> list[Any]:
    """Return what a transport was told in a story."""

    async def play() -> list[Any]:
        recorder = Recorder()
        await story(Corked(recorder, asyncio.get_running_loop()))
        return recorder.told

    return asyncio.run(play())


def test_the_pieces_of_a_tick_leave_together_at_its_end() -> None:
    async def story(corked: Corked) -> None:
        corked.write(b"head ")
        corked.write(bytearray(b"body"))
        await asyncio.sleep(0)
        corked.write(b"alone")
        await asyncio.sleep(0)

    assert told(story) == [b"head body", b"alone"]


def test_what_was_changed_after_it_was_written_leaves_as_it_was() -> None:
    async def story(corked: Corked) -> None:
        corked.write(piece := bytearray(b"before"))
        piece[:] = b"after"
        await asyncio.sleep(0)

    assert told(story) == [b"before"]


def test_closing_sends_first_what_was_written() -> None:
    async def story(corked: Corked) -> None:
        corked.write(b"last")
        corked.close()
        assert corked.is_closing()
        await asyncio.sleep(0)

    assert told(story) == [b"last", "close"]


def test_aborting_sends_nothing_any_more() -> None:
    async def story(corked: Corked) -> None:
        corked.write(b"never")
        corked.abort()
        await asyncio.sleep(0)

    assert told(story) == ["abort"]


def test_all_else_is_the_transports() -> None:
    async def story(corked: Corked) -> None:
        corked.pause_reading()
        corked.resume_reading()
        assert corked.get_extra_info("peername") == ("192.0.2.1", 1)
        assert corked.get_extra_info("nothing", "there") == "there"

    assert told(story) == ["pause", "resume"]
